"""Plans as they are kept: the one shown is the one in force, another version's is no plan, two makers do not collide. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from dashboards.field_map import SHEETS, Sheet, text_width
from dashboards.freight_map import freight_map
from dashboards.freight_view import freight_view
from dashboards.i18n import name_of, translator
from foundation.database import open_engine
from foundation.errors import Conflict
from logistics.freight import store
from logistics.freight.model import Unserved
from tests.dashboards.fakes_house import House, build_house

COUNTY = "371522"


@pytest.fixture
def house(tmp_path: Path, records_url: str) -> Iterator[House]:
    """Return a house of a test's own with one lot at its base."""
    made = build_house(tmp_path, readings_every_minutes=1440, price_days=5, url=records_url)
    yield made
    made.kit.engine.dispose()


def test_the_plan_shown_is_of_what_lies_there_now(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lots that were picked and are gone again leave no truck on the page: the plan made before is in force once more."""
    services = house.services
    selling, freight = services.logistics.selling, services.logistics.freight
    loads = selling.loads(COUNTY)
    monkeypatch.setattr(selling, "loads", lambda _county: [])
    empty = freight.plan_day(COUNTY)
    for there, trips in ((loads, 1), ([], 0), (loads, 1)):
        services.clock.instant += timedelta(minutes=20)
        monkeypatch.setattr(selling, "loads", lambda _county, there=there: there)
        made = freight.plan_day(COUNTY)
        assert len(made.plan.trips) == trips
        assert freight.latest(COUNTY) == made
    assert empty.made_ms < made.made_ms


@pytest.mark.parametrize("body", [b'{"county": "371522"}', b"\xff not JSON", b'{"consignments": [{"kg": -1}]}'])
def test_a_plan_of_another_shape_is_no_plan(house: House, body: bytes) -> None:
    """What an older version stored breaks neither page nor planning: it is passed over, and the day is planned anew in its place."""
    freight = house.services.logistics.freight
    made = freight.plan_day(COUNTY)
    with house.kit.engine.begin() as connection:
        connection.execute(update(store.freight_plan).values(body=body))
    assert freight.latest(COUNTY) is None
    assert freight.plan_day(COUNTY) == made == freight.latest(COUNTY)


def test_other_rates_under_the_same_name_make_another_plan(house: House) -> None:
    """A county that writes its own rates into the tariff's file gets a plan by them, not the one kept."""
    selling, freight = house.services.logistics.selling, house.services.logistics.freight
    before = freight.plan_day(COUNTY)
    selling.tariff = replace(selling.tariff, driver_fen_per_hour=2 * selling.tariff.driver_fen_per_hour)
    assert freight.plan_day(COUNTY).plan.total_fen > before.plan.total_fen


@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_a_plan_of_things_no_longer_known_is_still_shown(house: House, lang: str) -> None:
    """A truck the new tariff lacks, a market, reason or baseline of an older version: told by their ids, never a broken page."""
    made = house.services.logistics.freight.plan_day(COUNTY)
    trip = replace(made.plan.trips[0], truck="sledge", market="moon")
    left = (Unserved(replace(made.consignments[0], id="x", product="dodo"), "bad_weather"),)
    old = replace(made, plan=replace(made.plan, trips=(trip,), unserved=left), baselines=(replace(made.plan, method="oracle"),))
    view = freight_view(house.services, old, lang, translator(lang))
    assert (view.trips[0].truck, view.trips[0].market, view.baselines[0].name) == ("sledge", "moon", "oracle")
    assert view.unserved[0][1:] == ("dodo 460 kg", "bad_weather")


def test_the_page_claims_no_more_than_the_plan_does(house: House) -> None:
    """Lots that no truck takes are not counted as carried, nor is nothing said to lie there; times and ways are told as estimates."""
    made = house.services.logistics.freight.plan_day(COUNTY)
    (lot,) = made.consignments
    t = translator("en")
    more = replace(lot, id="far", lot="far")
    some = replace(made, consignments=(lot, more), plan=replace(made.plan, unserved=(Unserved(more, "too_far"),)))
    view = freight_view(house.services, some, "en", t)
    assert view.summary.startswith("1 lots, 460 kg, 1 trips")
    assert "assumptions of the tariff" in view.basis and "estimated from coordinates" in view.basis
    none = replace(some, consignments=(), plan=replace(made.plan, trips=(), unserved=(Unserved(more, "no_market"),)))
    assert freight_view(house.services, none, "en", t).summary == "1 lots lie at the bases; none of them is on a truck."


@pytest.mark.parametrize("sheet", SHEETS)
@pytest.mark.parametrize("lang", ["zh-Hans", "en"])
def test_every_markets_name_is_whole_on_the_map(house: House, sheet: Sheet, lang: str) -> None:
    """The longest name in the outermost place stays on the sheet, by itself and beside five others."""
    (trip,) = house.services.logistics.freight.plan_day(COUNTY).plan.trips
    names = {m.id: name_of(m, lang) for m in house.services.prices.markets()}
    longest = sorted(names, key=lambda m: -text_width(names[m]))
    for some in (longest[:1], longest[:6]):
        drawn = freight_map([replace(trip, market=m) for m in some], [], {}, names, sheet)
        assert len(drawn.markets) == len(some)
        for mark in drawn.markets:
            at, wide = mark.x + mark.text_x, text_width(mark.name)
            left = at - {"start": 0, "middle": wide / 2, "end": wide}[mark.anchor]
            assert left >= 0 and left + wide <= sheet.width, mark


def test_a_day_that_fails_the_check_is_not_left_out_of_a_comparison(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving it out would flatter the mean: the comparison is refused with the fault."""
    monkeypatch.setattr("logistics.freight.service.check", lambda *_: ["a fault"])
    with pytest.raises(Conflict, match="a fault"):
        house.services.logistics.freight.compare(COUNTY, 20)


def test_two_makers_of_one_plan_do_not_collide(records_url: str, tmp_path: Path) -> None:
    """The command and the scheduler may plan the same lots at once: whoever comes second keeps nothing and fails at nothing."""
    engine = open_engine(records_url)
    store.metadata.create_all(engine)
    ready, wrong = threading.Barrier(4), list[BaseException]()

    def add() -> None:
        ready.wait()
        try:
            with engine.begin() as connection:
                store.add(connection, COUNTY, "2025-11-23", "i" * 64, 1, "local_search", 2, b"{}")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert (wrong, store.latest(connection, COUNTY, None)) == ([], b"{}")
    engine.dispose()
