"""Tables of the log and of what is projected from it, and the few queries on them.

`event`, `event_lot`, `checkpoint` and `log_tile` are only ever added to (a partial tile grows). Everything else can be recomputed from
`event` and is, at every verification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    PrimaryKeyConstraint,
    Row,
    Table,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from foundation.database import metadata, reading
from traceability.column_types import Bytes, Lines, Whole, Words
from traceability.lots import Lot
from traceability.merkle import HASH_BYTES
from traceability.records import Entry, Record

T = TypeVar("T")

event = Table(
    "event",
    metadata,
    Column("log_index", Whole, primary_key=True, autoincrement=False),
    Column("event_id", Words(45), nullable=False, unique=True),
    Column("event_type", Words(20), nullable=False),
    Column("event_time_ms", Whole, nullable=False),
    Column("party", Words(64), nullable=False),
    Column("body", Bytes, nullable=False),
    Column("body_hash", Bytes(HASH_BYTES), nullable=False),
    Column("key_id", Words(16), nullable=False),
    Column("signature", Bytes(64), nullable=False),
    Column("record_time_ms", Whole, nullable=False),
    Column("record_hash", Bytes(HASH_BYTES), nullable=False),
    Column("leaf_hash", Bytes(HASH_BYTES), nullable=False),
    # Few among millions, each with an index of its own: capture does not pay for one on everything else.
    Index(
        "ix_event_key",
        "log_index",
        sqlite_where=text("event_type = 'key_registered'"),
        postgresql_where=text("event_type = 'key_registered'"),
    ),
    Index(
        "ix_event_recall",
        "log_index",
        sqlite_where=text("event_type IN ('recall', 'recall_lifted')"),
        postgresql_where=text("event_type IN ('recall', 'recall_lifted')"),
    ),
)

event_lot = Table(
    "event_lot",
    metadata,
    Column("lot", Words(140), nullable=False),
    Column("lot_seq", Whole, nullable=False),
    Column("log_index", Whole, nullable=False),
    Column("prev", Bytes(HASH_BYTES), nullable=False),
    PrimaryKeyConstraint("lot", "lot_seq"),
    UniqueConstraint("log_index", "lot"),
)

lot = Table(
    "lot",
    metadata,
    Column("id", Words(140), primary_key=True),
    Column("kind", Words(10), nullable=False),
    Column("county", Words(6), nullable=False),
    Column("product", Words(64), nullable=False),
    Column("variety", Words(64), nullable=False),
    Column("name_zh", Words(60), nullable=False),
    Column("party", Words(64), nullable=False),
    Column("plot", Words(64), nullable=False),
    Column("uom", Words(3), nullable=False),
    Column("made", Whole, nullable=False),
    Column("state", Words(20), nullable=False),
    Column("planted_ms", Whole),
    Column("harvested_ms", Whole),
    Column("inspection", Words(20), nullable=False),
    Column("moved", Boolean, nullable=False),
    Column("event_count", Whole, nullable=False),
    Column("head", Bytes(HASH_BYTES), nullable=False),
    Column("first_index", Whole, nullable=False),
    Column("last_event_ms", Whole, nullable=False),
    Column("recalls", Lines, nullable=False, server_default=""),
    Column("code", Words(17), unique=True),
    Column("code_seal", Bytes(64)),
    Index(None, "county", "first_index"),
    Index(None, "first_index"),
    Index("ix_lot_recalled", "id", sqlite_where=text("recalls <> ''"), postgresql_where=text("recalls <> ''")),
)

lot_edge = Table(
    "lot_edge",
    metadata,
    Column("parent", Words(140), nullable=False),
    Column("child", Words(140), nullable=False),
    Column("log_index", Whole, nullable=False),
    PrimaryKeyConstraint("parent", "child"),
    # Both ways of a walk are answered from an index alone.
    Index(None, "child", "parent"),
)

holding = Table(
    "holding",
    metadata,
    Column("lot", Words(140), nullable=False),
    Column("party", Words(64), nullable=False, index=True),
    Column("held", Whole, nullable=False),
    Column("arriving", Whole, nullable=False),
    PrimaryKeyConstraint("lot", "party"),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("size", Whole, primary_key=True, autoincrement=False),
    Column("root", Bytes(HASH_BYTES), nullable=False),
    Column("time_ms", Whole, nullable=False),
    Column("note", Lines, nullable=False),
    Column("map_root", Bytes(HASH_BYTES)),
)

log_tile = Table(
    "log_tile",
    metadata,
    Column("level", Whole, nullable=False),
    Column("number", Whole, nullable=False),
    Column("hashes", Bytes, nullable=False),
    PrimaryKeyConstraint("level", "number"),
)

# Any number will do; it only has to be the same in every process that appends, and no other lock's.
_SEQUENCER_LOCK = 6962_371522
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A row of `event_lot` as it stands."""

    lot: str
    lot_seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A row of `event` as it stands, with its entries in the order of their lots."""

    log_index: int
    event_id: str
    event_type: str
    event_time_ms: int
    party: str
    body: bytes
    body_hash: bytes
    key_id: str
    signature: bytes
    record_time_ms: int
    record_hash: bytes
    leaf_hash: bytes
    entries: tuple[StoredEntry, ...]

    def record(self) -> Record:
        """Return what is logged of it, as it stands."""
        entries = tuple(Entry(e.lot, e.lot_seq, e.prev) for e in self.entries)
        return Record(self.body, entries, self.body_hash, self.key_id, self.signature, self.record_time_ms)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now, whatever is written meanwhile, and writes nothing itself."""
    with reading(engine).connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with connection.begin():
            yield connection


