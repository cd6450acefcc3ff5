"""The real VictoriaMetrics killed, away, behind: after replay it holds exactly what our own history shows."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from foundation.clock import FixedClock, SystemClock
from ingest.feed import Feed
from ingest.segments import frame_of, read_rows, write_frame
from ingest.service import Readings
from ingest.sinks import Server, Target
from tests import servers
from tests.ingest.examples import DAY_MS, MINUTE_MS, NOW_MS, TwoGateways, clock, level, message
from tests.waiting import wait_until

DEVICES = ("by-01-a", "by-01-b", "sx-01-a")
Values = dict[tuple[str, str], dict[int, float]]


@pytest.fixture
def vm(tmp_path: Path) -> Iterator[servers.Server]:
    """Yield a VictoriaMetrics with the flags of our own child."""
    server = servers.require(lambda: servers.start_victoria_metrics(tmp_path, "-dedup.minScrapeInterval=1ms"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield an empty store."""
    made = Readings(tmp_path / "readings", now, TwoGateways())
    yield made
    made.close()


class Time:
    """A monotonic clock moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def fed(
    folder: Path,
    vm: servers.Server,
    *,
    lag_s: float = 60.0,
    monotonic: Callable[[], float] | None = None,
    sleep: Callable[[float], None] | None = None,
) -> Feed:
    """Return a feed of the store in the folder."""
    server, time = Server(Target("vm", vm.url)), Time()
    return Feed(folder / "readings", server, SystemClock(), lag_s=lag_s, monotonic=monotonic or time, sleep=sleep or (lambda _: None))


def drain(feed: Feed) -> None:
    """Send everything there is."""
    while feed.step():
        pass


def fill(readings: Readings, first: int, count: int = 20) -> None:
    """Hand in messages over four days and two counties: every series and time once."""
    for seq in range(first, first + count):
        for gateway in ("by-01-gw", "sx-01-gw"):
            parts = [level(seq * 100 + n, float((seq + n) % 45), device=d) for n in range(20) for d in DEVICES if d[:5] == gateway[:5]]
            readings.accept(gateway, message(seq, *parts))


def ours(readings: Readings) -> Values:
    """Return what our own history answers."""
    found: Values = {}
    for one in readings.latest():
        points = readings.range(one.device, one.channel, 0, NOW_MS + DAY_MS, limit=1_000_000)
        found[one.device, one.channel] = {p.t_ms: p.value for p in points}
    return found


def theirs(vm: servers.Server) -> Values:
    """Return what VictoriaMetrics exports, every sample of it; a time it tells twice is an error."""
    _get(vm, "/internal/force_flush")
    found: Values = {}
    for line in _get(vm, "/api/v1/export?" + urllib.parse.urlencode({"match[]": '{__name__=~".+_value"}'})).splitlines():
        told = json.loads(line)
        name = told["metric"]["__name__"].removesuffix("_value")
        samples = dict(zip(told["timestamps"], told["values"], strict=True))
        assert len(samples) == len(told["values"])
        found.setdefault((told["metric"]["device"], name), {}).update(samples)
    return found


def _get(vm: servers.Server, path: str) -> str:
    with urllib.request.urlopen(vm.url + path, timeout=10) as answer:
        return str(answer.read().decode())


def test_everything_arrives_once_with_unit_and_flag(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """Count and values are those of our own history, over segments and daily files; flags stand beside the values."""
    fill(readings, 1)
    readings.compact()
    fill(readings, 21, 3)
    feed = fed(tmp_path, vm)
    drain(feed)
    assert theirs(vm) == ours(readings) and sum(map(len, ours(readings).values())) > 1000
    flags = _get(vm, "/api/v1/export?" + urllib.parse.urlencode({"match[]": "water_level_flag"})).splitlines()
    assert {json.loads(line)["metric"]["unit"] for line in flags} == {"cm"} and len(flags) == len(DEVICES)
    assert readings.sinks()[0].waiting > 0, "what was sent is told at the next commit"
    feed.commit()
    assert readings.sinks()[0].waiting == 0 and readings.sinks()[0].lag_seconds(NOW_MS) == 0.0
    feed.close()


@pytest.mark.parametrize("sink_dies_too", [False, True])
def test_a_server_killed_right_after_its_answers_loses_nothing(
    readings: Readings, vm: servers.Server, tmp_path: Path, *, sink_dies_too: bool
) -> None:
    """What was answered with 204 and lost in the kill is written again, whether the feed lives on or starts anew."""
    time = Time()
    fill(readings, 1, 5)
    feed = fed(tmp_path, vm, monotonic=time, sleep=threading.Event().wait)
    drain(feed)
    feed.commit()
    vm.kill()
    vm.start_again()
    lost = sum(map(len, ours(readings).values())) - sum(map(len, theirs(vm).values()))
    assert lost > 0, "this version keeps what it answered for: the lag would not be needed"
    if sink_dies_too:
        feed.close()
        feed = fed(tmp_path, vm, monotonic=time)
    else:
        time.now += 61
        feed.commit()  # the server started anew: its place is not kept although it is old enough
    drain(feed)
    assert theirs(vm) == ours(readings)
    feed.close()


def test_the_place_is_kept_only_when_the_answer_is_old_enough(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """Younger than the lag it is sent again by the next process; older than the lag it is not."""
    time = Time()
    fill(readings, 1, 2)
    feed = fed(tmp_path, vm, monotonic=time)
    drain(feed)
    time.now += 59
    feed.commit()
    feed.close()
    feed = fed(tmp_path, vm, monotonic=time)
    assert feed.step(), "not confirmed: sent again"
    time.now += 60
    feed.commit()
    feed.close()
    feed = fed(tmp_path, vm, monotonic=time)
    assert not feed.step()
    feed.close()


def test_a_server_that_was_away_catches_up_after_compaction(
    readings: Readings, vm: servers.Server, tmp_path: Path, now: FixedClock
) -> None:
    """While it is away segments are merged and even removed; when it is back it is fed all the same."""
    from datetime import timedelta

    time = Time()
    fill(readings, 1, 3)
    feed = fed(tmp_path, vm, monotonic=time)
    drain(feed)
    time.now += 61
    feed.commit()
    vm.stop()
    fill(readings, 4, 3)
    readings.compact()
    stop = threading.Event()
    thread = threading.Thread(target=feed.run, args=(stop,))
    thread.start()
    wait_until(lambda: readings.sinks()[0].problem, 10, what="the problem is told")
    assert readings.sinks()[0].waiting > 0
    # Two days later nobody remembers the segments.
    now.advance(timedelta(days=2))
    feed._clock = now
    fill(readings, 7, 3)
    readings.compact()
    stop.set()
    thread.join(10)
    feed.close()
    with readings._catalog.transaction() as db:
        db.execute("UPDATE sink_cursor SET seen = 0")
    readings.compact()
    now.advance(timedelta(minutes=2))
    readings.compact()
    assert not list((tmp_path / "readings" / "segments").glob("*.parquet"))
    fill(readings, 10, 2)
    vm.start_again()
    feed = fed(tmp_path, vm)
    drain(feed)
    assert theirs(vm) == ours(readings)
    feed.close()


def test_a_feed_killed_at_any_moment(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """A feed's process killed again and again in the middle, with compactions meanwhile: nothing is missing in the end."""
    code = (
        "import sys, threading; from pathlib import Path; from foundation.clock import SystemClock; "
        "from ingest.feed import Feed; from ingest.sinks import Server, Target; store = Server(Target('vm', sys.argv[2])); "
        "Feed(Path(sys.argv[1]), store, SystemClock(), lag_s=0.05, sleep=lambda _: None).run(threading.Event())"
    )
    dice = random.Random(4)
    seen = 0
    for turn in range(4):
        child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "readings"), vm.url], stderr=subprocess.DEVNULL)
        for seq in range(5):
            fill(readings, 1 + turn * 20 + seq, 1)
        seen = wait_until(lambda before=seen: max((s.seen_ms for s in readings.sinks() if s.seen_ms > before), default=0), 20)  # type: ignore[misc]
        threading.Event().wait(dice.random() * 0.3)
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        readings.compact()
    feed = fed(tmp_path, vm)
    drain(feed)
    assert theirs(vm) == ours(readings)
    feed.close()


