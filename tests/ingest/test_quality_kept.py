"""What quality control leaves in the store: results beside values, final flags, counts, normals, places."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foundation.clock import FixedClock, to_ms
from ingest.catalog import Catalog
from ingest.quality import result_of, unpack
from ingest.quality.keeping import kept_places, open_plan
from ingest.quality.normals import kept_normals
from ingest.reading import FAIL, GOOD, SUSPECT
from ingest.segments import SegmentName, read_rows, write_segment
from ingest.service import Readings
from ingest.writer import with_finals
from registry.devices import DevicePlace
from tests.ingest.examples import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, TwoGateways, clock, level, message

DEVICE, CHANNEL = "by-01-p1", "water_temperature"


class Placed(TwoGateways):
    """A directory that knows where devices stand, too."""

    def device_places(self) -> dict[str, DevicePlace]:
        """Return one device's place."""
        return {DEVICE: DevicePlace("water_quality", 33.2, 119.5)}


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield a store."""
    made = Readings(tmp_path / "readings", now, Placed())
    yield made
    made.close()


def send(readings: Readings, seq: int, *values: tuple[float, float], channel: str = CHANNEL) -> None:
    """Hand in (minutes ago, value) as one message."""
    readings.accept("by-01-gw", message(seq, *(level(m, x, DEVICE, channel) for m, x in values)))


def flags(readings: Readings, channel: str = CHANNEL) -> list[int]:
    """Return the flags of a channel's readings, oldest first."""
    return [p.flag for p in readings.range(DEVICE, channel, NOW_MS - DAY_MS, NOW_MS + 1)]


def test_a_spike_s_final_flag_is_answered_before_and_after_the_compaction(readings: Readings, tmp_path: Path) -> None:
    """Good on arrival, suspect when the next value comes: in answers and means at once, in the daily file afterwards, never counted."""
    send(readings, 1, (110, 20.0), (60, 22.3))
    assert flags(readings) == [GOOD, GOOD]
    send(readings, 2, (10, 20.0))
    for _ in range(2):
        assert flags(readings) == [GOOD, SUSPECT, GOOD] and readings.counts().readings == 3
        (window,) = readings.aggregate(DEVICE, CHANNEL, NOW_MS - 2 * HOUR_MS, NOW_MS, 2 * HOUR_MS)
        assert (window.n, window.mean, window.flagged) == (2, 20.0, 1)
        (told,) = readings.quality.flagged(DEVICE, NOW_MS - DAY_MS, NOW_MS)
        assert (told.value, told.tests["spike"], told.tests["step"]) == (22.3, SUSPECT, GOOD)
        (series,) = readings.raw([DEVICE], NOW_MS - DAY_MS, NOW_MS)
        assert series.values.tolist() == [20.0, 22.3, 20.0] and series.flags.tolist() == [GOOD, SUSPECT, GOOD]
        assert [g.readings for g in readings.gateways()] == [3]
        readings.compact()
    (daily,) = (tmp_path / "readings" / "daily").glob("*.parquet")
    rows = read_rows(daily)
    assert rows.height == 3 and rows.filter(pl.col("version") > 0).height == 0


def test_a_segment_that_was_not_committed_counts_its_readings_only(readings: Readings, now: FixedClock, tmp_path: Path) -> None:
    """Adopted after a crash, a segment's final words are no readings."""
    send(readings, 1, (110, 20.0), (60, 22.3))
    send(readings, 2, (10, 20.0))
    readings.close()
    catalog = Catalog(tmp_path / "readings")
    with catalog.transaction() as db:
        db.execute("DELETE FROM file")
        db.execute("DELETE FROM counter WHERE name = 'readings'")
    catalog.close()
    again = Readings(tmp_path / "readings", now, Placed())
    send(again, 3, (5, 20.1))
    assert again.counts().readings == 4 and flags(again) == [GOOD, SUSPECT, GOOD, GOOD]
    again.close()


def test_late_readings_change_flags_when_the_day_is_over(readings: Readings, now: FixedClock) -> None:
    """A jump over a gap is not compared on arrival; with what came late, the day's flags are those of the whole series."""
    send(readings, 1, (400, 20.0))
    send(readings, 2, (100, 27.0), (90, 27.1))
    assert flags(readings) == [GOOD] * 3
    send(readings, 3, (110, 20.1), (105, 20.1))
    now.advance(timedelta(days=1))
    readings.compact()
    assert flags(readings) == [GOOD, GOOD, GOOD, FAIL, GOOD]