def take_sequencer(connection: Connection) -> None:
    """Hold the only place at the log's end until the transaction ends. On SQLite its BEGIN IMMEDIATE has done so already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _SEQUENCER_LOCK})


def chunks(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield `values` in lists that fit into one IN clause on both engines."""
    listed = list(values)
    for k in range(0, len(listed), _CHUNK):
        yield listed[k : k + _CHUNK]


def log_end(connection: Connection) -> tuple[int, int]:
    """Return the log's size and the latest time the log has told: of its last record or checkpoint, 0 where there is none."""
    last = connection.execute(select(event.c.log_index, event.c.record_time_ms).order_by(event.c.log_index.desc()).limit(1)).first()
    sealed = connection.execute(select(func.max(checkpoint.c.time_ms))).scalar() or 0
    return (last[0] + 1, max(last[1], sealed)) if last else (0, sealed)


def lots_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Lot]:
    """Return the named lots that exist, as the tables hold them."""
    found: dict[str, Lot] = {}
    for some in chunks(ids):
        for row in connection.execute(select(lot).where(lot.c.id.in_(some))):
            found[row.id] = lot_of(row)
        for row in connection.execute(select(holding).where(holding.c.lot.in_(some))):
            if row.lot in found:
                add_holding(found[row.lot], row)
    return found


def lot_of(row: Row[Any]) -> Lot:
    """Return the lot a row stores, without its holdings."""
    return Lot(
        id=row.id, kind=row.kind, product=row.product, variety=row.variety, name_zh=row.name_zh, party=row.party, plot=row.plot,
        uom=row.uom, made=row.made, planted_ms=row.planted_ms, harvested_ms=row.harvested_ms, inspection=row.inspection,
        moved=row.moved, count=row.event_count, head=row.head, first_index=row.first_index, last_event_ms=row.last_event_ms,
        recalls=tuple(row.recalls.split()),
    )  # fmt: skip


def add_holding(found: Lot, row: Row[Any]) -> None:
    """Put a row of `holding` into its lot."""
    if row.held:
        found.held[row.party] = row.held
    if row.arriving:
        found.arriving[row.party] = row.arriving


def row_of(found: Lot) -> dict[str, Any]:
    """Return the row that stores a lot, its code apart."""
    return {
        "id": found.id, "kind": found.kind, "county": found.county, "product": found.product, "variety": found.variety,
        "name_zh": found.name_zh, "party": found.party, "plot": found.plot, "uom": found.uom, "made": found.made, "state": found.state,
        "planted_ms": found.planted_ms, "harvested_ms": found.harvested_ms, "inspection": found.inspection, "moved": found.moved,
        "event_count": found.count, "head": found.head, "first_index": found.first_index, "last_event_ms": found.last_event_ms,
        "recalls": " ".join(found.recalls),
    }  # fmt: skip


def holding_rows(found: Lot) -> list[dict[str, Any]]:
    """Return the rows that store who holds and awaits how much of a lot."""
    parties = sorted({*found.held, *found.arriving})
    return [{"lot": found.id, "party": p, "held": found.held.get(p, 0), "arriving": found.arriving.get(p, 0)} for p in parties]


def write_lots(connection: Connection, changed: Sequence[Lot], codes: Mapping[str, tuple[str | None, bytes | None]]) -> None:
    """Store lots: those in `codes` are new and get the code and seal given there."""
    made = [{**row_of(x), "code": codes[x.id][0], "code_seal": codes[x.id][1]} for x in changed if x.id in codes]
    kept = [row_of(x) for x in changed if x.id not in codes]
    if made:
        connection.execute(insert(lot), made)
    if kept:
        columns: dict[str, Any] = {name: bindparam(name) for name in kept[0] if name != "id"}
        rows = [{**{n: v for n, v in row.items() if n != "id"}, "lot_id": row["id"]} for row in kept]
        connection.execute(update(lot).where(lot.c.id == bindparam("lot_id")).values(columns), rows)
    for some in chunks(row["id"] for row in kept):
        connection.execute(delete(holding).where(holding.c.lot.in_(some)))
    rows = [row for x in changed for row in holding_rows(x)]
    if rows:
        connection.execute(insert(holding), rows)


