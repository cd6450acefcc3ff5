"""Appending to the log: one sequencer, one transaction for any number of events and authors, checkpoints with tree and map.

Before the first event of a key the log itself states whose key it is and what its party may say; again when that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, insert, select

from foundation.errors import BadInput, Conflict, SuheError
from foundation.ids import uuid7
from registry.keys import key_id
from traceability import lots, map_store, store
from traceability.codes import RandomBytes, new_code, seal_text
from traceability.events import TraceEvent, read_event
from traceability.key_register import KeyStanding, fold, statements_of
from traceability.legs import check_summary, legs_of
from traceability.limits_store import limits_for
from traceability.notes import Checkpoint, NoteSigner
from traceability.past import Past
from traceability.records import Entry, Record, hash_body
from traceability.required import check_required
from traceability.rules import check_trade
from traceability.secrets import Secret
from traceability.statements import KEY_REGISTERED, KEY_REVOKED, KEY_URN, read_statement, write_statement
from traceability.tiles import Tiles

# A phone's clock may run ahead of ours; more than this is a mistake that would put an event into the future.
MOST_AHEAD_MS = 300_000
# No crop of ours was planted before: an older date is a device that lost its clock, and no chain of growing begins with it.
EARLIEST_MS = 946_684_800_000  # 2000-01-01


@dataclass(frozen=True, slots=True)
class SignedEvent:
    """An event that was read and whose signature fits its body, with what the registry says of the key."""

    event: TraceEvent
    body: bytes
    key: KeyStanding
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


# What a key's chain said when it was last read, and how long the chain was then.
LoggedKeys = dict[str, tuple[int, KeyStanding]]


class Appender:
    """The log's end, held for one transaction: groups of events and statements are added, `finish` writes them.

    The plan: take the sequencer and read the log's end (on making); `prepare` finds what is recorded already and the lots concerned;
    per group `add` checks the rules, chains and applies, all or none; `finish` writes. The caller's transaction commits.
    """

    def __init__(
        self, connection: Connection, *, now_ms: int, signer: NoteSigner, random_bytes: RandomBytes, logged: LoggedKeys | None = None
    ) -> None:
        store.take_sequencer(connection)
        self._connection, self._signer, self._random_bytes = connection, signer, random_bytes
        self._size, last_ms = store.log_end(connection)
        self.record_ms = max(now_ms, last_ms)
        self._lots: dict[str, lots.Lot] = {}
        self._known: dict[str, tuple[bytes, Receipt]] = {}
        self._logged: LoggedKeys = logged if logged is not None else {}
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._events: list[dict[str, object]] = []
        self._entries: list[dict[str, object]] = []
        self._edges: list[dict[str, object]] = []
        self._fresh: list[TraceEvent] = []
        self._past = Past(connection)

    def prepare(self, signed: Sequence[SignedEvent], keys: Sequence[str] = ()) -> None:
        """Fetch what these events need, all at once."""
        self._known = _known(self._connection, signed)
        self._lots = store.lots_by_id(
            self._connection, {lot for s in signed if s.event.event_id not in self._known for lot in s.event.lots}
        )
        wanted = {s.key.id for s in signed} | set(keys)
        lengths = store.chain_lengths(self._connection, [KEY_URN + k for k in wanted])
        for k in wanted:
            length = lengths.get(KEY_URN + k, 0)
            if self._logged.get(k, (0, None))[0] != length:
                self._logged.pop(k, None)
                if length:
                    self._logged[k] = (length, fold([s for _, s in statements_of(self._connection, KEY_URN + k)]))

    def add(self, group: Sequence[SignedEvent]) -> list[Receipt]:
        """Add events in the order given, all or none, and return a receipt for each.

        Raises:
            Conflict: an event id is recorded with another body, or an event does not fit the lots as they stand.
            BadInput: an event lies in the future.

        """
        undo = self._undo({lot for s in group for lot in s.event.lots})
        receipts = []
        try:
            for number, item in enumerate(group):
                try:
                    receipts.append(self._add(item))
                except SuheError as error:
                    raise named(error, number, len(group)) from error
        except BaseException:
            undo()
            raise
        return receipts

    def state(self, kind: str, subject: str, fields: Mapping[str, Any]) -> Receipt:
        """Add a statement of the log's own."""
        told_id = f"urn:uuid:{uuid7(self.record_ms, self._random_bytes(10))}"
        body = write_statement(kind, subject, fields, statement_id=told_id, now_ms=self.record_ms)
        if subject not in self._heads:
            self._heads[subject] = store.chain_head(self._connection, subject)
        count, head = self._heads[subject]
        own = key_id(self._signer.verifier.public_key)
        record = Record(body, (Entry(subject, count + 1, head),), hash_body(body), own, self._signer.sign(body), self.record_ms)
        said = read_statement(body)
        receipt = self._record(record, event_id=said.id, event_type=kind, event_time_ms=said.time_ms, party="")
        self._heads[subject] = (count + 1, bytes.fromhex(receipt.record_hash))
        return receipt

    def finish(self) -> None:
        """Write events, entries, edges and lots."""
        for table, rows in ((store.event, self._events), (store.event_lot, self._entries), (store.lot_edge, self._edges)):
            if rows:
                self._connection.execute(insert(table), rows)
        touched = dict.fromkeys(str(row["lot"]) for row in self._entries if row["lot"] in self._lots)
        changed = [self._lots[lot] for lot in touched]
        codes = {lot.id: _code(lot, self._signer, self._random_bytes) for lot in changed if lot.first_index >= self._size}
        store.write_lots(self._connection, changed, codes)

    def _add(self, item: SignedEvent) -> Receipt:
        event = item.event
        if event.event_id in self._known:
            return _same(self._known[event.event_id], item)
        _check_time(event, self.record_ms)
        lots.check(event, self._lots)
        check_required(event)
        product = self._lots[event.lots[0]].product if event.kind.name == "judge" else ""
        check_trade(event, self._past, limits_for(self._connection, event, product))
        if event.kind.name == "sensor_summary":
            ways = legs_of([*_recorded_ways(self._connection, event), *self._fresh])
            check_summary(event, next((leg for leg in ways if leg.id == event.leg), None))
        self.register(item.key)
        edges = lots.apply(event, self._lots)
        entries = tuple(Entry(x, self._lots[x].count + 1, self._lots[x].head) for x in event.lots)
        record = Record(item.body, entries, hash_body(item.body), item.key.id, item.signature, self.record_ms)
        receipt = self._record(
            record, event_id=event.event_id, event_type=event.kind.name, event_time_ms=event.event_time_ms, party=event.party
        )  # fmt: skip
        head = bytes.fromhex(receipt.record_hash)
        for entry in entries:
            lot = self._lots[entry.lot]
            lot.first_index = receipt.log_index if lot.first_index < 0 else lot.first_index
            lot.count, lot.head = entry.lot_seq, head
        self._edges += [{"parent": e.parent, "child": e.child, "log_index": receipt.log_index} for e in edges]
        self._fresh.append(event)
        self._past.note(event)
        self._known[event.event_id] = (item.body, receipt)
        return receipt

    def register(self, key: KeyStanding) -> None:
        """State a key where the log does not know it as the registry does."""
        length, logged = self._logged.get(key.id, (0, None))
        if logged is not None and logged.same_rights(key):
            return
        self.state(KEY_REGISTERED, KEY_URN + key.id, key.told())
        self._logged[key.id] = (length + 1, replace(key, revoked_ms=None))

    def revoke(self, key: str, at_ms: int, reason: str) -> None:
        """State that a logged key does not count from a time on."""
        self.state(KEY_REVOKED, KEY_URN + key, {"revoked": at_ms, "reason": reason})
        self._logged.pop(key, None)

    def _record(self, record: Record, *, event_id: str, event_type: str, event_time_ms: int, party: str) -> Receipt:
        index = self._size + len(self._events)
        record_hash, leaf = record.hashes()
        self._events.append({
            "log_index": index, "event_id": event_id, "event_type": event_type, "event_time_ms": event_time_ms, "party": party,
            "body": record.body, "body_hash": record.body_hash, "key_id": record.key_id, "signature": record.signature,
            "record_time_ms": record.record_time_ms, "record_hash": record_hash, "leaf_hash": leaf,
        })  # fmt: skip
        self._entries += [{"lot": e.lot, "lot_seq": e.lot_seq, "log_index": index, "prev": e.prev} for e in record.entries]
        return Receipt(event_id, index, record.record_time_ms, record_hash.hex(), tuple((e.lot, e.lot_seq) for e in record.entries))

    def _undo(self, concerned: set[str]) -> Callable[[], None]:
        """Return a function that takes back everything added from here on."""
        marks = [(rows, len(rows)) for rows in (self._events, self._entries, self._edges, self._fresh)]
        kept = {x: lots.copy_of(self._lots[x]) if x in self._lots else None for x in concerned}
        heads, logged, known = dict(self._heads), dict(self._logged), set(self._known)

        def undo() -> None:
            for rows, length in marks:
                del rows[length:]
            for lot, before in kept.items():
                if before is None:
                    self._lots.pop(lot, None)
                else:
                    self._lots[lot] = before
            self._heads = heads
            self._past = Past(self._connection)  # what was refused may not be cited
            for event in self._fresh:
                self._past.note(event)
            self._logged.clear()
            self._logged.update(logged)
            for event_id in self._known.keys() - known:
                del self._known[event_id]

        return undo


