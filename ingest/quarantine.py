"""The quarantine: messages of senders nobody has claimed, kept whole until somebody does.

One entry is a name nobody knows (or a clock nobody can believe) with what it sent; a message that speaks for several stands in several
entries and is kept once. This module owns the tables `quarantine`, `quarantine_message` and `quarantine_link`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from foundation.errors import BadInput
from ingest.catalog import Catalog, add_to, put_dead_letters
from ingest.payloads import decode_up

# Of one sender. What goes beyond is dropped, oldest first, and counted: a box nobody claims must not fill the disk.
MOST_MESSAGES = 2_000
MOST_BYTES = 8_000_000
# Names nobody knows, of one sender: a payload made up to fill the list of them ends here.
MOST_ENTRIES = 500
MOST_CHANNELS = 64

GATEWAY, DEVICE, STATION, CLOCK = "gateway", "device", "station", "clock"
# Messages of a Sparkplug edge node that only its birth can explain: nobody can claim these, its host takes them again by itself.
BIRTH = "birth"
# Counters of what found no room: names beyond MOST_ENTRIES, and messages that went for newer ones.
OVERFLOW, DROPPED = "quarantine overflow", "quarantine dropped"


@dataclass(frozen=True, slots=True)
class Held:
    """A message for the quarantine: why, whose it would be, and what its channels told.

    `feed` is empty for a message in our own format, and for a station's that is no feed yet; `name` is the sender's name of the device, or
    the gateway's or station's number.
    """

    kind: str
    feed: str
    gateway: str
    name: str
    topic: str
    body: bytes
    received_ms: int
    channels: Mapping[str, tuple[float, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in quarantine. `count` messages came, `kept` of them are still here, `dropped` are not."""

    id: int
    kind: str
    feed: str
    gateway: str
    name: str
    first_ms: int
    last_ms: int
    count: int
    kept: int
    dropped: int
    topic: str
    channels: dict[str, tuple[float, str | None]]


@dataclass(frozen=True, slots=True)
class HeldMessage:
    """One message kept whole."""

    id: int
    topic: str
    body: bytes
    received_ms: int


def put_held(db: sqlite3.Connection, held: Iterable[Held]) -> None:
    """Keep messages, each once, and what is known of their names; drop the oldest of a sender that has too many.

    A message whose name finds no room goes to the dead letters: who sent it has been told that it is kept.
    """
    senders: dict[str, int] = {}
    full: dict[tuple[str, str, bytes], tuple[int, list[str]]] = {}
    for one in held:
        entry = _entry(db, one)
        if entry is None:
            full.setdefault((one.gateway, one.topic, one.body), (one.received_ms, []))[1].append(one.name)
            continue
        sender = one.feed or f"gateway {one.gateway}"
        digest = hashlib.sha256(one.topic.encode(errors="replace") + b"\0" + one.body).digest()
        there = db.execute("SELECT id FROM quarantine_message WHERE sender = ? AND digest = ?", (sender, digest)).fetchone()
        if there is None:
            added = db.execute(
                "INSERT INTO quarantine_message (sender, received, topic, body, digest) VALUES (?,?,?,?,?)",
                (sender, one.received_ms, one.topic, one.body, digest),
            )
            there = (added.lastrowid,)
            senders[sender] = senders.get(sender, 0) + 1
        linked = db.execute("INSERT OR IGNORE INTO quarantine_link (entry, message) VALUES (?,?)", (entry, there[0]))
        if linked.rowcount:
            db.execute(
                "UPDATE quarantine SET count = count + 1, first = min(first, ?), last = max(last, ?) WHERE id = ?",
                (one.received_ms, one.received_ms, entry),
            )
    for sender, more in senders.items():
        add_to(db, "quarantined", more)
        _trim(db, sender)
    if full:
        add_to(db, OVERFLOW, sum(len(names) for _, names in full.values()))
        letters = ((at, gateway, topic[:200], _no_room(names), body) for (gateway, topic, body), (at, names) in full.items())
        put_dead_letters(db, list(letters))


def sample(body: bytes, device: str = "") -> dict[str, tuple[float, str | None]]:
    """Return what the channels of a message in our own format tell, of one device or of all; nothing where it cannot be read."""
    try:
        readings = decode_up(body).readings
    except BadInput:
        return {}
    return {r.c if device else f"{r.d} {r.c}": (r.x, r.u) for r in readings if device in ("", r.d)}


def entries(catalog: Catalog, where: str = "1", parameters: Iterable[object] = ()) -> list[Entry]:
    """Return the names in quarantine that satisfy an SQL condition, the one heard of last first."""
    query = (
        "SELECT id, kind, feed, gateway, name, first, last, count, "
        "(SELECT count(*) FROM quarantine_link l WHERE l.entry = q.id), dropped, "
        "coalesce((SELECT m.topic FROM quarantine_link l JOIN quarantine_message m ON m.id = l.message WHERE l.entry = q.id LIMIT 1), ''), "
        "channels "
        f"FROM quarantine q WHERE {where} ORDER BY last DESC, id"
    )
    found = []
    for *row, channels in catalog.rows(query, tuple(parameters)):
        told = {name: (float(value), unit) for name, (value, unit) in json.loads(str(channels)).items()}
        found.append(Entry(*row, channels=told))  # type: ignore[arg-type,misc]
    return found


