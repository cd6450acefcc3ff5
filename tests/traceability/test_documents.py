"""A whole lot as an EPCIS document, out of one installation and into another, and what happens to other people's documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, SuheError
from tests.traceability.kit import Kit, make_kit, small_season
from traceability import store
from traceability.documents import SIGNATURES, Documents, event_hash_of
from traceability.epcis_check import check_document


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Kit]:
    """Yield another, empty installation that knows the same parties and keys."""
    made = make_kit(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other")
    yield made
    made.engine.dispose()


def _documents(kit: Kit) -> Documents:
    return Documents(kit.engine, kit.trace, kit.clock)


def _bodies(kit: Kit) -> dict[str, tuple[bytes, str, bytes]]:
    with kit.engine.begin() as connection:
        rows = connection.execute(select(store.event).where(store.event.c.event_type.not_in(["key_registered", "key_revoked"]))).all()
    return {r.event_id: (r.body, r.key_id, r.signature) for r in rows}


def _exported(kit: Kit, lot: str = "P1") -> dict[str, Any]:
    return _documents(kit).export(kit.lot(lot))


def _size(kit: Kit) -> int:
    with kit.engine.begin() as connection:
        return connection.execute(select(func.count()).select_from(store.event)).scalar() or 0


def test_a_lot_goes_to_another_installation_to_the_byte(kit: Kit, other: Kit) -> None:
    """Every event of the lot and its ancestors arrives with its id, its bytes, its key and its signature, checked by all rules."""
    small_season(kit)
    document = _exported(kit)
    assert check_document(document) == []
    report = _documents(other).import_document(json.dumps(document).encode())
    assert report.grade == "signed" and report.recorded == len(document["epcisBody"]["eventList"]) and report.known == 0
    theirs, ours = _bodies(other), _bodies(kit)
    assert theirs == {k: ours[k] for k in theirs} and len(theirs) == report.recorded
    history, original = other.trace.lot(other.lot("P1")), kit.trace.lot(kit.lot("P1"))
    assert [e.event_id for e in history.events] == [e.event_id for e in original.events]
    assert {a.id for a in history.ancestors} == {a.id for a in original.ancestors} and history.holders == original.holders
    other.trace.make_checkpoint()
    assert other.trace.verify_all().ok


def test_it_holds_every_event_of_lot_and_ancestors_and_what_they_rest_on(kit: Kit) -> None:
    """Nothing of the lot or an ancestor is missing; the purchase of what was used comes along; another grower's planting does not."""
    small_season(kit)
    ids = [e["eventID"] for e in _exported(kit)["epcisBody"]["eventList"]]
    wanted = kit.trace.lot(kit.lot("P1"))
    for lot in (wanted.summary, *wanted.ancestors):
        assert {e.event_id for e in kit.trace.lot(lot.id).events} <= set(ids), lot.id
    assert {e.event_id for e in kit.trace.lot(kit.lot("F1")).events} <= set(ids)
    assert kit.trace.lot(kit.lot("L3")).events[0].event_id not in ids
    with kit.engine.begin() as connection:
        order = connection.execute(select(store.event.c.event_id).order_by(store.event.c.log_index)).scalars().all()
    assert ids == [i for i in order if i in set(ids)]


def test_a_second_import_changes_nothing(kit: Kit, other: Kit) -> None:
    """The same document again records nothing; nor does it where it came from."""
    small_season(kit)
    data = json.dumps(_exported(kit)).encode()
    _documents(other).import_document(data)
    before = (_size(other), _size(kit))
    for each in (other, kit):
        report = _documents(each).import_document(data)
        assert report.recorded == 0 and report.known == len(report.events)
    assert (_size(other), _size(kit)) == before


def _altered(document: dict[str, Any], event: int, **fields: Any) -> dict[str, Any]:
    document["epcisBody"]["eventList"][event].update(fields)
    return document


