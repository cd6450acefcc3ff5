"""A whole store is told so; a changed byte anywhere, a lost file, a lost row is found; a copy of a running store holds all of it."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from foundation.clock import FixedClock, SystemClock
from foundation.errors import BadInput, Conflict
from ingest.backing import restore, verify
from ingest.catalog import Catalog
from ingest.checking import check
from ingest.keeping import Store
from ingest.payloads import encode_up
from ingest.retention import Keep
from ingest.service import Readings
from tests.ingest.examples import DAY_MS, NOW_MS, TwoGateways, clock, level, message


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield a store with segments, daily files and rollups of every length."""
    made = Readings(tmp_path / "readings", now, TwoGateways())
    for seq in range(1, 7):
        old = 420 if seq < 4 else 2
        made.accept("by-01-gw", message(seq, *(level(old * 1440 + seq * 50 + n, 1.0 + n / 50, device="by-01-a") for n in range(40))))
    made.compact()
    made.store.retain(Keep())
    for seq in range(7, 10):
        made.accept("by-01-gw", message(seq, *(level(seq * 5 + n, 1.0, device="by-01-a") for n in range(3))))
    now.advance(timedelta(minutes=2))
    made.store.retain(Keep())
    yield made
    made.close()


def kinds(readings: Readings) -> dict[str, Path]:
    """Return one file of each kind."""
    found: dict[str, Path] = {}
    for place in ("segments", "daily", "rollup"):
        for path in (readings._folder / place).glob("*.parquet"):
            found[path.name.split(".", 1)[1] + place] = path
    return found


def test_a_whole_store_is_told_so(readings: Readings) -> None:
    """Everything the manifest names was looked at, and nothing is on disk beside it."""
    assert len(kinds(readings)) == 5, "segment, day, and windows of 5 min, 1 h and 1 d"
    for deep in (False, True):
        report = readings.store.check(deep=deep)
        assert report.whole and not report.notes and report.files == sum(k.files for k in readings.store.stats())
        assert report.bytes == sum(k.bytes for k in readings.store.stats()) and report.rows == sum(k.rows for k in readings.store.stats())


@pytest.mark.parametrize("seed", range(3))
def test_one_changed_byte_is_found_in_every_kind_of_file(readings: Readings, seed: int) -> None:
    """Wherever it is: header, page, footer."""
    dice = random.Random(seed)
    for path in kinds(readings).values():
        content = bytearray(path.read_bytes())
        at = dice.randrange(len(content))
        content[at] ^= 1 << dice.randrange(8)
        whole = path.read_bytes()
        path.write_bytes(content)
        report = readings.store.check()
        assert [f.file for f in report.faults] == [path.name], at
        path.write_bytes(whole)
    assert readings.store.check(deep=True).whole


def test_what_is_lost_is_named(readings: Readings) -> None:
    """A file that is gone, one cut off, one that nobody names, and one of an earlier release whose rows are fewer than told."""
    found = kinds(readings)
    daily, segment = next(p for p in found.values() if p.parent.name == "daily"), next(
        p for p in found.values() if p.parent.name == "segments"
    )  # fmt: skip
    content = daily.read_bytes()
    daily.unlink()
    assert [(f.file, f.what) for f in readings.store.check().faults] == [(daily.name, "is not there")]
    daily.write_bytes(content[:-100])
    assert "bytes instead of" in readings.store.check().faults[0].what
    daily.write_bytes(content)
    (daily.parent / "321023-20260101-00000099.parquet").write_bytes(b"of a crash")
    assert [n.file for n in readings.store.check().notes] == ["321023-20260101-00000099.parquet"]
    readings.compact()
    assert not readings.store.check().notes
    readings.accept("by-01-gw", message(50, level(1, 1.0, device="by-01-a"), level(2, 1.0, device="by-01-a")))
    (segment,) = (p for p in (readings._folder / "segments").glob("*.parquet") if p != segment and "000009" in p.name)
    with readings._catalog.transaction() as db:
        db.execute("DELETE FROM digest WHERE name = ?", (segment.name,))
    pl.read_parquet(segment)[:1].write_parquet(segment, metadata={"suhe.messages": '{"by-01-gw": [[50, 51]]}'})
    report = readings.store.check(deep=True)
    assert {f.what for f in report.faults} >= {
        "holds 1 rows instead of 2", "holds messages 50 to 51 of by-01-gw that are not known as stored"
    }  # fmt: skip
    assert "no hash was recorded" in report.notes[0].what


