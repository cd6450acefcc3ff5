"""What is kept how long, what is deleted by hand, and what stays known of both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock, to_ms
from foundation.errors import BadInput, Conflict, NotFound
from ingest import manifest
from ingest.claims import Claim
from ingest.payloads import ReadingIn
from ingest.reading import Window
from ingest.retention import Keep
from ingest.rollups import day_number, day_start
from ingest.service import Readings
from tests.ingest.examples import DAY_MS, HOUR_MS, MINUTE_MS, TwoGateways, message

START = datetime(2024, 1, 10, 4, 0, tzinfo=UTC)
FIRST = day_start(day_number(to_ms(START)) - 3)
LEVEL, OTHER, TURN = ("by-01-a", "water_level"), ("by-01-b", "water_level"), ("by-01-a", "wind_direction")
KEEP = Keep(13, 36)


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return FixedClock(START)


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield a store."""
    made = Readings(tmp_path / "readings", now, TwoGateways())
    yield made
    made.close()


def at(key: tuple[str, str], minute: int, value: float) -> ReadingIn:
    """Return a reading of a minute since the first day."""
    return ReadingIn(key[0], key[1], FIRST + minute * MINUTE_MS, value)


def fill(readings: Readings, days: int = 3) -> None:
    """Hand in three channels every ten minutes."""
    dice = random.Random(1)
    for day in range(days):
        parts = [at(key, day * 1440 + k, round(10 + dice.random(), 1)) for k in range(0, 1440, 10) for key in (LEVEL, OTHER, TURN)]
        for n in range(0, len(parts), 200):
            readings.accept("by-01-gw", message(day * 10 + n // 200 + 1, *parts[n : n + 200]))


def windows(readings: Readings, key: tuple[str, str], length: int = HOUR_MS) -> list[Window]:
    """Return the windows of the first days."""
    return readings.aggregate(*key, FIRST, FIRST + 5 * DAY_MS, length)


def values(readings: Readings, key: tuple[str, str]) -> list[tuple[int, float]]:
    """Return every time and value of a channel."""
    return [(p.t_ms, p.value) for p in readings.range(*key, 0, FIRST + 9 * DAY_MS, limit=10**6)]


def close(a: list[Window], b: list[Window]) -> bool:
    """Compare windows; means to nine digits, because sums of sums are rounded otherwise."""
    plain = [[(w.start_ms, w.n, w.min, w.max, w.flagged) for w in x] for x in (a, b)]
    return plain[0] == plain[1] and [w.mean for w in a] == pytest.approx([w.mean for w in b])


def test_readings_go_after_13_months_and_their_windows_stay(readings: Readings, now: FixedClock) -> None:
    """Hours, days and five minutes answer as before; the trace tells file, rows and the hash recorded when it was written."""
    fill(readings)
    readings.compact()
    before = {key: [windows(readings, key, n) for n in (HOUR_MS, DAY_MS, 6 * HOUR_MS, 10 * MINUTE_MS)] for key in (LEVEL, OTHER, TURN)}
    assert len(before[LEVEL][0]) == 72 and len(before[LEVEL][3]) == 432
    hashes = manifest.digests(readings._catalog)
    now.advance(timedelta(days=390))
    assert readings.store.retain(KEEP) == []
    now.advance(timedelta(days=20))
    made = readings.store.retain(KEEP)
    assert sum(d.rows for d in made) == 3 * 3 * 144 and {d.who for d in made} == {"retention"}
    assert {d.sha256 for d in made} <= {h.sha256.hex() for h in hashes.values()}
    assert readings.range(*LEVEL, FIRST, FIRST + 3 * DAY_MS) == [] and readings.days() == set() and readings.counts().daily_files == 0
    for key, told in before.items():
        for length, expected in zip((HOUR_MS, DAY_MS, 6 * HOUR_MS, 10 * MINUTE_MS), told, strict=True):
            assert close(windows(readings, key, length), expected)
    assert readings.store.deletions() == made[::-1] and readings.store.retain(KEEP) == [] and readings.store.check(deep=True).whole


def test_a_late_reading_of_a_day_that_is_gone_is_added_to_its_windows(readings: Readings, now: FixedClock) -> None:
    """At once, and again after retention took it too."""
    fill(readings)
    readings.compact()
    now.advance(timedelta(days=410))
    readings.store.retain(KEEP)
    before = windows(readings, LEVEL)
    readings.accept("by-01-gw", message(500, at(LEVEL, 61, 9.0)))
    expected = [w if k != 1 else Window(w.start_ms, 7, (w.mean * 6 + 9.0) / 7, 9.0, w.max, 0) for k, w in enumerate(before)]  # type: ignore[operator]
    assert close(windows(readings, LEVEL), expected)
    readings.compact()
    assert close(windows(readings, LEVEL), expected)
    (made,) = readings.store.retain(KEEP)
    assert made.rows == 1 and close(windows(readings, LEVEL), expected)
    assert [w.n + w.flagged for w in windows(readings, LEVEL, DAY_MS)] == [145, 144, 144]
    assert [w.n + w.flagged for w in windows(readings, LEVEL, 10 * MINUTE_MS)][5:8] == [1, 2, 1]


def test_windows_of_five_minutes_go_after_three_years(readings: Readings, now: FixedClock) -> None:
    """Hours and days stay for ever; a finer question is answered by hours."""
    fill(readings)
    readings.compact()
    hours = windows(readings, LEVEL)
    now.advance(timedelta(days=410))
    readings.store.retain(KEEP)
    now.advance(timedelta(days=700))
    made = readings.store.retain(KEEP)
    assert {d.what for d in made} == {"5 min windows"} and len(made) == 3
    assert close(windows(readings, LEVEL), hours) and close(windows(readings, LEVEL, 10 * MINUTE_MS), hours)
    assert {r.window_ms for r in manifest.rollups(readings._catalog)} == {HOUR_MS, DAY_MS}


def test_nothing_goes_where_it_is_kept_for_ever(readings: Readings, now: FixedClock) -> None:
    """0 months means for ever; while a compaction is at work nothing is taken either."""
    fill(readings, 1)
    readings.compact()
    now.advance(timedelta(days=2000))
    assert readings.store.retain(Keep(0, 0)) == []
    claim = Claim(readings._folder / ".compaction.lock")
    assert readings.store.retain(KEEP) == []
    claim.release()
    assert len(readings.store.retain(KEEP)) == 1


def test_a_devices_readings_are_deleted_everywhere(readings: Readings, tmp_path: Path) -> None:
    """From segments, daily files, windows and latest values; the rest stands; no byte of the old files is left; the trace stays."""
    fill(readings)
    readings.compact()
    last = message(900, at(LEVEL, 1445, 33.0), at(OTHER, 1445, 33.0))
    readings.accept("by-01-gw", last)
    others = [values(readings, key) for key in (OTHER, TURN)]
    kept = [p for p in readings.range(*LEVEL, 0, FIRST + 9 * DAY_MS, limit=10**6) if not FIRST + DAY_MS <= p.t_ms < FIRST + 3 * DAY_MS]
    made = readings.store.delete(*LEVEL, FIRST + DAY_MS, FIRST + 3 * DAY_MS, who="li", why="withdrawn consent")
    assert made.rows == 289 and (made.who, made.why, made.device) == ("li", "withdrawn consent", "by-01-a")
    assert values(readings, LEVEL) == [(p.t_ms, p.value) for p in kept]
    assert [values(readings, key) for key in (OTHER, TURN)] == others
    assert len(windows(readings, LEVEL)) == 24 and len(windows(readings, OTHER)) == 72
    latest = {(x.device, x.channel): x.t_ms for x in readings.latest()}
    assert latest[LEVEL] == kept[-1].t_ms and latest[OTHER] == others[0][-1][0]
    names = {f.name for f in readings._catalog.files()} | {r.name for r in manifest.rollups(readings._catalog)}
    assert {p.name for place in manifest.PLACES.values() for p in (tmp_path / "readings" / place).glob("*.parquet")} == names
    assert readings.store.deletions(["by-01-a"], FIRST + 2 * DAY_MS, FIRST + 9 * DAY_MS) == [made]
    assert readings.store.deletions(["by-01-b"]) == [] == readings.store.deletions(["by-01-a"], FIRST + 3 * DAY_MS)
    assert readings.store.check(deep=True).whole


def test_a_deletion_reaches_windows_whose_readings_are_gone(readings: Readings, now: FixedClock) -> None:
    """After retention there are only windows of it; they go too."""
    fill(readings)
    readings.compact()
    now.advance(timedelta(days=410))
    readings.store.retain(KEEP)
    made = readings.store.delete("by-01-a", "", FIRST, FIRST + DAY_MS, who="li", why="withdrawn consent")
    assert made.what == "windows" and len(windows(readings, LEVEL)) == 48 and len(windows(readings, OTHER)) == 72
    assert len(windows(readings, LEVEL, 10 * MINUTE_MS)) == 288


def test_a_deletion_without_reason_or_object_is_refused(readings: Readings) -> None:
    """Somebody, a reason, a stretch of time, something to delete, and no compaction at work."""
    fill(readings, 1)
    span = (FIRST, FIRST + DAY_MS)
    with pytest.raises(BadInput):
        readings.store.delete(*LEVEL, *span, who="li", why=" ")
    with pytest.raises(BadInput):
        readings.store.delete(*LEVEL, *span[::-1], who="li", why="x")
    with pytest.raises(NotFound):
        readings.store.delete("nobody", "", *span, who="li", why="x")
    with pytest.raises(NotFound):
        readings.store.delete(*LEVEL, FIRST + 9 * DAY_MS, FIRST + 10 * DAY_MS, who="li", why="x")
    claim = Claim(readings._folder / ".compaction.lock")
    with pytest.raises(Conflict):
        readings.store.delete(*LEVEL, *span, who="li", why="x")
    claim.release()