def test_one_bad_event_refuses_the_whole_and_is_named(kit: Kit, other: Kit) -> None:
    """A changed byte, a signature that is missing, swapped or left over, an event without those before it: nothing is recorded."""
    small_season(kit)

    def swapped(d: dict[str, Any]) -> Any:
        a, b = d[SIGNATURES][3], d[SIGNATURES][9]
        a["suhe:signature"], b["suhe:signature"] = b["suhe:signature"], a["suhe:signature"]
        return d

    def without_first(d: dict[str, Any]) -> Any:
        d["epcisBody"]["eventList"].pop(0)
        d[SIGNATURES].pop(0)
        return d

    ids = [e["eventID"] for e in _exported(kit)["epcisBody"]["eventList"]]
    changes: list[tuple[Any, type[SuheError], str]] = [
        (lambda d: _altered(d, 3, **{"suhe:note": "more"}), BadInput, ids[3]),
        (lambda d: _altered(d, 3, eventTime="2025-10-01T08:00:01+08:00"), BadInput, ids[3]),
        (lambda d: _altered(d, 3, bizStep="harvesting"), BadInput, r"eventList\[3\]\.bizStep"),
        (lambda d: _altered(d, 3, bizStep="commissioning"), BadInput, ids[3]),
        (swapped, BadInput, ids[3]),
        (without_first, Conflict, "there is no such lot yet"),
        (lambda d: {**d, SIGNATURES: d[SIGNATURES][:-1]}, BadInput, "no signature beside it"),
        (lambda d: {**d, SIGNATURES: [*d[SIGNATURES], {**d[SIGNATURES][0], "suhe:eventID": "urn:x"}]}, BadInput, "belongs to no event"),
        (lambda d: {**d, SIGNATURES: [*d[SIGNATURES], d[SIGNATURES][0]]}, BadInput, "no signature of an event"),
        (lambda d: {**d, SIGNATURES: "all"}, BadInput, "no signature of an event"),
    ]  # fmt: skip
    for change, kind, names in changes:
        with pytest.raises(kind, match=names):
            _documents(other).import_document(json.dumps(change(_exported(kit))).encode())
        # Whose the keys are may have been stated in the log by then; of the document there is nothing.
        assert _bodies(other) == {} and other.trace.lots() == []


def test_a_key_nobody_registered_here_is_refused(kit: Kit, other: Kit) -> None:
    """Signatures travel, trust does not: where the office has not registered a key, its events are not taken in."""
    small_season(kit)
    del other.registry.things["key", other.key_id("works")]
    with pytest.raises(NotAllowed, match="not registered"):
        _documents(other).import_document(json.dumps(_exported(kit)).encode())
    assert _bodies(other) == {}


def test_a_document_without_signatures_is_answered_and_not_logged(kit: Kit, conformance_data: Path) -> None:
    """Somebody else's document is checked and hashed: its grade is unsigned, its events are named, the log is as it was."""
    folder = conformance_data / "trace/event-hash/tests/examples"
    data = (folder / "epcisDocWithVariousEventTypes.jsonld").read_bytes()
    report = _documents(kit).import_document(data)
    assert (report.grade, report.recorded, report.faults) == ("unsigned", 0, ())
    assert [e.event_hash for e in report.events] == (folder / "epcisDocWithVariousEventTypes.hashes").read_text().split()
    small_season(kit)
    size, ours = _size(kit), _exported(kit)
    del ours[SIGNATURES]
    assert _documents(kit).import_document(json.dumps(ours).encode()).grade == "unsigned" and _size(kit) == size


def test_a_foreign_document_is_told_what_is_wrong(kit: Kit) -> None:
    """An invalid document without signatures is no error but an answer: every fault, its place, what was expected and what was there."""
    document = {"@context": "https://ref.gs1.org/standards/epcis/epcis-context.jsonld", "type": "EPCISDocument", "schemaVersion": "2.0",
                "creationDate": "2025-11-20T04:00:00Z", "epcisBody": {"eventList": [{"type": "ObjectEvent", "bizStep": "x"}]}}  # fmt: skip
    report = _documents(kit).import_document(json.dumps(document).encode())
    assert report.grade == "unsigned" and not report.events
    assert "$.epcisBody.eventList[0].bizStep" in {f.path for f in report.faults}


@pytest.mark.parametrize(
    ("data", "says"),
    [(b"{", "no JSON"), (b"\xff", "no JSON"), (b'{"a":1,"a":2}', "twice"), (b'{"a":NaN}', "no number"), (b"[" * 100_000, "too deeply"),
     (b" " * 8_000_001, "too large")],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_read(kit: Kit, data: bytes, says: str) -> None:
    """A key given twice, NaN, other bytes, a bottomless or endless document."""
    with pytest.raises(BadInput, match=says):
        _documents(kit).import_document(data)


def test_a_lot_nobody_knows_has_no_document(kit: Kit) -> None:
    """NotFound, with the lot's id."""
    with pytest.raises(NotFound):
        _exported(kit, "nobody")


def test_a_body_has_the_hash_its_document_says(kit: Kit) -> None:
    """The identifier shown beside one event is the one an importer computes of the whole document."""
    small_season(kit)
    report = _documents(kit).import_document(json.dumps(_exported(kit)).encode())
    bodies = _bodies(kit)
    assert all(event_hash_of(bodies[e.event_id][0].decode()) == e.event_hash for e in report.events)
