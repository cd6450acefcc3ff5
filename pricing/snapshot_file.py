"""The snapshot's file as a reader sees it: one read-only connection a process, a cursor a question, opened anew when it changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.log import get_logger
from pricing.snapshot import POINTER, SnapshotState, read_state

# What the questions of one process may hold at once; each fits in a few megabytes, the index over fifty products in some fifty.
MEMORY = "512MB"


@dataclass(frozen=True, slots=True)
class OpenSnapshot:
    """An open file: what it holds and the numbers that stand for names in it."""

    state: SnapshotState
    connection: Any
    products: Mapping[str, int]
    markets: Mapping[int, str]
    # Kind, currency, and whether it is a market to compare at all.
    kinds: Mapping[int, tuple[str, str, bool]]
    sources: Mapping[int, str]

    def ask(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a question; a cursor of its own, so that threads do not wait for one another."""
        cursor = self.connection.cursor()
        try:
            found: list[tuple[Any, ...]] = cursor.execute(query, list(values)).fetchall()
            return found
        finally:
            cursor.close()


class SnapshotFile:
    """Gives the current snapshot of a folder, None where there is none that can be read. May be used from any thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._open: OpenSnapshot | None = None
        self._broken = ""

    def current(self) -> OpenSnapshot | None:
        """Return the snapshot that is current now."""
        try:
            told = (self._folder / POINTER).stat()
        except OSError:
            return None
        seen = (told.st_mtime_ns, told.st_ino)
        if seen != self._seen:
            with self._lock:
                if seen != self._seen:
                    self._open = self._opened()
                    self._seen = seen
        return self._open

    def distrust(self, broken: OpenSnapshot, error: Exception) -> None:
        """Ask this file no more: what it answered was an error. The records answer until there is another one."""
        with self._lock:
            if self._open is broken:
                self._open = None
        if self._broken != broken.state.file:
            self._broken = broken.state.file
            get_logger(__name__).warning("the price snapshot cannot be read", file=broken.state.file, error=str(error)[:200])

    def _opened(self) -> OpenSnapshot | None:
        import duckdb

        # Between reading its name and opening it a file may have gone, if two builds came in between: then there is a newer one.
        for _ in range(3):
            state = read_state(self._folder)
            if state is None:
                return None
            try:
                path = str(self._folder / state.file)
                connection = duckdb.connect(path, read_only=True, config={"threads": 2, "memory_limit": MEMORY})
                names = [dict(connection.execute(f"SELECT * FROM {t}").fetchall()) for t in ("products", "sources")]
                markets = connection.execute("SELECT m, market, kind, currency, comparable FROM markets").fetchall()
                return OpenSnapshot(
                    state, connection, {v: k for k, v in names[0].items()}, {r[0]: r[1] for r in markets}, {r[0]: r[2:] for r in markets},
                    names[1],
                )  # fmt: skip
            except duckdb.Error as error:
                if (self._folder / state.file).exists():
                    get_logger(__name__).warning("the price snapshot cannot be read", file=state.file, error=str(error)[:200])
                    return None
        return None
