"""A short run of a writer that dies at its n-th durable step, for every n; a program of its own, because it forks.

A step is an fsync, a rename, a removal or a commit of the catalogue; the process ends right before it. What was acknowledged until then
is on disk in `acknowledged`, one line a batch, as a gateway would remember it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foundation.clock import FixedClock, from_ms
from ingest.batch import Batch
from ingest.manifest import PLACES
from ingest.payloads import encode_up
from ingest.service import Readings
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.faults.ingest_parts import BEGIN_MS, Directory, message

DIED, WRONG = 9, 10
GATEWAY = "gw-a"
SIZE = 40
BATCHES = ((0, 1, 2), (3, 4), (5, 6, 7))
MESSAGES = 8
RECEIVED_MS = BEGIN_MS + 3_600_000

Row = tuple[str, str, int, float]


def arm(die_at: int) -> Callable[[], int]:
    """End this process right before its n-th durable step; return a function that tells how many there were."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == die_at:
            os._exit(DIED)

    def before(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            step()
            return function(*arguments, **options)

        return wrapped

    for name in ("fsync", "fdatasync", "replace", "rename", "unlink", "link"):
        setattr(os, name, before(getattr(os, name)))
    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made: sqlite3.Connection = connect(*arguments, **options)
        made.set_trace_callback(lambda statement: step() if statement.startswith("COMMIT") else None)
        return made

    sqlite3.connect = connected  # type: ignore[assignment]
    return lambda: steps


def run(folder: Path) -> None:
    """Store three batches with a compaction after the second, acknowledging each when it is durable."""
    writer = Writer(folder, "0", Directory())
    with (folder / "acknowledged").open("ab", buffering=0) as told:
        for number, messages in enumerate(BATCHES):
            _store(writer, messages)
            told.write(json.dumps(messages).encode() + b"\n")
            if number == 1:
                _compact(folder)
    writer.close()


def check(folder: Path) -> None:
    """Start again after a death: nothing acknowledged is missing, and once everything was sent again it is there exactly once."""
    told = folder / "acknowledged"
    acknowledged = [n for line in told.read_text().splitlines() for n in json.loads(line)] if told.exists() else []
    writer = Writer(folder, "0", Directory())
    stored = rows(folder, writer)
    lost = wanted(acknowledged) - stored
    assert not lost, f"{len(lost)} acknowledged readings are lost, {sorted(lost)[:3]}"
    assert not stored - wanted(range(MESSAGES)), "something is there that was never sent"
    assert max(stored.values(), default=1) == 1, "a reading is there twice"
    _store(writer, range(MESSAGES))
    assert rows(folder, writer) == wanted(range(MESSAGES))
    _compact(folder)
    assert rows(folder, writer) == wanted(range(MESSAGES))
    left = [p.name for p in (folder / "segments").iterdir() if p.name.startswith(".0-")]
    assert not left, f"half-written files are left: {left}"
    writer.close()


def wanted(messages: Any) -> Counter[Row]:
    """Return what these messages hold."""
    return Counter((r.d, r.c, r.t, r.x) for n in messages for r in message(GATEWAY, n, SIZE))


def rows(folder: Path, writer: Writer) -> Counter[Row]:
    """Return the readings in the files the manifest names."""
    import polars as pl

    names = {s.sid: (s.device, s.channel) for s in writer.catalog.series()}
    found: Counter[Row] = Counter()
    for file in writer.catalog.files("kind IN ('segment', 'daily')"):
        frame = pl.read_parquet(folder / PLACES[file.kind] / file.name)
        told = frame.filter(pl.col("version") == 0) if "version" in frame.columns else frame
        found.update((*names[sid], t, x) for sid, t, x in told.select("sid", "t", "x").iter_rows())
    return found


def _store(writer: Writer, messages: Any) -> None:
    batch = Batch()
    for n in messages:
        writer.intake.take(up_topic(GATEWAY), encode_up(n + 1, message(GATEWAY, n, SIZE)), RECEIVED_MS + n, batch)
    assert not batch.dead, batch.dead
    writer.flush(batch)


def _compact(folder: Path) -> None:
    readings = Readings(folder, FixedClock(from_ms(RECEIVED_MS + 7_200_000)), Directory())
    readings.compact()
    readings.close()


def forked(work: Callable[[], None]) -> int:
    """Run something in a child of its own and return how it ended."""
    child = os.fork()
    if child == 0:
        code = 0
        try:
            work()
        except BaseException:
            traceback.print_exc()
            code = WRONG
        sys.stderr.flush()
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main(place: Path) -> None:
    """Die at step 1, 2, 3 … until a run comes through; print what was seen as JSON."""
    # Read once here and not in every child; nothing of it is used before the fork.
    import numpy as np
    import polars as pl

    assert np and pl
    deaths, wrong = 0, []
    for n in range(1, 10_000):
        folder = place / f"{n:04}"
        folder.mkdir(parents=True)

        def dying(folder: Path = folder, n: int = n) -> None:
            arm(n)
            run(folder)

        ended = forked(dying)
        if ended not in (0, DIED) or forked(lambda folder=folder: check(folder)) != 0:  # type: ignore[misc]
            wrong.append(n)
        if ended == 0:
            break
        deaths += 1
    print(json.dumps({"deaths": deaths, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
