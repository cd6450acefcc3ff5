"""Recomputing a log from its records: leaves, tree, chains and map. A witness that does so cosigns only the map its records make.

Without this an operator could drop a lot's last record from the map and sign that: the log itself would still be append-only.
"""

from __future__ import annotations

from collections.abc import Iterable

from traceability.events import read_event
from traceability.heads import LogHead
from traceability.lot_map import MapEntry
from traceability.map_tree import MapTree
from traceability.merkle import Frontier, leaf_hash
from traceability.records import FIRST_PREV, hash_body, read_leaf
from traceability.statements import is_statement, read_statement
from traceability.witness_state import Recomputed


class NotTheRecords(Exception):
    """The log's records do not make what its checkpoint says."""


class Whole:
    """The log as recomputed so far. A step that fails leaves it useless: it is made anew from what was stored."""

    def __init__(self, stored: Recomputed) -> None:
        self._tree = Frontier.of(stored.size, stored.edge)
        self._last_ms = stored.last_ms
        self._heads = dict(stored.heads)
        self._map = MapTree()
        self._map.put(MapEntry(subject, count, head) for subject, (count, head) in self._heads.items())

    @property
    def size(self) -> int:
        """How many records were taken in."""
        return self._tree.size

    def step(self, leaves: Iterable[bytes], head: LogHead) -> Recomputed:
        """Take in the records up to a checkpoint and return what changed.

        Raises:
            NotTheRecords: they do not make this checkpoint's tree or map, or a record is in the wrong chain or time.
            BadInput: a body cannot be read; perhaps it was written by a newer Suhe than this.

        """
        changed: set[str] = set()
        floor = self._last_ms
        for leaf in leaves:
            changed.update(self._record(leaf, floor, head.time_ms))
        if self._tree.size != head.size or self._tree.root() != head.root:
            raise NotTheRecords(f"the {self._tree.size} records make another tree than the checkpoint of {head.size} says")
        entries = [MapEntry(subject, *self._heads[subject]) for subject in sorted(changed)]
        if head.map_root is not None and self._map.put(entries) != head.map_root:
            raise NotTheRecords("the records make another map than the checkpoint says: a history is shown longer or shorter than it is")
        self._last_ms = max(self._last_ms, head.time_ms or 0)
        return Recomputed(self.size, self._tree.edge, self._last_ms, {s: self._heads[s] for s in changed})

    def _record(self, leaf: bytes, floor_ms: int, until_ms: int | None) -> tuple[str, ...]:
        index = self._tree.size
        try:
            record = read_leaf(leaf)
        except ValueError as error:
            raise NotTheRecords(f"record {index} is no record: {error}") from error
        if hash_body(record.body) != record.body_hash:
            raise NotTheRecords(f"record {index} has another body than the one that was hashed")
        if record.record_time_ms < floor_ms:
            raise NotTheRecords(f"record {index} is back-dated: it bears a time before the checkpoint that did not have it")
        if until_ms is not None and record.record_time_ms > until_ms:
            raise NotTheRecords(f"record {index} bears a time after the checkpoint that has it")
        concerns = (read_statement(record.body).subject,) if is_statement(record.body) else tuple(sorted(read_event(record.body).lots))
        if tuple(e.lot for e in record.entries) != concerns:
            raise NotTheRecords(f"record {index} stands in other chains than those it concerns")
        record_hash = record.hashes()[0]
        for entry in record.entries:
            count, before = self._heads.get(entry.lot, (0, FIRST_PREV))
            if (entry.lot_seq, entry.prev) != (count + 1, before):
                raise NotTheRecords(f"record {index} does not follow the one before it in the chain of {entry.lot}")
            self._heads[entry.lot] = (entry.lot_seq, record_hash)
        self._tree.append(leaf_hash(leaf))
        return concerns