def stored_events(connection: Connection, log_indexes: Iterable[int]) -> list[StoredEvent]:
    """Return the events at these places of the log, in its order."""
    found: list[StoredEvent] = []
    for some in chunks(sorted(log_indexes)):
        rows = connection.execute(select(event).where(event.c.log_index.in_(some)).order_by(event.c.log_index)).all()
        entries = connection.execute(select(event_lot).where(event_lot.c.log_index.in_(some))).all()
        found += _joined(rows, entries)
    return found


def all_events(connection: Connection, at_a_time: int = 2000) -> Iterator[list[StoredEvent]]:
    """Yield the whole log in its order, some thousand events at a time."""
    after = -1
    while True:
        rows = connection.execute(select(event).where(event.c.log_index > after).order_by(event.c.log_index).limit(at_a_time)).all()
        if not rows:
            return
        # A place that is no number reads as -1 and may sort anywhere; it must not turn the walk back.
        last = max(row.log_index for row in rows)
        inside = (event_lot.c.log_index > after) & (event_lot.c.log_index <= last)
        yield _joined(rows, connection.execute(select(event_lot).where(inside)).all())
        if len(rows) < at_a_time or last <= after:
            return
        after = last


def events_of_lot(connection: Connection, lot_id: str) -> list[StoredEvent]:
    """Return the events of a lot in the order of its chain."""
    chain = connection.execute(select(event_lot.c.log_index).where(event_lot.c.lot == lot_id).order_by(event_lot.c.lot_seq)).scalars().all()
    by_index = {stored.log_index: stored for stored in stored_events(connection, chain)}
    return [by_index[k] for k in chain if k in by_index]


def bodies(connection: Connection, indexes: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
    """Return place in the log -> (body, record hash) of some records."""
    found: dict[int, tuple[bytes, bytes]] = {}
    for some in chunks(indexes):
        rows = connection.execute(select(event.c.log_index, event.c.body, event.c.record_hash).where(event.c.log_index.in_(some)))
        found.update({row.log_index: (row.body, row.record_hash) for row in rows})
    return found


def chain_head(connection: Connection, subject: str) -> tuple[int, bytes]:
    """Return how many records a subject's chain has and the hash of its last; 0 and zeros where there is none."""
    query = (
        select(event_lot.c.lot_seq, event.c.record_hash)
        .join_from(event_lot, event, event.c.log_index == event_lot.c.log_index)
        .where(event_lot.c.lot == subject)
        .order_by(event_lot.c.lot_seq.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return (row.lot_seq, row.record_hash) if row else (0, bytes(HASH_BYTES))


def chain_lengths(connection: Connection, subjects: Iterable[str]) -> dict[str, int]:
    """Return how many records the chains of these subjects have, those without any left out."""
    found: dict[str, int] = {}
    for some in chunks(subjects):
        query = select(event_lot.c.lot, func.max(event_lot.c.lot_seq)).where(event_lot.c.lot.in_(some)).group_by(event_lot.c.lot)
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def bodies_of(connection: Connection, lots: Iterable[str]) -> Iterator[bytes]:
    """Yield the stored bodies of every event of these lots, each once, in the order of the log."""
    places: set[int] = set()
    for some in chunks(lots):
        places.update(connection.execute(select(event_lot.c.log_index).where(event_lot.c.lot.in_(some))).scalars())
    for few in chunks(sorted(places)):
        query = select(event.c.body).where(event.c.log_index.in_(few)).order_by(event.c.log_index)
        yield from connection.execute(query).scalars()


def load_tile(connection: Connection, level: int, number: int) -> bytes:
    """Return a stored tile, empty where there is none."""
    query = select(log_tile.c.hashes).where(log_tile.c.level == level, log_tile.c.number == number)
    return connection.execute(query).scalar() or b""


def write_tiles(connection: Connection, changed: Mapping[tuple[int, int], bytes]) -> None:
    """Store tiles that grew or are new."""
    for (level, number), hashes in changed.items():
        here = (log_tile.c.level == level) & (log_tile.c.number == number)
        if not connection.execute(update(log_tile).where(here).values(hashes=hashes)).rowcount:
            connection.execute(insert(log_tile), {"level": level, "number": number, "hashes": hashes})


def _joined(rows: Sequence[Row[Any]], entry_rows: Sequence[Row[Any]]) -> list[StoredEvent]:
    entries: dict[int, list[StoredEntry]] = {}
    for row in entry_rows:
        entries.setdefault(row.log_index, []).append(StoredEntry(row.lot, row.lot_seq, row.prev))
    return [StoredEvent(**row._mapping, entries=tuple(sorted(entries.get(row.log_index, []), key=lambda e: e.lot))) for row in rows]
