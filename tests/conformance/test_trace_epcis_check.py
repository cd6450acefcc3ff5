"""Our reading of EPCIS 2.0 against published documents, valid and invalid, and with GS1's schema as a second opinion."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from simulators.season_plan import season
from tests.conformance.schema_subset import faults
from traceability.cbv import ALARMS, COMPONENTS, DISPOSITIONS, MEASUREMENTS, REASONS, SIDES, STEPS, TRANSACTIONS
from traceability.epcis_check import check_document
from traceability.vocabulary import CONTEXT


@pytest.fixture
def published(conformance_data: Path) -> Path:
    """Return the folder of published documents."""
    return conformance_data / "trace/openepcis/core/src/main/resources/2.0/EPCIS/JSON"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_valid_document_is_accepted(published: Path, conformance_data: Path) -> None:
    """38 captures, 5 single events, 9 query documents and the 13 of the event hash: nothing is wrong with any of them."""
    found = [*published.glob("Capture/Documents/*.json"), *published.glob("Capture/Events/*.json"), *published.glob("Query/*.json")]
    assert len(found) == 52
    found += (conformance_data / "trace/event-hash").rglob("*.jsonld")
    assert len(found) == 65
    for path in found:
        assert check_document(_read(path)) == [], path.name


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("Combination_of_non_standard_bizStep_and_disposition", ["[0].bizStep", "[1].disposition"]),
        ("EPCISDocument_without_context", ["$.@context"]),
        ("ObjectEvent_with_invalid_action", ["[0].action"]),
        ("ObjectEvent_with_non_standard_bizStep", ["[0].bizStep"]),
        ("ObjectEvent_with_non_standard_bizStep_in_second_event", ["[1].bizStep"]),
        ("ObjectEvent_with_quantity_as_text", ["[0].quantityList[0].quantity"]),
        ("ObjectEvent_without_action_and_eventTime", ["[0].action", "[0].eventTime", "[0].eventTimeZoneOffset"]),
        ("ObjectEvent_without_identifier_list", ["[0].epcList"]),
    ],
)  # fmt: skip
def test_every_invalid_document_is_refused_where_it_is_wrong(published: Path, name: str, where: list[str]) -> None:
    """Each of the eight is refused for what its name says, at exactly that place, with what was expected and what was there."""
    assert len(list(published.glob("Capture/Invalid/*.json"))) == 8
    found = check_document(_read(published / f"Capture/Invalid/{name}.json"))
    assert sorted(fault.path.removeprefix("$.epcisBody.eventList") for fault in found) == sorted(where)
    assert all(fault.expected and fault.got for fault in found)


def test_the_words_are_those_of_the_published_schema(conformance_data: Path) -> None:
    """Our table of CBV's words is GS1's, word for word."""
    told = _read(conformance_data / "trace/gs1-epcis/EPCIS-JSON-Schema.json")["definitions"]
    tables = {
        "bizStep": STEPS, "disposition": DISPOSITIONS, "bizTransaction-type": TRANSACTIONS, "source-dest-type": SIDES,
        "error-reason": REASONS,
        "component": COMPONENTS, "measurementType": MEASUREMENTS, "sensorAlertType": ALARMS,
    }  # fmt: skip
    for name, table in tables.items():
        assert set(table) == set(told[name]["anyOf"][1]["enum"]), name


def test_what_bare_words_stand_for_is_the_published_context(conformance_data: Path) -> None:
    """Every bare word stands for the URI that the published context gives it."""
    text = (conformance_data / "trace/gs1-epcis/epcis-context.jsonld").read_text(encoding="utf-8")
    for table in (STEPS, DISPOSITIONS, TRANSACTIONS, SIDES, REASONS, COMPONENTS, MEASUREMENTS, ALARMS):
        for word, uri in table.items():
            short = uri.replace("https://ref.gs1.org/cbv/", "cbv:").replace("https://gs1.org/voc/", "gs1:")
            assert f'"{word}": "{short}"' in text, word


def test_documents_of_ours_are_valid_to_both(conformance_data: Path) -> None:
    """A season of our own events is one valid document, to us and to GS1's schema."""
    schema = _read(conformance_data / "trace/gs1-epcis/EPCIS-JSON-Schema.json")
    document = _document([told.body(522) for told in season(522, 20782, 20782)])
    assert check_document(document) == [] and faults(schema, document, schema) == []


def _document(events: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "@context": CONTEXT, "type": "EPCISDocument", "schemaVersion": "2.0", "creationDate": "2025-11-20T04:00:00.000Z",
        "epcisBody": {"eventList": events},
    }  # fmt: skip


