"""Checking one stored record against itself: steps 1 to 5, 7 and 9 of the plan. Knows no other record and no database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from foundation.errors import NotFound, SuheError
from registry.keys import key_id as id_of_key
from traceability.events import TraceEvent, read_event
from traceability.key_register import KeyStanding
from traceability.records import Entry, Record, hash_body
from traceability.statements import LOG_PARTY, Statement, is_statement, read_statement
from traceability.store import StoredEvent
from traceability.verdicts import Problem


class Keys(Protocol):
    """Whose key signed a record, as the log tells it."""

    def key(self, wanted: str, log_index: int) -> KeyStanding:
        """Return the key; NotFound where the log knows none."""
        ...


@dataclass(slots=True)
class CheckedRecord:
    """A record with what was recomputed from it. `event` and `statement` are None where the body is not that or cannot be read."""

    stored: StoredEvent
    event: TraceEvent | None
    record_hash: bytes
    leaf_hash: bytes
    statement: Statement | None = None
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def altered(self) -> bool:
        """Whether the event itself, not only what the log added, is not what its author signed."""
        return any(step <= 4 for step, _ in self.faults)

    def problems(self) -> list[Problem]:
        """Return one problem per fault."""
        lots = tuple(e.lot for e in self.stored.entries)
        return [Problem(self.stored.log_index, self.stored.event_id, lots, what, step) for step, what in self.faults]


def check_record(stored: StoredEvent, keys: Keys) -> CheckedRecord:
    """Recompute a record from its stored bytes and note every fault by the number of its step."""
    checked = CheckedRecord(stored, None, b"", b"")
    fault = checked.faults.append
    if hash_body(stored.body) != stored.body_hash:  # 1
        fault((1, "the body is not the one that was hashed"))
    try:  # 2
        if is_statement(stored.body):
            checked.statement = read_statement(stored.body)
        else:
            checked.event = read_event(stored.body)
    except SuheError as error:
        fault((2, f"the body cannot be read: {error.message}"))
    if checked.event is not None or checked.statement is not None:
        checked.faults += [(3, what) for what in _fields(stored, checked.event, checked.statement)]  # 3
    checked.faults += _signed(stored, checked, keys)  # 4, 5
    try:
        entries = tuple(Entry(e.lot, e.lot_seq, e.prev) for e in stored.entries)
        record = Record(stored.body, entries, stored.body_hash, stored.key_id, stored.signature, stored.record_time_ms)
        checked.record_hash, checked.leaf_hash = record.hashes()
    except (ValueError, OverflowError, ArithmeticError) as error:
        fault((7, f"the record cannot be encoded: {error}"))
        return checked
    except Exception as error:  # noqa: BLE001 - struct.error has no better base; a stored value of any kind must become a finding
        fault((7, f"the record cannot be encoded: {error}"))
        return checked
    if checked.record_hash != stored.record_hash:  # 7
        fault((7, "the record hash does not fit what the server added to the body"))
    if checked.leaf_hash != stored.leaf_hash:  # 9
        fault((9, "the record is not the one whose hash is in the log"))
    return checked


def _fields(stored: StoredEvent, event: TraceEvent | None, statement: Statement | None) -> list[str]:
    faults = []
    said: tuple[str, str, int, str, tuple[str, ...]]
    if event is not None:
        said = (event.event_id, event.kind.name, event.event_time_ms, event.party, event.lots)
    else:
        assert statement is not None
        said = (statement.id, statement.type, statement.time_ms, "", (statement.subject,))
    kept = (stored.event_id, stored.event_type, stored.event_time_ms, stored.party)
    for name, here, there in zip(("event_id", "event_type", "event_time_ms", "party"), kept, said, strict=False):
        if here != there:
            faults.append(f"the stored {name} is {here!r}, the body says {there!r}")
    lots = tuple(e.lot for e in stored.entries)
    if lots != said[4]:
        faults.append(f"the record stands in the chains of {', '.join(lots) or 'no lot'}, the body concerns {', '.join(said[4])}")
    return faults


def _signed(stored: StoredEvent, checked: CheckedRecord, keys: Keys) -> list[tuple[int, str]]:
    try:
        key = keys.key(stored.key_id, stored.log_index)
    except NotFound:
        return [(5, f"the key {stored.key_id!r} is not registered")]
    except SuheError as error:
        return [(5, f"the key {stored.key_id!r} cannot be used: {error.message}")]
    faults = []
    try:
        VerifyKey(key.public_key).verify(stored.body, stored.signature)
    except (BadSignatureError, ValueError):
        faults.append((4, "the author's signature does not fit the body"))
    if id_of_key(key.public_key) != stored.key_id:
        faults.append((5, f"the key registered as {stored.key_id} is another key"))
    if not key.valid_at(stored.record_time_ms):
        faults.append((5, f"the key {stored.key_id} did not count when the event was recorded"))
    if checked.statement is not None and key.party != LOG_PARTY:
        faults.append((5, f"a statement of the log is signed by {key.party}"))
    entitled = key.fault(checked.event) if checked.event is not None else None
    if entitled:
        faults.append((5, entitled))
    return faults