def test_late_and_early_readings_do_not_hide_each_other(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """A reading of 1970 and one of today in one message both arrive, each at its time."""
    odd = [level(5, 1.0, device="by-01-a"), level(NOW_MS / MINUTE_MS - 1, 2.0, device="by-01-a")]
    readings.accept("by-01-gw", message(1, *odd))
    feed = fed(tmp_path, vm)
    drain(feed)
    assert ours(readings)["by-01-a", "water_level"].keys() == {NOW_MS - 5 * MINUTE_MS, MINUTE_MS}
    assert theirs(vm) == ours(readings)
    assert NOW_MS - 5 * MINUTE_MS in theirs(vm)["by-01-a", "water_level"]
    feed.close()


def test_a_correction_counts_whatever_part_of_the_server_it_is_in(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """The newest received value is the one the server tells, up or down, across its parts, a kill and a compaction of ours."""
    feed = fed(tmp_path, vm)
    keys = [("by-01-a", 10), ("by-01-b", 20), ("by-01-a", 30)]
    for turn, values in enumerate([(1.0, 5.0, 3.0), (5.0, 1.0, 3.0), (2.0, 6.0, 4.0)]):
        readings.accept("by-01-gw", message(turn + 1, *(level(m, x, device=d) for (d, m), x in zip(keys, values, strict=True))))
        readings.accept("sx-01-gw", message(turn + 1, level(turn, 9.0, device="sx-01-a")))
        if turn == 1:
            readings.compact()
        drain(feed)
        feed._mend_at = 0.0
        feed.commit()
        _get(vm, "/internal/force_flush")
        assert theirs(vm) == ours(readings)
    flags = _get(vm, "/api/v1/export?" + urllib.parse.urlencode({"match[]": 'water_level_flag{device="by-01-a"}'}))
    assert len(json.loads(flags)["values"]) == 2
    # What was mended lately is mended again where the server lost it.
    vm.kill()
    vm.start_again()
    feed.close()
    feed = fed(tmp_path, vm)
    drain(feed)
    feed.commit()
    assert theirs(vm) == ours(readings)
    feed.close()


def test_a_flag_that_turns_out_worse_counts_there_too(readings: Readings, vm: servers.Server, tmp_path: Path) -> None:
    """A row that says only a final flag, sent after its reading: the server tells the value once and the new flag."""
    feed = fed(tmp_path, vm)
    readings.accept("by-01-gw", message(1, level(5, 1.0, device="by-01-a"), level(6, 1.0, device="by-01-a")))
    drain(feed)
    feed.commit()
    readings.accept("by-01-gw", message(2, level(4, 1.0, device="by-01-a")))
    (raw,) = readings.raw(["by-01-a"], 0, NOW_MS)
    (segment,) = (tmp_path / "readings" / "segments").glob("*1.parquet")
    final = {
        "sid": [raw.sid], "t": [raw.times[1]], "x": [1.0], "flag": [4], "received": [raw.received[1]], "seq": [raw.seqs[1]], "tests": [4],
        "version": [1],
    }  # fmt: skip
    write_frame(segment.parent, segment.name, read_rows(segment).vstack(frame_of(final)))
    drain(feed)
    feed._mend_at = 0.0
    feed.commit()
    assert theirs(vm) == ours(readings) and len(ours(readings)["by-01-a", "water_level"]) == 3
    flags = json.loads(_get(vm, "/api/v1/export?" + urllib.parse.urlencode({"match[]": "water_level_flag"})))
    expected = {p.t_ms: p.flag for p in readings.range("by-01-a", "water_level", 0, NOW_MS)}
    assert dict(zip(flags["timestamps"], flags["values"], strict=True)) == expected and 4 in expected.values()
    feed.close()
