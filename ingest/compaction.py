"""Many small segments into one sorted file a day and county, without a reader ever seeing a reading twice or not at all.

New files are written under new names; the manifest switches in one transaction; old files are removed after a while, because a reader
may still hold their names.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from foundation.clock import SHANGHAI, Clock, from_ms, to_ms
from foundation.errors import Conflict
from foundation.log import get_logger
from ingest import catalog as cat
from ingest.catalog import Catalog, StoredFile
from ingest.claims import Claim
from ingest.cursors import first_unconfirmed, forget
from ingest.newest import catch_up
from ingest.segments import COLUMNS, parse_name, read_rows, write_frame

GRACE_MS = 60_000
MOST_AT_ONCE = 600
# Days are cut at Shanghai midnight, which has been UTC+8 without summer time since 1992.
ZONE_MS = 8 * 3600 * 1000
_DAY_MS = 86_400_000


def day_number(t_ms: int) -> int:
    """Return the Shanghai calendar day of an instant as days since 1970-01-01."""
    return (t_ms + ZONE_MS) // _DAY_MS


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
    import polars as pl

    segments = catalog.files("kind = 'segment'")[:MOST_AT_ONCE]
    if not segments:
        return 0
    catch_up(folder, catalog)
    (folder / "daily").mkdir(exist_ok=True)
    _remove_orphans(folder, catalog)
    now = to_ms(clock.now())
    # A number of the catalogue's own, not the time: a clock may stand still or go back, a file's name must never come twice.
    told = catalog.rows("SELECT value FROM counter WHERE name = 'compactions'")
    generation = 1 + (int(str(told[0][0])) if told else 0)
    series = catalog.series()
    names = pl.DataFrame(
        {"sid": [s.sid for s in series], "county": [s.county for s in series], "device": [s.device for s in series],
         "channel": [s.channel for s in series]},
        schema={"sid": pl.UInt32, "county": pl.Utf8, "device": pl.Utf8, "channel": pl.Utf8},
    )  # fmt: skip
    fresh = pl.concat([read_rows(folder / "segments" / s.name) for s in segments])
    if fresh.height != sum(s.rows for s in segments):
        raise RuntimeError("a segment holds another number of readings than the manifest says; nothing was changed")
    fresh = fresh.join(names.select("sid", "county"), on="sid", how="left").with_columns(((pl.col("t") + ZONE_MS) // _DAY_MS).alias("day"))
    made: list[StoredFile] = []
    replaced: list[str] = [s.name for s in segments]
    for (county, day), part in fresh.group_by(["county", "day"]):
        older = catalog.files("kind = 'daily' AND county = ? AND day = ?", (county, day))
        frames = [*(read_rows(folder / "daily" / f.name) for f in older), part.select(COLUMNS)]
        replaced += [f.name for f in older]
        made.append(_write_day(folder / "daily", str(county), int(str(day)), pl.concat(frames), names, generation, now))
    with catalog.transaction() as db:
        cat.raise_to(db, "compactions", generation)
        for file in made:
            cat.put_file(db, file)
        db.executemany("DELETE FROM file WHERE name = ?", [(name,) for name in replaced])
        db.executemany("INSERT OR REPLACE INTO dropped VALUES (?, ?)", [(name, now) for name in replaced])
        db.executemany("DELETE FROM arrival WHERE name = ? AND kind = 'daily'", [(name,) for name in replaced])
        # A writer that starts anew must not use a compacted segment's name again.
        for name in map(parse_name, (s.name for s in segments)):
            if name is not None:
                cat.raise_to(db, f"next:{name.writer}", name.number + 1)
    return len(segments)


def remove_dropped(folder: Path, catalog: Catalog, clock: Clock, grace_ms: int = GRACE_MS) -> int:
    """Delete files that left the manifest longer ago than the grace and return how many that were.

    A segment a living sink has not confirmed stays: it tells the sink which readings are new. Its rows are in the daily files already.
    """
    now = to_ms(clock.now())
    kept_from = first_unconfirmed(catalog, now)
    old = catalog.rows(
        "SELECT d.name, a.number FROM dropped d LEFT JOIN arrival a ON a.name = d.name WHERE d.at <= ? AND coalesce(a.number, 0) < ?",
        (now - grace_ms, kept_from),
    )
    for name, _ in old:
        for place in ("segments", "daily"):
            (folder / place / str(name)).unlink(missing_ok=True)
    with catalog.transaction() as db:
        forget(db, [(str(name), int(str(number or 0))) for name, number in old])
    return len(old)


def _remove_orphans(folder: Path, catalog: Catalog) -> None:
    """Delete daily files nobody names: what a crash before the manifest's switch leaves. Their segments are still there."""
    known = {f.name for f in catalog.files("kind = 'daily'")} | {str(name) for (name,) in catalog.rows("SELECT name FROM dropped")}
    for path in [*(folder / "daily").glob("*.parquet"), *(folder / "daily").glob(".*.tmp")]:
        if path.name not in known:
            path.unlink(missing_ok=True)


def _write_day(folder: Path, county: str, day: int, frame: Any, names: Any, generation: int, now: int) -> StoredFile:
    """Write one day sorted by (series, time, received).

    A repeat of the same value goes; a different value for the same time stays, and the one received last is the one that counts.
    Device and channel stand in the file, so that any Parquet reader can use it without us.
    """
    import polars as pl

    ordered = frame.sort(["sid", "t", "received", "seq", "x"])
    repeat = pl.all_horizontal([pl.col(c) == pl.col(c).shift(1) for c in ("sid", "t", "x")]).fill_null(value=False)
    ordered = ordered.filter(~repeat).join(names.select("sid", "device", "channel"), on="sid", how="left", maintain_order="left")
    stamp = from_ms(day * _DAY_MS - ZONE_MS).astimezone(SHANGHAI).strftime("%Y%m%d")
    name = f"{county or 'unknown'}-{stamp}-{generation:08d}.parquet"
    # Small row groups, so that one series is found by their statistics without reading the whole day.
    write_frame(folder, name, ordered, compression="zstd", compression_level=1, statistics=True, row_group_size=20_000)
    return StoredFile(name, "daily", county, day, ordered.height, int(ordered["t"].min()), int(ordered["t"].max()), now)
