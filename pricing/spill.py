"""Gated rows of a long import, put aside on disk by series, so that each part can be ordered whole in bounded memory."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

# Series of one file; a part is read back whole, and a part holds whole series.
SERIES_PER_FILE = 64
# So many rows are kept in memory before they are written, and about so many make a part.
ROWS_IN_MEMORY = 400_000


class Spill:
    """Rows with a `series` and a `key` column go in as they come, and come out in parts that hold whole series and whole keys.

    A key is a row's own text for its series: all rows of one key go to one part, refused ones (series -1) too.
    """

    def __init__(self, folder: Path | None = None, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        self._where = folder
        self._limit = rows_in_memory
        self._held: list[pl.DataFrame] = []
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
        self._held.append(frame)
        self._count += len(frame)
        if self._count >= self._limit:
            self._write()

    def parts(self) -> Iterator[pl.DataFrame]:
        """Yield the parts in the order of their series."""
        import polars as pl

        if self._folder is None:
            if self._held:
                yield pl.concat(self._held)
            return
        self._write()
        batch: list[Path] = []
        rows = 0
        for number in sorted(self._files):
            if batch and rows + self._rows[number] > self._limit:
                yield pl.concat([pl.read_ipc(p) for p in batch])
                batch, rows = [], 0
            batch += self._files[number]
            rows += self._rows[number]
        if batch:
            yield pl.concat([pl.read_ipc(p) for p in batch])

    def _write(self) -> None:
        import polars as pl

        if not self._held:
            return
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="suhe-import-", dir=self._where)
        whole = pl.concat(self._held)
        self._held, self._count = [], 0
        told = whole.with_columns((pl.col("home") // SERIES_PER_FILE).alias("part")).partition_by("part", as_dict=True, include_key=False)
        for (number,), frame in told.items():
            at = int(str(number))
            path = Path(self._folder.name) / f"{at}-{len(self._files[at])}.ipc"
            frame.write_ipc(path, compression="lz4")
            self._files[at].append(path)
            self._rows[at] += len(frame)
