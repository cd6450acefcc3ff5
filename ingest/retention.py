"""How long what is kept, by the time of observation.

Readings 13 months, windows of five minutes three years, of an hour and a day for ever. Readings go by whole files, after their windows
of five minutes are written; windows of an hour and a day stand already. A reading that comes for a day that is gone is kept until the
next run and then added to that day's windows.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from foundation.clock import SHANGHAI, Clock, to_ms
from foundation.errors import Conflict
from ingest import manifest
from ingest.catalog import Catalog
from ingest.claims import Claim
from ingest.deletions import RETENTION, Deletion, put_deletions
from ingest.manifest import PLACES, digest_of
from ingest.merging import Merge
from ingest.rollups import FIVE_MINUTES, day_start
from ingest.segments import read_rows
from ingest.settling import settle

_EPOCH = date(1970, 1, 1).toordinal()
# One run takes so many readings at once, so that compaction is not kept waiting; the next run goes on.
ROWS_AT_ONCE = 5_000_000


@dataclass(frozen=True)
class Keep:
    """For how many months readings and windows of five minutes are kept; 0 means for ever."""

    readings_months: int = 13
    five_minute_months: int = 36


def retain(folder: Path, catalog: Catalog, clock: Clock, keep: Keep) -> list[Deletion]:
    """Take what is older than it is kept for, and return the trace; nothing where a compaction is at work just now."""
    try:
        claim = Claim(folder / ".compaction.lock")
    except Conflict:
        return []
    try:
        return _retain(folder, catalog, clock, keep)
    finally:
        claim.release()


def _retain(folder: Path, catalog: Catalog, clock: Clock, keep: Keep) -> list[Deletion]:
    today, now = clock.now().astimezone(SHANGHAI).date(), to_ms(clock.now())
    readings_from, windows_from = (
        _months_before(today, months) if months else None for months in (keep.readings_months, keep.five_minute_months)
    )
    spans, known = manifest.spans(catalog), manifest.digests(catalog)
    merge, trace, rows = Merge(folder, catalog, now), list[Deletion](), 0

    def note(what: str, county: str, first: int, last: int, count: int, name: str, path: Path) -> None:
        digest = known.get(name) or digest_of(path)
        why = f"{what} are kept {keep.readings_months if what == 'readings' else keep.five_minute_months} months"
        span = (day_start(first), day_start(last + 1))
        trace.append(Deletion(now, RETENTION, why, what, county, "", "", *span, count, name, digest.sha256.hex()))
        merge.replace([name])

    for f in catalog.files("kind = 'daily'") if readings_from is not None else ():
        first, last = spans.get(f.name, (f.day, f.day))
        if readings_from is None or last >= readings_from or rows >= ROWS_AT_ONCE:
            continue
        path = folder / PLACES["daily"] / f.name
        merge.freeze(f.county, first, last, settle(read_rows(path)), f.name, five_minutes_from=windows_from)
        note("readings", f.county, first, last, f.rows, f.name, path)
        rows += f.rows
    for r in manifest.rollups(catalog, "window_ms = ?", (FIVE_MINUTES.window_ms,)):
        if windows_from is not None and r.last < windows_from:
            note("5 min windows", r.county, r.first, r.last, r.rows, r.name, folder / PLACES["rollup"] / r.name)
    if trace:
        merge.finish([lambda db: put_deletions(db, trace)])
    merge.close()
    return trace


def _months_before(today: date, months: int) -> int:
    """Return the day, as a number, that lies so many months back."""
    year, month = divmod(today.year * 12 + today.month - 1 - months, 12)
    day = min(today.day, calendar.monthrange(year, month + 1)[1])
    return date(year, month + 1, day).toordinal() - _EPOCH
