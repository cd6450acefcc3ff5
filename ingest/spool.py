"""A gateway's spool: messages on disk until they are acknowledged. SQLite, WAL, synchronous=FULL."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path


class Spool:
    """Messages in sequence. A number is never given twice, not even after the spool was emptied and opened again."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS message (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._db.execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        self._db.execute("INSERT OR IGNORE INTO state VALUES ('last_seq', 0)")
        (self._last,) = self._db.execute("SELECT value FROM state WHERE name = 'last_seq'").fetchone()
        (self._count,) = self._db.execute("SELECT count(*) FROM message").fetchone()

    def put(self, bodies: Sequence[Callable[[int], bytes]]) -> list[int]:
        """Store messages, each made by its function from the number it gets; durable on return."""
        with self._lock:
            given = list(range(self._last + 1, self._last + 1 + len(bodies)))
            rows = [(seq, make(seq)) for seq, make in zip(given, bodies, strict=True)]
            if not rows:
                return []
            self._db.execute("BEGIN IMMEDIATE")
            try:
                self._db.executemany("INSERT INTO message VALUES (?, ?)", rows)
                self._db.execute("UPDATE state SET value = ? WHERE name = 'last_seq'", (given[-1],))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._last = given[-1]
            self._count += len(rows)
            return given

    def after(self, seq: int, limit: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return waiting messages with a number above `seq`, in order, up to a count and a size."""
        found, size = [], 0
        with self._lock:
            for number, body in self._db.execute("SELECT seq, body FROM message WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)):
                found.append((number, body))
                size += len(body)
                if size >= most_bytes:
                    break
        return found

    def delete(self, ranges: Sequence[tuple[int, int]]) -> int:
        """Delete acknowledged ranges and return how many messages that were.

        A deletion is not synced: if a power cut takes it back, the message is sent again and known to be a repeat.
        """
        gone = 0
        with self._lock:
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                self._db.execute("BEGIN IMMEDIATE")
                for r in ranges:
                    gone += self._db.execute("DELETE FROM message WHERE seq BETWEEN ? AND ?", r).rowcount
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._db.execute("PRAGMA synchronous=FULL")
            self._count -= gone
        return gone

    def count(self) -> int:
        """Return how many messages wait."""
        waiting: int = self._count
        return waiting

    def close(self) -> None:
        """Close the file; what waits stays."""
        with self._lock:
            self._db.close()
