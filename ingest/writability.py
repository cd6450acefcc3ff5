"""Whether readings can be written now, asked of the store itself: its catalogue's lock, its folder, the room on its disk."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

# Either will do: five parts of a hundred of a small disk, or so much of a large one.
LEAST_FREE_SHARE, LEAST_FREE_BYTES = 0.05, 500_000_000
# A busy writer holds the lock for milliseconds.
LOCK_S = 1.0
# Every page asks; the store is asked this often.
BELIEVE_S = 2.0


class Writability:
    """Asks one store, one thread at a time; meanwhile the others are told what was found last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._asking = threading.Lock()
        self._found: tuple[float, tuple[bool, str]] | None = None

    def now(self) -> tuple[bool, str]:
        """Return whether readings can be written, and what is known in words."""
        found = self._found
        if found is not None and time.monotonic() - found[0] < BELIEVE_S:
            return found[1]
        if not self._asking.acquire(blocking=found is None):
            return found[1] if found is not None else (True, "not known yet")
        try:
            told = writable(self._folder)
            self._found = (time.monotonic(), told)
        finally:
            self._asking.release()
        return told


def writable(folder: Path, lock_s: float = LOCK_S) -> tuple[bool, str]:
    """Return whether a store can be written, and what is known in words. Nothing in it is changed."""
    catalog, segments = folder / "catalog.db", folder / "segments"
    if not catalog.exists():
        return True, "nothing stored yet"
    try:
        usage = shutil.disk_usage(folder)
        if usage.free < LEAST_FREE_BYTES and usage.free < LEAST_FREE_SHARE * usage.total:
            return False, f"the disk is nearly full: {usage.free / 1e6:.0f} MB free; gateways keep what cannot be stored"
        with tempfile.TemporaryFile(dir=segments if segments.exists() else folder, buffering=0) as file:
            file.write(b"\0")
        with contextlib.closing(
            sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=rw", uri=True, timeout=lock_s, isolation_level=None)
        ) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.Error as error:
        return False, f"the catalogue cannot be written: {error}; gateways keep their readings until it can"
    except OSError as error:
        return False, f"the folder of readings cannot be written: {error.strerror}; gateways keep their readings until it can"
    return True, f"can be written, {usage.free / usage.total:.0%} free"
