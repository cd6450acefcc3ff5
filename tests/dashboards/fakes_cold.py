"""Cold legs for tests: a depot with a truck, shipments that name its recorder, readings through the gateway's door, a signed summary."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nacl.signing import SigningKey as Seed

from dashboards.api.cold_chain import leg_body
from foundation.clock import to_ms
from ingest.payloads import ReadingIn, encode_up
from registry import devices, plots
from simulators.fleet import fleet
from simulators.season_bodies import sensor_summary
from tests.dashboards.fakes_house import COOP, SHOP, House
from traceability.ledger import Receipt
from traceability.legs import summary_id

CARRIER, TRUCK, FAST = "sx-carrier-01", "sx-truck-01", "sx-truck-07"
START = datetime(2025, 11, 22, 6, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class Road:
    """A house whose trucks drive."""

    house: House
    seq: int = 50_000

    @property
    def cold(self) -> Any:
        """The use cases of the cold chain."""
        return self.house.services.logistics.cold_chain

    def ship(self, number: str, at: datetime, recorder: str | None = TRUCK, kg: float = 20, **more: Any) -> str:
        """Split a lot off P2, ship it, and return the leg's id."""
        kit = self.house.kit
        self._at(at)
        kit.transform("split", {"P2": kg}, {number: kg / 2, number + "z": kg / 2}, COOP, "melon", **self._when(at - 10 * MINUTE))
        fields = {"suhe:carrier": f"urn:suhe:party:{CARRIER}", **({"suhe:recorder": recorder} if recorder else {}), **more}
        return kit.ship(number, kg / 2, COOP, SHOP, **fields, **self._when(at)).event_id

    def receive(self, number: str, at: datetime, kg: float = 20) -> None:
        """Receive it."""
        self._at(at)
        self.house.kit.receive(number, kg / 2, SHOP, COOP, **self._when(at))

    def measure(self, start: datetime, cells: list[float | None], recorder: str = TRUCK, step: timedelta = 10 * MINUTE) -> None:
        """Send readings of the hold, one a step; None is a reading that never was."""
        rows = [ReadingIn(recorder, "cargo_temperature", to_ms(start + k * step), x) for k, x in enumerate(cells) if x is not None]
        if rows:
            # What a clock says is yet to come is suspect, so readings arrive after they were made.
            self._at(max(self.house.kit.clock.instant, start + len(cells) * step))
            self.seq += 1
            ack = self.house.services.readings.accept(f"{recorder}-gw", encode_up(self.seq, rows))
            assert not ack.refused, ack.refused

    def summary_body(self, leg: str, **changes: Any) -> dict[str, Any]:
        """Return the summary of a leg as its carrier writes it."""
        told = json.loads(json.dumps(leg_body(self.cold.summary(leg))))
        at = datetime.fromtimestamp(told["arrives_ms"] / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = self.house.kit.body(
            "sensor_summary", CARRIER, eventTime=at, **{k: v for k, v in sensor_summary(told).items() if ":" in k or "List" in k}
        )
        return {**body, "eventID": summary_id(leg), **changes}

    def sign(self, body: dict[str, Any], party: str = CARRIER) -> Receipt:
        """Capture a summary."""
        envelope = self.house.kit.sign(body, party)
        receipt: Receipt = self.house.kit.trace.capture(envelope.body, envelope.key_id, envelope.signature)
        return receipt

    def watch(self, at: datetime | None = None) -> int:
        """Let the scheduler's job run at a time."""
        if at is not None:
            self._at(at)
        judged: int = self.cold.watch()
        return judged

    def _at(self, at: datetime) -> None:
        self.house.kit.clock.instant = at + timedelta(seconds=1)

    def _when(self, at: datetime) -> dict[str, str]:
        return {"eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def build_road(house: House) -> Road:
    """Register the county's trucks and the carrier's key, and pack a lot P2 to be shipped."""
    registry, kit = house.services.registry, house.kit
    known = fleet()
    registry.add_all(plots.Base(**vars(b)) for b in known.bases)
    registry.register_gateways([(g.id, g.county, g.base, g.name_zh, g.name_en) for g in known.gateways if g.id.startswith("sx")])
    registry.add_all(
        devices.Device(d.id, d.county, d.gateway, d.plot, d.base, d.kind, d.name_zh, d.name_en,
                       tuple(devices.DeviceChannel(c.code, c.unit, c.interval_s) for c in d.channels))
        for d in known.devices if d.id.startswith("sx")
    )  # fmt: skip
    kit.seeds[CARRIER] = seed = Seed(hashlib.sha256(CARRIER.encode()).digest())
    registry.add_key(CARRIER, bytes(seed.verify_key), 0)
    kit.clock.instant = START - timedelta(hours=1)
    kit.transform("pack", {"T1": 400}, {"P2": 400}, COOP, "melon", eventTime="2025-11-21T02:00:00Z")
    return Road(house)


def drive(road: Road) -> dict[str, str]:
    """Let five legs happen: fine, out of range, with a silence, without a recorder, and one under way now; return their ids by lot."""
    inside: list[float | None] = [10.4] * 36
    legs = {"A1": road.ship("A1", START)}
    road.measure(START, inside)
    road.receive("A1", START + 360 * MINUTE)
    warm = START + 400 * MINUTE
    legs["A2"] = road.ship("A2", warm)
    road.measure(warm, [*[10.4] * 12, *[15.2] * 9, *[10.4] * 15])
    road.receive("A2", warm + 360 * MINUTE)
    dark = warm + 400 * MINUTE
    legs["A3"] = road.ship("A3", dark)
    road.measure(dark, [*[10.4] * 12, *[None] * 9, *[10.4] * 15])
    road.receive("A3", dark + 360 * MINUTE)
    legs["A4"] = road.ship("A4", dark + 370 * MINUTE, recorder=None)
    road.receive("A4", dark + 400 * MINUTE)
    last = datetime(2025, 11, 23, 7, 0, tzinfo=UTC)
    legs["A5"] = road.ship("A5", last, recorder="sx-truck-02")
    road.measure(last, [10.4, 10.6, 14.1, 14.3, 14.6, 15.0], recorder="sx-truck-02")
    road.watch(datetime(2025, 11, 23, 8, 0, tzinfo=UTC) - timedelta(seconds=1))
    for lot in ("A1", "A2", "A3"):
        road.sign(road.summary_body(legs[lot]))
    road.watch()
    return legs
