"""DuckDB over the store's files, in memory, in whichever process asks; a question begun before a compaction is asked again after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ingest.catalog import Catalog, StoredFile
from ingest.manifest import PLACES

T = TypeVar("T")
_ATTEMPTS = 3
_NONE = (
    "(SELECT 0::UINTEGER AS sid, 0::BIGINT AS t, 0::DOUBLE AS x, 0::UTINYINT AS flag, 0::BIGINT AS received, 0::BIGINT AS seq, "
    "0::UINTEGER AS tests, 0::BIGINT AS shift, 0::UTINYINT AS version WHERE false)"
)


class Asker:
    """One store's files and this process's one in-memory database; every method may be called from any thread."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self.folder, self.catalog = folder, catalog
        self._lock = threading.Lock()
        self._database: Any = None

    def cursor(self) -> Any:
        """Return a cursor; cursors of several threads do not wait for each other."""
        import duckdb

        with self._lock:
            if self._database is None:
                self._database = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"})
                self._database.execute("SET parquet_metadata_cache = true")
            return self._database.cursor()

    def again(self, ask: Callable[[], T]) -> T:
        """Ask, and ask anew where a compaction removed a file between the manifest and the read."""
        import duckdb

        for _ in range(_ATTEMPTS - 1):
            try:
                return ask()
            except (duckdb.IOException, FileNotFoundError):
                continue
        return ask()

    def files_of(self, sids: Sequence[int], start_ms: int, end_ms: int) -> list[StoredFile]:
        """Return the segments and daily files that may hold readings of these series in [start, end)."""
        counties = f"SELECT county FROM series WHERE sid IN ({listed(sids)})"
        return self.catalog.files(f"max_t >= ? AND min_t < ? AND (kind = 'segment' OR county IN ({counties}))", (start_ms, end_ms))

    def path(self, f: StoredFile) -> str:
        """Return where a file of the manifest lies."""
        return str(self.folder / PLACES[f.kind] / f.name)


def listed(numbers: Sequence[int]) -> str:
    """Return numbers as they stand in an SQL list."""
    return ", ".join(str(int(n)) for n in numbers)


def among(sids: Sequence[int]) -> str:
    """Return the SQL condition that picks these series; bounds first, by which whole row groups are passed over."""
    if not sids:
        return "false"
    low, high = min(sids), max(sids)
    whole = high - low + 1 == len(set(sids))
    return f"sid BETWEEN {int(low)} AND {int(high)}" + ("" if whole else f" AND sid IN ({listed(sids)})")


def source(paths: Sequence[str]) -> str:
    """Return the SQL of all rows of segments and daily files."""
    # By name, and beside none: files of an earlier release have fewer columns, be it some of them or all. Finding that out costs three
    # milliseconds for thirty files.
    return f"(FROM read_parquet([{quoted(paths)}], union_by_name = true) UNION ALL BY NAME FROM {_NONE})" if paths else _NONE


def quoted(paths: Sequence[str]) -> str:
    """Return paths as they stand in an SQL list."""
    return ", ".join("'" + path.replace("'", "''") + "'" for path in paths)


def counted(paths: Sequence[str], where: str, *more: str) -> str:
    """Return the SQL of what counts, one row a series and time: the value received last, of one instant the later message's.

    `revised` tells that other values were told for that time as well.
    """
    return (
        "SELECT sid, t, arg_max(x, (received, seq, x)) AS x, arg_max(flag, (received, seq, x, version)) AS flag, "
        "min(x) <> max(x) AS revised"
        f"{''.join(', ' + x for x in more)} FROM {source(paths)} WHERE {where} GROUP BY sid, t"
    )
