"""The lots of a county and one lot: found by code or number, filtered, paged, and checked before one's eyes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.pages import lots
from tests.dashboards.fakes_house import COOP, COUNTY, PLOT, House, build_house


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house nobody breaks, with sixty more growing lots of tomatoes."""
    house = build_house(tmp_path_factory.mktemp("house"), readings_every_minutes=1440)
    for k in range(60):
        house.kit.send(
            "plant", COOP, quantityList=[{"epcClass": house.kit.lot(f"N{k:02}")}], ilmd={"suhe:product": "tomato"},
            bizLocation={"id": f"urn:suhe:plot:{PLOT}"}, eventTime="2025-11-23T07:00:00Z",
        )  # fmt: skip
    return house


@pytest.fixture
def web(whole: House) -> Iterator[TestClient]:
    """Yield a client of the whole house."""
    with TestClient(whole.app(lots), headers={"accept": "text/html", "accept-language": "zh"}) as client:
        yield client


def listed(page: str) -> list[str]:
    return re.findall(rf'<a href="/lots/{COUNTY}:([^"]+)"', page)


def test_pages_follow_each_other_and_miss_nothing(web: TestClient) -> None:
    """Walking the pages by their cursor shows every lot once, the newest first."""
    seen: list[str] = []
    address = f"/c/{COUNTY}/lots"
    for _ in range(5):
        page = web.get(address).text
        seen += listed(page)
        following = re.search(r'href="(\?[^"]*)" rel="next"', page)
        if not following:
            break
        address = f"/c/{COUNTY}/lots" + following.group(1).replace("&amp;", "&")
    assert len(seen) == len(set(seen)) == 63
    assert seen[0] == "N59"
    assert set(seen) > {"T1", "T2", "P1"}


def test_filters_narrow_the_list(web: TestClient) -> None:
    """Product and state narrow the list, alone and together."""
    assert set(listed(web.get(f"/c/{COUNTY}/lots", params={"product": "melon"}).text)) == {"T1", "T2", "P1"}
    assert listed(web.get(f"/c/{COUNTY}/lots", params={"product": "melon", "state": "received"}).text) == ["P1"]
    assert "没有符合条件的批次" in web.get(f"/c/{COUNTY}/lots", params={"product": "garlic"}).text


@pytest.mark.parametrize("form", [str.lower, lambda c: c.replace("-", "")])
def test_a_code_leads_to_its_lot(whole: House, web: TestClient, form) -> None:
    """A trace code in any form, a number and a whole id lead to the lot; anything else says it was not found."""
    for text in (form(whole.code("T1")), "T1", f"urn:suhe:lot:{COUNTY}:T1"):
        answer = web.get(f"/c/{COUNTY}/lots", params={"q": text}, follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/lots/{COUNTY}:T1"
    assert "没有找到“XYZ”" in web.get(f"/c/{COUNTY}/lots", params={"q": "XYZ"}).text


def test_a_lot_shows_its_events_links_and_steps(whole: House, web: TestClient) -> None:
    """Events in order with their place in the chain, parents and children as links, twelve steps of the check, and a label."""
    page = web.get(f"/lots/{COUNTY}:T1").text
    titles = re.findall(r"<h3>\d+\. ([^<]+)</h3>", page)
    assert titles == ["种植", "购入投入品", "使用投入品", "采收", "检测", "包装"]
    assert f'<a href="/lots/{COUNTY}:P1">P1</a>' in page
    assert page.count('<li class="ok">') == 13
    history = whole.services.trace.lot(f"{COUNTY}:T1")
    for event in history.events:
        assert event.record_hash_hex in page
        assert event.key_id in page
    assert f'src="/t/{whole.code("T1")}/qr.svg"' in page
    assert f'<a href="/lots/{COUNTY}:T1">T1</a>' in web.get(f"/lots/{COUNTY}:P1").text


def test_an_altered_event_is_named_on_its_lot(tmp_path: Path) -> None:
    """The verdict, the failed steps and the event itself are marked, and the steps stand open."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    house.tamper("harvest")
    with TestClient(house.app(lots), headers={"accept": "text/html"}) as web:
        page = web.get(f"/lots/{COUNTY}:T1").text
    assert 'class="verdict bad"' in page
    assert "<details open>" in page
    assert re.search(r'<li id="e4" class="bad">\s*<h3>4\. 采收', page)


def test_an_unknown_lot_is_not_found(web: TestClient) -> None:
    """A lot nobody wrote is a 404, not an empty page."""
    assert web.get(f"/lots/{COUNTY}:nothing").status_code == 404
    assert web.get("/lots/rubbish").status_code == 404
    assert web.get("/c/999999/lots").status_code == 404


def test_outside_the_demo_lots_need_a_sign_in(tmp_path: Path) -> None:
    """Lots are working pages: without a demo and without a session they are refused."""
    house = build_house(tmp_path, readings_every_minutes=1440)
    house.services.demo = False
    with TestClient(house.app(lots), headers={"accept": "text/html"}) as web:
        assert web.get(f"/c/{COUNTY}/lots").status_code == 401