def messages_of(catalog: Catalog, entry: int, limit: int = MOST_MESSAGES) -> list[HeldMessage]:
    """Return the messages kept for an entry, oldest first."""
    query = (
        "SELECT m.id, m.topic, m.body, m.received FROM quarantine_link l JOIN quarantine_message m ON m.id = l.message "
        "WHERE l.entry = ? ORDER BY m.id LIMIT ?"
    )
    return [HeldMessage(*row) for row in catalog.rows(query, (entry, limit))]  # type: ignore[arg-type]


def release(db: sqlite3.Connection, taken: Iterable[tuple[int, int]]) -> None:
    """Forget that messages wait for entries, (entry, message) each; what waits for nothing more, and an entry without messages, goes."""
    gone = list(taken)
    db.executemany("DELETE FROM quarantine_link WHERE entry = ? AND message = ?", gone)
    for table, column, at in (("quarantine_message", "message", 1), ("quarantine", "entry", 0)):
        one = f"DELETE FROM {table} WHERE id = ? AND NOT EXISTS (SELECT 1 FROM quarantine_link WHERE {column} = ?)"
        db.executemany(one, [(number, number) for number in {pair[at] for pair in gone}])
    add_to(db, "quarantine released", len(gone))


def settle(db: sqlite3.Connection, settled: Iterable[tuple[str, bytes]]) -> None:
    """Forget that messages, (feed, digest) each, wait for a birth."""
    pairs: list[tuple[int, int]] = []
    for feed, digest in settled:
        pairs += db.execute(
            "SELECT l.entry, l.message FROM quarantine_message m JOIN quarantine_link l ON l.message = m.id "
            "JOIN quarantine q ON q.id = l.entry WHERE m.sender = ? AND m.digest = ? AND q.kind = ?",
            (feed, digest, BIRTH),
        ).fetchall()
    if pairs:
        release(db, pairs)


def discard(db: sqlite3.Connection, entry: int) -> int:
    """Throw an entry away with what is kept for it alone; return how many messages waited."""
    waiting = db.execute("SELECT entry, message FROM quarantine_link WHERE entry = ?", (entry,)).fetchall()
    release(db, waiting)
    db.execute("DELETE FROM quarantine WHERE id = ?", (entry,))
    add_to(db, "quarantine discarded", len(waiting))
    return len(waiting)


def counted(catalog: Catalog) -> tuple[int, int]:
    """Return how many names found no room since the store began, and how many messages went for newer ones."""
    rows = catalog.rows("SELECT name, value FROM counter WHERE name IN (?, ?)", (OVERFLOW, DROPPED))
    found = {str(name): int(str(value)) for name, value in rows}
    return found.get(OVERFLOW, 0), found.get(DROPPED, 0)


def _no_room(names: list[str]) -> str:
    told = ", ".join(name[:60] for name in names[:3]) + (" ..." if len(names) > 3 else "")
    return f"no room in quarantine, {MOST_ENTRIES} names of this sender wait there: {told}"


def _entry(db: sqlite3.Connection, one: Held) -> int | None:
    """Return the number of the entry a message belongs to, with the message's channels noted; None where the list is full."""
    key = (one.kind, one.feed, one.gateway, one.name)
    same = "kind = ? AND feed = ? AND gateway = ? AND name = ?"
    found = db.execute(f"SELECT id, channels FROM quarantine WHERE {same}", key).fetchone()
    if found is None:
        (many,) = db.execute(
            "SELECT count(*) FROM quarantine WHERE feed = ? AND (feed <> '' OR gateway = ?)", (one.feed, one.gateway)
        ).fetchone()
        if many >= MOST_ENTRIES:
            return None
        told = json.dumps(dict(list(one.channels.items())[:MOST_CHANNELS]), ensure_ascii=False)
        added = db.execute(
            "INSERT INTO quarantine (kind, feed, gateway, name, first, last, count, dropped, channels) VALUES (?,?,?,?,?,?,0,0,?)",
            (*key, one.received_ms, one.received_ms, told),
        )
        return added.lastrowid
    entry, told = found
    known = json.loads(told)
    fresh = {name: pair for name, pair in one.channels.items() if name in known or len(known) < MOST_CHANNELS}
    if fresh:
        known.update({name: list(pair) for name, pair in list(fresh.items())[:MOST_CHANNELS]})
        known = dict(list(known.items())[:MOST_CHANNELS])
        db.execute("UPDATE quarantine SET channels = ? WHERE id = ?", (json.dumps(known, ensure_ascii=False), entry))
    return int(entry)


def _trim(db: sqlite3.Connection, sender: str) -> None:
    """Drop a sender's oldest messages until it is within its bounds, counting them in their entries."""
    sizes = db.execute("SELECT id, length(body) FROM quarantine_message WHERE sender = ? ORDER BY id DESC", (sender,)).fetchall()
    total, keep = 0, 0
    for _, size in sizes[:MOST_MESSAGES]:
        total += size
        if total > MOST_BYTES and keep:
            break
        keep += 1
    for message, _ in sizes[keep:]:
        db.execute(
            "UPDATE quarantine SET dropped = dropped + 1 WHERE id IN (SELECT entry FROM quarantine_link WHERE message = ?)", (message,)
        )
        db.execute("DELETE FROM quarantine_link WHERE message = ?", (message,))
        db.execute("DELETE FROM quarantine_message WHERE id = ?", (message,))
    if len(sizes) > keep:
        add_to(db, DROPPED, len(sizes) - keep)
