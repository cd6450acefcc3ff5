"""The cold chain's tables on SQLite and on PostgreSQL: taken in once, whoever watches, and made again from the log."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete

from foundation.clock import to_ms
from foundation.database import metadata
from ingest.payloads import ReadingIn, encode_up
from ingest.service import Readings
from logistics.cold_chain import store
from logistics.cold_chain.service import ColdChain
from registry.devices import Device, DeviceChannel
from registry.parties import Party
from registry.plots import Base
from tests.traceability.kit import COUNTY, Kit, make_kit

LEFT = datetime(2025, 11, 20, 2, 0, tzinfo=UTC)


@pytest.fixture
def kit(records_url: str, tmp_path: Path) -> Kit:
    """Return a kit with a truck and a carrier, on either engine."""
    made = make_kit(records_url, tmp_path)
    metadata.create_all(made.engine, tables=[store.cold_leg, store.cold_leg_lot, store.cold_cursor])
    made.registry.put("party", Party("carrier", COUNTY, ("carrier",), "示例", "Example"))
    made.registry.put("base", Base("depot", COUNTY, "carrier", "车场", "Depot", 36.2, 115.6))
    channel = (DeviceChannel("cargo_temperature", "Cel", 600),)
    made.registry.put("device", Device("truck", COUNTY, "truck-gw", None, "depot", "reefer", "车", "Truck", channel))
    made.plant("L1")
    made.harvest("L1", 400)
    return made


def cold_of(kit: Kit, folder: Path) -> ColdChain:
    directory = SimpleNamespace(gateway_county=lambda _g: COUNTY, device_allowed=lambda _g, _d: True)
    return ColdChain(kit.engine, kit.trace, Readings(folder / "readings", kit.clock, directory), kit.registry, kit.clock)  # type: ignore[arg-type]


def test_two_watchers_take_a_leg_in_once_and_judge_it_alike(kit: Kit, tmp_path: Path) -> None:
    """Shipped twice the same way, received in order, watched by two at a time: two legs, each with its own end; made anew, the same."""
    more = {"suhe:carrier": "urn:suhe:party:carrier", "suhe:recorder": "truck"}
    kit.ship("L1", 100, eventTime="2025-11-20T02:00:00Z", **more)
    kit.ship("L1", 50, eventTime="2025-11-20T03:00:00Z", **more)
    kit.receive("L1", 100, eventTime="2025-11-20T03:30:00Z")
    one, two = cold_of(kit, tmp_path), cold_of(kit, tmp_path)
    rows = [ReadingIn("truck", "cargo_temperature", to_ms(LEFT + timedelta(minutes=10 * k)), 10.0 + (6 if k > 6 else 0)) for k in range(12)]
    assert not one._readings.accept("truck-gw", encode_up(1, rows)).refused
    watchers = [threading.Thread(target=cold.watch) for cold in (one, two)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join(20)
    second, first = two.legs(COUNTY)
    assert (first.arrives_ms, second.arrives_ms) == (to_ms(LEFT + timedelta(minutes=90)), None)
    assert first.judged is not None and first.judged.count == 9 and first.judged.excursions == ()
    assert second.judged is not None and [e.since_ms for e in second.judged.excursions] == [to_ms(LEFT + timedelta(minutes=70))]
    assert [a.leg for a in two.alarms(COUNTY)][:1] == [second.id] and two.legs_of_lots([kit.lot("L1")]) == [first, second]
    kit.receive("L1", 50, eventTime="2025-11-20T03:40:00Z")
    one.watch()
    before = one.legs()
    assert all(leg.arrives_ms for leg in before) and one.alarms() == []
    with kit.engine.begin() as connection:
        for table in (store.cold_leg, store.cold_leg_lot, store.cold_cursor):
            connection.execute(delete(table))
    assert one.legs() == []
    one.watch()
    assert one.legs() == before
