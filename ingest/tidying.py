"""Days that are over, gathered into one file a month where they are small, and files of earlier releases written as we write now.

A file costs some 1,200 bytes whatever is in it, which for a county of two weather stations is more than its readings. A large county
keeps one file a day: rewriting a month for one late reading would cost more than it saves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingest import manifest
from ingest.catalog import Catalog, StoredFile
from ingest.merging import Merge
from ingest.rollups import day_number

# Days are gathered when nothing more is likely to come for them, into files of at most so many rows.
SETTLED_DAYS, MOST_ROWS = 3, 600_000
# So many loose days of a running month make it worth rewriting what is gathered of it.
WORTH_IT = 8
# One pass must not keep compaction from its segments for long.
ROWS_AT_ONCE = 3_000_000
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Holder:
    """The files that hold a day of a county, and the days these hold."""

    first: int
    last: int
    files: tuple[StoredFile, ...]


def day_holders(catalog: Catalog) -> dict[tuple[str, int], Holder]:
    """Return, by county and day, where its readings stand."""
    with catalog.snapshot():
        files, spans = catalog.files("kind = 'daily'"), manifest.spans(catalog)
    found: dict[tuple[str, int], Holder] = {}
    for f in files:
        first, last = spans.get(f.name, (f.day, f.day))
        for day in range(first, last + 1):
            before = found.get((f.county, day))
            found[f.county, day] = Holder(first, last, (*(before.files if before else ()), f))
    return found


def tidy(folder: Path, catalog: Catalog, now_ms: int) -> int:
    """Gather and renew some files and return how many were replaced; the caller holds the claim of compaction."""
    merge, rows = Merge(folder, catalog, now_ms), 0
    for county, first, last, files in _wanting(catalog, day_number(now_ms)):
        size = sum(f.rows for f in files)
        if rows and rows + size > ROWS_AT_ONCE:
            break
        rows += size
        merge.write(county, first, last, None, files, made_ms=max(f.made for f in files))
    if not rows:
        merge.close()
        return 0
    replaced = len(merge.replaced)
    merge.finish()
    return replaced


def _wanting(catalog: Catalog, today: int) -> Iterator[tuple[str, int, int, list[StoredFile]]]:
    """Yield county, first day, last day and files of what is to be written anew, the oldest months first."""
    with catalog.snapshot():
        files, spans = catalog.files("kind = 'daily'"), manifest.spans(catalog)
        known, rolled = manifest.digests(catalog), {d.source for d in manifest.rolled_days(catalog)}
        frozen = {(d.county, d.day) for d in manifest.rolled_days(catalog, "frozen")}
    months: dict[tuple[tuple[int, int], str], list[StoredFile]] = defaultdict(list)
    for f in files:
        months[_month(f.day), f.county].append(f)
    for (month, county), some in sorted(months.items()):
        settled = [f for f in some if spans.get(f.name, (f.day, f.day))[1] < today - SETTLED_DAYS]
        loose = [f for f in settled if f.name not in spans]
        over = month < _month(today - SETTLED_DAYS)
        if len(settled) > 1 and sum(f.rows for f in settled) <= MOST_ROWS and (len(loose) >= WORTH_IT or over):
            ends = [spans.get(f.name, (f.day, f.day)) for f in settled]
            yield county, min(a for a, _ in ends), max(b for _, b in ends), settled
            continue
        for f in some:
            stale = f.name not in known or (f.name not in rolled and (county, f.day) not in frozen)
            if stale:
                yield county, *spans.get(f.name, (f.day, f.day)), [f]


def _month(day: int) -> tuple[int, int]:
    found = date.fromordinal(min(max(_EPOCH + day, 1), date.max.toordinal()))
    return found.year, found.month
