"""Appending to the log: one sequencer, one transaction for any number of events, checkpoints with the tree's tiles."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from foundation.errors import BadInput, Conflict, SuheError
from traceability import lots, store
from traceability.codes import RandomBytes, new_code, seal_text
from traceability.events import TraceEvent, read_event
from traceability.legs import check_summary, legs_of
from traceability.notes import Checkpoint, NoteSigner
from traceability.records import Entry, Record, hash_body
from traceability.secrets import Secret
from traceability.tiles import Tiles

# A phone's clock may run ahead of ours; more than this is a mistake that would put an event into the future.
MOST_AHEAD_MS = 300_000
# No crop of ours was planted before: an older date is a device that lost its clock, and no chain of growing begins with it.
EARLIEST_MS = 946_684_800_000  # 2000-01-01


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event that was read and whose signature fits its body."""

    event: TraceEvent
    body: bytes
    key_id: str
    signature: bytes
    secrets: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where an event stands in the log. `new` is False where the same bytes had been recorded before."""

    event_id: str
    log_index: int
    record_time_ms: int
    record_hash: str
    lots: tuple[tuple[str, int], ...]
    new: bool = True


def append(
    connection: Connection, signed: Sequence[SignedEvent], *, now_ms: int, signer: NoteSigner, random_bytes: RandomBytes
) -> list[Receipt]:
    """Record events in the order given, all or none, and return a receipt for each.

    1. take the sequencer, 2. find what is recorded already, 3. read the log's end and the lots concerned, 4. per event: check the rules,
    chain it, apply it, 5. write events, entries, edges and lots. The caller's transaction commits.

    Raises:
        Conflict: an event id is recorded with another body, or an event does not fit the lots as they stand.
        BadInput: an event lies in the future.

    """
    store.take_sequencer(connection)  # 1
    known = _known(connection, signed)  # 2
    size, last_ms = store.log_end(connection)  # 3
    record_ms = max(now_ms, last_ms)
    state = store.lots_by_id(connection, {lot for s in signed if s.event.event_id not in known for lot in s.event.lots})
    new: dict[str, int] = {}
    touched: dict[str, lots.Lot] = {}
    event_rows: list[dict[str, object]] = []
    entry_rows: list[dict[str, object]] = []
    edge_rows: list[dict[str, object]] = []
    receipts: list[Receipt] = []
    fresh: list[TraceEvent] = []
    for number, item in enumerate(signed):  # 4
        event = item.event
        if event.event_id in known:
            receipts.append(_same(known[event.event_id], item))
            continue
        try:
            if event.event_time_ms > record_ms + MOST_AHEAD_MS:
                raise BadInput("this event lies in the future", got=str(event.body["eventTime"]), todo="set the clock of the device")
            if event.event_time_ms < EARLIEST_MS:
                raise BadInput(
                    "this event lies too far back",
                    expected="2000-01-01 or later",
                    got=str(event.body["eventTime"]),
                    todo="set the clock of the device",
                )
            lots.check(event, state)
            if event.kind.name == "sensor_summary":
                ways = legs_of([*_recorded_ways(connection, event), *fresh])
                check_summary(event, next((leg for leg in ways if leg.id == event.leg), None))
            edges = lots.apply(event, state)
        except SuheError as error:
            raise named(error, number, len(signed)) from error
        entries = tuple(Entry(x, state[x].count + 1, state[x].head) for x in event.lots)
        record = Record(item.body, entries, hash_body(item.body), item.key_id, item.signature, record_ms)
        record_hash, leaf = record.hashes()
        index = size + len(event_rows)
        for entry in entries:
            lot = touched[entry.lot] = state[entry.lot]
            if lot.first_index < 0:
                lot.first_index = new[lot.id] = index
            lot.count, lot.head = entry.lot_seq, record_hash
            entry_rows.append({"lot": entry.lot, "lot_seq": entry.lot_seq, "log_index": index, "prev": entry.prev})
        event_rows.append(_event_row(index, item, record, record_hash, leaf))
        edge_rows += [{"parent": e.parent, "child": e.child, "log_index": index} for e in edges]
        receipt = Receipt(event.event_id, index, record_ms, record_hash.hex(), tuple((e.lot, e.lot_seq) for e in entries))
        receipts.append(receipt)
        fresh.append(event)
        known[event.event_id] = (item.body, receipt)
    for table, rows in ((store.event, event_rows), (store.event_lot, entry_rows), (store.lot_edge, edge_rows)):  # 5
        if rows:
            connection.execute(insert(table), rows)
    codes = {lot_id: _code(touched[lot_id], signer, random_bytes) for lot_id in new}
    store.write_lots(connection, list(touched.values()), codes)
    return receipts


def seal(connection: Connection, *, now_ms: int, signer: NoteSigner) -> Checkpoint | None:
    """Take the records since the last checkpoint into the tree, sign its root, and return the checkpoint; None where nothing is new."""
    store.take_sequencer(connection)
    size, last_ms = store.log_end(connection)
    sealed = connection.execute(select(store.checkpoint.c.size).order_by(store.checkpoint.c.size.desc()).limit(1)).scalar() or 0
    if size <= sealed:
        return None
    tiles = Tiles(sealed, lambda level, number: store.load_tile(connection, level, number))
    query = select(store.event.c.leaf_hash).where(store.event.c.log_index >= sealed).order_by(store.event.c.log_index)
    tiles.append(connection.execute(query).scalars().all())
    if tiles.size != size:
        raise Conflict("records are missing from the log", expected=f"{size}", got=f"{tiles.size}", todo="suhe trace verify --all")
    made = Checkpoint(signer.name, size, tiles.root(), max(now_ms, last_ms))
    store.write_tiles(connection, tiles.changed)
    row = {"size": size, "root": made.root, "time_ms": made.time_ms, "note": signer.note(made)}
    connection.execute(insert(store.checkpoint), row)
    return made


def named(error: SuheError, number: int, of: int) -> SuheError:
    """Return the error with the event's place in its batch, so that a batch of 500 says which one it was."""
    if of == 1:
        return error
    return type(error)(f"event {number + 1} of {of}: {error.message}", expected=error.expected, got=error.got, todo=error.todo)


