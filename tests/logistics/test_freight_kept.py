"""Plans as they are kept: the one shown is the one in force, another version's is no plan, two makers do not collide. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from foundation.database import open_engine
from logistics.freight import store
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
