"""EPCIS 2.0 documents: a whole lot out as one, and one in.

Out go the events of a lot and of its ancestors, and whatever they rest on (the truck's other lots up to that trip, the fertiliser's
purchase), in the log's order, each as its author signed it, with every signature in a block of our own. An installation that knows
the same parties and keys takes such a document in to the byte. Records, chains and times of recording are each log's own and do not
travel. Somebody else's document has no such signatures: it is checked, hashed and answered, and nothing of it is logged.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select

from foundation.clock import Clock
from foundation.errors import BadInput, NotFound, SuheError
from traceability import store
from traceability.authors import Envelope
from traceability.canonical import canonical, read_json
from traceability.epcis_check import check_document
from traceability.epcis_context import WELL_KNOWN
from traceability.epcis_values import Fault
from traceability.event_hash import document_hashes, event_hash
from traceability.vocabulary import CONTEXT

if TYPE_CHECKING:
    from traceability.service import Trace

SIGNATURES = "suhe:signatures"
MAX_DOCUMENT_BYTES = 8_000_000
# A lot with its ancestors is some hundred events; more than this is a lattice that a document does not serve.
MOST_EVENTS = 5_000
SIGNED, UNSIGNED = "signed", "unsigned"


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event as an import found it. `event_hash` names what it says (CBV 2.0); it seals nothing."""

    event_id: str
    event_hash: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a document. `grade` is signed where authors' signatures came with it and held, else unsigned and nothing is logged."""

    grade: str
    faults: tuple[Fault, ...]
    events: tuple[ReadEvent, ...]
    recorded: int = 0
    known: int = 0


class Documents:
    """EPCIS documents out of and into one installation's log."""

    def __init__(self, engine: Engine, trace: Trace, clock: Clock) -> None:
        self._engine, self._trace, self._clock = engine, trace, clock

    def export(self, lot_id: str) -> dict[str, Any]:
        """Return a lot's document: its events, its ancestors' and what they rest on, each with its author's signature.

        Raises:
            NotFound: there is no such lot.
            BadInput: more hangs on the lot than one document holds.

        """
        from traceability.service import full_lot_id

        lot_id = full_lot_id(lot_id)
        with store.snapshot(self._engine) as connection:
            if connection.execute(select(store.lot.c.id).where(store.lot.c.id == lot_id)).scalar() is None:
                raise NotFound("there is no such lot", got=lot_id[:160])
            stored = store.stored_events(connection, _resting_on(connection, lot_id))
        signatures = [
            {"suhe:eventID": s.event_id, "suhe:key": s.key_id, "suhe:signature": base64.b64encode(s.signature).decode()} for s in stored
        ]
        return {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "epcisBody": {"eventList": [json.loads(s.body) for s in stored]},
            "suhe:lot": lot_id,
            SIGNATURES: signatures,
        }

    def import_document(self, data: bytes) -> ImportReport:
        """Read a document and, where it carries its authors' signatures, record its events, all or none, in their order.

        1. read it strictly, 2. check it as EPCIS, 3. hash its events, 4. without signatures: answer, log nothing, 5. find each event's
        signature, 6. record all of them by the rules of any capture. What is recorded already stays as it is.

        Raises:
            BadInput, NotAllowed, NotFound, Conflict: a document with signatures has a fault, or one of its events may not be recorded;
                the error names it and nothing was recorded.

        """
        document = read_json(data, MAX_DOCUMENT_BYTES)  # 1
        signed = isinstance(document, dict) and SIGNATURES in document
        faults = check_document(document)  # 2
        if faults and signed:
            raise BadInput(f"this document is not valid EPCIS: {faults[0].path}", expected=faults[0].expected, got=faults[0].got)
        if faults:
            return ImportReport(UNSIGNED, tuple(faults), ())
        hashes = document_hashes(document)  # 3
        events = _events_of(document)
        read = tuple(ReadEvent(str(e.get("eventID", "")), h) for e, h in zip(events, hashes, strict=True))
        if not signed:  # 4
            return ImportReport(UNSIGNED, (), read)
        envelopes = _envelopes(document, events)  # 5
        try:
            receipts = self._trace.capture_many(envelopes)  # 6
        except SuheError as error:
            raise _with_id(error, events) from error
        new = sum(r.new for r in receipts)
        return ImportReport(SIGNED, (), read, new, len(receipts) - new)


