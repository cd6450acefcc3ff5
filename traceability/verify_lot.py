"""Verify one lot from its stored bytes alone, as the trace page shows it at every call.

The plan, numbered as in `verdicts.PLAN`; each step looks at every record of the lot:

1. the body is the one that was hashed; 2. it is canonical JSON of our vocabulary; 3. the stored columns say what the body says;
4. the author's signature fits the body; 5. the key counted when the event was recorded, and is the named party's; 6. the lot's chain is
complete from 1 and each record names the one before; 7. the record hash fits; 8. times of recording never go back; 9. the record is the
leaf it should be; 10. each leaf is in the log under the latest checkpoint, by an inclusion proof; 11. the checkpoint is signed by the
log's key; 12. the lot's row, holdings, edges and code are what the events make of them; 13. the map under the checkpoint says that the
chain has exactly these records. The statements about every signing key are looked at in the same way.

What the checkpoint itself leaves out only a checkpoint kept by somebody else shows.
"""

from __future__ import annotations

from itertools import pairwise

from sqlalchemy import Connection, select

from foundation.errors import NotFound, SuheError
from traceability import lots, map_store, store
from traceability.lot_map import verify_absence, verify_presence
from traceability.merkle import InvalidProof, verify_inclusion
from traceability.notes import Checkpoint, NoteVerifier
from traceability.past import Past
from traceability.records import FIRST_PREV
from traceability.records_check import CheckedRecord, Keys, check_record
from traceability.rules import check_trade
from traceability.statements import KEY_URN
from traceability.tables_check import code_fault, lot_faults
from traceability.tiles import Tiles
from traceability.verdicts import PLAN, Problem, Step, Verdict
from traceability.verify_log import open_checkpoint


def verify_lot(connection: Connection, lot_id: str, keys: Keys, log_key: NoteVerifier) -> Verdict:
    """Return the verdict on a lot; raise NotFound where nothing at all is known of it."""
    checked = [check_record(stored, keys) for stored in store.events_of_lot(connection, lot_id)]  # 1-5, 7, 9
    chains = {lot_id: checked, **_of_keys(connection, checked, keys)}
    row = connection.execute(select(store.lot).where(store.lot.c.id == lot_id)).first()
    if row is None and not checked:
        raise NotFound("there is no such lot", got=lot_id[:160])
    problems: list[Problem] = []
    for subject, records in chains.items():
        problems += [p for c in records for p in c.problems()]
        problems += _chain(records, subject)  # 6
        problems += _times(records, subject)  # 8
    latest = connection.execute(select(store.checkpoint).order_by(store.checkpoint.c.size.desc()).limit(1)).first()
    sealed: Checkpoint | None = None
    if latest is not None:
        sealed, wrong = open_checkpoint(latest, log_key)
        problems += [Problem(None, "", (lot_id,), what, 11) for what in wrong]  # 11
        every = [c for records in chains.values() for c in records]
        problems += _in_log(connection, every, latest.size, sealed.root if sealed else latest.root, lot_id)  # 10
        if sealed is not None and sealed.map_root is not None:
            for subject, records in chains.items():
                problems += _complete(connection, subject, records, sealed.size, sealed.map_root, lot_id)  # 13
    problems += _tables(connection, checked, lot_id, log_key)  # 12
    pending = sum(1 for c in checked if latest is None or c.stored.log_index >= latest.size)
    steps = tuple(_step(number, problems, len(checked), pending, latest.size if latest else 0) for number in PLAN)
    head = checked[-1].record_hash.hex() if checked else ""
    return Verdict(lot_id, not problems, steps, len(checked), head, sealed, pending, tuple(problems))


def _of_keys(connection: Connection, checked: list[CheckedRecord], keys: Keys) -> dict[str, list[CheckedRecord]]:
    """Return the checked statements about every key that signed one of these records."""
    subjects = [KEY_URN + k for k in sorted({c.stored.key_id for c in checked})]
    return {s: [check_record(stored, keys) for stored in store.events_of_lot(connection, s)] for s in subjects}


def _complete(connection: Connection, subject: str, checked: list[CheckedRecord], size: int, map_root: bytes, lot_id: str) -> list[Problem]:
    """Hold a chain against the map: nothing of it up to the checkpoint is left out, nothing was put in."""
    sealed = [c for c in checked if c.stored.log_index < size]
    last = sealed[-1] if sealed else None
    try:
        entry, proof = map_store.prove(connection, subject, size)
        if entry is not None:
            verify_presence(entry, proof.siblings, map_root)
        else:
            verify_absence(subject, proof, map_root)
    except (InvalidProof, LookupError) as error:
        return [_problem(last, lot_id, f"{subject}: {error}", 13)]
    said = (entry.count, entry.head) if entry is not None else (0, b"")
    if said != (len(sealed), last.record_hash if last else b""):
        return [_problem(last, lot_id, f"the map knows {said[0]} records of {subject}, here are {len(sealed)} or another last one", 13)]
    return []


