"""Windows from rollups and from readings are the same windows, whatever was compacted, late or corrected."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock
from foundation.errors import BadInput
from ingest import manifest
from ingest.claims import claim_writer
from ingest.reading import SUSPECT, Window
from ingest.rollups import day_number, day_start
from ingest.segments import SegmentName, write_segment
from ingest.service import Readings
from ingest.settling import settle
from ingest.writer import adopt
from tests.ingest.examples import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, TwoGateways, clock, level, message

LEVEL, TURN = ("by-01-a", "water_level"), ("by-01-b", "wind_direction")
TODAY = day_start(day_number(NOW_MS))
SPANS = [
    (TODAY - 4 * DAY_MS, TODAY + DAY_MS, DAY_MS),
    (TODAY - 4 * DAY_MS, TODAY + DAY_MS, 2 * DAY_MS),
    (TODAY - 3 * DAY_MS + 5 * HOUR_MS, NOW_MS - 17 * MINUTE_MS, HOUR_MS),
    (TODAY - 3 * DAY_MS + 5 * HOUR_MS, NOW_MS - 17 * MINUTE_MS, 7 * HOUR_MS),
    (NOW_MS - 2 * DAY_MS - 7 * MINUTE_MS, NOW_MS, HOUR_MS),
    (TODAY - DAY_MS, TODAY + DAY_MS, 10 * MINUTE_MS),
]


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield a store."""
    made = Readings(tmp_path, now, TwoGateways())
    yield made
    made.close()


def fill(readings: Readings, dice: random.Random, first: int, messages: int = 12) -> None:
    """Hand in levels, some of them impossible or corrected, and directions, over four days."""
    for seq in range(first, first + messages):
        parts = [level(dice.randrange(0, 4 * 1440, 5), dice.choice([1.0, 2.5, 70.0, 140.0, 999.0]), device="by-01-a") for _ in range(30)]
        parts += [
            level(dice.randrange(0, 4 * 1440, 5), dice.choice([350.0, 10.0, 80.0, 400.0]), "by-01-b", "wind_direction") for _ in range(30)
        ]
        readings.accept("by-01-gw", message(seq, *parts))


