"""A worker killed at the one moment that matters: the segment is on disk, the catalogue does not know it yet."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from tests.faults.ingest_parts import field, message, waiting
from tests.waiting import wait_until

SIZE = 20


def test_killed_between_the_segment_and_the_catalogue(tmp_path: Path) -> None:
    """The segment left behind is adopted at the next start: its messages are acknowledged as known, and nothing is there twice."""
    segments = tmp_path / "readings" / "segments"
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send(message("gw-a", 0, SIZE))
        assert gateway.wait_until_empty(15)
        before = set(segments.glob("*.parquet"))
        with contextlib.closing(sqlite3.connect(tmp_path / "readings" / "catalog.db", isolation_level=None)) as other:
            # Another writer holds the catalogue, so the worker gets as far as the rename and no further.
            other.execute("BEGIN IMMEDIATE")
            gateway.send_many([message("gw-a", n, SIZE) for n in range(1, 11)])
            (left,) = wait_until(lambda: set(segments.glob("*.parquet")) - before, 10, every=0.01)
            assert waiting(made.spool("gw-a")) == 10, "nothing may be acknowledged before the catalogue has it"
            made.worker.kill()
            other.execute("ROLLBACK")
        made.worker.start()
        assert gateway.wait_until_empty(20)
        gateway.stop()
        made.check("gw-a", 11, SIZE)
        assert left in set(segments.glob("*.parquet"))
        state = made.readings.gateways()[0]
        assert (state.last_seq, state.messages, state.open_gaps) == (11, 11, ())


def test_a_half_written_segment_is_never_read(tmp_path: Path) -> None:
    """What a crash leaves under its working name is removed at the next start, and a torn file is put aside, not believed."""
    segments = tmp_path / "readings" / "segments"
    segments.mkdir(parents=True)
    (segments / ".0-0000000000.parquet.tmp").write_bytes(b"PAR1 half of a se")
    (segments / "0-0000000001.parquet").write_bytes(b"PAR1 torn by something that is not us")
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send_many([message("gw-a", n, SIZE) for n in range(5)])
        assert gateway.wait_until_empty(15)
        gateway.stop()
        made.check("gw-a", 5, SIZE)
        assert not list(segments.glob(".*.tmp"))
        assert len(list(segments.glob("*.unreadable"))) == 1


def test_a_store_that_cannot_be_written_acknowledges_nothing(tmp_path: Path) -> None:
    """While the segments' folder is away nothing is acknowledged and the worker lives on; when it is back everything is stored."""
    segments = tmp_path / "readings" / "segments"
    away = tmp_path / "readings" / "away"
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send(message("gw-a", 0, SIZE))
        assert gateway.wait_until_empty(15)
        segments.rename(away)
        gateway.send_many([message("gw-a", n, SIZE) for n in range(1, 21)])
        assert not gateway.wait_until_empty(1.5)
        assert made.worker.process.poll() is None
        away.rename(segments)
        assert gateway.wait_until_empty(15)
        gateway.stop()
        made.check("gw-a", 21, SIZE)
