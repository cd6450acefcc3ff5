"""The CBV event hash against its published vectors, in JSON-LD and XML, and against the reference generator on events of ours."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from simulators.season_plan import season
from traceability.event_hash import document_hashes, pre_hash, xml_hashes
from traceability.event_tree import Event, events_of_json, events_of_xml
from traceability.vocabulary import CONTEXT

# Published pre-hash lines that are not the text of any published hash (a later edit of the document, a damaged file, no document).
_NOT_OF_THEIR_HASHES = {
    "epcisDocHavingTooManyUserExtensions": 1,
    "epcisDocWithAllGS1Keys": 1,
    "epcisDocWithCustomSchemaInContext": 1,
    "epcisDocWithDefaultSchemaInContext": 1,
}


@pytest.fixture
def vectors(conformance_data: Path) -> Path:
    """Return the folder of documents, hashes and pre-hashes."""
    return conformance_data / "trace/event-hash/tests/examples"


def _ni(text: str) -> str:
    return f"ni:///sha-256;{hashlib.sha256(text.encode()).hexdigest()}?ver=CBV2.0"


def _events(path: Path) -> list[Event]:
    return events_of_xml(path.read_bytes()) if path.suffix == ".xml" else events_of_json(json.loads(path.read_text(encoding="utf-8")))


def _hashes(path: Path) -> list[str]:
    return xml_hashes(path.read_bytes()) if path.suffix == ".xml" else document_hashes(json.loads(path.read_text(encoding="utf-8")))


def test_every_published_hash_is_reproduced(vectors: Path) -> None:
    """Every document with a `.hashes` file, written in JSON-LD or in XML, hashes to exactly what that file says."""
    files = sorted(vectors.glob("*.hashes"))
    assert len(files) == 17
    seen = set()
    for file in files:
        for path in (file.with_suffix(".jsonld"), file.with_suffix(".xml")):
            if path.exists():
                assert _hashes(path) == file.read_text(encoding="utf-8").split(), path.name
                seen.add(file)
    assert seen == set(files)


def test_every_published_document_has_a_hash_file(vectors: Path) -> None:
    """No document is left aside: each of the 24 belongs to a `.hashes` file that the test above read."""
    documents = [*vectors.glob("*.jsonld"), *vectors.glob("*.xml")]
    assert len(documents) == 24 and all(path.with_suffix(".hashes").exists() for path in documents)


def test_every_published_pre_hash_is_ours_to_the_character(vectors: Path) -> None:
    """The text before hashing is the published one; the four lines published beside another hash are known by name."""
    odd: dict[str, int] = {}
    for file in sorted(vectors.glob("*.prehashes")):
        hashes = file.with_suffix(".hashes")
        wanted = hashes.read_text(encoding="utf-8").split() if hashes.exists() else []
        lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line]
        for number, line in enumerate(lines):
            if number >= len(wanted) or _ni(line) != wanted[number]:
                odd[file.stem] = odd.get(file.stem, 0) + 1
                continue
            for path in (file.with_suffix(".jsonld"), file.with_suffix(".xml")):
                if path.exists():
                    assert pre_hash(_events(path)[number]) == line, (path.name, number)
    assert odd == _NOT_OF_THEIR_HASHES


def _reference(document: dict[str, Any]) -> list[str]:
    from epcis_event_hash_generator import json_to_py
    from epcis_event_hash_generator.hash_generator import epcis_hashes_from_events

    logging.getLogger().setLevel(logging.CRITICAL)
    json_to_py._namespaces.clear()  # it carries prefixes of one document into the next
    found: list[str] = epcis_hashes_from_events(json_to_py.event_list_from_epcis_document_str(json.dumps(_type_first(document))))
    return found


def _type_first(value: Any) -> Any:
    """The release takes a transaction's or party's fields in the order they stand; CBV says type first, and so do we.

    It spells a JSON true as Python does; XML and its later versions say `true`, and so do we: it is handed over as that text.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return {k: _type_first(value[k]) for k in sorted(value, key=lambda k: k != "type")}
    return [_type_first(v) for v in value] if isinstance(value, list) else value


