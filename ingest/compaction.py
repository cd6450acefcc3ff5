"""Many small segments into one sorted file a day and county, without a reader ever seeing a reading twice or not at all.

New files are written under new names; the manifest switches in one transaction; old files are removed after a while, because a reader
may still hold their names.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundation.clock import Clock, to_ms
from foundation.errors import Conflict
from foundation.log import get_logger
from ingest import catalog as cat
from ingest.catalog import Catalog, StoredFile
from ingest.claims import Claim
from ingest.cursors import first_unconfirmed, forget
from ingest.manifest import PLACES, rollups
from ingest.merging import Merge
from ingest.newest import catch_up
from ingest.rollups import DAY_MS, ZONE_MS
from ingest.segments import COLUMNS, parse_name, read_rows
from ingest.tidying import day_holders, tidy

GRACE_MS = 60_000
MOST_AT_ONCE = 600


class Compactor(threading.Thread):
    """Compacts every `seconds`, and earlier when more than `most` segments wait."""

    def __init__(self, folder: Path, clock: Clock, seconds: float, most: int, stop: threading.Event) -> None:
        super().__init__(name="compactor", daemon=True)
        self._folder, self._clock, self._seconds, self._most, self._ending = folder, clock, seconds, most, stop
        self._log = get_logger(__name__)

    def run(self) -> None:
        """Look every second; compact when it is time."""
        catalog = Catalog(self._folder)
        last = time.monotonic()
        while not self._ending.wait(1.0):
            waiting = int(catalog.rows("SELECT count(*) FROM file WHERE kind = 'segment'")[0][0])  # type: ignore[call-overload]
            if waiting <= self._most and time.monotonic() - last < self._seconds:
                continue
            last = time.monotonic()
            try:
                merged = compact(self._folder, catalog, self._clock)
                remove_dropped(self._folder, catalog, self._clock)
                self._log.info("compacted", segments=merged, seconds=round(time.monotonic() - last, 2))
            except Exception:  # noqa: BLE001 - the segments stay as they are and are tried again
                self._log.exception("compaction failed")
        catalog.close()


def compact(folder: Path, catalog: Catalog, clock: Clock) -> int:
    """Merge the waiting segments into daily files and return how many were merged; none where another process is at it."""
    try:
        claim = Claim(folder / ".compaction.lock")
    except Conflict:
        return 0
    try:
        return _compact(folder, catalog, clock)
    finally:
        claim.release()


def _compact(folder: Path, catalog: Catalog, clock: Clock) -> int:
    now = to_ms(clock.now())
    (folder / "daily").mkdir(exist_ok=True)
    _remove_orphans(folder, catalog)
    merged = merge_segments(folder, catalog, now)
    tidy(folder, catalog, now)
    return merged


def merge_segments(folder: Path, catalog: Catalog, now: int) -> int:
    """Merge waiting segments, at most `MOST_AT_ONCE`, and return how many; the caller holds the claim of compaction."""
    import polars as pl

    segments = catalog.files("kind = 'segment'")[:MOST_AT_ONCE]
    if not segments:
        return 0
    catch_up(folder, catalog)
    merge, series = Merge(folder, catalog, now), catalog.series()
    known = pl.DataFrame(
        {"sid": [s.sid for s in series], "county": [s.county for s in series]}, schema={"sid": pl.UInt32, "county": pl.Utf8}
    )
    fresh = pl.concat([read_rows(folder / "segments" / s.name) for s in segments])
    if fresh.height != sum(s.rows for s in segments):
        raise RuntimeError("a segment holds another number of readings than the manifest says; nothing was changed")
    holders = day_holders(catalog)
    fresh = fresh.join(known, on="sid", how="left").with_columns(pl.col("county").fill_null(""), day=(pl.col("t") + ZONE_MS) // DAY_MS)
    together: dict[tuple[str, int, int], list[Any]] = {}
    for (county, day), part in fresh.partition_by(["county", "day"], as_dict=True).items():
        holder = holders.get((str(county), int(str(day))))
        first, last = (holder.first, holder.last) if holder else (int(str(day)),) * 2
        together.setdefault((str(county), first, last), []).append(part.select(COLUMNS))
    for (county, first, last), parts in together.items():
        older = {f.name: f for d in range(first, last + 1) if (h := holders.get((county, d))) for f in h.files}
        merge.write(county, first, last, pl.concat(parts), older.values())
    merge.replace(s.name for s in segments)
    merge.finish([lambda db: _count_on(db, segments)])
    return len(segments)


def _count_on(db: sqlite3.Connection, segments: Sequence[StoredFile]) -> None:
    """See to it that a writer that starts anew does not use a compacted segment's name again."""
    for name in map(parse_name, (s.name for s in segments)):
        if name is not None:
            cat.raise_to(db, f"next:{name.writer}", name.number + 1)


def remove_dropped(folder: Path, catalog: Catalog, clock: Clock, grace_ms: int = GRACE_MS, *, also_unconfirmed: bool = False) -> int:
    """Delete files that left the manifest longer ago than the grace and return how many that were.

    A segment a living sink has not confirmed stays: it tells the sink which readings are new. Its rows are in the daily files already.
    `also_unconfirmed` takes it all the same; the sink is fed from the daily files then.
    """
    now = to_ms(clock.now())
    kept_from = 2**62 if also_unconfirmed else first_unconfirmed(catalog, now)
    old = catalog.rows(
        "SELECT d.name, a.number FROM dropped d LEFT JOIN arrival a ON a.name = d.name WHERE d.at <= ? AND coalesce(a.number, 0) < ?",
        (now - grace_ms, kept_from),
    )
    for name, _ in old:
        for place in PLACES.values():
            (folder / place / str(name)).unlink(missing_ok=True)
    with catalog.transaction() as db:
        forget(db, [(str(name), int(str(number or 0))) for name, number in old])
    return len(old)


def _remove_orphans(folder: Path, catalog: Catalog) -> None:
    """Delete sorted files nobody names: what a crash before the manifest's switch leaves. Their segments are still there."""
    known = {f.name for f in catalog.files("kind = 'daily'")} | {f.name for f in rollups(catalog)}
    known |= {str(name) for (name,) in catalog.rows("SELECT name FROM dropped")}
    for place in ("daily", "rollup"):
        for path in [*(folder / place).glob("*.parquet"), *(folder / place).glob(".*.tmp")]:
            if path.name not in known:
                path.unlink(missing_ok=True)
