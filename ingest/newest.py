"""The newest reading of each series: the table `latest`. A busy writer writes it twice a second, not at every flush.

Until then a mark in the catalogue (`behind:{writer}`) says from which of its segments on a writer owes it. Whoever finds the mark after
a crash, or before those segments are merged away, makes up for it from the segments.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from foundation.log import get_logger
from ingest import catalog as cat
from ingest.catalog import Catalog
from ingest.quality import FUTURE_SUSPECT_MS
from ingest.segments import parse_name, read_rows

_MARK = "behind:"
_COLUMNS = ("sid", "t", "x", "flag", "received", "seq", "version")
# What fits beside a series' number in one integer: times until the year 2109, two million series.
_TIME_BITS, _SERIES_BITS = 42, 21
# More than this is not kept waiting in memory.
_MOST_OWED = 500_000


class Newest:
    """What one writer owes `latest`, which it writes at most every `every_s` seconds."""

    def __init__(self, writer: str, every_s: float = 0.0, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._mark = f"{_MARK}{writer}"
        self._every_s = every_s
        self._monotonic = monotonic
        self._written = float("-inf")
        self._owed: list[dict[str, Any]] = []
        self._rows = 0
        self._next: list[dict[str, Any]] = []

    @property
    def owed(self) -> bool:
        """Whether anything is owed."""
        return bool(self._owed)

    @property
    def due(self) -> bool:
        """Whether something is owed that should be written now."""
        return bool(self._owed) and self._monotonic() - self._written >= self._every_s

    def take(self, db: sqlite3.Connection, number: int, arrays: Mapping[str, Any]) -> None:
        """Write the rows of segment `number` and what is owed, or mark that they are owed; `committed` must follow the commit."""
        rows = [*self._owed, _with_version(arrays)]
        if self._monotonic() - self._written < self._every_s and self._rows < _MOST_OWED:
            if not self._owed:
                db.execute("INSERT OR IGNORE INTO counter VALUES (?,?)", (self._mark, number))
            self._next = rows
        else:
            self._put(db, rows)

    def settle(self, db: sqlite3.Connection) -> None:
        """Write what is owed; `committed` must follow the commit."""
        self._put(db, self._owed)

    def committed(self) -> None:
        """Take note that the transaction of the last `take` or `settle` is committed."""
        if not self._next:
            self._written = self._monotonic()
        self._owed, self._next = self._next, []
        self._rows = sum(len(rows["sid"]) for rows in self._owed)

    def _put(self, db: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
        import numpy as np

        self._next = []
        if rows:
            cat.put_latest(db, newest_of({name: np.concatenate([lot[name] for lot in rows]) for name in _COLUMNS}))
        if self._owed:
            db.execute("DELETE FROM counter WHERE name = ?", (self._mark,))


def catch_up(folder: Path, catalog: Catalog, writer: str | None = None) -> None:
    """Write to `latest` what segments hold beyond the mark of a writer, or of every writer.

    A mark of a writer that runs is left to it; `writer` names one that does not.
    """
    import polars as pl

    where, parameters = ("name = ?", [_MARK + writer]) if writer is not None else ("name LIKE ?", [_MARK + "%"])
    for name, first in catalog.rows(f"SELECT name, value FROM counter WHERE {where}", parameters):
        whose = str(name).removeprefix(_MARK)
        for file in catalog.files("kind = 'segment' AND name LIKE ?", (whose + "-%",)):
            part = parse_name(file.name)
            if part is not None and part.writer == whose and part.number >= int(str(first)):
                try:
                    frame = read_rows(folder / "segments" / file.name)
                except (OSError, ValueError, pl.exceptions.PolarsError) as error:
                    get_logger(__name__).error("a segment cannot be read", segment=file.name, why=str(error)[:200])
                    continue
                rows = newest_of({column: frame[column].to_numpy() for column in _COLUMNS})
                with catalog.transaction() as db:
                    cat.put_latest(db, rows)
    if writer is not None:
        with catalog.transaction() as db:
            db.execute("DELETE FROM counter WHERE name = ?", (_MARK + writer,))


def newest_of(arrays: Mapping[str, Any]) -> list[tuple[int, int, float, int, int]]:
    """Return (sid, t, x, flag, received) of the newest reading of each series; one from the future is never the latest."""
    import numpy as np

    arrays = _with_version(arrays)
    sid, t, received = arrays["sid"], arrays["t"], arrays["received"]
    future = t - received > FUTURE_SUSPECT_MS
    if future.any():
        sensible = np.flatnonzero(~future)
        return newest_of({name: arrays[name][sensible] for name in _COLUMNS})
    if not len(sid):
        return []
    order = _order(arrays)
    last = order[np.append(sid[order][1:] != sid[order][:-1], True)]
    return list(zip(*(arrays[name][last].tolist() for name in ("sid", "t", "x", "flag", "received")), strict=True))


def _with_version(arrays: Mapping[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {n: arrays[n] if n in arrays else np.zeros(len(arrays["sid"]), dtype=np.uint8) for n in _COLUMNS}


def _order(arrays: Mapping[str, Any]) -> Any:
    """Return the order by series, time, and of words for the same time by when they came."""
    import numpy as np

    sid, t = arrays["sid"], arrays["t"]
    if int(t.min()) >= 0 and int(t.max()) < 1 << _TIME_BITS and int(sid.max()) < 1 << _SERIES_BITS:
        key = (sid.astype(np.int64) << _TIME_BITS) | t
        order = np.argsort(key)
        ordered = key[order]
        if not (ordered[1:] == ordered[:-1]).any():
            return order
    return np.lexsort([arrays[name] for name in ("version", "x", "seq", "received", "t", "sid")])