def _document(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return events as one document: the context stands once, on top, the only place the reference reads it in."""
    return {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2025-11-20T04:00:00.000Z",
        "epcisBody": {"eventList": [{k: v for k, v in event.items() if k != "@context"} for event in events]},
    }


def test_events_of_ours_hash_as_the_reference_does() -> None:
    """A whole season's events, split, packed, shipped and tested, have the reference generator's hashes.

    A correction's `field` is a value with our own prefix. The release writes that out in JSON (not in XML, and later versions in neither):
    written out beforehand, the release gives our hash of the same.
    """
    bodies = [told.body(522) for told in season(522, 20782, 20782)]
    written = [_written_out(body) for body in bodies]
    assert len(bodies) > 20
    changed = {body["bizStep"] for body, other in zip(bodies, written, strict=True) if body != other}
    assert changed <= {"urn:suhe:bizstep:correcting"}
    assert document_hashes(_document(written)) == _reference(_document(bodies))
    same = [body for body, other in zip(bodies, written, strict=True) if body == other]
    assert document_hashes(_document(same)) == _reference(_document(same))


def _written_out(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: v if k == "@context" else _written_out(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_written_out(v) for v in value]
    return value.replace("suhe:", "urn:suhe:voc:", 1) if isinstance(value, str) and value.startswith("suhe:") else value


def _no_number(text: str) -> bool:
    """The release takes a text that Python reads as an endless number for one, fails on it and gives no hash at all."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return True


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp", "Nd"), exclude_characters=":"), min_size=9
).filter(_no_number)
_NUMBERS = st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6, allow_nan=False))
_EPCS = st.builds(
    "urn:epc:id:sgtin:{}.{}".format, st.from_regex(r"[0-9]{7}\.[0-9]{6}", fullmatch=True), st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True)
)
_LOTS = st.builds("urn:suhe:lot:371522:{}".format, st.from_regex(r"[A-Z][0-9a-z.-]{1,8}", fullmatch=True))
_LINKS = st.builds(
    "https://{}/{}".format,
    st.sampled_from(["id.gs1.org", "www.example.com/shop"]),
    st.sampled_from(
        ["01/9521141012345/10/L1/21/S7", "gtin/09521141012345/lot/L.2", "414/9521141000002/254/7", "00/095211410123456789", "about"]
    ),
)
_QUANTITY = st.fixed_dictionaries(
    {"epcClass": st.one_of(_LOTS, _LINKS), "quantity": _NUMBERS}, optional={"uom": st.sampled_from(["KGM", "H87"])}
)
_TIME = st.from_regex(
    r"20[0-9]{2}-0[1-9]-[01][1-9]T[01][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-8][0-9]{0,5})?(Z|[+-]0[0-9]:00)", fullmatch=True
).filter(lambda text: "-00:" not in text)
_ILMD = st.fixed_dictionaries(
    {"suhe:product": _WORDS},
    optional={"suhe:weight": _NUMBERS, "suhe:more": st.fixed_dictionaries({"suhe:a": _WORDS, "suhe:b": _NUMBERS})},
)
_OBJECT = st.fixed_dictionaries(
    {
        "type": st.just("ObjectEvent"),
        "eventTime": _TIME,
        "eventTimeZoneOffset": st.just("+08:00"),
        "action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
        "epcList": st.lists(st.one_of(_EPCS, _LOTS, _LINKS), max_size=4),
    },
    optional={
        "quantityList": st.lists(_QUANTITY, min_size=1, max_size=3),
        "bizStep": st.sampled_from(["shipping", "packing", "urn:suhe:bizstep:harvesting"]),
        "disposition": st.sampled_from(["in_transit", "conformant"]),
        "bizLocation": st.fixed_dictionaries({"id": st.sampled_from(["urn:suhe:plot:a1", "urn:epc:id:sgln:4012345.00001.0"])}),
        "sourceList": st.lists(st.fixed_dictionaries({"type": st.just("possessing_party"), "source": _LOTS}), min_size=1, max_size=2),
        "bizTransactionList": st.lists(
            st.fixed_dictionaries({"type": st.sampled_from(["po", "inv"]), "bizTransaction": _LOTS}), min_size=1, max_size=3
        ),
        "suhe:note": _WORDS,
        "suhe:lots": st.lists(_LOTS, min_size=1, max_size=3),
        "ilmd": _ILMD,
    },
)


@pytest.mark.parametrize("text", ["-INFINITY", "+infinity"])
def test_a_text_that_looks_like_an_endless_number_is_a_text(text: str) -> None:
    """Where the release gives no hash, ours takes the text as it stands."""
    event = {
        "type": "ObjectEvent", "eventTime": "2000-01-01T00:00:00Z", "eventTimeZoneOffset": "+08:00", "action": "ADD",
        "epcList": ["urn:epc:id:sgtin:4012345.011111.1"], "bizStep": "shipping", "ilmd": {"suhe:product": text},
    }  # fmt: skip
    other = {**event, "ilmd": {"suhe:product": text + "x"}}
    assert len(document_hashes(_document([event]))) == 1 and document_hashes(_document([event])) != document_hashes(_document([other]))
    assert _reference(_document([event])) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(_OBJECT, min_size=1, max_size=3))
