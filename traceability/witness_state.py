"""What a witness remembers, in one SQLite file of its own: the log's key, the last checkpoint, every one it ever saw, its alarms.

A transaction is on disk before it counts (synchronous FULL), and the witness signs only after it: killed at any moment, it has
forgotten nothing it vouched for. Every step forward names the checkpoint it comes from, so two processes cannot take turns going back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foundation.errors import BadInput, Conflict
from foundation.files import write_durably
from traceability.fork_proof import Fork
from traceability.heads import read_note

_TABLES = """
CREATE TABLE IF NOT EXISTS told (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY, size INTEGER NOT NULL, text TEXT NOT NULL UNIQUE, note TEXT NOT NULL,
                                 seen_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS seen_size ON seen (size);
CREATE TABLE IF NOT EXISTS head (subject TEXT PRIMARY KEY, count INTEGER NOT NULL, hash BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alarm (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, what TEXT NOT NULL, first TEXT NOT NULL,
                                  second TEXT NOT NULL, found_ms INTEGER NOT NULL, acknowledged_ms INTEGER, UNIQUE (kind, first, second));
"""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a witness found, and the two notes it found it in."""

    kind: str
    what: str
    first: str
    second: str
    found_ms: int
    acknowledged_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Recomputed:
    """How far a witness that recomputes everything has come: size, the tree's right edge, the last record's time, changed heads."""

    size: int
    edge: tuple[bytes, ...]
    last_ms: int
    heads: Mapping[str, tuple[int, bytes]]


class WitnessState:
    """A witness's memory in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / "witness.db"
        with self._open() as db:
            db.executescript(_TABLES)

    # The log's key

    def pinned(self) -> str | None:
        """Return the log's key as pinned; None before the first contact."""
        return self._told("log")

    def pin(self, vkey: str) -> None:
        """Pin the log's key. Conflict where another one is pinned."""
        with self._writing() as db:
            known = _value(db, "log")
            if known is None:
                _tell(db, "log", vkey)
            elif known != vkey:
                raise Conflict(
                    "this witness watches another log",
                    expected=known,
                    got=vkey,
                    todo="compare the key with the operator; for another log use another folder",
                )

    # Checkpoints

    def last(self) -> str | None:
        """Return the note of the last checkpoint this witness vouched for; None where there is none."""
        return self._told("last")

    def cosigned_s(self) -> int:
        """Return the time of the last cosignature, 0 where there is none."""
        return int(self._told("cosigned_s") or 0)

    def see(self, note: str, now_ms: int) -> None:
        """Keep a checkpoint the log signed, whatever becomes of it."""
        read = read_note(note)
        row = (read.head.size, read.text, note, now_ms)
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO seen (size, text, note, seen_ms) VALUES (?, ?, ?, ?)", row)

    def seen_at(self, size: int) -> list[str]:
        """Return every note seen at a size."""
        with self._open() as db:
            return [row[0] for row in db.execute("SELECT note FROM seen WHERE size = ? ORDER BY number", (size,))]

    def count_seen(self) -> int:
        """Return how many checkpoints were ever seen."""
        with self._open() as db:
            return int(db.execute("SELECT count(*) FROM seen").fetchone()[0])

    def advance(self, before: str | None, note: str, time_s: int, whole: Recomputed | None) -> None:
        """Remember that this checkpoint is vouched for from now on; on disk when this returns.

        Raises:
            Conflict: the last checkpoint is no longer `before`, an alarm stands, or this would be a step back.

        """
        with self._writing() as db:
            held = _value(db, "last")
            if held != before or db.execute("SELECT 1 FROM alarm WHERE acknowledged_ms IS NULL LIMIT 1").fetchone():
                raise Conflict("this witness has gone on meanwhile", todo="look again")
            if before is not None and read_note(note).head.size < read_note(before).head.size:
                raise Conflict("a witness never goes back")
            _tell(db, "last", note)
            _tell(db, "cosigned_s", str(max(time_s, int(_value(db, "cosigned_s") or 0))))
            if whole is not None:
                edge = [part.hex() for part in whole.edge]
                _tell(db, "whole", json.dumps({"size": whole.size, "edge": edge, "last_ms": whole.last_ms}))
                rows = [(subject, count, head) for subject, (count, head) in whole.heads.items()]
                db.executemany("INSERT OR REPLACE INTO head (subject, count, hash) VALUES (?, ?, ?)", rows)

    def recomputed(self) -> Recomputed:
        """Return how far the log was recomputed, with all heads."""
        with self._open() as db:
            told = json.loads(_value(db, "whole") or '{"size":0,"edge":[],"last_ms":0}')
            heads = {row[0]: (row[1], row[2]) for row in db.execute("SELECT subject, count, hash FROM head")}
        return Recomputed(told["size"], tuple(bytes.fromhex(x) for x in told["edge"]), told["last_ms"], heads)

    # Alarms

    def raise_alarm(self, alarm: Alarm, fork: Fork) -> Path | None:
        """Keep an alarm and write its file; None where this very alarm is known already."""
        told = {**fork.as_json(), "kind": alarm.kind, "what": alarm.what, "found": alarm.found_ms, "proves": _proves(fork)}
        path = self.folder / f"ALARM-{alarm.found_ms}-{alarm.kind}.json"
        with self._writing() as db:
            row = (alarm.kind, alarm.what, alarm.first, alarm.second, alarm.found_ms)
            query = "INSERT OR IGNORE INTO alarm (kind, what, first, second, found_ms) VALUES (?, ?, ?, ?, ?)"
            if not db.execute(query, row).rowcount:
                return None
            # Inside the transaction: an alarm that is remembered has its file.
            write_durably(path, json.dumps(told, ensure_ascii=False, indent=2).encode() + b"\n")
        return path

    def alarms(self) -> list[Alarm]:
        """Return every alarm, the latest first."""
        query = "SELECT kind, what, first, second, found_ms, acknowledged_ms FROM alarm ORDER BY number DESC"
        with self._open() as db:
            return [Alarm(*row) for row in db.execute(query)]

    def standing(self) -> list[Alarm]:
        """Return the alarms nobody has acknowledged."""
        return [a for a in self.alarms() if a.acknowledged_ms is None]

    def acknowledge(self, now_ms: int) -> int:
        """Note that a person has seen the alarms that stand; return how many. What is remembered of the log stays as it was."""
        with self._writing() as db:
            return db.execute("UPDATE alarm SET acknowledged_ms = ? WHERE acknowledged_ms IS NULL", (now_ms,)).rowcount

    def _told(self, name: str) -> str | None:
        with self._open() as db:
            return _value(db, name)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self._path, timeout=20.0, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous=FULL")
            yield db
        finally:
            db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")


def _value(db: sqlite3.Connection, name: str) -> str | None:
    row = db.execute("SELECT value FROM told WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _tell(db: sqlite3.Connection, name: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO told (name, value) VALUES (?, ?)", (name, value))


def _proves(fork: Fork) -> str:
    """Return what the two notes prove to somebody who trusts nobody; "" where one has to take the witness's word."""
    try:
        return fork.check()
    except BadInput:
        return ""
