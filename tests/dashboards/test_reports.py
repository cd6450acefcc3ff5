"""A consumer reports a problem by a plain form; the county's office reads it; photos come by their door."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.dashboards.fakes import SHENXIAN, Installation, build_installation


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return a demo."""
    return build_installation(tmp_path_factory.mktemp("reports"))


def test_a_report_is_taken_listed_and_counted(whole: Installation) -> None:
    """Without a script and on the public half too: three are taken, the fourth is told so; the office reads words, never markup."""
    with whole.browser(public_only=True) as phone:
        answers = [phone.post(f"/t/{whole.code}/report", data={"kind": "label", "text": "<b>不是</b>香瓜"}).status_code for _ in range(4)]
        assert answers == [200, 200, 200, 429]
        assert phone.post("/t/0000-0000-0000-0000-0/report", data={"kind": "label"}).status_code == 404
        assert phone.post(f"/t/{whole.code}/report", data={"kind": "label"}, headers={"origin": "http://elsewhere"}).status_code == 403
        assert phone.get(f"/c/{SHENXIAN}/reports").status_code == 404
    with whole.browser() as office:
        page = office.get(f"/c/{SHENXIAN}/reports").text
    assert page.count("东西和标签不符") == 3
    assert "&lt;b&gt;不是&lt;/b&gt;香瓜" in page


def test_a_photo_stands_on_the_page(whole: Installation, tmp_path: Path) -> None:
    """Before, a drawing that says it is one; after the maker's upload the photo with its size; others may not upload."""
    out = io.BytesIO()
    Image.new("RGB", (800, 600), (200, 180, 90)).save(out, "PNG")
    with whole.browser() as phone:
        assert "示意图，不是这一批的照片" in phone.get(f"/t/{whole.code}").text
    with whole.machine(whole.key("county", "321023")) as other:
        assert other.post(f"/api/v1/lots/{SHENXIAN}:P1/photo", content=out.getvalue()).status_code == 403
        assert other.post("/api/v1/products/melon/photo", content=out.getvalue()).status_code == 403
    with whole.machine() as guest:
        assert guest.post(f"/api/v1/lots/{SHENXIAN}:P1/photo", content=out.getvalue()).status_code == 401
    with whole.machine(whole.key("cooperative", SHENXIAN)) as maker:
        kept = maker.post(f"/api/v1/lots/{SHENXIAN}:P1/photo", content=out.getvalue())
        assert kept.status_code == 201
    with whole.browser() as phone:
        page = phone.get(f"/t/{whole.code}").text
        assert f'<img src="{kept.json()["path"]}" width="720" height="540"' in page
        assert "这一批的照片" in page
        assert phone.get(kept.json()["path"]).headers["content-type"] == "image/jpeg"