def test_random_events_hash_as_the_reference_does(events: list[dict[str, Any]]) -> None:
    """On random events of our kind, with GS1 identifiers, numbers, times, fields of our own, both give one hash."""
    document = _document(events)
    assert document_hashes(document) == _reference(document)


def test_the_order_of_fields_and_lists_does_not_matter(vectors: Path) -> None:
    """The hash is of what is said: turning every object and list of a document round leaves every hash as it was."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: v if k in ("@context", "eventList") else turned(v) for k, v in reversed(value.items())}
        return [turned(v) for v in reversed(value)] if isinstance(value, list) else value

    document = json.loads((vectors / "epcisDocWithVariousEventTypes.jsonld").read_text(encoding="utf-8"))
    events = document["epcisBody"]["eventList"]
    assert document_hashes({**document, "epcisBody": {"eventList": [turned(e) for e in events]}}) == document_hashes(document)


def test_what_is_said_changes_the_hash_and_what_is_remarked_does_not() -> None:
    """eventID, recordTime, an error declaration and a comment are no part of it; a quantity, a unit and a field of ours are."""
    event = {
        "type": "ObjectEvent", "eventTime": "2025-10-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00", "action": "ADD",
        "quantityList": [{"epcClass": "urn:suhe:lot:371522:L1", "quantity": 2.5, "uom": "KGM"}], "suhe:note": "晴",
    }  # fmt: skip
    (plain,) = document_hashes(_document([event]))
    declared = {"declarationTime": "2025-10-02T08:00:00Z"}
    for more in ({"eventID": "urn:uuid:1"}, {"recordTime": "2025-10-01T00:00:00Z"}, {"errorDeclaration": declared}, {"rdfs:comment": "x"}):
        assert document_hashes(_document([{**event, **more}])) == [plain]
    for more in ({"suhe:note": "雨"}, {"action": "DELETE"}, {"eventTime": "2025-10-01T08:00:00.001+08:00"}, {"suhe:more": {}}):
        assert document_hashes(_document([{**event, **more}])) != [plain]


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ("https://evil.example/context.jsonld", "not fetched"),
        (["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", "http://127.0.0.1:1/x"], "not fetched"),
        (["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"bizStep": "https://evil.example/"}], "another meaning"),
        (["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"@vocab": "https://evil.example/"}], "another meaning"),
        (["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"x": {"@id": "a:b", "@type": "@id"}}], "more than which"),
        ({"example": "https://ns.example.com/"}, "does not name"),
        (None, "no @context"),
    ],
)
def test_a_context_that_is_not_plain_is_refused(context: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another address, a word given another meaning, a rule: refused with what was expected, and nothing is asked of the network."""
    import socket

    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(BadInput, match=says) as caught:
        document_hashes({**_document([]), "@context": context})
    assert caught.value.got


def test_a_context_of_one_event_counts_for_it_alone() -> None:
    """A prefix written inside an event is that event's; the context itself is no part of its hash."""
    event = {"type": "ObjectEvent", "eventTime": "2025-10-01T08:00:00Z", "eventTimeZoneOffset": "+08:00", "action": "ADD", "epcList": []}
    inside = {**event, "@context": [{"x": "https://x.example/"}], "x:a": "1"}
    above = {**_document([{**event, "x:a": "1"}])}
    above["@context"] = [*CONTEXT, {"x": "https://x.example/"}]
    document = _document([])
    document["epcisBody"]["eventList"] = [inside, {**event, "x:a": "1"}]
    first, second = document_hashes(document)
    assert [first] == document_hashes(above) and second != first


def test_xml_that_declares_a_document_type_is_refused() -> None:
    """No entities, hence no files read and no billion laughs; nor what is no XML, too deep or without events."""
    doctype = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><EventList>&x;</EventList></a>'
    for data, says in (
        (doctype, "document type"),
        (b"<!DOCTYPE a><a/>", "document type"),
        (b"<a>", "no XML"),
        (b"<a/>", "no list of events"),
        (b"<a>" * 100 + b"</a>" * 100, "too deeply"),
    ):
        with pytest.raises(BadInput, match=says):
            xml_hashes(data)