def _chain(checked: list[CheckedRecord], lot_id: str) -> list[Problem]:
    found: list[Problem] = []
    before, stored_before, expected = FIRST_PREV, FIRST_PREV, 1
    for c in checked:
        entry = next(e for e in c.stored.entries if e.lot == lot_id)
        if entry.lot_seq != expected:
            found.append(_problem(c, lot_id, f"record {expected} of the lot is missing or out of order, here is {entry.lot_seq}", 6))
        elif entry.prev not in (before, stored_before):
            found.append(_problem(c, lot_id, "the record does not name the one before it in the lot's chain", 6))
        before, stored_before, expected = c.record_hash, c.stored.record_hash, entry.lot_seq + 1
    return found


def _times(checked: list[CheckedRecord], lot_id: str) -> list[Problem]:
    found = []
    for earlier, later in pairwise(c for c in checked if not c.faults):
        if later.stored.log_index <= earlier.stored.log_index or later.stored.record_time_ms < earlier.stored.record_time_ms:
            found.append(_problem(later, lot_id, "it was recorded before the record that comes before it", 8))
    return found


def _in_log(connection: Connection, checked: list[CheckedRecord], size: int, root: bytes, lot_id: str) -> list[Problem]:
    tiles = Tiles(size, lambda level, number: store.load_tile(connection, level, number))
    found = []
    for c in checked:
        index = c.stored.log_index
        if index >= size:
            continue
        try:
            verify_inclusion(c.leaf_hash, index, size, tiles.proof(index, size), root)
        except (InvalidProof, LookupError) as error:
            found.append(_problem(c, lot_id, f"the record is not in the log that checkpoint {size} sealed: {error}", 10))
    return found


def _tables(connection: Connection, checked: list[CheckedRecord], lot_id: str, log_key: NoteVerifier) -> list[Problem]:
    """Replay the lot's events. Its parents are taken as the tables hold them: their own verification covers them."""
    last = checked[-1] if checked else None
    if any(c.event is None or c.altered for c in checked):
        return []  # named already; replaying what was altered would only blame the tables too
    others = {lot for c in checked if c.event for lot in c.event.lots} - {lot_id}
    state = store.lots_by_id(connection, others)
    edges: dict[tuple[str, str], int] = {}
    past = Past()  # whatever a rule looks back at stands in the lot's own chain
    for c in checked:
        assert c.event is not None
        if any(i.lot not in state for i in c.event.items if i.role not in ("made", "output")):
            missing = next(i.lot for i in c.event.items if i.lot not in state)
            return [_problem(c, lot_id, f"the lot {missing} that the event names does not exist in the tables", 12)]
        try:
            check_trade(c.event, past)
        except SuheError as error:
            return [_problem(c, lot_id, f"the event breaks a rule: {error.explain()}", 12)]
        past.note(c.event)
        for edge in lots.apply(c.event, state):
            if lot_id in (edge.parent, edge.child):
                edges[edge.parent, edge.child] = c.stored.log_index
        mine = state[lot_id]
        mine.first_index = mine.first_index if mine.first_index >= 0 else c.stored.log_index
        mine.count, mine.head = mine.count + 1, c.stored.record_hash
    row = connection.execute(select(store.lot).where(store.lot.c.id == lot_id)).first()
    held = connection.execute(select(store.holding).where(store.holding.c.lot == lot_id)).all()
    faults = lot_faults(state.get(lot_id), row, held)
    if row is not None:
        faults += code_fault(row, log_key)
    query = select(store.lot_edge).where((store.lot_edge.c.parent == lot_id) | (store.lot_edge.c.child == lot_id))
    kept = {(r.parent, r.child): r.log_index for r in connection.execute(query)}
    if kept != edges:
        faults.append("its table of parents and children is not what its events say")
    return [_problem(last, lot_id, f"lot {lot_id}: {what}", 12) for what in faults]


def _problem(checked: CheckedRecord | None, lot_id: str, what: str, step: int) -> Problem:
    if checked is None:
        return Problem(None, "", (lot_id,), what, step)
    return Problem(checked.stored.log_index, checked.stored.event_id, (lot_id,), what, step)


def _step(number: int, problems: list[Problem], events: int, pending: int, size: int) -> Step:
    bad = [p for p in problems if p.step == number]
    if bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        where = f"record {bad[0].record_index}: " if bad[0].record_index is not None else ""
        return Step(number, PLAN[number], ok=False, detail=where + bad[0].what + more)
    return Step(number, PLAN[number], ok=True, detail=_fine(number, events, pending, size))


def _fine(number: int, events: int, pending: int, size: int) -> str:
    if number == 10:
        waiting = f"; {pending} wait for the next checkpoint" if pending else ""
        return f"{events - pending} of {events} records are in the log of {size}{waiting}"
    if number == 13:
        return f"the map of {size} records names {events - pending} of this lot" if size else "no checkpoint yet"
    if number == 11:
        return f"checkpoint of {size} records" if size else "no checkpoint yet"
    return f"{events} records"
