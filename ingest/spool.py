"""A gateway's spool: messages on disk until they are acknowledged. SQLite, WAL, synchronous=FULL.

It is bounded. Full, it gets coarser where it is oldest: every second message of the older half goes, and each that went is remembered until
the county has been told that it will never come.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from foundation.errors import BadInput

Ranges = Sequence[tuple[int, int]]
# A message from its number and the numbers it is to report as gone.
Make = Callable[[int, Ranges], bytes]

MOST_BYTES = 256 * 1024 * 1024
# Of one message: what it can say of gaps.
MOST_GONE = 64


class Spool:
    """Messages in sequence. A number is never given twice, not even after the spool was emptied and opened again."""

    def __init__(
        self, path: Path, most_bytes: int = MOST_BYTES, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._most, self._now_ms = most_bytes, now_ms
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA cache_size=-1024")
        self._db.execute("CREATE TABLE IF NOT EXISTS message (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self._db.execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        # Numbers that were given up, and the message that says so (0 while none does).
        self._db.execute("CREATE TABLE IF NOT EXISTS gone (seq INTEGER PRIMARY KEY, told INTEGER NOT NULL)")
        if "at" not in {row[1] for row in self._db.execute("PRAGMA table_info(message)")}:
            self._db.execute("ALTER TABLE message ADD COLUMN at INTEGER NOT NULL DEFAULT 0")
        self._db.execute("INSERT OR IGNORE INTO state VALUES ('last_seq', 0)")
        (self._last,) = self._db.execute("SELECT value FROM state WHERE name = 'last_seq'").fetchone()
        self._count, self._bytes = self._db.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM message").fetchone()
        (self._untold,) = self._db.execute("SELECT count(*) FROM gone WHERE told = 0").fetchone()
        self._given_up = 0

    def put(self, bodies: Sequence[Make], marks: Mapping[str, int] | None = None) -> list[int]:
        """Store messages, each made by its function from the number it gets; durable on return, together with `marks`.

        Raises BadInput where a message alone is larger than the spool may be.
        """
        with self._lock:
            given = list(range(self._last + 1, self._last + 1 + len(bodies)))
            if not bodies and not marks:
                return []
            count, size, untold, given_up = self._count, self._bytes, self._untold, self._given_up
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for seq, make in zip(given, bodies, strict=True):
                    self._add(seq, make)
                if given:
                    self._db.execute("UPDATE state SET value = ? WHERE name = 'last_seq'", (given[-1],))
                for name, value in (marks or {}).items():
                    self._db.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, value))
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                self._count, self._bytes, self._untold, self._given_up = count, size, untold, given_up
                raise
            self._last = given[-1] if given else self._last
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

    def delete(self, ranges: Ranges, *, refused: bool = False) -> int:
        """Delete acknowledged ranges and return how many messages that were.

        A deletion is not synced: if a power cut takes it back, the message is sent again and known to be a repeat. What a message said
        of gaps has been heard with it, unless it was `refused`.
        """
        gone = 0
        with self._lock:
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                self._db.execute("BEGIN IMMEDIATE")
                freed = 0
                for r in ranges:
                    (size,) = self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM message WHERE seq BETWEEN ? AND ?", r).fetchone()
                    gone += self._db.execute("DELETE FROM message WHERE seq BETWEEN ? AND ?", r).rowcount
                    freed += size
                    if refused:
                        self._db.execute("UPDATE gone SET told = 0 WHERE told BETWEEN ? AND ?", r)
                    else:
                        # One that was given up while it was under way may have arrived all the same.
                        self._db.execute("DELETE FROM gone WHERE told BETWEEN ? AND ? OR seq BETWEEN ? AND ?", (*r, *r))
                (untold,) = self._db.execute("SELECT count(*) FROM gone WHERE told = 0").fetchone()
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            finally:
                self._db.execute("PRAGMA synchronous=FULL")
            self._count -= gone
            self._bytes -= freed
            self._untold = untold
        return gone

    def mark(self, name: str) -> int:
        """Return a mark that was stored with messages, 0 where none was."""
        with self._lock:
            row = self._db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def count(self) -> int:
        """Return how many messages wait."""
        waiting: int = self._count
        return waiting

    def oldest_ms(self) -> int | None:
        """Return when the oldest waiting message was handed in, by this machine's clock; None where none waits."""
        with self._lock:
            row = self._db.execute("SELECT at FROM message ORDER BY seq LIMIT 1").fetchone()
        return int(row[0]) if row else None

    def given_up(self) -> int:
        """Return how many messages this spool gave up since it was opened because it was full."""
        return self._given_up

    def close(self) -> None:
        """Close the file; what waits stays."""
        with self._lock:
            self._db.close()

    def _add(self, seq: int, make: Make) -> None:
        gone = self._untold_ranges() if self._untold else ()
        try:
            body = make(seq, gone)
        except BadInput:
            if not gone:
                raise
            gone, body = (), make(seq, ())
        if len(body) > self._most:
            raise BadInput("a message is larger than the spool may be", expected=f"at most {self._most} bytes", got=str(len(body)))
        while self._bytes + len(body) > self._most:
            self._thin_out()
        self._db.execute("INSERT INTO message (seq, body, at) VALUES (?, ?, ?)", (seq, body, self._now_ms()))
        self._count += 1
        self._bytes += len(body)
        for first, last in gone:
            self._untold -= self._db.execute("UPDATE gone SET told = ? WHERE told = 0 AND seq BETWEEN ? AND ?", (seq, first, last)).rowcount

    def _thin_out(self) -> None:
        """Give up every second message of the older half, and remember which."""
        older = self._db.execute("SELECT seq, length(body) FROM message ORDER BY seq LIMIT ?", ((self._count + 1) // 2,)).fetchall()
        chosen = older[::2]
        self._db.executemany("DELETE FROM message WHERE seq = ?", [(seq,) for seq, _ in chosen])
        self._db.executemany("INSERT OR REPLACE INTO gone VALUES (?, 0)", [(seq,) for seq, _ in chosen])
        self._db.executemany("UPDATE gone SET told = 0 WHERE told = ?", [(seq,) for seq, _ in chosen])
        self._count -= len(chosen)
        self._bytes -= sum(size for _, size in chosen)
        self._given_up += len(chosen)
        (self._untold,) = self._db.execute("SELECT count(*) FROM gone WHERE told = 0").fetchone()

    def _untold_ranges(self) -> list[tuple[int, int]]:
        """Return numbers given up and not yet reported, as ranges, as many as one message can report."""
        found: list[tuple[int, int]] = []
        for (seq,) in self._db.execute("SELECT seq FROM gone WHERE told = 0 ORDER BY seq"):
            if found and found[-1][1] == seq - 1:
                found[-1] = (found[-1][0], seq)
            elif len(found) == MOST_GONE:
                break
            else:
                found.append((seq, seq))
        return found