def event_hash_of(body: str) -> str:
    """Return the CBV event hash of a logged body: a name for what it says that others compute too, not a seal. Empty for an altered one."""
    try:
        return event_hash(json.loads(body), WELL_KNOWN)
    except (ValueError, AttributeError, SuheError):
        return ""


def _resting_on(connection: Connection, lot_id: str) -> list[int]:
    """Return the places in the log of a lot's events, its ancestors', and of all that came before in any lot one of them concerns."""
    until: dict[str, int] = {}
    found: set[int] = set()
    entry = store.event_lot.c
    # All of a lot and its ancestors; of another lot what came before the event that names it.
    waiting = dict.fromkeys([lot_id, *_ancestors(connection, lot_id)], 2**62)
    while waiting:
        lot, last = waiting.popitem()
        if until.get(lot, -1) >= last:
            continue
        query = select(entry.log_index).where(entry.lot == lot, entry.log_index > until.get(lot, -1), entry.log_index <= last)
        until[lot] = last
        fresh = set(connection.execute(query).scalars()) - found
        found |= fresh
        if len(found) > MOST_EVENTS:
            raise BadInput(
                "more hangs on this lot than one document holds",
                expected=f"at most {MOST_EVENTS} events",
                todo="export a lot that comes before it",
            )
        for some in store.chunks(sorted(fresh)):
            for row in connection.execute(select(entry.lot, entry.log_index).where(entry.log_index.in_(some))):
                if until.get(row.lot, -1) < row.log_index:
                    waiting[row.lot] = max(waiting.get(row.lot, -1), row.log_index)
    return sorted(found)


def _ancestors(connection: Connection, lot_id: str) -> list[str]:
    edge = store.lot_edge.c
    found: dict[str, None] = {}
    ring = [lot_id]
    while ring:
        parents: list[str] = []
        for some in store.chunks(ring):
            parents += connection.execute(select(edge.parent).where(edge.child.in_(some))).scalars()
        ring = [p for p in dict.fromkeys(parents) if p not in found and p != lot_id]
        found.update(dict.fromkeys(ring))
    return list(found)


def _events_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    body = document.get("epcisBody", {"eventList": [document]})
    body = body["queryResults"]["resultsBody"] if "queryResults" in body else body
    found: list[dict[str, Any]] = body["eventList"]
    return found


def _envelopes(document: Mapping[str, Any], events: list[dict[str, Any]]) -> list[Envelope]:
    """Return every event with its author's key and signature; each event has exactly one, and none is left over."""
    told = document[SIGNATURES]
    by_id: dict[str, tuple[str, bytes]] = {}
    for k, one in enumerate(told if isinstance(told, list) else [told]):
        try:
            event_id, key, text = one["suhe:eventID"], one["suhe:key"], one["suhe:signature"]
            signature = base64.b64decode(text, validate=True)
            if not isinstance(event_id, str) or not isinstance(key, str) or one.keys() != _SIGNATURE_FIELDS or event_id in by_id:
                raise ValueError
        except (TypeError, KeyError, ValueError, binascii.Error) as error:
            raise BadInput(
                f"this is no signature of an event: {SIGNATURES}[{k}]",
                expected="suhe:eventID, suhe:key and suhe:signature in base 64, one per event",
                got=json.dumps(one, ensure_ascii=False)[:120],
            ) from error
        by_id[event_id] = (key, signature)
    envelopes = []
    for k, event in enumerate(events):
        found = by_id.pop(str(event.get("eventID")), None)
        if found is None:
            raise BadInput(
                f"event {k + 1} of {len(events)} has no signature beside it, so nothing of this document is recorded",
                expected=f"one in {SIGNATURES} for every event",
                got=str(event.get("eventID"))[:120],
            )
        envelopes.append(Envelope(canonical(event), *found))
    if by_id:
        raise BadInput("a signature belongs to no event of this document", got=next(iter(by_id))[:120])
    return envelopes


_SIGNATURE_FIELDS = {"suhe:eventID", "suhe:key", "suhe:signature"}
_PLACE = re.compile(r"event (\d+) of \d+: ")


def _with_id(error: SuheError, events: list[dict[str, Any]]) -> SuheError:
    """Return the error with the id of the event it is about: a document's reader looks for that, not for a number."""
    found = _PLACE.match(error.message)
    event = events[int(found[1]) - 1] if found else events[0]
    message = f"{error.message} ({event.get('eventID')})"
    return type(error)(message, expected=error.expected, got=error.got, todo=error.todo)