def test_a_damaged_catalogue_is_found(readings: Readings, tmp_path: Path) -> None:
    """SQLite's own check finds a page that is no page."""
    readings.store.backup(tmp_path / "copy")
    path = tmp_path / "copy" / "catalog.db"
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 3 + 64] = b"\xff" * 64
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "catalog.db").write_bytes(content)
    try:
        catalog = Catalog(folder)
    except sqlite3.DatabaseError:
        return
    assert any(f.file == "catalog.db" for f in check(folder, catalog).faults)
    catalog.close()


_WRITER = """
import sys, time
from pathlib import Path
from foundation.clock import SystemClock
from ingest.service import Readings
from tests.ingest.examples import TwoGateways, message, level
r = Readings(Path(sys.argv[1]), SystemClock(), TwoGateways())
seq = 1000
while True:
    ack = r.accept("sx-01-gw", message(seq, *(level(seq * 3 + n / 10, 1.0, device="sx-01-a") for n in range(5))))
    assert ack.acked
    print(seq, flush=True)
    seq += 1
"""


def test_a_copy_of_a_store_in_use_holds_everything_acknowledged_before(readings: Readings, tmp_path: Path) -> None:
    """A process writes, a thread compacts and removes without any grace, and copies are made: each is whole and complete."""
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path / "readings")], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    ended, told = threading.Event(), [0]

    def listen() -> None:
        for line in writer.stdout or ():
            told[0] = int(line)

    def compact() -> None:
        from ingest.compaction import remove_dropped

        store = Store(tmp_path / "readings", SystemClock())
        while not ended.wait(0.02):
            store.compact()
            remove_dropped(tmp_path / "readings", store.catalog, SystemClock(), grace_ms=300)
        store.catalog.close()

    threads = [threading.Thread(target=listen, daemon=True), threading.Thread(target=compact)]
    for thread in threads:
        thread.start()
    try:
        while told[0] < 1020:
            assert writer.poll() is None
            ended.wait(0.05)
        for turn in range(3):
            before = told[0]
            made = readings.store.backup(tmp_path / f"copy{turn}")
            report = verify(tmp_path / f"copy{turn}")
            assert report.whole and report.files == made.files, report.faults
            assert restore(tmp_path / f"copy{turn}", tmp_path / f"elsewhere{turn}").whole
            other = Readings(tmp_path / f"elsewhere{turn}", clock(), TwoGateways())
            stored = other._catalog.sequences("sx-01-gw")["sx-01-gw"]
            assert stored[0][0] == 1000 and stored[0][1] >= before
            assert len(other.range("sx-01-a", "water_level", 0, NOW_MS + DAY_MS, limit=10**6)) == (stored[0][1] - 999) * 5
            assert other.store.check(deep=True).whole
            other.close()
    finally:
        ended.set()
        writer.kill()
        writer.wait(10)
        threads[1].join(20)


def test_a_copy_that_is_not_whole_is_not_restored(readings: Readings, tmp_path: Path) -> None:
    """A changed byte in a file or in the catalogue's copy is told and nothing is put in place; nothing is overwritten either."""
    readings.store.backup(tmp_path / "copy")
    with pytest.raises(Conflict):
        readings.store.backup(tmp_path / "copy")
    with pytest.raises(Conflict):
        restore(tmp_path / "copy", tmp_path / "readings")
    with pytest.raises(BadInput):
        verify(tmp_path)
    for path in ((tmp_path / "copy" / "catalog.db"), next((tmp_path / "copy" / "daily").glob("*.parquet"))):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
        report = restore(tmp_path / "copy", tmp_path / "new")
        assert [f.file for f in report.faults] == [path.name] and not (tmp_path / "new").exists()
        path.write_bytes(content)
    assert restore(tmp_path / "copy", tmp_path / "new").whole


def test_what_a_running_store_may_lose_between_list_and_look_is_no_fault(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file compacted away after the manifest was read is looked up again and passed over."""
    from ingest import checking

    original, called = checking.digest_of, []

    def late(path: Path) -> object:
        if not called:
            called.append(path)
            readings.accept("by-01-gw", encode_up(70, [level(3, 1.0, device="by-01-a")]))
            readings.compact()
            from ingest.compaction import remove_dropped

            remove_dropped(readings._folder, readings._catalog, clock(), grace_ms=-(10**9))
        return original(path)

    monkeypatch.setattr(checking, "digest_of", late)
    assert readings.store.check().whole
