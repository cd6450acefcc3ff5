"""Sorted columns into small Parquet files for years: what any Parquet reader opens, at two to four bytes a reading.

DuckDB's second data-page version writes times, receipts and numbers as packed differences and values by dictionary; the figures of the
choice stand in docs/decisions/0035-store.md. Device and channel stand in every row, so that the file can be used without us.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foundation.files import sync_folder
from ingest.catalog import Series
from ingest.manifest import Digest, digest_of

# Small row groups, so that one series is found by their statistics without reading the whole file; not so small that their statistics
# take longer to read than the rows (at 4,096 rows three times as long as at these sizes). DuckDB writes multiples of 2048.
READINGS_GROUP, ROLLUP_GROUP = 20_480, 61_440
# Of few rows a column's dictionary outweighs what it saves, above all for times, which are next to nothing as differences.
FEW_ROWS, FEW_WORDS = 100_000, 64
_OPTIONS = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 9, WRITE_BLOOM_FILTER false"


class Encoder:
    """Writes files of one store; not for several threads at once."""

    def __init__(self, series: Iterable[Series]) -> None:
        import duckdb
        import numpy as np

        known = list(series)
        self._database = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"})
        self._names: dict[str, Any] = {
            "sid": np.array([s.sid for s in known], dtype=np.uint32),
            "device": np.array([s.device for s in known], dtype=object),
            "channel": np.array([s.channel for s in known], dtype=object),
        }

    def close(self) -> None:
        """Give the memory back."""
        self._database.close()

    def write(self, folder: Path, name: str, columns: Mapping[str, Any], order: str, row_group: int = READINGS_GROUP) -> Digest:
        """Write equally long arrays, sorted by the columns of `order`, as a file that is whole or not there."""
        folder.mkdir(exist_ok=True)
        aside = folder / f".{name}.tmp"
        self._database.register("given", dict(columns))
        self._database.register("names", self._names)
        try:
            target = str(aside).replace("'", "''")
            query = f"SELECT given.*, device, channel FROM given LEFT JOIN names USING (sid) ORDER BY {order}"
            few = f", DICTIONARY_SIZE_LIMIT {FEW_WORDS}" if row_group == READINGS_GROUP and len(columns["sid"]) < FEW_ROWS else ""
            self._database.execute(f"COPY ({query}) TO '{target}' ({_OPTIONS}, ROW_GROUP_SIZE {int(row_group)}{few})")
        finally:
            self._database.unregister("given")
            self._database.unregister("names")
        with aside.open("rb") as out:
            os.fsync(out.fileno())
        digest = digest_of(aside)
        aside.replace(folder / name)
        sync_folder(folder)
        return digest