def expected(readings: Readings, key: tuple[str, str], start: int, end: int, length: int, *, good_only: bool = True) -> list[Window]:
    """Return the windows made one reading at a time."""
    found: dict[int, tuple[list[float], list[float]]] = {}
    for p in readings.range(*key, start, end, limit=10**6):
        good, bad = found.setdefault(start + (p.t_ms - start) // length * length, ([], []))
        if p.flag >= SUSPECT:
            bad.append(p.value)
        if p.flag < SUSPECT or not good_only:
            good.append(p.value)
    windows = []
    for begin, (good, bad) in sorted(found.items()):
        mean: float | None = sum(good) / len(good) if good else None
        if good and key == TURN:
            north, east = sum(math.cos(math.radians(x)) for x in good), sum(math.sin(math.radians(x)) for x in good)
            mean = math.degrees(math.atan2(east, north)) % 360
        windows.append(Window(begin, len(good), mean, min(good, default=None), max(good, default=None), len(bad)))
    return windows


def same(ours: list[Window], theirs: list[Window]) -> bool:
    """Compare windows, means to nine digits and directions around the circle."""
    if len(ours) != len(theirs):
        return False
    for a, b in zip(ours, theirs, strict=True):
        if (a.start_ms, a.n, a.min, a.max, a.flagged) != (b.start_ms, b.n, b.min, b.max, b.flagged) or (a.mean is None) != (b.mean is None):
            return False
        if a.mean is not None and b.mean is not None and abs((a.mean - b.mean + 180) % 360 - 180) > 1e-6:
            return False
    return True


def all_same(readings: Readings) -> bool:
    """Compare every span of both channels, flagged readings out and in."""
    return all(
        same(readings.aggregate(*key, *span, good_only=good), expected(readings, key, *span, good_only=good))
        for key in (LEVEL, TURN)
        for span in SPANS
        for good in (True, False)
    )


@pytest.mark.parametrize("seed", range(3))
def test_windows_are_those_of_the_readings(seed: int, readings: Readings) -> None:
    """From segments, after a compaction, with late segments beside, and after the next: each window is what its readings come to."""
    dice = random.Random(seed)
    fill(readings, dice, 1)
    assert all_same(readings)
    readings.compact()
    assert all_same(readings)
    plan = readings._history.asked_windows.plans([1], *SPANS[0][:2], _level())
    assert plan[0].rolled and not plan[0].readings, "everything of whole days is told by rollups"
    fill(readings, dice, 13, 3)
    assert all_same(readings)
    readings.compact()
    assert all_same(readings)


def _level() -> object:
    from ingest.windows import fitting

    return fitting(SPANS[0][0], DAY_MS)


def test_a_late_reading_changes_its_windows_at_once(readings: Readings, now: FixedClock) -> None:
    """Weeks later, over days gathered into one file, a correction and a late reading count before and after compaction."""
    fill(readings, random.Random(1), 1)
    readings.compact()
    now.advance(timedelta(days=40))
    readings.accept("sx-01-gw", message(1, level(0, 1.0, device="sx-01-a")))
    readings.compact()
    readings.accept("sx-01-gw", message(2, level(0, 1.0, device="sx-01-a")))
    readings.compact()
    spans = manifest.spans(readings._catalog)
    assert spans and all(b > a for a, b in spans.values()), "the days of a small county are in one file"
    assert all_same(readings)
    days = readings.days()
    before = readings.aggregate(*LEVEL, *SPANS[0])
    readings.accept("by-01-gw", message(100, level(2 * 1440 + 1, 3.0, device="by-01-a"), level(2 * 1440, 4.0, device="by-01-a")))
    assert all_same(readings) and readings.aggregate(*LEVEL, *SPANS[0]) != before
    readings.compact()
    assert all_same(readings) and readings.aggregate(*LEVEL, *SPANS[0]) != before and readings.days() == days


def test_a_field_counts_as_one(readings: Readings) -> None:
    """The mean over several devices is that of all their readings; everything at once is each channel's own windows."""
    for seq in range(1, 30):
        parts = [level(seq * 60 + n, float(n + 5 * k), device=f"by-01-{'ab'[k]}") for n in range(4) for k in (0, 1)]
        readings.accept("by-01-gw", message(seq, *parts))
    readings.compact()
    keys = [("by-01-a", "water_level"), ("by-01-b", "water_level")]
    span = (TODAY - 2 * DAY_MS, TODAY + DAY_MS, DAY_MS)
    both = readings.aggregate_together(keys, *span)
    one, two = (readings.aggregate(*key, *span) for key in keys)
    assert [w.n for w in both] == [a.n + b.n for a, b in zip(one, two, strict=True)]
    assert [w.mean for w in both] == pytest.approx([(a.mean + b.mean) / 2 for a, b in zip(one, two, strict=True)])  # type: ignore[operator]
    table = readings.aggregate_all(*span, county="321023", channels=["water_level"])
    told = {key: [] for key in keys}  # type: ignore[var-annotated]
    for which, start, n, low, high in zip(table.which, table.start_ms, table.n, table.min, table.max, strict=True):
        told[table.series[which]].append((start, n, low, high))
    assert told == {k: [(w.start_ms, w.n, w.min, w.max) for w in readings.aggregate(*k, *span)] for k in keys}
    assert len(readings.aggregate_all(*span, county="371522")) == 0


def test_quantiles_are_exact(readings: Readings) -> None:
    """Between the two nearest readings, flagged ones left out unless asked for; of nothing there is none."""
    values = [1.0, 1.1, 1.3, 1.6, 999.0]
    readings.accept("by-01-gw", message(1, *(level(n, x, device="by-01-a") for n, x in enumerate(values))))
    assert readings.quantiles([LEVEL], TODAY, NOW_MS + 1, [0, 0.5, 1]) == pytest.approx([1.0, 1.2, 1.6])
    assert readings.quantiles([LEVEL], TODAY, NOW_MS + 1, [1], good_only=False) == [999.0]
    assert readings.quantiles([LEVEL], 0, 1, [0.5]) == [None] == readings.quantiles([TURN], TODAY, NOW_MS, [0.5])
    with pytest.raises(BadInput):
        readings.quantiles([LEVEL], TODAY, NOW_MS, [1.5])


def test_a_final_flag_is_folded_into_its_reading(readings: Readings, tmp_path: Path) -> None:
    """A later word on a flag counts at once, leaves one row after compaction, adds no reading, and waits where its reading is late."""
    readings.accept("by-01-gw", message(1, level(5, 3.0, device="by-01-a"), level(6, 4.0, device="by-01-a")))
    row = readings._history.raw({1: LEVEL}, TODAY, NOW_MS)[0]
    final = {
        "sid": [1, 1], "t": [NOW_MS - 7 * MINUTE_MS, row.times[1]], "x": [2.0, 3.0], "flag": [1, 4], "seq": [2, row.seqs[1]],
        "received": [row.received[1]] * 2, "tests": [0x1, 0x4], "shift": [0, 0], "version": [0, 1],
    }  # fmt: skip
    claim = claim_writer(tmp_path, "flags")
    write_segment(tmp_path / "segments", SegmentName("flags", 0), final, {})
    adopt(tmp_path, readings._catalog, "flags")
    claim.release()
    for _ in range(2):
        assert [(p.value, p.flag) for p in readings.range(*LEVEL, TODAY, NOW_MS)] == [(2.0, 1), (4.0, 1), (3.0, 4)]
        assert [(w.n, w.flagged) for w in readings.aggregate(*LEVEL, TODAY, TODAY + DAY_MS, DAY_MS)] == [(2, 1)]
        raw = readings.raw(["by-01-a"], TODAY, NOW_MS)[0]
        assert raw.flags.tolist() == [1, 1, 4] and len(raw) == 3
        readings.compact()
    (file,) = readings._catalog.files("kind = 'daily'")
    assert file.rows == 3 and readings.counts().readings == 3


def test_a_final_word_without_its_reading_waits() -> None:
    """A row of version 1 alone stays one; with its reading beside it, and with a repeat of it, the three are one reading."""
    from ingest.segments import frame_of

    base = {"sid": [1], "t": [5], "x": [1.0], "received": [10], "seq": [1]}
    final = frame_of({**base, "flag": [3], "tests": [0x3], "version": [1]})
    assert settle(final)["version"].tolist() == [1]
    first, again = frame_of({**base, "flag": [1]}), frame_of({**base, "flag": [1], "received": [20], "seq": [2]})
    told = settle(final.vstack(first).vstack(again))
    assert {k: v.tolist() for k, v in told.items()} == {
        "sid": [1], "t": [5], "x": [1.0], "flag": [3], "received": [10], "seq": [1], "tests": [3], "shift": [0], "version": [0],
    }  # fmt: skip