def _known(connection: Connection, signed: Sequence[SignedEvent]) -> dict[str, tuple[bytes, Receipt]]:
    """Return what is recorded under the ids of these events: body and receipt."""
    indexes: list[int] = []
    for some in store.chunks(s.event.event_id for s in signed):
        indexes += connection.execute(select(store.event.c.log_index).where(store.event.c.event_id.in_(some))).scalars()
    found = {}
    for e in store.stored_events(connection, indexes):
        places = tuple((entry.lot, entry.lot_seq) for entry in e.entries)
        found[e.event_id] = (e.body, Receipt(e.event_id, e.log_index, e.record_time_ms, e.record_hash.hex(), places, new=False))
    return found


def _recorded_ways(connection: Connection, event: TraceEvent) -> list[TraceEvent]:
    """Return the recorded shipments and receipts of the lots of an event, in the order of the log."""
    found: dict[int, TraceEvent] = {}
    for lot in event.lots:
        for stored in store.events_of_lot(connection, lot):
            if stored.event_type in ("ship", "receive") and stored.log_index not in found:
                # One that was altered in the database is no shipment any more; the verifier names it.
                with suppress(SuheError):
                    found[stored.log_index] = read_event(stored.body)
    return [found[k] for k in sorted(found)]


def _same(known: tuple[bytes, Receipt], item: SignedEvent) -> Receipt:
    body, receipt = known
    if body != item.body:
        raise Conflict(
            "this event id is recorded with another body",
            got=f"{receipt.event_id}, record {receipt.log_index}",
            todo="give the new event an id of its own; what is recorded is never changed",
        )
    return Receipt(receipt.event_id, receipt.log_index, receipt.record_time_ms, receipt.record_hash, receipt.lots, new=False)


def _code(lot: lots.Lot, signer: NoteSigner, random_bytes: RandomBytes) -> tuple[str | None, bytes | None]:
    """Return a new lot's code and its seal; inputs are not sold to consumers and have none."""
    if lot.kind != "produce":
        return None, None
    code = new_code(random_bytes)
    return code, signer.sign(seal_text(lot.id, code))


def _event_row(index: int, item: SignedEvent, record: Record, record_hash: bytes, leaf: bytes) -> dict[str, object]:
    return {
        "log_index": index, "event_id": item.event.event_id, "event_type": item.event.kind.name, "event_time_ms": item.event.event_time_ms,
        "party": item.event.party, "body": record.body, "body_hash": record.body_hash, "key_id": record.key_id,
        "signature": record.signature, "record_time_ms": record.record_time_ms, "record_hash": record_hash, "leaf_hash": leaf,
    }  # fmt: skip
