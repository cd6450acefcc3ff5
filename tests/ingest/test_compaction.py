"""Compaction changes no answer, loses nothing, and leaves readers in peace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from foundation.clock import FixedClock
from ingest.catalog import Catalog
from ingest.claims import Claim
from ingest.compaction import GRACE_MS, compact, remove_dropped
from ingest.service import Readings
from tests.ingest.examples import DAY_MS, HOUR_MS, NOW_MS, TwoGateways, clock, level, message

# A count is held against its range only: what stands beside it changes no flag.
CHANNEL = "spore_count"
KEYS = [("by-01-a", CHANNEL), ("by-01-b", CHANNEL), ("sx-01-a", CHANNEL)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the store's folder."""
    return tmp_path / "readings"


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(folder: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield a store."""
    made = Readings(folder, now, TwoGateways())
    yield made
    made.close()


def fill(readings: Readings, dice: random.Random, first_seq: int, messages: int = 25) -> None:
    """Hand in messages over five days and two counties, with repeats, corrections and late ones."""
    for seq in range(first_seq, first_seq + messages):
        for gateway in ("by-01-gw", "sx-01-gw"):
            base = gateway.removesuffix("gw")
            parts = [
                level(dice.randrange(0, 5 * 1440, 30), dice.choice([1.0, 2.0, 30_000.0, -5.0]), base + dice.choice("ab"), CHANNEL)
                for _ in range(dice.randint(1, 40))
            ]
            readings.accept(gateway, message(seq, *parts))


def answers(readings: Readings) -> list[object]:
    """Return everything one can ask."""
    span = (NOW_MS - 6 * DAY_MS, NOW_MS + DAY_MS)
    told: list[object] = [readings.range(*key, *span, limit=10_000) for key in KEYS]
    told += [readings.aggregate(*key, *span, 6 * HOUR_MS) for key in KEYS]
    told += [readings.gaps(*key, *span, HOUR_MS) for key in KEYS]
    return [*told, readings.latest(), [(g.gateway, g.open_gaps, g.last_seq) for g in readings.gateways()]]


@pytest.mark.parametrize("seed", range(4))
def test_every_answer_is_the_same_before_and_after(seed: int, readings: Readings, folder: Path) -> None:
    """Ranges, windows, gaps and latest values do not know whether their segments were merged, once, again, or with more behind them."""
    dice = random.Random(seed)
    fill(readings, dice, 1)
    before = answers(readings)
    assert readings.compact() == 50
    assert answers(readings) == before
    assert readings.counts().segments == 0
    fill(readings, dice, 26)
    before = answers(readings)
    assert readings.compact() == 50 and readings.compact() == 0
    assert answers(readings) == before
    daily = readings._catalog.files("kind = 'daily'")
    assert len({(f.county, f.day) for f in daily}) == len(daily) and {f.county for f in daily} == {"321023", "371522"}
    for f in daily:
        frame = pl.read_parquet(folder / "daily" / f.name)
        assert frame.height == f.rows and frame.equals(frame.sort(["sid", "t", "received", "seq", "x"]))


def test_old_files_stay_for_those_who_are_reading_them(readings: Readings, folder: Path, now: FixedClock) -> None:
    """A file that left the manifest is deleted after the grace, not before."""
    readings.accept("by-01-gw", message(1))
    (segment,) = (folder / "segments").glob("*.parquet")
    readings.compact()
    assert segment.exists()
    now.advance(timedelta(milliseconds=GRACE_MS + 1))
    readings.compact()
    assert not segment.exists() and readings.counts().daily_files == 1


def test_a_question_begun_before_a_deletion_is_asked_again(readings: Readings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that goes between the manifest and the read is no error: the manifest is asked again."""
    readings.accept("by-01-gw", message(1, level(5, 1.0, "by-01-a", CHANNEL)))
    history = readings._history
    original, asked = history._files, []

    def files(*arguments: object) -> list[str]:
        found = original(*arguments)  # type: ignore[arg-type]
        asked.append(found)
        if len(asked) == 1:
            compact(folder, readings._catalog, clock())
            remove_dropped(folder, readings._catalog, clock(), grace_ms=-1)
        return found

    monkeypatch.setattr(history, "_files", files)
    assert [p.value for p in readings.range(*KEYS[0], 0, NOW_MS)] == [1.0]
    assert len(asked) == 2


def test_a_crash_before_the_manifest_switches_changes_nothing(readings: Readings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Daily files written but not named are removed by the next compaction, and nothing is merged twice."""
    dice = random.Random(9)
    fill(readings, dice, 1, 5)
    before = answers(readings)

    def crash(*_: object) -> None:
        raise SystemExit("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("ingest.compaction.cat.put_file", crash)
        with pytest.raises(SystemExit):
            readings.compact()
    (folder / "daily" / "321023-20260101-00000099.parquet").write_bytes(b"of an earlier crash")
    assert answers(readings) == before
    assert readings.compact() == 10
    assert answers(readings) == before
    assert {p.name for p in (folder / "daily").iterdir()} == {f.name for f in readings._catalog.files("kind = 'daily'")}


def test_one_compaction_at_a_time(readings: Readings, folder: Path) -> None:
    """While another process compacts, nothing is merged; its end frees the way."""
    readings.accept("by-01-gw", message(1))
    other = Claim(folder / ".compaction.lock")
    assert readings.compact() == 0
    other.release()
    assert readings.compact() == 1


def test_a_segment_that_lost_rows_is_not_merged(readings: Readings, folder: Path) -> None:
    """A file that holds another number of readings than the manifest says stops the compaction with nothing changed."""
    readings.accept("by-01-gw", message(1))
    catalog = Catalog(folder)
    with catalog.transaction() as db:
        db.execute("UPDATE file SET rows = rows + 1")
    with pytest.raises(RuntimeError):
        compact(folder, catalog, clock())
    assert readings.counts().segments == 1
    catalog.close()


def test_files_of_an_earlier_release_answer_and_are_written_anew(readings: Readings, folder: Path, now: FixedClock) -> None:
    """Without the newer columns, hashes and windows: every answer is the same, and the next compaction gives them all three."""
    fill(readings, random.Random(3), 1)
    readings.compact()
    now.advance(timedelta(days=2))
    readings.compact()
    before = answers(readings)
    catalog = readings._catalog
    for f in catalog.files("kind = 'daily'"):
        path = folder / "daily" / f.name
        pl.read_parquet(path).drop("tests", "shift", "version").write_parquet(path)
    with catalog.transaction() as db:
        for table in ("digest", "span", "rollup", "rollup_day"):
            db.execute(f"DELETE FROM {table}")
    assert answers(readings) == before and len(readings.days()) > 5
    days = readings.days()
    assert readings.store.check().notes and readings.store.check().whole
    readings.compact()
    assert answers(readings) == before and readings.days() == days
    report = readings.store.check(deep=True)
    assert report.whole and not report.notes and {k.name for k in readings.store.stats() if k.files} == {"daily", "rollup 1h", "rollup 1d"}
