"""Where the map's nodes are stored: as they stand, and as they stood at earlier checkpoints for as long as those are asked for.

Everything here can be recomputed from the log, and verification does so. A superseded node keeps the size of the checkpoint that
replaced it; what only very old checkpoints need is let go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, Row, Table, bindparam, delete, insert, select, update

from foundation.database import metadata
from traceability import store
from traceability.column_types import Bytes, Whole, Words
from traceability.lot_map import MapEntry, MapProof
from traceability.map_tree import MapTree, Node, proof_of
from traceability.merkle import HASH_BYTES

map_node = Table(
    "map_node",
    metadata,
    Column("place", Bytes(40), primary_key=True),
    Column("since", Whole, nullable=False),
    Column("hash", Bytes(HASH_BYTES), nullable=False),
    Column("subject", Words(140), nullable=False),
)

map_past = Table(
    "map_past",
    metadata,
    Column("place", Bytes(40), nullable=False),
    Column("until", Whole, nullable=False),
    Column("since", Whole, nullable=False),
    Column("hash", Bytes(HASH_BYTES), nullable=False),
    Column("subject", Words(140), nullable=False),
    PrimaryKeyConstraint("place", "until"),
    Index(None, "until"),
)

# A bundle wants a checkpoint that others have cosigned, which may be hours old; days of them stay provable.
KEPT_CHECKPOINTS = 5000


def grow(connection: Connection, sealed: int, size: int) -> bytes:
    """Take the records from `sealed` to `size` into the map and return its new root."""
    tree = MapTree(lambda places: load_current(connection, places))
    root = tree.put(heads(connection, sealed, size))
    if not tree.changed:
        return root
    places = {place_key(place): node for place, node in tree.changed.items()}
    before: list[Row[Any]] = []
    for some in store.chunks(places):
        before += connection.execute(select(map_node).where(map_node.c.place.in_(some))).all()
    if before:
        connection.execute(
            insert(map_past), [{"place": r.place, "until": size, "since": r.since, "hash": r.hash, "subject": r.subject} for r in before]
        )
    known = {r.place for r in before}
    fresh = [{"place": k, "since": size, "hash": n[0], "subject": n[1]} for k, n in places.items() if k not in known]
    moved = [{"at": k, "since": size, "hash": n[0], "subject": n[1]} for k, n in places.items() if k in known]
    if fresh:
        connection.execute(insert(map_node), fresh)
    if moved:
        values: dict[str, Any] = {name: bindparam(name) for name in ("since", "hash", "subject")}
        connection.execute(update(map_node).where(map_node.c.place == bindparam("at")).values(values), moved)
    _forget(connection)
    return root


def heads(connection: Connection, since: int, size: int) -> list[MapEntry]:
    """Return count and head of every subject that got a record at a place from `since` to before `size`, as of `size`."""
    entry, event = store.event_lot.c, store.event.c
    query = (
        select(entry.lot, entry.lot_seq, event.record_hash)
        .join_from(store.event_lot, store.event, event.log_index == entry.log_index)
        .where(entry.log_index >= since, entry.log_index < size)
        .order_by(entry.log_index)
    )
    return list({row.lot: MapEntry(row.lot, row.lot_seq, row.record_hash) for row in connection.execute(query)}.values())


def prove(connection: Connection, subject: str, size: int) -> tuple[MapEntry | None, MapProof]:
    """Return what the map under the checkpoint at `size` says of a subject, with the proof."""
    tree = MapTree(lambda places: load_at(connection, places, size))
    return proof_of(tree, subject, lambda name: entry_at(connection, name, size))


def entry_at(connection: Connection, subject: str, size: int) -> MapEntry:
    """Return a subject's last record below `size`, which must be there."""
    entry, event = store.event_lot.c, store.event.c
    query = (
        select(entry.lot_seq, event.record_hash)
        .join_from(store.event_lot, store.event, event.log_index == entry.log_index)
        .where(entry.lot == subject, entry.log_index < size)
        .order_by(entry.lot_seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        raise LookupError(f"the map names {subject}, the log does not")
    return MapEntry(subject, row.lot_seq, row.record_hash)


def load_current(connection: Connection, places: Sequence[int]) -> Mapping[int, Node]:
    """Return the nodes at these places as of the last checkpoint."""
    found: dict[int, Node] = {}
    for some in store.chunks(place_key(p) for p in places):
        for row in connection.execute(select(map_node).where(map_node.c.place.in_(some))):
            found[int.from_bytes(row.place, "big")] = (row.hash, row.subject)
    return found


def load_at(connection: Connection, places: Sequence[int], size: int) -> Mapping[int, Node]:
    """Return the nodes at these places as they stood at the checkpoint of `size`."""
    found: dict[int, Node] = {}
    for some in store.chunks(place_key(p) for p in places):
        for now in connection.execute(select(map_node).where(map_node.c.place.in_(some))).all():
            row: Row[Any] | None = now
            if now.since > size:
                past = map_past.c
                query = select(map_past).where(past.place == now.place, past.until > size).order_by(past.until).limit(1)
                row = connection.execute(query).first()
            if row is not None and row.since <= size:
                found[int.from_bytes(row.place, "big")] = (row.hash, row.subject)
    return found


def _forget(connection: Connection) -> None:
    """Let go of nodes that only checkpoints further back than the kept ones need."""
    query = select(store.checkpoint.c.size).order_by(store.checkpoint.c.size.desc()).offset(KEPT_CHECKPOINTS).limit(1)
    oldest = connection.execute(query).scalar()
    if oldest is not None:
        connection.execute(delete(map_past).where(map_past.c.until <= oldest))


def place_key(place: int) -> bytes:
    """Return a node's place as it is stored."""
    return place.to_bytes((place.bit_length() + 7) // 8, "big")
