"""Which lots are a load: only kilograms that lie at their base and may be sold; and whose business a county's answers are."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import update

from dashboards.pages import selling as page
from foundation.clock import market_day
from foundation.errors import Conflict
from logistics.freight.demand import Lying, assigned, shipped
from pricing.store import price_source
from tests.dashboards.fakes_house import COOP, HARVESTED, INSPECTOR, NOW, PLOT, SHOP, House, build_house

COUNTY = "371522"


def at(moment: datetime) -> str:
    """Return a time as events tell it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with lots that failed, are counted in pieces, or were sold in part, beside the usual ones."""
    made = build_house(tmp_path_factory.mktemp("lots"), readings_every_minutes=1440, price_days=5)
    place = {"bizLocation": {"id": f"urn:suhe:plot:{PLOT}"}}
    when = {"eventTime": at(HARVESTED)}
    for number, uom in (("BAD", "KGM"), ("PIECES", "H87"), ("PART", "KGM"), ("LITTLE", "KGM")):
        made.kit.send("plant", COOP, quantityList=[{"epcClass": made.kit.lot(number)}], ilmd={"suhe:product": "melon"}, **place, **when)
        quantity = 0.9 if number == "LITTLE" else 500
        picked = {"epcClass": made.kit.lot(number), "quantity": quantity, "uom": uom}
        made.kit.send("harvest", COOP, quantityList=[picked], **place, **when)
    made.kit.inspect("BAD", "fail", INSPECTOR, **when)
    made.kit.ship("PART", 120, COOP, SHOP, **when)
    made.kit.ship("PART", 80, COOP, SHOP, **when)
    made.kit.ship("PIECES", 80, COOP, SHOP, changes={"quantityList": [{**made.kit.part("PIECES", 80), "uom": "H87"}]}, **when)
    made.kit.receive("PART", 200, SHOP, COOP, **when)
    return made


@pytest.mark.parametrize("number", ["P1", "BAD", "PIECES", "LITTLE", "T2"])
def test_what_was_delivered_failed_or_is_not_weighed_is_no_load(house: House, number: str) -> None:
    """A lot at the buyer's, one that failed, one counted in pieces, less than a kilogram, one that grows: refused with what to do."""
    with pytest.raises(Conflict, match="choose a product"):
        house.services.logistics.selling.load_of_lot(f"{COUNTY}:{number}")


def test_of_a_lot_sold_in_part_the_rest_is_the_load(house: House) -> None:
    """500 kg were picked and 200 kg are the shop's: 300 kg lie at the base."""
    assert house.services.logistics.selling.load_of_lot(f"{COUNTY}:PART").kg == 300


def test_only_what_may_be_sold_lies_there(house: House) -> None:
    """Neither trucks nor markets are sought for what failed or has no weight."""
    lots = {x.number for load in house.services.logistics.selling.loads(COUNTY) for x in load.lots}
    assert lots == {"T1", "PART"}
    (load,) = house.services.logistics.selling.loads(COUNTY)
    assert load.kg == 460 + 300


def test_two_shipments_of_a_lot_on_one_day_are_one_load(house: House) -> None:
    """The same lot twice would look to the checker like one carried twice, and the day would be left out of the comparison."""
    services = house.services
    told = {x.lot: x.kg for lots in shipped(services.trace, services.registry, COUNTY).values() for x in lots}
    assert told == {"371522:P1": 395, "371522:PART": 200}
    found = services.logistics.freight.compare(COUNTY, 20)
    assert len(found["savings"].days) == 1


def test_many_lots_ask_for_prices_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three hundred lots of two products: the board is read twice, and no lot is lost."""
    prices, selling = house.services.prices, house.services.logistics.selling
    board, asked = prices.board, list[object]()
    monkeypatch.setattr(prices, "board", lambda *told: asked.append(told) or board(*told))
    lying = [Lying(f"l{k}", ("cucumber", "tomato")[k % 2], "sx-04", 400 + k) for k in range(300)]
    found, left = assigned(lying, selling, market_day(NOW))
    assert len(asked) == 2
    assert {c.lot for c in found} | {u.consignment.lot for u in left} == {x.lot for x in lying}


@pytest.mark.parametrize("days", [0, 2, 3])
def test_a_source_in_trouble_ranks_no_market_whatever_the_age(house: House, days: int) -> None:
    """A quote of the day before yesterday from a source that failed since is no offer; the same quote of a sound source still is."""
    selling, today = house.services.logistics.selling, market_day(NOW) + timedelta(days=days)
    fine = selling.where_to_sell("cucumber", "sx-04", 2000, today)
    with house.kit.engine.begin() as connection:
        connection.execute(update(price_source).values(state="failing"))
    try:
        found = selling.where_to_sell("cucumber", "sx-04", 2000, today)
    finally:
        with house.kit.engine.begin() as connection:
            connection.execute(update(price_source).values(state="ok"))
    assert fine.ranked and not found.ranked
    assert {r.reason for r in found.refused if r.quoted.age_days <= 3} == {"troubled"}


def test_a_lot_of_another_county_is_not_opened_under_this_one(house: House, tmp_path: Path) -> None:
    """The address names the county; a lot that lies elsewhere is told not to be there."""
    client = TestClient(house.app(page), headers={"accept-language": "en", "accept": "text/html"})
    assert "Today the 460 kg" in client.get("/c/371522/sell?lot=371522:T1").text
    other = client.get("/c/321023/sell?lot=371522:T1").text
    assert "no such product, base or lot" in other and "460 kg" not in other
    assert "no such product, base or lot" in client.get("/c/371522/sell?lot=nonsense").text
    assert "did not pass its inspection" in client.get("/c/371522/sell?lot=371522:BAD").text


def test_a_key_of_one_county_sees_and_plans_no_other(house: House) -> None:
    """Plans and loads of a county are for its own callers; an office above counties, bound to none, sees all."""
    services = house.services
    from dashboards.api import freight as freight_api
    from dashboards.api import selling as selling_api

    app = house.app(freight_api, selling_api)

    def code(county: str | None, method: str, path: str) -> int:
        key = services.registry.make_api_key("test", "county" if county else "service", county)
        return TestClient(app, headers={"authorization": f"Bearer {key}"}).request(method, path).status_code

    for method, path, fine in (
        ("POST", "/api/v1/freight/plan?county=371522", 201),
        ("GET", "/api/v1/freight/plan?county=371522", 200),
        ("GET", "/api/v1/sell?product=cucumber&base=sx-04&kg=2000", 200),
        ("GET", "/api/v1/sell?lot=371522:T1", 200),
    ):
        assert [code(county, method, path) for county in ("371522", None, "321023")] == [fine, fine, 403], path