def append_groups(
    connection: Connection,
    groups: Sequence[Sequence[SignedEvent]],
    *,
    now_ms: int,
    signer: NoteSigner,
    random_bytes: RandomBytes,
    logged: LoggedKeys | None = None,
) -> list[list[Receipt] | SuheError]:
    """Record groups of events, each all or none, in one transaction; return receipts or the refusal for each group."""
    page = Appender(connection, now_ms=now_ms, signer=signer, random_bytes=random_bytes, logged=logged)
    page.prepare([s for group in groups for s in group])
    answers: list[list[Receipt] | SuheError] = []
    for group in groups:
        try:
            answers.append(page.add(group))
        except SuheError as error:
            answers.append(error)
    page.finish()
    return answers


def seal(connection: Connection, *, now_ms: int, signer: NoteSigner) -> Checkpoint | None:
    """Take the records since the last checkpoint into tree and map and return the signed checkpoint; None where nothing is new."""
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
    # The map grows from its last checkpoint; a log older than the map is taken in from its beginning.
    mapped = connection.execute(select(store.checkpoint.c.map_root).where(store.checkpoint.c.size == sealed)).scalar()
    map_root = map_store.grow(connection, sealed if mapped is not None else 0, size)
    made = Checkpoint(signer.name, size, tiles.root(), max(now_ms, last_ms), map_root)
    store.write_tiles(connection, tiles.changed)
    row = {"size": size, "root": made.root, "time_ms": made.time_ms, "note": signer.note(made), "map_root": map_root}
    connection.execute(insert(store.checkpoint), row)
    return made


def named(error: SuheError, number: int, of: int) -> SuheError:
    """Return the error with the event's place in its batch, so that a batch of 500 says which one it was."""
    if of == 1:
        return error
    return type(error)(f"event {number + 1} of {of}: {error.message}", expected=error.expected, got=error.got, todo=error.todo)


def _check_time(event: TraceEvent, record_ms: int) -> None:
    if event.event_time_ms > record_ms + MOST_AHEAD_MS:
        raise BadInput("this event lies in the future", got=str(event.body["eventTime"]), todo="set the clock of the device")
    if event.event_time_ms < EARLIEST_MS:
        raise BadInput(
            "this event lies too far back",
            expected="2000-01-01 or later",
            got=str(event.body["eventTime"]),
            todo="set the clock of the device",
        )


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
