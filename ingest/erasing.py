"""Deleting a device's readings by hand: out of every file, with a trace that stays.

What is sealed stays sealed: the log keeps each plot-day's root and numbers, and a check of such a day says that its readings are gone and
who took them. The numbers of the gateway's messages stay too, so that nothing counts as a gap and nothing is asked for again; a message
that is sent again all the same has its readings stored anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, NotFound
from ingest import catalog as cat
from ingest import manifest
from ingest.asking import Asker, among, counted
from ingest.catalog import Catalog
from ingest.claims import Claim
from ingest.compaction import merge_segments, remove_dropped
from ingest.deletions import Deletion, put_deletions
from ingest.manifest import PLACES
from ingest.merging import Merge
from ingest.quality import FUTURE_SUSPECT_MS
from ingest.segments import read_rows


def erase(
    folder: Path, catalog: Catalog, clock: Clock, device: str, channel: str, start_ms: int, end_ms: int, *, who: str, why: str
) -> Deletion:
    """Delete the readings of a device, or of one channel of it, observed in [start, end).

    Raises Conflict where a compaction is at work just now, NotFound where there is nothing. What arrives after this is stored.
    """
    import numpy as np
    import polars as pl

    if not why.strip() or not who.strip():
        raise BadInput("a deletion has a reason and somebody who gives it", expected="--why and --who", got=repr(why[:40]))
    if end_ms <= start_ms:
        raise BadInput("this stretch of time is empty", expected="an end after its start", got=f"{start_ms} to {end_ms}")
    wanted = [s for s in catalog.series("device = ?", (device,)) if channel in ("", s.channel)]
    if not wanted:
        raise NotFound("nothing was ever read from this", got=f"{device} {channel}".strip()[:120])
    sids, county, now = [s.sid for s in wanted], wanted[0].county, to_ms(clock.now())
    claim = Claim(folder / ".compaction.lock")
    try:
        while merge_segments(folder, catalog, now):
            pass
        merge, spans = Merge(folder, catalog, now), manifest.spans(catalog)
        gone: list[Any] = []
        files: list[str] = []
        for f in catalog.files("kind = 'daily' AND county = ? AND max_t >= ? AND min_t < ?", (county, start_ms, end_ms)):
            frame = read_rows(folder / PLACES["daily"] / f.name)
            out = pl.col("sid").is_in(sids) & (pl.col("t") >= start_ms) & (pl.col("t") < end_ms)
            rows = frame.filter(out)
            if rows.height:
                gone.append(rows)
                files.append(f.name)
                merge.write(county, *spans.get(f.name, (f.day, f.day)), frame.filter(~out), [])
                merge.replace([f.name])
        windows = merge.forget_series(county, sids, start_ms, end_ms)
        if not gone and not windows:
            merge.close()
            raise NotFound("there is no reading of this then", got=f"{device} {channel}".strip()[:120])
        told = pl.concat(gone) if gone else frame_without_rows()
        what = "readings" if gone else "windows"
        names = {s.sid: f"{s.device},{s.channel}" for s in wanted}
        made = Deletion(
            now,
            who,
            why,
            what,
            county,
            device,
            channel,
            start_ms,
            end_ms,
            told.height or windows,
            " ".join(files),
            fingerprint(told, names),
        )
        merge.finish([lambda db: put_deletions(db, [made])])
        # Those who hold the old names ask again; nothing of what was deleted stays on disk.
        remove_dropped(folder, catalog, clock, grace_ms=-1, also_unconfirmed=True)
    finally:
        claim.release()
    _latest_again(folder, catalog, sids, np.iinfo(np.int64).max)
    return made


def fingerprint(rows: Any, names: dict[int, str]) -> str:
    """Return the SHA-256 over `device,channel,time,value,received,number` of every row, one line each, sorted."""
    told = hashlib.sha256()
    ordered = rows.filter(rows["version"] == 0)
    lines = zip(*(ordered[name].to_list() for name in ("sid", "t", "x", "received", "seq")), strict=True)
    for line in sorted(f"{names[sid]},{t},{x!r},{received},{seq}\n" for sid, t, x, received, seq in lines):
        told.update(line.encode())
    return told.hexdigest()


def frame_without_rows() -> Any:
    """Return a frame of the store's columns without a row."""
    from ingest.segments import COLUMNS, frame_of

    return frame_of({name: [] for name in COLUMNS})


def _latest_again(folder: Path, catalog: Catalog, sids: Iterable[int], end_ms: int) -> None:
    """Say anew what the newest reading of these series is, from what is left."""
    wanted = list(sids)
    asker = Asker(folder, catalog)

    def ask() -> Any:
        one = counted([asker.path(f) for f in asker.files_of(wanted, -(2**62), end_ms)], among(wanted), "max(received) AS received")
        newest = "arg_max(x, t), arg_max(flag, t), arg_max(received, t)"
        query = f"SELECT sid, max(t), {newest} FROM ({one}) WHERE t - received <= {FUTURE_SUSPECT_MS} GROUP BY sid"
        return asker.cursor().execute(query).fetchall()

    found = asker.again(ask)
    with catalog.transaction() as db:
        db.executemany("DELETE FROM latest WHERE sid = ?", [(sid,) for sid in wanted])
        cat.put_latest(db, found)
