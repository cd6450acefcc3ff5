"""Verify the whole log from its stored bytes: every record, every checkpoint, every table beside it.

The plan is that of `verify_lot`, over all records at once and stricter where only the whole can show it: places in the log have no
gap (9); the root over the recomputed leaves is that of every stored checkpoint, and of the tiles (10); every checkpoint is signed
(11); replaying all events gives exactly the tables (12); the map under every checkpoint is what the records make it (13). The registry of
keys is held against what the log was told of them (5).

One fault is named once. A record that does not hold is set right in the running tree by the tile's hash of it, so that the
checkpoints after it say whether anything else was touched; its lots are left out of the replay.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from sqlalchemy import Connection, Row, select

from foundation.errors import BadInput, SuheError
from traceability import lots, store
from traceability.key_register import Register
from traceability.lot_map import MapEntry
from traceability.map_store import map_node, place_key
from traceability.map_tree import MapTree
from traceability.merkle import HASH_BYTES, Frontier
from traceability.notes import Checkpoint, NoteVerifier
from traceability.past import Past
from traceability.records import FIRST_PREV
from traceability.records_check import CheckedRecord, check_record
from traceability.rules import check_trade
from traceability.statements import KEY_URN
from traceability.tables_check import code_fault, lot_faults
from traceability.tiles import TILE_WIDTH, Tiles
from traceability.verdicts import LogReport, Problem

Progress = Callable[[int, int], None]

# Of a long stretch of missing records the first are named; a report of a million lines helps nobody.
_MOST_NAMED = 100


def open_checkpoint(row: Row[Any], log_key: NoteVerifier) -> tuple[Checkpoint | None, list[str]]:
    """Return the checkpoint a row stores, None where its note does not hold, and what is wrong with the row."""
    try:
        sealed = log_key.open(row.note)
    except BadInput as error:
        return None, [f"checkpoint {row.size}: {error.message}"]
    said = (sealed.origin, sealed.size, sealed.root, sealed.time_ms, sealed.map_root)
    if said != (log_key.name, row.size, row.root, row.time_ms, row.map_root):
        return sealed, [f"checkpoint {row.size}: the stored columns are not what its signed note says"]
    return sealed, []


def verify_log(connection: Connection, register: Register, log_key: NoteVerifier, progress: Progress | None = None) -> LogReport:
    """Return the report on everything the log and its tables hold."""
    audit = _Audit(connection, register, log_key)
    done = 0
    for some in store.all_events(connection):
        for stored in some:
            audit.record(check_record(stored, register))
        done += len(some)
        if progress:
            progress(done, audit.total)
    audit.finish()
    problems = sorted(audit.problems, key=lambda p: (p.record_index is None, p.record_index or 0, p.step))
    return LogReport(not problems, audit.count, audit.mine.root().hex(), len(audit.checkpoints), tuple(problems))


class _Audit:
    """The state of one pass over the log."""

    def __init__(self, connection: Connection, register: Register, log_key: NoteVerifier) -> None:
        self._connection, self._register, self._log_key = connection, register, log_key
        self.problems: list[Problem] = []
        self.total = store.log_end(connection)[0]
        self.count = 0
        self._next_index = 0
        self._last_time = 0
        self._chains: dict[str, tuple[int, bytes, bytes]] = {}
        self._lots: dict[str, lots.Lot] = {}
        self._edges: dict[tuple[str, str], int] = {}
        self._past = Past(connection, whole=True)
        self._tainted: set[str] = set()
        self._last_of_lot: dict[str, CheckedRecord] = {}
        # Two trees: over the records as they stand, and over the hashes the tiles hold.
        self.mine, self._tiled = Frontier(), Frontier()
        self._differ: list[tuple[int, CheckedRecord | None]] = []
        self._good_size = 0
        self._lost = False
        self.checkpoints = list(connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size)))
        self._waiting = list(reversed(self._opened()))
        self._maps = {row.size: row.map_root for row in self.checkpoints if row.map_root is not None}
        self._tree, self._moved = MapTree(), set[str]()
        self._tiles = Tiles(0, lambda level, number: store.load_tile(connection, level, number))

    def record(self, c: CheckedRecord) -> None:
        """Take in the next record of the log."""
        index = c.stored.log_index
        if index < self._next_index:
            self._add(c, "the record stands at no place of the log", 9)
            self._tainted |= {e.lot for e in c.stored.entries} | set(c.event.lots if c.event else ())
            return
        for missing in range(self._next_index, min(index, self._next_index + _MOST_NAMED)):
            self._missing(missing)
        self._next_index = index + 1
        self.count += 1
        self.problems += c.problems()
        self._grow(index, c)
        self._chain(c)
        self._time(c)
        if c.statement is None:
            self._replay(c)
        self._map(index + 1)

    def finish(self) -> None:
        """Look at what only the end can show: records cut off, the tables, entries and tiles of nothing."""
        sealed = max((size for size, _ in self._waiting), default=0)
        if sealed > self._next_index:
            self._add(None, f"checkpoint {sealed} seals more records than the log holds ({self.count})", 10)
            for index in range(self._next_index, min(sealed, self._next_index + _MOST_NAMED)):
                self._missing(index)
        self._orphans()
        self._tables()
        self._stored_tiles()
        self._stored_map()
        for key, what in self._register.differing():
            last = self._last_of_lot.get(KEY_URN + key)
            self._add(last, what, 5)

    # The tree: 9, 10, 11

    def _opened(self) -> list[tuple[int, bytes]]:
        """Check every checkpoint's note and return size and root to compare; time may not go back between them."""
        found, before = [], 0
        for row in self.checkpoints:
            sealed, wrong = open_checkpoint(row, self._log_key)
            for what in wrong:
                self._add(None, what, 11)
            if sealed is None:
                continue
            if sealed.time_ms < before:
                self._add(None, f"checkpoint {row.size} is older than the one before it", 11)
            before = sealed.time_ms
            found.append((sealed.size, sealed.root))
        return sorted(found)

    def _map(self, size: int) -> None:
        """Hold the map's root at a checkpoint against what the records make of it; after another fault it cannot be told whose it is."""
        wanted = self._maps.get(size)
        if wanted is None or self.problems:
            return
        entries = [MapEntry(subject, count, head) for subject in self._moved for count, head, _ in [self._chains[subject]]]
        self._moved.clear()
        if self._tree.put(entries) != wanted:
            self._add(None, f"the map of checkpoint {size} is not what the records make it: a history is cut short or made up", 13)

    def _stored_map(self) -> None:
        """Compare the stored nodes with the map that was just made anew."""
        newest = max(self._maps, default=0)
        if self.problems or not newest:
            return
        stored = {r.place: (r.hash, r.subject) for r in self._connection.execute(select(map_node))}
        right = {place_key(place): node for place, node in self._tree.nodes()}
        wrong = sorted(k for k in stored.keys() | right.keys() if stored.get(k) != right.get(k))
        for place in wrong[:_MOST_NAMED]:
            self._add(None, f"node {place.hex()} of the stored map is not what the records make it", 13)

    def _grow(self, index: int, c: CheckedRecord | None) -> None:
        sealed = bool(self.checkpoints) and index < self.checkpoints[-1].size
        tiled = self._leaf_in_tile(index) if sealed else b""
        leaf = c.leaf_hash if c is not None and c.leaf_hash else None
        if sealed and tiled != leaf:
            self._differ.append((index, c))
        self.mine.append(leaf or tiled or bytes(HASH_BYTES))
        self._tiled.append(tiled or leaf or bytes(HASH_BYTES))
        while self._waiting and self._waiting[-1][0] == self.mine.size:
            self._compare(*self._waiting.pop())

    def _compare(self, size: int, root: bytes) -> None:
        """Decide at a checkpoint who is right: the records, the tiles, or neither."""
        differ, self._differ = self._differ, []
        if self._lost:
            return
        if self.mine.root() == root:
            for index, c in differ:
                self._add(c, f"the tile holds another hash for record {index} than the checkpoint sealed", 10, index)
            self._tiled = deepcopy(self.mine)
        elif self._tiled.root() == root:
            for index, c in differ:
                # A record with a fault of its own, or missing, was named for it already.
                if c is not None and not c.faults:
                    self._add(c, f"the record is not the one checkpoint {size} sealed", 10, index)
            self.mine = deepcopy(self._tiled)
        else:
            self._lost = True
            what = f"the records up to {size} do not give the root that checkpoint {size} sealed; those up to {self._good_size} do"
            self._add(None, what, 10)
        self._good_size = size

    def _leaf_in_tile(self, index: int) -> bytes:
        number, within = divmod(index, TILE_WIDTH)
        return self._tiles.tile(0, number)[within * HASH_BYTES : (within + 1) * HASH_BYTES]

    def _missing(self, index: int) -> None:
        kept = self._connection.execute(select(store.event_lot.c.lot).where(store.event_lot.c.log_index == index)).scalars().all()
        self._tainted |= set(kept)
        self.problems.append(Problem(index, "", tuple(kept), f"record {index} is missing from the log", 9))
        self._grow(index, None)

    def _stored_tiles(self) -> None:
        """Compare every stored tile with the tree that the checkpoints confirmed."""
        size = self._good_size
        if not self.checkpoints or self._lost or size != self.checkpoints[-1].size:
            return
        right = Tiles(0, lambda _level, _number: b"")
        right.append([self._leaf_in_tile(k) for k in range(size)])
        kept = {(r.level, r.number): r.hashes for r in self._connection.execute(select(store.log_tile))}
        wrong = sorted(key for key in kept.keys() | right.changed.keys() if kept.get(key) != right.changed.get(key))
        for level, number in wrong:
            self._add(None, f"tile {number} at level {level} does not hold the tree's hashes", 10)

    # The records among each other: 6, 8

    def _chain(self, c: CheckedRecord) -> None:
        for entry in c.stored.entries:
            count, computed, stored = self._chains.get(entry.lot, (0, FIRST_PREV, FIRST_PREV))
            if entry.lot_seq != count + 1:
                self._add(c, f"record {count + 1} of lot {entry.lot} is missing or out of order, here is {entry.lot_seq}", 6)
                self._tainted.add(entry.lot)
            elif entry.prev not in (computed, stored):
                self._add(c, f"the record does not name the one before it in the chain of lot {entry.lot}", 6)
            self._chains[entry.lot] = (entry.lot_seq, c.record_hash, c.stored.record_hash)
            self._moved.add(entry.lot)
            if c.statement is not None:
                self._last_of_lot[entry.lot] = c

    def _time(self, c: CheckedRecord) -> None:
        if c.faults:
            return  # its time may be what was altered; it is named already
        if c.stored.record_time_ms < self._last_time:
            self._add(c, "it was recorded before the record that comes before it", 8)
        self._last_time = max(self._last_time, c.stored.record_time_ms)

    # The tables: 12

    def _replay(self, c: CheckedRecord) -> None:
        concerned = {e.lot for e in c.stored.entries} | set(c.event.lots if c.event else ())
        for lot_id in concerned:
            self._last_of_lot[lot_id] = c
        if c.event is None or c.altered or concerned & self._tainted:
            self._tainted |= concerned
            return
        try:
            lots.check(c.event, self._lots)
            check_trade(c.event, self._past)
        except SuheError as error:
            self._add(c, f"the event breaks a rule: {error.explain()}", 12)
            self._tainted |= concerned
            return
        self._past.note(c.event)
        for edge in lots.apply(c.event, self._lots):
            self._edges[edge.parent, edge.child] = c.stored.log_index
        for entry in c.stored.entries:
            found = self._lots[entry.lot]
            found.first_index = found.first_index if found.first_index >= 0 else c.stored.log_index
            found.count, found.head = found.count + 1, c.stored.record_hash

    def _tables(self) -> None:
        held: dict[str, list[Row[Any]]] = {}
        for row in self._connection.execute(select(store.holding)):
            held.setdefault(row.lot, []).append(row)
        rows = {row.id: row for row in self._connection.execute(select(store.lot))}
        for lot_id in sorted((self._lots.keys() | rows.keys() | held.keys()) - self._tainted):
            kept = rows.get(lot_id)
            faults = lot_faults(self._lots.get(lot_id), kept, held.get(lot_id, []))
            if kept is not None:
                faults += code_fault(kept, self._log_key)
            for what in faults:
                self._add_for_lot(lot_id, what)
        edges = {(r.parent, r.child): r.log_index for r in self._connection.execute(select(store.lot_edge))}
        for pair in sorted(edges.keys() | self._edges.keys()):
            if edges.get(pair) != self._edges.get(pair) and not set(pair) & self._tainted:
                self._add_for_lot(pair[1], f"its table of parents and children is not what its events say ({pair[0]})")

    def _orphans(self) -> None:
        """Name entries that stand in a chain without a record."""
        query = select(store.event_lot.c.log_index, store.event_lot.c.lot).where(
            store.event_lot.c.log_index.not_in(select(store.event.c.log_index))
        )
        named = {p.record_index for p in self.problems if p.step == 9}
        for row in self._connection.execute(query):
            self._tainted.add(row.lot)
            if row.log_index not in named:
                self.problems.append(Problem(row.log_index, "", (row.lot,), f"record {row.log_index} is missing from the log", 9))

    def _add(self, c: CheckedRecord | None, what: str, step: int, index: int | None = None) -> None:
        if c is None:
            self.problems.append(Problem(index, "", (), what, step))
        else:
            found = tuple(e.lot for e in c.stored.entries)
            self.problems.append(Problem(c.stored.log_index, c.stored.event_id, found, what, step))

    def _add_for_lot(self, lot_id: str, what: str) -> None:
        last = self._last_of_lot.get(lot_id)
        index, event_id = (last.stored.log_index, last.stored.event_id) if last else (None, "")
        self.problems.append(Problem(index, event_id, (lot_id,), f"lot {lot_id}: {what}", 12))
