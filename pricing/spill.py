"""Gated rows of a long import, put aside by series in memory and then on disk, so that each part can be ordered whole."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# Rows go to one of so many buckets by their series, a few neighbours together: what is written in order lies together in the table.
BUCKETS, NEIGHBOURS = 64, 8
# So many rows are kept in memory before they are written to disk; buckets are joined until a part has about so many.
ROWS_IN_MEMORY = 600_000
ROWS_OF_PART = 200_000


class Spill:
    """Rows with a `home` column (the series they belong to) go in as they come and come out in parts that hold whole series."""

    def __init__(self, folder: Path | None = None, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        self._where = folder
        self._limit = rows_in_memory
        self._held: dict[int, list[pl.DataFrame]] = defaultdict(list)
        self._count = 0
        self._rows: dict[int, int] = defaultdict(int)
        self._files: dict[int, list[Path]] = defaultdict(list)
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame) -> None:
        """Take rows; write to disk what is more than memory is meant for."""
        import numpy as np

        bucket = ((frame["home"].to_numpy() // NEIGHBOURS) % BUCKETS).astype(np.uint8)
        # Eight bits are sorted by counting: the cheapest way to bring the rows of each bucket together.
        together = frame[np.argsort(bucket, kind="stable")]
        start = 0
        for number, rows in enumerate(np.bincount(bucket, minlength=BUCKETS).tolist()):
            if rows:
                self._held[number].append(together[start : start + rows])
                self._rows[number] += rows
                start += rows
        self._count += len(frame)
        if self._count >= self._limit:
            self._write()

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the rows in parts, each of whole series; what was taken in is given out once."""
        import polars as pl

        batch: list[pl.DataFrame] = []
        rows = 0
        for number in sorted(self._rows):
            batch += [pl.read_ipc(path) for path in self._files[number]]
            batch += self._held.pop(number, [])
            rows += self._rows[number]
            if rows >= ROWS_OF_PART:
                yield pl.concat(batch)
                batch, rows = [], 0
        if batch:
            yield pl.concat(batch)

    def _write(self) -> None:
        import polars as pl

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="suhe-import-", dir=self._where)
        for number, held in self._held.items():
            path = Path(self._folder.name) / f"{number}-{len(self._files[number])}.ipc"
            pl.concat(held).write_ipc(path, compression="lz4")
            self._files[number].append(path)
        self._held.clear()
        self._count = 0
