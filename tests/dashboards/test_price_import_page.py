"""The import page: look first, import after, the refused rows with their reasons; the same headings are known the next time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from openpyxl import Workbook

from dashboards.multipart import read_form
from dashboards.pages import price_desk_import
from dashboards.pages.price_desk_import import mapping_of
from foundation.errors import BadInput
from tests.dashboards.fakes_house import COUNTY, House, build_house

PAGE = f"/c/{COUNTY}/desk/import"
TEXT = "品名\t日期\t最低价\t最高价\t单位\n番茄\t2025-11-22\t1.40\t1.60\t斤\n=1+1\t2025-11-22\t0\t2\t斤\n黄瓜\t2025-11-22\t2.0\t2.4\t斤\n"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a small house."""
    return build_house(tmp_path_factory.mktemp("import"), readings_every_minutes=24 * 60)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a browser of the county's staff."""
    headers = {"accept": "text/html", "authorization": f"Bearer {house.services.registry.make_api_key('zhao', 'county', COUNTY)}"}
    with TestClient(house.app(price_desk_import), headers=headers, follow_redirects=False) as client:
        yield client


def _form(page: str) -> dict[str, str]:
    """Return what a page's form proposes."""
    chosen = {}
    for name, options in re.findall(r'<select name="([\w-]+)">(.*?)</select>', page, re.S):
        found = re.search(r'<option(?: value="([^"]*)")?[^>]* selected>([^<]*)', options)
        chosen[name] = (found[1] if found[1] is not None else found[2]) if found else ""
    return chosen


def test_pasted_rows_are_looked_at_and_then_imported(house: House, web: TestClient) -> None:
    """The columns are proposed; nothing is stored before the last button; the report stays at its address, its CSV runs no formula."""
    sent = web.post(PAGE, files={"file": ("", b""), "text": (None, TEXT)})
    assert sent.status_code == 303, sent.text
    look = sent.headers["location"]
    form = _form(web.get(look).text) | {"title": "莘县日报表", "market": "shenxian"}
    assert (form["col-name"], form["col-day"], form["col-low"], form["col-high"]) == ("品名", "日期", "最低价", "最高价")
    shown = web.post(look, data={**form, "act": "look"}).text
    assert "2 行能用，1 行不能用" in shown and "价格是 0" in shown and "1.50" in shown
    assert house.services.prices.counts()["observed"] == 0
    done = web.post(look, data={**form, "act": "import"})
    assert done.status_code == 303, done.text
    report = web.get(done.headers["location"])
    assert report.status_code == 200 and "价格是 0：1" in report.text
    refused = web.get(done.headers["location"] + "/refused.csv").content.decode("utf-8-sig")
    assert refused.splitlines()[1].split(",")[:4] == ["3", "2025-11-22", "'=1+1", "zero"]
    assert house.services.prices.counts()["observed"] == 2
    again = web.post(look, data={**form, "act": "import"})
    assert again.status_code == 303 and house.services.prices.counts()["observed"] == 2
    [told] = [x for x in house.services.prices.sources() if x.id.startswith("import-")]
    assert (told.name_zh, told.state, told.markets) == ("莘县日报表", "ok", ("shenxian",))
    [saved] = house.services.desk.saved_mappings(COUNTY)
    assert (saved.title, saved.version, saved.writer) == ("莘县日报表", 1, "zhao")


def test_a_workbook_with_known_headings_needs_no_choosing(house: House, web: TestClient) -> None:
    """The mapping that was saved for the same headings is filled in by itself."""
    book = Workbook()
    for row in (["品名", "日期", "最低价", "最高价", "单位"], ["茄子", "2025-11-21", "1", "1.2", "斤"]):
        book["Sheet"].append(row)
    body = io.BytesIO()
    book.save(body)
    look = web.post(PAGE, files={"file": ("C:\\报表\\日报.xlsx", body.getvalue()), "text": (None, "")}).headers["location"]
    page = web.get(look).text
    assert 'value="莘县日报表"' in page and "日报.xlsx" in page and "C:" not in page and "1 行能用，0 行不能用" in page


def test_another_county_and_other_blobs_are_not_read(house: House, web: TestClient) -> None:
    """An upload belongs to its county, and the hash of some other blob opens nothing."""
    digest = web.post(PAGE, files={"text": (None, TEXT)}).headers["location"].rsplit("/", 1)[1]
    far = {"authorization": f"Bearer {house.services.registry.make_api_key('far', 'county', '321023')}"}
    assert web.get(f"/c/321023/desk/import/{digest}", headers=far).status_code == 404
    other = house.services.desk._shelf._blobs.put(b"\x1f\x8b something else")
    assert web.get(f"{PAGE}/{other}").status_code == 404
    assert web.get(f"{PAGE}/report/999").status_code == 404


def test_a_form_that_is_no_table_is_refused_in_words(web: TestClient) -> None:
    """Nothing pasted, a form of another kind, a form cut off, a mapping without a market."""
    assert web.post(PAGE, files={"text": (None, " ")}).status_code == 422
    assert web.post(PAGE, data={"text": TEXT}).status_code == 422
    look = web.post(PAGE, files={"text": (None, TEXT)}).headers["location"]
    assert "这样还读不了" in web.post(look, data={**_form(web.get(look).text), "title": "x", "market": ""}).text
    whole = b'--B\r\nContent-Disposition: form-data; name="text"\r\n\r\na\r\nb\r\n--B--\r\n'
    fields, files = read_form("multipart/form-data; boundary=B", whole)
    assert (fields, files) == ({"text": "a\r\nb"}, {})
    for kind, body in (("multipart/form-data; boundary=B", whole[:-6]), ("text/plain", whole), ("multipart/form-data", whole)):
        with pytest.raises(BadInput):
            read_form(kind, body)


def test_a_saved_reading_that_no_longer_fits_breaks_no_page(house: House, web: TestClient) -> None:
    """A market that is no more makes its reading useless; pages go on and the person chooses anew."""
    from pricing.desk.tables import price_mapping

    row = {"county": COUNTY, "name": "旧表", "version": 1, "writer": "zhao", "made_ms": 1}
    kept = '{"name":"x","source":"import-371522-0","market":"gone","licence":"y","columns":{"name":"a","day":"b","mid":"c"},"unit":"斤"}'
    with house.services.prices.engine.begin() as connection:
        connection.execute(price_mapping.insert().values(**row, mapping=kept))
    assert "旧表" not in web.get(PAGE).text and web.get(PAGE).status_code == 200
    assert all(m.title != "旧表" for m in house.services.desk.saved_mappings(COUNTY)) and house.services.prices.sources()
    fresh = mapping_of(COUNTY, {"title": "旧表", "market": "shenxian", "unit": "斤", "col-name": "a", "col-day": "b", "col-mid": "c"})
    assert house.services.desk.save_mapping(COUNTY, "旧表", fresh, "zhao").version == 2
