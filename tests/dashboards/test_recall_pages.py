"""Recalls over HTTP: notices on all affected pages at once, drills unseen by consumers, exports, roles, balances."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from dashboards.api import recall as api
from dashboards.pages import labels, lots, recall, trace
from tests.dashboards.fakes_house import COUNTY, House, build_house

ORDER = {"lots": [f"{COUNTY}:T1"], "level": 1, "reason_zh": "农药残留超标", "reason_en": "Residue above the limit"}
ZH = {"accept-language": "zh-Hans"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house whose county has its key here."""
    made = build_house(tmp_path_factory.mktemp("house"))
    made.services.recalls.make_office_key("sx-office")
    return made


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    """Yield a client; whatever was recalled is lifted afterwards."""
    with TestClient(house.app(recall, api, lots, trace, labels)) as client:
        yield client
    for case in house.services.recalls.cases():
        if case.is_open:
            house.services.recalls.lift(case.id)


def _key(house: House, role: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {house.services.registry.make_api_key(role, role, **more)}"}


def test_a_recall_stands_on_every_affected_page_at_once(house: House, web: TestClient) -> None:
    """Ordered of a lot, the recall is on the next answer of the trace page, lot page, list and labels of what was packed from it."""
    county = _key(house, "county", county=COUNTY)
    assert "正在召回" not in web.get(f"/t/{house.code('P1')}", headers=ZH).text
    made = web.post("/api/v1/recalls", json=ORDER, headers=county)
    assert made.status_code == 201, made.text
    house.services.clock.instant = house.services.clock.instant.replace(second=59)  # a kept page is a few seconds old at most
    for page in (f"/t/{house.code('P1')}", f"/lots/{COUNTY}:P1", f"/lots/{COUNTY}:T1"):
        found = web.get(page, headers=ZH).text
        assert "正在召回" in found and "农药残留超标" in found, page
    assert "召回中" in web.get(f"/c/{COUNTY}/lots", headers=ZH).text
    assert "正在召回" in web.get(f"/lots/{COUNTY}:P1/labels", headers=ZH).text
    assert "正在召回" not in web.get(f"/lots/{COUNTY}:T2", headers=ZH).text
    page = web.get("/recall/" + made.json()["id"].removeprefix("urn:uuid:"), headers=ZH).text
    assert "1 个收货方里 1 个已确认收货" in page


def test_a_drill_is_labelled_and_no_consumer_sees_it(house: House, web: TestClient) -> None:
    """A drill stands on the lot page as 演练 and not on the trace page; labels are printed as before."""
    made = web.post("/api/v1/recalls", json={**ORDER, "drill": True}, headers=_key(house, "county", county=COUNTY))
    assert made.status_code == 201, made.text
    house.services.clock.instant = house.services.clock.instant.replace(minute=30)
    assert "召回演练" in web.get(f"/lots/{COUNTY}:P1", headers=ZH).text
    assert "正在召回" not in web.get(f"/t/{house.code('P1')}", headers=ZH).text
    assert "正在召回" not in web.get(f"/lots/{COUNTY}:P1/labels", headers=ZH).text


def test_the_form_shows_the_reach_and_drills_unless_told_otherwise(house: House, web: TestClient) -> None:
    """Looking writes nothing; a form without a choice is a drill; lifting it ends it."""
    county = _key(house, "county", county=COUNTY)
    size = house.services.trace.log_size()
    shown = web.get("/recall", params={"q": house.code("P1")}, headers={**county, **ZH}).text
    assert "签名并发出" in shown and house.services.trace.log_size() == size
    sent = web.post("/recall", data={"lot": f"{COUNTY}:P1", "reason": "试", "level": "3"}, headers=county, follow_redirects=False)
    assert sent.status_code == 303
    place = sent.headers["location"]
    assert "这是演练" in web.get(place, headers={**county, **ZH}).text
    assert web.post(f"{place}/lift", data={"note": "完"}, headers=county, follow_redirects=False).status_code == 303
    assert "撤销" in web.get(place, headers={**county, **ZH}).text


def test_exports_hold_the_reach(house: House, web: TestClient) -> None:
    """CSV and XLSX name every reached lot and party; EPCIS holds the very bytes that were signed."""
    from openpyxl import load_workbook  # type: ignore[import-untyped]

    county = _key(house, "county", county=COUNTY)
    made = web.post("/api/v1/recalls", json={**ORDER, "drill": True}, headers=county).json()
    address = f"/api/v1/recalls/{made['id']}/export"
    table = web.get(address, headers=county).content.decode("utf-8-sig")
    assert f"urn:suhe:lot:{COUNTY}:P1" in table and "sx-retailer-01,kg,395" in table
    book = load_workbook(io.BytesIO(web.get(address, params={"form": "xlsx"}, headers=county).content))
    assert book.sheetnames == ["lots", "parties", "shipments"] and book["lots"].max_row == 3
    whole = web.get(address, params={"form": "epcis"}, headers=county).content
    assert len(json.loads(whole)["epcisBody"]["eventList"]) >= 7
    assert house.services.trace.lot(f"{COUNTY}:P1").events[0].body_text.encode() in whole


def test_who_may_look_and_order(house: House, web: TestClient) -> None:
    """A shop and another county order nothing; a cooperative its own lots with a key of its own; a guest of a demo only looks."""
    far = web.post("/api/v1/recalls", json=ORDER, headers=_key(house, "county", county="321023"))
    assert (far.status_code, web.post("/api/v1/recalls", json=ORDER, headers=_key(house, "retailer", county=COUNTY)).status_code) == (
        403,
        403,
    )
    assert web.post("/recall", data={"lot": f"{COUNTY}:T1", "reason": "x"}).status_code == 401
    own, other = (_key(house, "cooperative", county=COUNTY, party=p) for p in ("sx-coop-02", "sx-coop-01"))
    assert web.post("/api/v1/recalls", json=ORDER, headers=other).status_code == 403
    refused = web.post("/api/v1/recalls", json=ORDER, headers=own)
    assert refused.status_code == 404 and "holds no key" in refused.text
    reach = web.get("/api/v1/recalls/reach", params={"lot": f"{COUNTY}:T1"}, headers=own).json()
    assert (reach["receivers"], [x["id"].rsplit(":", 1)[1] for x in reach["lots"]]) == (["sx-retailer-01"], ["T1", "P1"])


def test_the_balance_of_a_lot_is_shown(house: House, web: TestClient) -> None:
    """What came in stands beside what was packed and what is left, on the page and in the API, and adds up."""
    told = web.get(f"/api/v1/lots/{COUNTY}:T1/balance", headers=_key(house, "county", county=COUNTY)).json()
    assert (told["came_in"], told["out"], told["held"], told["holds"]) == ("860", {"pack": "400"}, "460", True)
    assert "物料平衡" in web.get(f"/lots/{COUNTY}:T1", headers=ZH).text


def test_a_cell_is_no_formula(tmp_path: Path) -> None:
    """What someone named =CMD() stands in a table as text."""
    from traceability.recall_export import _safe

    assert [_safe(x) for x in ("=1+1", "@x", "-2", 5, "番茄")] == ["'=1+1", "'@x", "'-2", 5, "番茄"]
