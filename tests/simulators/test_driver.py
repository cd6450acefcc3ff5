"""The driver: history, live, restarts, cuts, seen through senders that keep what they were given."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from pathlib import Path

import pytest

from ingest.payloads import ReadingIn
from simulators.control import cut_gateway, heal_gateways
from simulators.driver import MOST_WAITING, FieldRun
from simulators.field import Field
from simulators.timegrid import DAY_MS, STEP_MS, day_of

NOW = 1_795_440_137_000  # 2026-11-23 13:22:17 UTC
GATEWAYS = ("sx-01-gw", "by-01-gw")


class Sender:
    """Keeps every message; acknowledges at once while `open`, nothing while not."""

    def __init__(self) -> None:
        self.messages: list[list[ReadingIn]] = []
        self.waiting = 0
        self.open = True
        self.connected = False

    def start(self) -> None:
        """Connect."""
        self.connected = True

    def stop(self) -> None:
        """Disconnect."""
        self.connected = False

    def send_many(self, messages: list[list[ReadingIn]]) -> list[int]:
        """Keep messages and number them."""
        first = len(self.messages) + 1
        self.messages += messages
        if not (self.open and self.connected):
            self.waiting += len(messages)
        return list(range(first, first + len(messages)))

    def pending(self) -> int:
        """Return what is not acknowledged."""
        if self.open and self.connected:
            self.waiting = 0
        return self.waiting

    def readings(self) -> list[ReadingIn]:
        """Return every reading given so far."""
        return [r for m in self.messages for r in m]


class County:
    """Senders of two gateways and a run over them, on a virtual clock."""

    def __init__(self, folder: Path, days: int = 3) -> None:
        self.folder, self.days, self.now = folder, days, NOW
        self.senders = {g: Sender() for g in GATEWAYS}
        self.told: list[tuple[int, int]] = []
        self.start()

    def start(self) -> None:
        """Begin, or begin again after a stop."""
        self.run = FieldRun(
            GATEWAYS,
            self.senders.__getitem__,
            self.folder,
            self.now,
            seed=5,
            history_days=self.days,
            progress=lambda done, of: self.told.append((done, of)),
        )

    def go(self, seconds: float) -> None:
        """Let virtual time pass; waits take no real time."""
        until = self.now + round(seconds * 1000)
        while self.now < until:
            self.now += max(1, round(self.run.step(self.now) * 1000))

    def history(self) -> dict[str, object]:
        """Return the progress file."""
        told: dict[str, object] = json.loads((self.folder / "history.json").read_text())
        return told

    def all_readings(self) -> list[ReadingIn]:
        """Return what both gateways were given."""
        return [r for s in self.senders.values() for r in s.readings()]


@pytest.fixture
def county(tmp_path: Path) -> County:
    """Yield a fresh county."""
    return County(tmp_path)


def by_key(readings: list[ReadingIn]) -> dict[tuple[str, str, int], set[float]]:
    """Return the different values per device, channel and time."""
    found: dict[tuple[str, str, int], set[float]] = defaultdict(set)
    for r in readings:
        found[(r.d, r.c, r.t)].add(r.x)
    return found


def test_history_then_live_without_a_gap(county: County) -> None:
    """Three days of every channel arrive, complete but for the planted faults, and live readings follow where they end."""
    county.go(60)
    told = county.history()
    assert told["complete"] is True and told["acknowledged"] == told["total"] == told["sent"]
    assert county.told[-1] == (told["total"], told["total"])
    begun = NOW - NOW % STEP_MS
    times = sorted({r.t for r in county.all_readings() if (r.d, r.c) == ("by-01-p1-level", "water_level")})
    assert times[0] <= begun - 3 * DAY_MS + 15 * STEP_MS
    steps = {b - a for a, b in itertools.pairwise(times)}
    assert min(steps) == 10_000
    # The longest planted hole is a drop-out of fifteen steps.
    assert max(steps) <= 16 * STEP_MS
    live = [t for t in times if t > begun]
    assert live == list(range(begun + 10_000, live[-1] + 1, 10_000)) and county.now - live[-1] <= 20_000
    nominal = sum(86_400 // c.interval_s for d in county.run.field.world.devices if d.gateway in GATEWAYS for c in d.channels) * 3
    assert int(str(told["total"])) == pytest.approx(nominal, rel=0.03)


def test_the_newest_day_comes_first(county: County) -> None:
    """A page shows something at once: the first thing each gateway sends of the past is the running day."""
    county.go(1)
    for sender in county.senders.values():
        assert {day_of(r.t) for r in sender.messages[-1]} and day_of(NOW) in {day_of(r.t) for m in sender.messages[:3] for r in m}


def test_messages_keep_to_the_protocol_s_bounds(county: County) -> None:
    """No message holds more than 2,000 readings; none is empty."""
    county.go(30)
    sizes = [len(m) for s in county.senders.values() for m in s.messages]
    assert min(sizes) > 0 and max(sizes) <= 2_000


def test_spools_stay_small_while_nothing_is_acknowledged(county: County) -> None:
    """Without acknowledgements the past waits; live readings alone go on into the spool."""
    for sender in county.senders.values():
        sender.open = False
    county.go(5)
    for sender in county.senders.values():
        assert sender.waiting <= MOST_WAITING + 4
    assert county.history()["complete"] is False and county.history()["acknowledged"] == 0
    for sender in county.senders.values():
        sender.open = True
    county.go(60)
    assert county.history()["complete"] is True


def test_after_a_stop_history_goes_on_and_the_pause_is_filled(county: County) -> None:
    """A stop in the middle of history loses nothing: it is completed, the pause is back-filled, live goes on, no value changes."""
    for sender in county.senders.values():
        sender.open = False
    county.go(25)
    county.run.close()
    assert not any(s.connected for s in county.senders.values())
    county.now += 2 * 3_600_000 + 123_456
    for sender in county.senders.values():
        sender.open = True
    county.start()
    county.go(90)
    assert county.history()["complete"] is True
    values = by_key(county.all_readings())
    assert {k: v for k, v in values.items() if len(v) > 1} == {}
    times = sorted({r.t for r in county.all_readings() if (r.d, r.c) == ("sx-01-weather", "air_temperature")})
    assert max(b - a for a, b in itertools.pairwise(times)) <= 16 * STEP_MS
    assert times[-1] > county.now - 20_000


def test_a_kill_at_any_moment_never_changes_a_value(tmp_path: Path) -> None:
    """Killed without warning again and again, the simulator may send a reading twice but never with another value."""
    county = County(tmp_path, days=2)
    for k in range(12):
        county.go(3 + 4 * (k % 5))
        county.now += (k % 4) * 400_000  # killed: the state is what was last saved
        county.start()
    county.go(120)
    assert county.history()["complete"] is True
    assert {k: v for k, v in by_key(county.all_readings()).items() if len(v) > 1} == {}
    whole = County(tmp_path / "calm", days=2)
    whole.go(60)
    begun = NOW - NOW % STEP_MS
    past = {k: v for k, v in by_key(whole.all_readings()).items() if k[2] <= begun and k[2] % STEP_MS == 0}
    killed = by_key(county.all_readings())
    assert all(killed.get(k) == v for k, v in past.items())


def test_the_seed_stays_with_the_folder(county: County, tmp_path: Path) -> None:
    """A folder begun with one seed goes on with it, whatever the next start asks for."""
    county.go(1)
    again = FieldRun(GATEWAYS, county.senders.__getitem__, tmp_path, county.now, seed=99)
    assert again.field.seed == 5


def test_a_cut_gateway_is_silent_and_goes_on_spooling(county: County, tmp_path: Path) -> None:
    """Cut off, a gateway leaves the network while its readings pile up; healed, it is back and the other never noticed."""
    county.go(30)
    cut_gateway(tmp_path, "by-01-gw")
    county.go(1)
    cut, other = county.senders["by-01-gw"], county.senders["sx-01-gw"]
    assert not cut.connected and other.connected
    before = len(cut.messages)
    county.go(60)
    assert len(cut.messages) >= before + 5 and cut.waiting >= 5 and other.pending() == 0
    assert heal_gateways(tmp_path) == ["by-01-gw"]
    county.go(1)
    assert cut.connected and cut.pending() == 0
    times = sorted({r.t for r in cut.readings() if (r.d, r.c) == ("by-01-p1-level", "water_level") and r.t > NOW})
    assert max(b - a for a, b in itertools.pairwise(times)) <= 16 * STEP_MS


def test_one_cut_gateway_does_not_hold_up_the_others(county: County, tmp_path: Path) -> None:
    """While one gateway is cut, the others finish the pause and the history; healed, it finishes too."""
    county.senders["by-01-gw"].open = False
    county.go(2)
    county.run.close()
    county.now += 3_600_000
    cut_gateway(tmp_path, "by-01-gw")
    county.start()
    county.go(60)
    progress = county.run.progress
    assert all(w.done.get("sx-01-gw") for w in progress.windows) and not county.run.progress.history_complete
    days = [len({day_of(r.t) for r in county.senders[g].readings() if r.d.endswith("-weather")}) for g in GATEWAYS]
    assert days[0] == 4 > days[1]
    county.senders["by-01-gw"].open = True
    heal_gateways(tmp_path)
    county.go(30)
    assert county.run.progress.history_complete


def test_planted_faults_are_written_beside_the_state(county: County, tmp_path: Path) -> None:
    """Every day that was sent has its labels, and they are the plan of the seed."""
    county.go(30)
    files = sorted(p.name for p in (tmp_path / "labels").iterdir())
    assert len(files) == 4 and files[-1] == "2026-11-23.jsonl"
    lines = [json.loads(line) for name in files for line in (tmp_path / "labels" / name).read_text().splitlines()]
    assert {"kind", "device", "channel", "from_ms", "to_ms", "size"} == set(lines[0])
    assert {line["device"] for line in lines} <= {d.id for d in Field(5).world.devices}