def test_counts_by_test_and_the_flagged_readings(readings: Readings) -> None:
    """How many readings of each channel had which result; the flagged ones with all their results, newest first."""
    send(readings, 1, (40, 20.0), (30, 20.1), (20, 45.0), (10, 20.2), (5, 60.0))
    send(readings, 2, (40, 3.0), channel="pest_count")
    told = {c.channel: c for c in readings.quality.counts(DEVICE, NOW_MS - DAY_MS, NOW_MS)}
    temperature = told[CHANNEL]
    assert temperature.readings == 5 and sum(temperature.flags.values()) == 5
    assert temperature.tests["gross_range"] == {1: 3, 3: 1, 4: 1} and temperature.tests["time"] == {1: 5}
    assert told["pest_count"].tests == {"time": {1: 1}, "gross_range": {1: 1}}
    newest, older = readings.quality.flagged(DEVICE, NOW_MS - DAY_MS, NOW_MS, 10)
    assert (newest.value, newest.flag, newest.tests["gross_range"]) == (60.0, FAIL, FAIL)
    assert older.value == 45.0 and older.flag >= SUSPECT and older.t_ms == NOW_MS - 20 * MINUTE_MS
    readings.compact()
    assert {c.channel: c.readings for c in readings.quality.counts(DEVICE, NOW_MS - DAY_MS, NOW_MS)} == {CHANNEL: 5, "pest_count": 1}


def test_places_are_kept_for_processes_without_a_registry(readings: Readings, tmp_path: Path) -> None:
    """The writer asks the directory and keeps the answer in the catalogue."""
    send(readings, 1, (40, 20.0))
    catalog = Catalog(tmp_path / "readings")
    assert kept_places(catalog) == {DEVICE: DevicePlace("water_quality", 33.2, 119.5)}
    assert [s.device for s in open_plan(tmp_path / "readings", catalog).series()] == [DEVICE]
    catalog.close()


def test_a_month_that_is_over_becomes_a_normal_and_judges_the_next_year(readings: Readings, now: FixedClock, tmp_path: Path) -> None:
    """May has 25 days of readings and is added once; June is not over; a reading of next May is held against it."""
    dice = np.random.default_rng(1)
    start = to_ms(datetime(2026, 5, 3, tzinfo=UTC))
    for seq, day in enumerate(range(25), 1):
        at = start + day * DAY_MS
        parts = [level((NOW_MS - at - h * HOUR_MS) / MINUTE_MS, 20 + round(dice.normal(0, 1), 1), DEVICE, CHANNEL) for h in range(24)]
        readings.accept("by-01-gw", message(seq, *parts))
    assert readings.quality.build_normals() == 1 and readings.quality.build_normals() == 0
    catalog = Catalog(tmp_path / "readings")
    ((month, (mean, sd)),) = kept_normals(catalog)[1].items()
    assert month == 5 and abs(mean - 20) < 0.2 and 0.8 < sd < 1.2
    catalog.close()
    now.advance(datetime(2027, 5, 10, tzinfo=UTC) - now.now())
    made = Readings(tmp_path / "readings", now, Placed())
    readings.close()
    made.accept("by-01-gw", message(100, level(-(to_ms(now.now()) - NOW_MS) / MINUTE_MS, 26.0, DEVICE, CHANNEL)))
    (flagged,) = made.quality.flagged(DEVICE, to_ms(now.now()) - HOUR_MS, to_ms(now.now()) + 1, 5)
    assert flagged.tests["climatology"] == SUSPECT
    made.close()


def test_final_words_stand_beside_readings_with_shifted_clocks(tmp_path: Path) -> None:
    """A batch of foreign readings whose clocks were straightened keeps each shift; a final word says none."""
    arrays = {
        "sid": np.array([1, 1], dtype=np.uint32), "t": np.array([5, 6]), "x": np.array([1.0, 2.0]), "received": np.array([7, 7]),
        "seq": np.array([1, 1]), "flag": np.array([1, 1], dtype=np.uint8), "tests": np.array([17, 17], dtype=np.uint32),
        "shift": pl.Series([None, 3_600_000], dtype=pl.Int64),
    }  # fmt: skip
    finals = {"sid": np.array([1]), "t": np.array([4]), "x": np.array([9.0]), "received": np.array([3]), "seq": np.array([0])}
    written = with_finals(arrays, {**finals, "flag": np.array([4]), "tests": np.array([4 << 16])})
    write_segment(tmp_path, SegmentName("w", 1), written, {})
    rows = read_rows(tmp_path / str(SegmentName("w", 1)))
    assert rows["shift"].to_list() == [None, 3_600_000, None] and rows["version"].to_list() == [0, 0, 1]
    assert rows["flag"].to_list() == [1, 1, 4] and rows["x"].to_list() == [1.0, 2.0, 9.0]
    assert with_finals(arrays, None) is arrays


def test_results_stand_in_the_segment(readings: Readings, tmp_path: Path) -> None:
    """What is on disk tells each test's result, so that any Parquet reader has it."""
    send(readings, 1, (40, 20.0), (30, 99.0))
    (segment,) = (tmp_path / "readings" / "segments").glob("*.parquet")
    rows = read_rows(segment)
    assert rows["flag"].to_list() == [GOOD, FAIL]
    assert unpack(rows["tests"][1])["gross_range"] == FAIL and result_of(rows["tests"].to_numpy(), 0).tolist() == [1, 1]
