"""The fast audit: every stored hash of a whole log computed again, without signatures and without replaying the rules.

For a log of millions. Whoever trusts the checkpoints (because witnesses cosigned them) learns in a minute whether a byte of any record
or any entry changed since; `verify_log` looks at everything else too. The plan, by the numbers of `verdicts.PLAN`: 1 body hash, 6 chain,
7 record hash, 8 record time, 9 leaf and place, 10 root of every checkpoint, 11 its signature, 13 its map.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, text

from traceability import store
from traceability.lot_map import MapEntry
from traceability.map_tree import MapTree
from traceability.merkle import HASH_BYTES, Frontier
from traceability.notes import NoteVerifier
from traceability.records import FIRST_PREV, TAG
from traceability.verdicts import LogReport, Problem
from traceability.verify_log import open_checkpoint

Progress = Callable[[int, int], None]
_AT_A_TIME = 5000
# Of many faults of one kind the first are named; the report says that there are more.
_MOST_NAMED = 100


def audit(connection: Connection, log_key: NoteVerifier, progress: Progress | None = None) -> LogReport:
    """Return the report of the fast audit of everything the log holds."""
    total = store.log_end(connection)[0]
    rows = connection.execute(store.checkpoint.select().order_by(store.checkpoint.c.size)).all()
    problems: list[Problem] = []
    sealed: dict[int, tuple[bytes, bytes | None]] = {}
    for row in rows:
        note, wrong = open_checkpoint(row, log_key)
        problems += [Problem(None, "", (), what, 11) for what in wrong]
        if note is not None:
            sealed[note.size] = (note.root, note.map_root)
    tree, lot_map = Frontier(), MapTree()
    heads: dict[str, tuple[int, bytes]] = {}
    moved: set[str] = set()
    last_ms = index = 0

    def fault(at: int, event_id: Any, what: str, step: int, lots: tuple[str, ...] = ()) -> None:
        if len(problems) < _MOST_NAMED:
            problems.append(Problem(at, str(event_id), lots, what, step))

    for event, entries in _records(connection):
        at, event_id, body, body_hash, key_id, signature, record_ms, record_hash, leaf_hash = event
        if at != index:
            fault(index, "", f"record {index} is missing from the log", 9)
        index = at + 1
        try:
            if hashlib.sha256(body).digest() != body_hash:
                fault(at, event_id, "the body is not the one that was hashed", 1)
            added = [TAG, struct.pack(">I", len(entries))]
            for lot, lot_seq, prev in entries:
                name = lot.encode()
                added += [struct.pack(">H", len(name)), name, struct.pack(">Q", lot_seq), prev]
                count, head = heads.get(lot, (0, FIRST_PREV))
                if lot_seq != count + 1 or prev != head:
                    fault(at, event_id, f"the record does not follow the one before it in the chain of {lot}", 6, (lot,))
                heads[lot] = (lot_seq, record_hash)
                moved.add(lot)
            key = key_id.encode()
            added += [
                body_hash,
                struct.pack(">H", len(key)),
                key,
                struct.pack(">H", len(signature)),
                signature,
                struct.pack(">Q", record_ms),
            ]
            encoded = b"".join(added)
            if hashlib.sha256(encoded).digest() != record_hash:
                fault(at, event_id, "the record hash does not fit what the server added to the body", 7)
            leaf = hashlib.sha256(b"".join((b"\x00", encoded, struct.pack(">I", len(body)), body))).digest()
            if record_ms < last_ms:
                fault(at, event_id, "it was recorded before the record that comes before it", 8)
            last_ms = record_ms
        except (TypeError, AttributeError, struct.error) as error:
            fault(at, event_id, f"a stored value is no longer what it was: {error}", 7)
            leaf = bytes(HASH_BYTES)
        if leaf != leaf_hash:
            fault(at, event_id, "the record is not the one whose hash is in the log", 9)
        tree.append(leaf)
        if index in sealed:
            root, map_root = sealed.pop(index)
            if tree.root() != root:
                fault(at, event_id, f"the records up to {index} do not give the root that checkpoint {index} sealed", 10)
            if map_root is not None and not problems:
                if lot_map.put(MapEntry(lot, *heads[lot]) for lot in moved) != map_root:
                    fault(at, event_id, f"the map of checkpoint {index} is not what the records make it", 13)
                moved.clear()
        if progress and not index % _AT_A_TIME:
            progress(index, total)
    for size in sorted(sealed):
        fault(index, "", f"checkpoint {size} seals more records than the log holds ({index})", 10)
    if progress:
        progress(index, total)
    return LogReport(not problems, index, tree.root().hex(), len(rows), tuple(problems))


def _records(connection: Connection) -> Iterator[tuple[Any, list[tuple[Any, Any, Any]]]]:
    """Yield every record as (row of event, its entries in the order of their lots), straight from the tables."""
    events = text(
        "SELECT log_index, event_id, body, body_hash, key_id, signature, record_time_ms, record_hash, leaf_hash FROM event "
        "WHERE log_index > :after ORDER BY log_index LIMIT :most"
    )
    placed = text("SELECT log_index, lot, lot_seq, prev FROM event_lot WHERE log_index > :after AND log_index <= :last")
    after: Any = -1
    while True:
        rows = connection.execute(events, {"after": after, "most": _AT_A_TIME}).all()
        if not rows:
            return
        last = rows[-1][0]
        entries: dict[Any, list[tuple[Any, Any, Any]]] = {}
        for at, lot, lot_seq, prev in connection.execute(placed, {"after": after, "last": last}):
            entries.setdefault(at, []).append((lot, lot_seq, prev))
        for row in rows:
            found = entries.get(row[0], [])
            yield tuple(row), sorted(found) if len(found) > 1 else found
        if not isinstance(last, int) or len(rows) < _AT_A_TIME:
            return
        after = last
