"""What the manifest says of a file beside its rows: size and SHA-256 at its writing, the days it spans, the rollups made of it.

Owns the tables `digest`, `span`, `rollup` and `rollup_day` of `catalog.db`.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingest.catalog import Catalog

_BLOCK = 1 << 20
# Where files of each kind lie inside the store's folder.
PLACES = {"segment": "segments", "daily": "daily", "rollup": "rollup"}


@dataclass(frozen=True)
class Digest:
    """A file's size and SHA-256 as they were when it was written."""

    size: int
    sha256: bytes


@dataclass(frozen=True)
class RollupFile:
    """The windows of one length of one county over the days `first` to `last` (numbers of Shanghai days since 1970)."""

    name: str
    window_ms: int
    county: str
    first: int
    last: int
    rows: int
    min_t: int
    max_t: int
    made: int


@dataclass(frozen=True)
class RolledDay:
    """A day of which rollups were made: from the daily file `source`; where `frozen`, from one that retention has taken."""

    county: str
    day: int
    source: str
    frozen: bool


def digest_of(path: Path) -> Digest:
    """Return the digest of a file as it is on disk now."""
    told, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            told.update(block)
            size += len(block)
    return Digest(size, told.digest())


def put_digest(db: sqlite3.Connection, name: str, digest: Digest) -> None:
    """Record what a file is, so that a changed byte is found."""
    db.execute("INSERT OR REPLACE INTO digest VALUES (?,?,?)", (name, digest.size, digest.sha256))


def digests(catalog: Catalog) -> dict[str, Digest]:
    """Return what is recorded of every file; a file of an earlier release has nothing."""
    return {str(n): Digest(int(str(size)), bytes(told)) for n, size, told in catalog.rows("SELECT name, size, sha256 FROM digest")}  # type: ignore[call-overload]


def put_span(db: sqlite3.Connection, name: str, first: int, last: int) -> None:
    """Record that a daily file holds the days `first` to `last`; without a span it holds the one day the manifest tells."""
    db.execute("INSERT OR REPLACE INTO span VALUES (?,?,?)", (name, first, last))


def spans(catalog: Catalog) -> dict[str, tuple[int, int]]:
    """Return first and last day of every daily file that holds several."""
    return {str(n): (int(str(a)), int(str(b))) for n, a, b in catalog.rows("SELECT name, first, last FROM span")}


def put_rollup(db: sqlite3.Connection, f: RollupFile) -> None:
    """Name a file of rollups."""
    values = (f.name, f.window_ms, f.county, f.first, f.last, f.rows, f.min_t, f.max_t, f.made)
    db.execute("INSERT OR REPLACE INTO rollup VALUES (?,?,?,?,?,?,?,?,?)", values)


def rollups(catalog: Catalog, where: str = "1", parameters: tuple[object, ...] = ()) -> list[RollupFile]:
    """Return the files of rollups that satisfy an SQL condition."""
    query = f"SELECT name, window_ms, county, first, last, rows, min_t, max_t, made FROM rollup WHERE {where} ORDER BY name"
    return [RollupFile(*row) for row in catalog.rows(query, parameters)]  # type: ignore[arg-type]


def put_rolled_days(db: sqlite3.Connection, days: Iterable[RolledDay]) -> None:
    """Record from which file a day's rollups were made."""
    db.executemany("INSERT OR REPLACE INTO rollup_day VALUES (?,?,?,?)", [(d.county, d.day, d.source, d.frozen) for d in days])


def rolled_days(catalog: Catalog, where: str = "1", parameters: tuple[object, ...] = ()) -> list[RolledDay]:
    """Return the days with rollups that satisfy an SQL condition."""
    query = f"SELECT county, day, source, frozen FROM rollup_day WHERE {where} ORDER BY county, day"
    return [RolledDay(str(c), int(str(d)), str(s), bool(z)) for c, d, s, z in catalog.rows(query, parameters)]


def forget_names(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Take files out of these tables; their bytes stay until nobody reads them any more."""
    gone = [(name,) for name in names]
    for table in ("digest", "span", "rollup"):
        db.executemany(f"DELETE FROM {table} WHERE name = ?", gone)
