"""The trucks: what they send is a function of the plan, whatever is killed; only a broken cooling is not planned."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from pathlib import Path

import pytest

from foundation.errors import NotFound
from ingest.payloads import MOST_READINGS, ReadingIn
from simulators.control import break_reefer, heal_reefers, trucks_under_way
from simulators.fleet import fleet, place_of, setpoint_of
from simulators.season import SEED, SLOT_MS, SLOTS
from simulators.season_plan import live, live_trip, trips
from simulators.timegrid import DAY_MS, day_of, start_of
from simulators.trips import ride
from simulators.trucks import TruckRun

NOW = 1_795_440_137_000  # 2026-11-23 13:22:17 UTC
TODAY = day_of(NOW)


class Sender:
    """Keeps every message; acknowledges while `open`."""

    def __init__(self) -> None:
        self.messages: list[list[ReadingIn]] = []
        self.open, self.waiting, self.starts, self.stops = True, 0, 0, 0

    def start(self) -> None:
        """Connect."""
        self.starts += 1

    def stop(self) -> None:
        """Disconnect."""
        self.stops += 1

    def send_many(self, messages: list[list[ReadingIn]]) -> list[int]:
        """Keep messages."""
        self.messages += messages
        self.waiting += 0 if self.open else len(messages)
        return list(range(len(messages)))

    def pending(self) -> int:
        """Return what is not acknowledged."""
        self.waiting = 0 if self.open else self.waiting
        return self.waiting


class Depot:
    """Senders of all trucks and a run over them, on a virtual clock."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.senders, self.now = folder, defaultdict[str, Sender](Sender), NOW
        self.start()

    def start(self) -> None:
        """Begin, or begin again after a stop."""
        self.run = TruckRun(self.senders.__getitem__, self.folder, TODAY)

    def go(self, seconds: int) -> None:
        """Let time pass a second at a time."""
        for _ in range(seconds):
            self.now += 1000
            self.run.step(self.now)

    def seen(self) -> dict[tuple[str, str, int], set[float]]:
        """Return every value sent, by device, channel and time."""
        found: dict[tuple[str, str, int], set[float]] = defaultdict(set)
        for sender in self.senders.values():
            for message in sender.messages:
                assert 1 <= len(message) <= MOST_READINGS
                for r in message:
                    found[r.d, r.c, r.t].add(r.x)
        return found


def test_the_first_start_sends_sixty_days_and_a_kill_contradicts_nothing(tmp_path: Path) -> None:
    """The past comes whole at once; killed anywhere and started again, each value of each instant is the same, and none is missing."""
    depot = Depot(tmp_path)
    depot.run.step(depot.now)
    past = depot.seen()
    assert min(t for _, _, t in past) < start_of(TODAY) - 55 * DAY_MS and len({d for d, _, _ in past}) >= 8
    depot.go(20)
    depot.start()
    (tmp_path / "trucks.json").write_text(json.dumps({"until_ms": depot.now - 7_000}))  # killed before it was saved
    depot.start()
    depot.now += 90_000  # stopped for a while
    depot.go(3)
    seen = depot.seen()
    assert all(len(values) == 1 for values in seen.values())
    wanted = set()
    length = SLOTS * SLOT_MS
    rounds = [live_trip(live(SEED, TODAY, TODAY, g, SLOT_MS, SLOTS)) for g in range(depot.now // length - 7, depot.now // length + 1)]
    for trip in (*trips(SEED, TODAY, TODAY), *(t for t in rounds if t)):
        wanted |= {(trip.truck, c, r.t_ms) for r in ride(SEED, trip).recorded(0, depot.now) for c in r.values}
    assert wanted <= seen.keys()


def test_planted_things_are_on_file_and_the_recorder_keeps_its_law(tmp_path: Path) -> None:
    """Every trip has its labels; a value at least every ten minutes but where silence is planted; places are coarse and on the way."""
    depot = Depot(tmp_path)
    depot.run.step(depot.now)
    told = [json.loads(line) for p in (tmp_path / "labels/trucks").glob("*.jsonl") for line in p.read_text().splitlines()]
    assert {"door", "excursion", "dead", "late"} <= {x["kind"] for x in told}
    assert {t.key for t in trips(SEED, TODAY, TODAY)} <= {x["trip"] for x in told}
    for trip in trips(SEED, TODAY, TODAY)[:40]:
        one = ride(SEED, trip)
        times = sorted(r.t_ms for r in one.recorded(0, 2**50))
        widest = max(b - a for a, b in itertools.pairwise(times))
        assert (widest > 600_000) == any(p.kind == "dead" for p in one.planted)
        first = next(one.recorded(0, 2**50)).values
        assert first["setpoint"] == setpoint_of(trip.product) and round(first["latitude"], 2) == first["latitude"]
        assert abs(first["latitude"] - place_of(trip.from_party)[0]) < 0.1


def test_a_broken_cooling_warms_within_a_minute_and_a_mended_one_comes_back(tmp_path: Path) -> None:
    """Without a name the truck that left last is broken; only its hold warms; healed, it is back at its set-point."""
    depot = Depot(tmp_path)
    depot.run.step(depot.now)
    under_way = [t for t in trucks_under_way(tmp_path) if t["fast"]]
    assert {t["truck"][:2] for t in under_way} == {"sx", "by"}
    truck = break_reefer(tmp_path, "")
    for county in {t.county for t in fleet().trucks if t.id == truck}:
        assert break_reefer(tmp_path, county) == truck
    assert truck == max(under_way, key=lambda t: (t["since_ms"], t["truck"]))["truck"]
    depot.go(60)

    def hold(which: str) -> float:
        return [r.x for m in depot.senders[which].messages for r in m if r.c == "cargo_temperature"][-1]

    def set_to(which: str) -> float:
        return [r.x for m in depot.senders[which].messages for r in m if r.c == "setpoint"][-1]

    assert hold(truck) > set_to(truck) + 3
    others = [t["truck"] for t in under_way if t["truck"] != truck]
    assert all(hold(other) < set_to(other) + 7 for other in others)
    assert heal_reefers(tmp_path) == [truck]
    depot.go(90)
    assert hold(truck) < set_to(truck) + 2.5
    for wrong in ("sx-truck-01", "by-truck-99"):
        with pytest.raises(NotFound, match="accelerated truck"):
            break_reefer(tmp_path, wrong)


def test_a_parked_truck_is_switched_off_once_its_box_is_empty(tmp_path: Path) -> None:
    """A truck in its depot keeps its connection only while something of it is not acknowledged, across a restart too."""
    depot = Depot(tmp_path)
    parked = depot.senders["sx-truck-03"]
    parked.open = False
    depot.run.step(depot.now)
    assert "sx-truck-03" not in {t["truck"] for t in trucks_under_way(tmp_path)}
    assert depot.run.waiting("sx-truck-03") > 0 and depot.senders["sx-truck-02"].stops == 1
    depot.start()
    depot.go(2)
    assert depot.run.waiting("sx-truck-03") > 0 and (parked.starts, parked.stops) == (2, 0)
    parked.open = True
    depot.go(2)
    assert depot.run.waiting("sx-truck-03") == 0 and parked.stops == 1
