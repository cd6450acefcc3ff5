"""Whether a store is whole: every file the manifest names, against what was recorded when it was written.

1 the catalogue itself, 2 every named file: there, of its size and SHA-256, of the rows its own footer tells, 3 for segments, that the
messages inside are known as stored, 4 files nobody names. `deep` also reads every row: times, series, order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingest import manifest
from ingest.catalog import Catalog
from ingest.manifest import PLACES, Digest, digest_of
from ingest.segments import messages_in, parse_name
from ingest.sequences import Sequences


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written."""

    file: str
    what: str


@dataclass
class Report:
    """What was looked at, what is wrong, and what is worth knowing without being wrong."""

    files: int = 0
    rows: int = 0
    bytes: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True)
class _Named:
    kind: str
    name: str
    rows: int
    min_t: int
    max_t: int


def check(folder: Path, catalog: Catalog, *, deep: bool = False) -> Report:
    """Check a store while it is in use: what a compaction takes away meanwhile is looked up in the manifest again."""
    report = Report()
    try:
        report.faults += [Fault("catalog.db", str(told)) for (told,) in catalog.rows("PRAGMA integrity_check") if told != "ok"]  # 1
        _check_files(folder, catalog, report, deep=deep)
    except sqlite3.DatabaseError as error:
        report.faults.append(Fault("catalog.db", str(error)))
    return report


def _check_files(folder: Path, catalog: Catalog, report: Report, *, deep: bool) -> None:
    with catalog.snapshot():
        named = [_Named(f.kind, f.name, f.rows, f.min_t, f.max_t) for f in catalog.files()]
        named += [_Named("rollup", r.name, r.rows, r.min_t, r.max_t) for r in manifest.rollups(catalog)]
        known, sids = manifest.digests(catalog), {s.sid for s in catalog.series()}
        stored = {gateway: Sequences(ranges) for gateway, ranges in catalog.sequences().items()}
    for name in sorted(set(known) - {n.name for n in named}):
        report.notes.append(Fault(name, "a hash is recorded of a file the manifest does not name"))
    for one in named:  # 2 and 3
        path = folder / PLACES[one.kind] / one.name
        faults = list(_file(path, one, known.get(one.name), sids, stored, deep=deep))
        if faults and not _named_still(catalog, one):
            continue
        report.files += 1
        report.rows += one.rows
        report.bytes += path.stat().st_size if path.exists() else 0
        report.faults += [Fault(one.name, what) for what in faults]
        if one.name not in known:
            report.notes.append(Fault(one.name, "of an earlier release: no hash was recorded; the next compactions write it anew"))
    report.notes += _unnamed(folder, catalog)  # 4


def _file(
    path: Path, one: _Named, digest: Digest | None, sids: set[int], stored: dict[str, Sequences], *, deep: bool
) -> Iterator[str]:  # fmt: skip
    import polars as pl

    try:
        found = digest_of(path)
    except FileNotFoundError:
        yield "is not there"
        return
    except OSError as error:
        yield f"cannot be read: {error.strerror}"
        return
    if digest is not None and found != digest:
        size = f"{found.size} bytes instead of {digest.size}" if found.size != digest.size else "other bytes than were written"
        yield f"is not what was written: {size}"
        return
    try:
        rows = pl.scan_parquet(path).select(pl.len()).collect().item()
        if rows != one.rows:
            yield f"holds {rows} rows instead of {one.rows}"
        if one.kind == "segment":
            yield from _messages(path, stored)
        if deep:
            yield from _deep(pl.read_parquet(path), one, sids)
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes its reader raise
        yield f"cannot be read: {type(error).__name__}: {str(error)[:120]}"


def _messages(path: Path, stored: dict[str, Sequences]) -> Iterator[str]:
    for gateway, ranges in messages_in(path).items():
        known = stored.get(gateway, Sequences())
        for first, last in ranges:
            if not all(any(a <= seq <= b for a, b in known.ranges) for seq in (first, last)):
                yield f"holds messages {first} to {last} of {gateway} that are not known as stored"


def _deep(frame: Any, one: _Named, sids: set[int]) -> Iterator[str]:
    if not frame.height:
        return
    if (low := int(frame["t"].min())) != one.min_t or (high := int(frame["t"].max())) != one.max_t:
        high = int(frame["t"].max())
        yield f"its times are {low} to {high} instead of {one.min_t} to {one.max_t}"
    unknown = set(frame["sid"].unique().to_list()) - sids
    if unknown:
        yield f"holds readings of series nobody knows: {sorted(unknown)[:5]}"
    if one.kind != "segment" and not frame.select("sid", "t").equals(frame.select("sid", "t").sort("sid", "t")):
        yield "is not sorted by series and time"


def _named_still(catalog: Catalog, one: _Named) -> bool:
    table = "rollup" if one.kind == "rollup" else "file"
    return bool(catalog.rows(f"SELECT 1 FROM {table} WHERE name = ?", (one.name,)))


def _unnamed(folder: Path, catalog: Catalog) -> Iterator[Fault]:
    there = {path.name: path for place in PLACES.values() for path in (folder / place).glob("*.parquet")}
    aside = [path for place in PLACES.values() for path in (folder / place).glob("*.unreadable")]
    with catalog.snapshot():
        known = {f.name for f in catalog.files()} | {r.name for r in manifest.rollups(catalog)}
        known |= {str(name) for (name,) in catalog.rows("SELECT name FROM dropped")}
    for name in sorted(set(there) - known):
        if there[name].exists():
            waits = parse_name(name) is not None and there[name].parent.name == PLACES["segment"]
            yield Fault(
                name, "nobody names it: " + ("its writer takes it in at its next start" if waits else "the next compaction removes it")
            )
    for path in aside:
        yield Fault(path.name, "was put aside because it cannot be read")
