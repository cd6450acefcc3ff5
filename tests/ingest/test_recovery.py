"""A crash at any step leaves what was acknowledged, and nothing twice."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.errors import Conflict
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.claims import claim_free_writer, claim_writer
from ingest.service import Readings
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import DAY_MS, NOW_MS, TwoGateways, clock, level, message

GATEWAY, DEVICE = "by-01-gw", "by-01-p1-level"

# A worker that takes messages and dies, without any warning, at a named step of its second flush.
DIES = """
import os, sys
from pathlib import Path
from ingest import writer as w
from ingest.batch import Batch
from ingest.topics import up_topic
from tests.ingest.examples import NOW_MS, TwoGateways, level, message

step, folder = sys.argv[1], Path(sys.argv[2])
writer = w.Writer(folder, "0", TwoGateways())
for seq in (1, 2):
    if seq == 2:
        die = lambda *a, **k: os._exit(9)
        if step == "before the segment":
            w.write_segment = die
        elif step == "in the segment":
            import ingest.segments as s
            s.os.fsync = die
        elif step == "between segment and catalogue":
            w.cat.put_file = die
        elif step == "inside the transaction":
            w.cat.put_gateway = die
    batch = Batch()
    writer.intake.take(up_topic("by-01-gw"), message(seq, level(10 - seq, float(seq))), NOW_MS, batch)
    writer.flush(batch)
    print("acknowledged", seq, flush=True)
os._exit(9)
"""
STEPS = ["before the segment", "in the segment", "between segment and catalogue", "inside the transaction", "after both"]


def values(folder: Path) -> list[float]:
    """Return every stored value."""
    readings = Readings(folder, clock(), TwoGateways())
    found = [p.value for p in readings.range(DEVICE, "water_level", 0, NOW_MS + DAY_MS)]
    rows = sum(f.rows for f in readings._catalog.files())
    assert rows == len(found) == readings.counts().readings
    readings.close()
    return found


@pytest.mark.parametrize("step", STEPS)
def test_a_writer_killed_at_any_step_keeps_what_it_acknowledged(step: str, tmp_path: Path) -> None:
    """After a restart the acknowledged message is stored, and the broker's redelivery of both brings every reading once."""
    told = subprocess.run([sys.executable, "-c", DIES, step, str(tmp_path)], capture_output=True, text=True, timeout=30, cwd=Path.cwd())
    assert told.returncode == 9, told.stderr
    acknowledged = told.stdout.count("acknowledged")
    assert acknowledged == (2 if step == "after both" else 1)
    writer = Writer(tmp_path, "0", TwoGateways())
    assert values(tmp_path)[:acknowledged] == [1.0, 2.0][:acknowledged]
    adopted = step in ("between segment and catalogue", "inside the transaction", "after both")
    assert values(tmp_path) == ([1.0, 2.0] if adopted else [1.0])
    batch = Batch()
    for seq in (1, 2, 3):
        writer.intake.take(up_topic(GATEWAY), message(seq, level(10 - seq, float(seq))), NOW_MS, batch)
    writer.flush(batch)
    assert batch.acks()[GATEWAY].acked == [(1, 3)]
    assert values(tmp_path) == [1.0, 2.0, 3.0]
    assert not list((tmp_path / "segments").glob(".*.tmp"))
    writer.close()


def test_a_store_that_fails_acknowledges_nothing_and_the_next_try_stores_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch whose commit failed is flushed again: one segment, every reading once."""
    writer = Writer(tmp_path, "0", TwoGateways())
    batch = Batch()
    writer.intake.take(up_topic(GATEWAY), message(1, level(5, 1.0)), NOW_MS, batch)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("ingest.writer.cat.put_gateway", full)
        with pytest.raises(sqlite3.OperationalError):
            writer.flush(batch)
    writer.flush(batch)
    assert values(tmp_path) == [1.0]
    assert len(list((tmp_path / "segments").glob("*.parquet"))) == 1
    writer.close()


def test_over_http_a_store_that_fails_takes_the_message_when_it_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error before the acknowledgement is an error to the sender, whose second try is stored."""
    readings = Readings(tmp_path, clock(), TwoGateways())

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ingest.writer.write_segment", full)
        with pytest.raises(OSError, match="No space"):
            readings.accept(GATEWAY, message(1))
    assert readings.accept(GATEWAY, message(1)).acked == [(1, 1)]
    assert readings.counts().readings == 1
    readings.close()


def test_numbers_are_not_used_again_after_their_segments_are_gone(tmp_path: Path) -> None:
    """A writer that starts after a compaction goes on counting: a name never stands for two segments."""
    readings = Readings(tmp_path, clock(), TwoGateways())
    for seq in (1, 2):
        readings.accept(GATEWAY, message(seq, level(seq, float(seq))))
    readings.compact()
    for path in (tmp_path / "segments").glob("*.parquet"):
        path.unlink()
    with readings._catalog.transaction() as db:
        db.execute("DELETE FROM dropped")
    readings.close()
    readings = Readings(tmp_path, clock(), TwoGateways())
    readings.accept(GATEWAY, message(3, level(3, 3.0)))
    assert [f.name for f in readings._catalog.files("kind = 'segment'")] == ["web-0000000002.parquet"]
    assert sorted(values(tmp_path)) == [1.0, 2.0, 3.0]
    readings.close()


def test_a_writer_has_its_name_alone(tmp_path: Path) -> None:
    """Two living writers of one name are impossible; web processes take the next free one; a dead one's name is free."""
    held = claim_writer(tmp_path, "0")
    with pytest.raises(Conflict):
        Writer(tmp_path, "0", TwoGateways())
    first, one = claim_free_writer(tmp_path, "web")
    second, two = claim_free_writer(tmp_path, "web")
    assert (first, second) == ("web", "web-2")
    for claim in (held, one, two):
        claim.release()
    Writer(tmp_path, "0", TwoGateways()).close()


def test_two_services_take_the_same_message_once(tmp_path: Path) -> None:
    """A message that came to one web process is a duplicate for the other, and for a worker."""
    one, two = (Readings(tmp_path, clock(), TwoGateways()) for _ in range(2))
    writer = Writer(tmp_path, "0", TwoGateways())
    batch = Batch()
    writer.intake.take(up_topic(GATEWAY), message(1), NOW_MS, batch)
    writer.flush(batch)
    for seq in (2, 3, 4, 5):
        (one if seq % 2 else two).accept(GATEWAY, message(seq))
        (two if seq % 2 else one).accept(GATEWAY, message(seq))
    writer.intake.refresh()
    batch = Batch()
    for seq in range(1, 7):
        writer.intake.take(up_topic(GATEWAY), message(seq), NOW_MS, batch)
    writer.flush(batch)
    assert one.counts().readings == 6 and one.gateways()[0].open_gaps == ()
    assert Catalog(tmp_path).sequences() == {GATEWAY: [(1, 6)]}
    for service in (one, two, writer):
        service.close()


def test_a_segment_nobody_can_read_is_put_aside(tmp_path: Path) -> None:
    """A torn file does not keep a worker from starting."""
    Writer(tmp_path, "0", TwoGateways()).close()
    (tmp_path / "segments" / "0-0000000005.parquet").write_bytes(b"PAR1 and then nothing")
    writer = Writer(tmp_path, "0", TwoGateways())
    assert [p.name for p in (tmp_path / "segments").glob("0-*")] == ["0-0000000005.unreadable"]
    batch = Batch()
    writer.intake.take(up_topic(GATEWAY), message(1), NOW_MS, batch)
    writer.flush(batch)
    assert (tmp_path / "segments" / "0-0000000006.parquet").exists()
    writer.close()