_OBJECT = {
    "type": "ObjectEvent", "eventID": "urn:uuid:a", "eventTime": "2025-10-01T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
    "action": "ADD", "epcList": ["urn:epc:id:sgtin:0614141.107346.2017"], "bizStep": "commissioning",
    "quantityList": [{"epcClass": "urn:suhe:lot:371522:L1", "quantity": 2, "uom": "KGM"}],
    "sensorElementList": [{"sensorMetadata": {"startTime": "2025-10-01T07:00:00Z", "endTime": "2025-10-01T08:00:00Z"},
                           "sensorReport": [{"type": "Temperature", "value": 4, "uom": "CEL"}]}],
    "ilmd": {"suhe:product": "tomato"}, "sourceList": [{"type": "location", "source": "urn:suhe:plot:a1"}],
}  # fmt: skip
_TURNED = {
    "type": "TransformationEvent", "eventTime": "2025-10-01T08:00:00Z", "eventTimeZoneOffset": "+08:00",
    "inputEPCList": ["urn:x:1"], "outputEPCList": ["urn:x:2"],
}  # fmt: skip
_PACKED = {
    "type": "AggregationEvent", "eventTime": "2025-10-01T08:00:00Z", "eventTimeZoneOffset": "+08:00", "action": "ADD",
    "parentID": "urn:x:1", "childEPCs": ["urn:x:2"],
}  # fmt: skip
_NOTHING = object()


@pytest.mark.parametrize(
    ("event", "path", "value"),
    [
        (_OBJECT, "eventTime", "2025-02-30T08:00:00Z"),
        (_OBJECT, "eventTime", "2025-10-01T08:00:00"),
        (_OBJECT, "eventTimeZoneOffset", "+15:00"),
        (_OBJECT, "bizStep", "urn:epcglobal:cbv:bizstep:commissioning"),
        (_OBJECT, "bizStep", "https://ref.gs1.org/cbv/BizStep-transforming"),
        (_OBJECT, "bizStep", "cbv:BizStep-transforming"),
        (_OBJECT, "bizStep", ["commissioning"]),
        (_OBJECT, "action", "OBSERVE"),  # with ilmd
        (_OBJECT, "epcList.0", "no uri"),
        (_OBJECT, "epcList.0", "urn:epc:id:sgtin:0614141.1.2017"),
        (_OBJECT, "epcList.0", "https:///01/1"),
        (_OBJECT, "quantityList.0.quantity", _NOTHING),  # a unit of nothing
        (_OBJECT, "quantityList.0.quantity", True),
        (_OBJECT, "quantityList.0.quantity", -1),
        (_OBJECT, "quantityList.0.quantity", float("nan")),
        (_OBJECT, "quantityList.0.uom", "kg"),
        (_OBJECT, "quantityList.0.epcClass", _NOTHING),
        (_OBJECT, "sensorElementList.0.sensorMetadata.endTime", "2025-10-01T06:00:00Z"),
        (_OBJECT, "sensorElementList.0.sensorReport", []),
        (_OBJECT, "sensorElementList.0.sensorReport.0.type", _NOTHING),
        (_OBJECT, "sensorElementList.0.sensorReport.0.value", "4"),
        (_OBJECT, "ilmd.product", "tomato"),
        (_OBJECT, "ilmd.other:product", "tomato"),
        (_OBJECT, "party", "coop"),
        (_OBJECT, "sourceList.0.type", _NOTHING),
        (_OBJECT, "persistentDisposition", {}),
        (_OBJECT, "errorDeclaration", {"reason": "incorrect_data"}),
        (_OBJECT, "type", "HarvestEvent"),
        (_OBJECT, "@context", ["https://evil.example/context"]),
        (_TURNED, "inputEPCList", _NOTHING),
        (_TURNED, "outputEPCList", []),
        (_PACKED, "parentID", _NOTHING),
        (_PACKED, "childEPCs", []),
    ],
)  # fmt: skip
def test_one_wrong_value_is_one_fault_at_its_place(event: dict[str, Any], path: str, value: Any) -> None:
    """A valid event with one thing changed has faults, and the first names that thing's event and its field or the one it contradicts."""
    assert check_document(_document([event])) == []
    wrong = copy.deepcopy(event)
    *way, last = path.split(".")
    at: Any = wrong
    for step in way:
        at = at[int(step)] if step.isdigit() else at[step]
    key = int(last) if last.isdigit() else last
    if value is _NOTHING:
        del at[key]
    else:
        at[key] = value
    found = check_document(_document([event, wrong | {"eventID": "urn:uuid:b"}]))
    assert found and all(fault.path.startswith("$.epcisBody.eventList[1]") for fault in found)
    assert way == [] or way[0] in found[0].path


@pytest.mark.parametrize("document", [None, [], "x", {}, {"@context": CONTEXT}, _document([]) | {"schemaVersion": "1.2"},
                                      _document([]) | {"creationDate": "yesterday"}, _document([]) | {"more": 1},
                                      _document([_OBJECT, _OBJECT]), _document([7]), _document([]) | {"epcisBody": {}}])  # fmt: skip
def test_what_is_no_document_is_refused(document: Any) -> None:
    """Other JSON, another version, a field without a namespace, one event id twice, an event that is none: refused, never an exception."""
    assert check_document(document)


def test_depth_and_number_of_faults_are_bounded() -> None:
    """A document nested a thousand levels deep is refused at once, and a thousand faults are told as a hundred."""
    deep: Any = {}
    for _ in range(900):
        deep = {"suhe:x": deep}
    assert "levels" in check_document(_document([{**_OBJECT, "suhe:x": deep}]))[0].expected
    assert len(check_document(_document([{"type": "ObjectEvent"}] * 1000))) == 100
