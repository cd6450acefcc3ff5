"""`catalog.db`: series dictionary, latest values, manifest of files, gateway sequences, dead letters, sinks. SQLite, WAL.

The readings themselves are in the files the manifest names. What an acknowledgement relies on is either committed here with
synchronous=FULL or can be rebuilt from the files: a segment's metadata tells the messages in it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ingest.catalog_schema import STATEMENTS, TABLES
from ingest.signatures import SignedMessage

LARGEST_KEPT_BODY = 64 * 1024
# A gateway that sends rubbish for ever must not fill the disk: the newest are kept, all are counted.
MOST_DEAD_LETTERS = 10_000


@dataclass(frozen=True)
class StoredFile:
    """A file the manifest names: a segment, or the readings of one county and day (a number of days in Shanghai since 1970)."""

    name: str
    kind: str
    county: str
    day: int
    rows: int
    min_t: int
    max_t: int
    made: int


@dataclass(frozen=True)
class Series:
    """One channel of one device."""

    sid: int
    county: str
    gateway: str
    device: str
    channel: str
    unit: str


class Catalog:
    """One connection to the catalogue, safe for several threads; writers of several processes queue."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "catalog.db", check_same_thread=False, isolation_level=None, timeout=60)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        # A file of an earlier release lacks tables and gets them.
        if TABLES - {str(name) for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}:
            with self.transaction():
                for statement in STATEMENTS:
                    self._db.execute(statement)

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a block; commit at its end, roll back on an error."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read several things as they were at one moment, without keeping any writer waiting."""
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def rows(self, query: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> list[tuple[object, ...]]:
        """Return all rows of a query."""
        with self._lock:
            return self._db.execute(query, parameters).fetchall()

    def changed_by_others(self) -> int:
        """Return a number that changes when another connection has committed."""
        return int(str(self.rows("PRAGMA data_version")[0][0]))

    def series(self, where: str = "1", parameters: Sequence[object] = ()) -> list[Series]:
        """Return series that satisfy an SQL condition."""
        query = f"SELECT sid, county, gateway, device, channel, unit FROM series WHERE {where} ORDER BY sid"
        return [Series(*row) for row in self.rows(query, parameters)]  # type: ignore[arg-type]

    def add_series(self, wanted: Iterable[tuple[str, str, str, str, str]]) -> None:
        """Add (county, gateway, device, channel, unit); call `harden` before anything durable refers to them.

        A device that moved to another gateway moves its series; the county stays, because the files of the past are kept by it.
        Thousands may come one by one when a network starts, so they are not synced one by one.
        """
        with self._lock:
            self._db.execute("PRAGMA synchronous=NORMAL")
            try:
                with self.transaction() as db:
                    db.executemany(
                        "INSERT INTO series (county, gateway, device, channel, unit) VALUES (?,?,?,?,?) "
                        "ON CONFLICT (device, channel) DO UPDATE SET gateway = excluded.gateway",
                        list(wanted),
                    )
            finally:
                self._db.execute("PRAGMA synchronous=FULL")

    def harden(self) -> None:
        """Make every commit so far survive a power cut: a synced commit syncs the whole write-ahead log before it."""
        with self.transaction() as db:
            add_to(db, "hardened", 1)

    def files(self, where: str = "1", parameters: Sequence[object] = ()) -> list[StoredFile]:
        """Return files of the manifest that satisfy an SQL condition."""
        query = f"SELECT name, kind, county, day, rows, min_t, max_t, made FROM file WHERE {where} ORDER BY name"
        return [StoredFile(*row) for row in self.rows(query, parameters)]  # type: ignore[arg-type]

    def sequences(self, gateway: str | None = None) -> dict[str, list[tuple[int, int]]]:
        """Return the ranges of stored messages of one or every gateway."""
        where, values = ("", ()) if gateway is None else ("WHERE gateway = ?", (gateway,))
        found: dict[str, list[tuple[int, int]]] = {}
        for name, first, last in self.rows(f"SELECT gateway, first, last FROM sequence {where} ORDER BY gateway, first", values):
            found.setdefault(str(name), []).append((int(first), int(last)))  # type: ignore[call-overload]
        return found

    def signed_messages(self, gateway: str, first: int, last: int) -> list[SignedMessage]:
        """Return what is kept of a gateway's signed messages numbered `first` to `last`."""
        query = "SELECT gateway, seq, received, key_id, hash, signature FROM signed_message WHERE gateway = ? AND seq BETWEEN ? AND ?"
        return [SignedMessage(*row) for row in self.rows(query, (gateway, first, last))]  # type: ignore[arg-type]

    def refused(self) -> dict[str, list[tuple[int, int]]]:
        """Return the numbers of messages that will never come, refused for good or given up by the gateway, of every gateway."""
        found: dict[str, list[tuple[int, int]]] = {}
        query = "SELECT gateway, seq, seq FROM refused UNION ALL SELECT stream, first, last FROM gone ORDER BY 1, 2"
        for name, first, last in self.rows(query):
            found.setdefault(str(name), []).append((int(first), int(last)))  # type: ignore[call-overload]
        return found


def put_file(db: sqlite3.Connection, f: StoredFile) -> None:
    """Name a file in the manifest, and give it the next number of arrival: the order in which sinks take what is new."""
    db.execute("INSERT OR REPLACE INTO file VALUES (?,?,?,?,?,?,?,?)", (f.name, f.kind, f.county, f.day, f.rows, f.min_t, f.max_t, f.made))
    db.execute("INSERT OR REPLACE INTO arrival (name, kind, rows, made) VALUES (?,?,?,?)", (f.name, f.kind, f.rows, f.made))


def put_latest(db: sqlite3.Connection, rows: Iterable[tuple[int, int, float, int, int]]) -> None:
    """Take (sid, t, x, flag, received) as latest where it is newer by its own time, or a newer word for the same time."""
    db.executemany(
        "INSERT INTO latest VALUES (?,?,?,?,?) ON CONFLICT (sid) DO UPDATE SET t = excluded.t, x = excluded.x, flag = excluded.flag, "
        "received = excluded.received WHERE (excluded.t, excluded.received) >= (latest.t, latest.received)",
        rows,
    )


def put_sequences(db: sqlite3.Connection, gateway: str, ranges: Iterable[tuple[int, int]]) -> bool:
    """Add ranges of stored messages to a gateway's, joined with those they touch, whoever wrote them.

    Tells whether they only went on where its newest range ended, as nearly always: then no gap began and none above was filled.
    """
    advanced = True
    for first, last in ranges:
        newest = db.execute("SELECT first, last FROM sequence WHERE gateway = ? ORDER BY first DESC LIMIT 1", (gateway,)).fetchone()
        if newest is not None and newest[0] <= first <= newest[1] + 1:
            if last > newest[1]:
                db.execute("UPDATE sequence SET last = ? WHERE gateway = ? AND first = ?", (last, gateway, newest[0]))
            continue
        advanced = False
        # From the range before on: a gateway that leaves out every other number must not have all its ranges read each time.
        touched = db.execute(
            "SELECT first, last FROM sequence WHERE gateway = ?1 AND first <= ?2 AND last >= ?3 AND first >= "
            "coalesce((SELECT max(first) FROM sequence WHERE gateway = ?1 AND first <= ?3), ?3)",
            (gateway, last + 1, first - 1),
        ).fetchall()
        db.executemany("DELETE FROM sequence WHERE gateway = ? AND first = ?", [(gateway, a) for a, _ in touched])
        whole = min([first, *(a for a, _ in touched)]), max([last, *(b for _, b in touched)])
        db.execute("INSERT INTO sequence VALUES (?,?,?)", (gateway, *whole))
    return advanced


def put_signed(db: sqlite3.Connection, signed: Iterable[SignedMessage]) -> None:
    """Keep what ties readings to signed messages."""
    db.executemany(
        "INSERT OR IGNORE INTO signed_message VALUES (?,?,?,?,?,?)",
        [(s.gateway, s.seq, s.received_ms, s.key_id, s.message_hash, s.signature) for s in signed],
    )


def put_gateway(db: sqlite3.Connection, rows: Iterable[tuple[str, str, int, int, int, int]]) -> None:
    """Add (gateway, county, last received, messages, readings, duplicates) to the gateways' counts."""
    db.executemany(
        "INSERT INTO gateway VALUES (?,?,?,?,?,?) ON CONFLICT (gateway) DO UPDATE SET county = excluded.county, "
        "last_received = max(last_received, excluded.last_received), messages = messages + excluded.messages, "
        "readings = readings + excluded.readings, duplicates = duplicates + excluded.duplicates",
        rows,
    )


def put_repeated(db: sqlite3.Connection, gateway: str, count: int) -> None:
    """Add to the repeats of a gateway that is known already."""
    db.execute("UPDATE gateway SET duplicates = duplicates + ? WHERE gateway = ?", (count, gateway))


def put_refused(db: sqlite3.Connection, rows: Iterable[tuple[str, int]]) -> None:
    """Remember (gateway, seq) of messages that were refused as a whole, so that they count as no gap."""
    db.executemany("INSERT OR IGNORE INTO refused VALUES (?,?)", rows)


def put_dead_letters(db: sqlite3.Connection, rows: Sequence[tuple[int, str, str, str, bytes]]) -> None:
    """Keep (received, gateway, topic, reason, body) of payloads that could not be taken, whole or in part."""
    db.executemany(
        "INSERT INTO dead_letter (received, gateway, topic, reason, body) VALUES (?,?,?,?,?)",
        [(received, gateway, topic, reason, body[:LARGEST_KEPT_BODY]) for received, gateway, topic, reason, body in rows],
    )
    db.execute("DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?", (MOST_DEAD_LETTERS,))
    add_to(db, "dead letters", len(rows))


def add_to(db: sqlite3.Connection, name: str, more: int) -> None:
    """Add to a counter."""
    db.execute("INSERT INTO counter VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value", (name, more))


def raise_to(db: sqlite3.Connection, name: str, value: int) -> None:
    """Set a counter that only grows."""
    db.execute("INSERT INTO counter VALUES (?,?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)", (name, value))
