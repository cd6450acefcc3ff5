"""The page of label sheets and its PDF: what is offered, what is refused and why, and where the codes lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from fastapi.testclient import TestClient

from dashboards.labels.service import HeldBack, label_of, reach_of
from dashboards.pages import labels, lots
from foundation.settings import Settings
from tests.dashboards.fakes_house import COOP, COUNTY, INSPECTOR, House, build_house

LOT = f"{COUNTY}:P1"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house nobody breaks."""
    return build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=1440)


@pytest.fixture
def web(whole: House) -> Iterator[TestClient]:
    """Yield a browser of the whole house."""
    with TestClient(whole.app(labels, lots), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


MACHINE = {"accept": "application/pdf"}


def codes(pdf: bytes) -> list[str]:
    """Return what a phone reads off each page."""
    return [b.text for page in pypdfium2.PdfDocument(pdf) for b in zxingcpp.read_barcodes(page.render(scale=200 / 72).to_pil())]


def test_the_page_shows_what_the_pdf_prints(whole: House, web: TestClient) -> None:
    """From the lot to the page to the PDF: the picture has as many labels as the PDF's first page, and the link keeps what was chosen."""
    assert f'href="/lots/{LOT}/labels"' in web.get(f"/lots/{LOT}").text
    page = web.get(f"/lots/{LOT}/labels", params={"sheet": "a4-2x5", "count": "11", "start": "3"}).text
    assert page.count('<use href="#one"') == 8
    assert page.count('class="free"') == 2
    link = re.search(r'href="(/lots/[^"]+\.pdf[^"]*)"', page)
    assert link is not None
    answer = web.get(link.group(1).replace("&amp;", "&"))
    assert answer.headers["content-type"] == "application/pdf"
    assert codes(answer.content) == [f"http://testserver/t/{whole.code('P1')}"] * 11
    # Without a wish, the rest of one page.
    assert len(codes(web.get(f"/lots/{LOT}/labels.pdf", params={"start": "20"}).content)) == 5


def test_a_label_says_where_the_lot_comes_from(whole: House) -> None:
    """A packed lot names the base its parent grew on and who grew it; who packed it is named only where that is somebody else."""
    label = label_of(whole.services, LOT, "https://trace.example.cn/")
    assert (label.product_zh, label.product_en) == ("香瓜", "Melon")
    assert (label.harvested, label.place, label.producer, label.packer) == ("2025-11-20", "莘县燕店蔬菜基地", "瓜田里示例合作社", "")
    assert (label.lot, label.code, label.domain) == ("P1", whole.code("P1"), "trace.example.cn")
    assert label.address == f"https://trace.example.cn/t/{whole.code('P1')}"


def test_the_codes_lead_to_the_public_address(tmp_path: Path) -> None:
    """With an address set, codes lead there and nothing warns; without, the page says that phones cannot open them."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    with TestClient(house.app(labels), headers={"accept": "text/html"}, base_url="http://127.0.0.1:8460") as web:
        assert "手机扫了打不开" in web.get(f"/lots/{LOT}/labels").text
        house.services.settings = Settings(data=tmp_path, public_url="http://192.168.1.7:8460")
        assert "只在本地网络里能打开" in web.get(f"/lots/{LOT}/labels").text
        house.services.settings = Settings(data=tmp_path, public_url="https://trace.example.cn/")
        page = web.get(f"/lots/{LOT}/labels").text
        assert "打不开" not in page and ">trace.example.cn</text>" in page
        assert codes(web.get(f"/lots/{LOT}/labels.pdf", params={"count": "1"}).content) == [
            f"https://trace.example.cn/t/{house.code('P1')}"
        ]


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("http://127.0.0.1:8460/", "machine"), ("http://localhost/", "machine"), ("http://[::1]/", "machine"),
        ("http://0.0.0.0/", "machine"), ("http://a.localhost", "machine"), ("http://10.1.2.3", "network"), ("http://office:80", "network"),
        ("http://office.local", "network"),
        ("https://trace.example.cn", "world"), ("http://8.8.8.8", "world"),
    ],
)  # fmt: skip
def test_how_far_an_address_reaches(address: str, reach: str) -> None:
    """This machine alone, the local network, or everywhere."""
    assert reach_of(address) == reach


def test_a_failed_inspection_holds_labels_back(tmp_path: Path) -> None:
    """After a failed test the lot and what was packed from it get no labels, with the reason; after one that passes they do."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    at = {"eventTime": datetime(2025, 11, 23, 7, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}

    def inspect(number: str, result: str) -> None:
        told = {"method": "gc_ms", "result": result}
        house.kit.send("inspect", INSPECTOR, quantityList=[{"epcClass": house.kit.lot(number)}], **{"suhe:inspection": told}, **at)

    inspect("T1", "fail")
    with TestClient(house.app(labels), headers={"accept": "text/html", "accept-language": "zh"}) as web:
        for lot in ("T1", "P1"):
            page = web.get(f"/lots/{COUNTY}:{lot}/labels").text
            assert "这一批现在不能打印标签" in page and "最近一次检测不合格" in page and f'<a href="/lots/{COUNTY}:T1">T1</a>' in page
            assert "labels.pdf" not in page
            assert web.get(f"/lots/{COUNTY}:{lot}/labels.pdf", headers=MACHINE).status_code == 409
        inspect("P1", "pass")
        assert web.get(f"/lots/{COUNTY}:P1/labels.pdf").status_code == 200
        assert web.get(f"/lots/{COUNTY}:T1/labels.pdf", headers=MACHINE).status_code == 409
    with pytest.raises(HeldBack, match="inspection failed"):
        label_of(house.services, f"{COUNTY}:T1", "https://trace.example.cn")


def test_growing_and_altered_lots_get_no_labels(tmp_path: Path) -> None:
    """What is not harvested has nothing to stick a label on; a label must not lead shoppers to a red page."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    house.tamper("harvest")
    with TestClient(house.app(labels), headers={"accept": "text/html", "accept-language": "zh"}) as web:
        assert "还没有采收" in web.get(f"/lots/{COUNTY}:T2/labels").text
        assert "记录被改动过" in web.get(f"/lots/{LOT}/labels").text
        assert web.get(f"/lots/{LOT}/labels.pdf", headers=MACHINE).status_code == 409


@pytest.mark.parametrize(
    "asked", [{"count": "x"}, {"count": "0"}, {"count": "9999999999"}, {"start": "25"}, {"start": "-1"}, {"count": "1e3"}]
)
def test_absurd_numbers_are_told_and_kept(web: TestClient, asked: dict[str, str]) -> None:
    """The page says what may be entered and keeps what was; the PDF is refused."""
    page = web.get(f"/lots/{LOT}/labels", params=asked)
    assert page.status_code == 200 and "枚数请填 1 至 5,000，起始位置请填 1 至 24。" in page.text
    assert f'value="{next(iter(asked.values()))}"' in page.text
    assert web.get(f"/lots/{LOT}/labels.pdf", params=asked, headers=MACHINE).status_code == 422
    assert web.get(f"/lots/{LOT}/labels.pdf", params=asked).text == page.text, "a browser is shown the page that says why"


def test_an_unknown_sheet_or_lot_is_told(web: TestClient) -> None:
    """A sheet nobody sells is told on the page; a lot nobody wrote is not found."""
    assert "没有这种标签纸" in web.get(f"/lots/{LOT}/labels", params={"sheet": "a4-9x9"}).text
    for path in ("labels", "labels.pdf"):
        assert web.get(f"/lots/{COUNTY}:nothing/{path}").status_code == 404
        assert web.get(f"/lots/rubbish/{path}").status_code == 404


def test_bought_inputs_have_no_labels(web: TestClient) -> None:
    """Fertiliser is a lot too, but not one with a trace code."""
    assert web.get(f"/lots/{COUNTY}:F1/labels.pdf", headers=MACHINE).status_code in (404, 409)


def test_outside_the_demo_labels_need_a_sign_in(tmp_path: Path) -> None:
    """Labels are working pages: without a demo and without a session they are refused."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    house.services.demo = False
    with TestClient(house.app(labels), headers={"accept": "text/html"}) as web:
        assert web.get(f"/lots/{LOT}/labels").status_code == 401
        assert web.get(f"/lots/{LOT}/labels.pdf").status_code == 401


def test_labels_of_several_growers_count_them(tmp_path: Path) -> None:
    """A lot merged from two bases names how many bases and growers there were, and chooses none of them."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    place = {"bizLocation": {"id": "urn:suhe:plot:sx-02-g1"}}
    house.kit.send("plant", COOP, quantityList=[{"epcClass": house.kit.lot("U1")}], ilmd={"suhe:product": "melon"}, **place)
    house.kit.send("harvest", COOP, quantityList=[house.kit.part("U1", 100)], **place, eventTime="2025-11-21T00:00:00Z")
    house.kit.transform("merge", {"T1": 100, "U1": 100}, {"M1": 200}, COOP, "melon", eventTime="2025-11-21T02:00:00Z")
    label = label_of(house.services, f"{COUNTY}:M1", "https://trace.example.cn")
    assert (label.place, label.producer, label.harvested) == ("莘县 2 个基地", "瓜田里示例合作社", "2025-11-20 至 2025-11-21")
