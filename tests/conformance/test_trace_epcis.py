"""Our vocabulary against GS1's published EPCIS 2.0 schema, as an oracle: every term we use is one of theirs or properly our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from simulators.season_bodies import Told, sensor_summary
from simulators.season_plan import season
from tests.conformance.schema_subset import faults
from traceability.events import read_event
from traceability.vocabulary import CONTEXT, DISPOSITIONS, KINDS, STEP_URN


@pytest.fixture
def definitions(conformance_data: Path) -> dict[str, Any]:
    """Return the schema's definitions."""
    found: dict[str, Any] = json.loads((conformance_data / "trace/gs1-epcis/EPCIS-JSON-Schema.json").read_text())["definitions"]
    return found


def test_business_steps_and_dispositions_are_cbv_or_ours(definitions: dict[str, Any]) -> None:
    """A bare word is a CBV word; anything else is a URI of our own."""
    steps = set(definitions["bizStep"]["anyOf"][1]["enum"])
    assert all(kind.biz_step in steps or kind.biz_step.startswith(STEP_URN) for kind in KINDS.values())
    assert set(DISPOSITIONS) <= set(definitions["disposition"]["anyOf"][1]["enum"])


def test_fields_are_those_of_the_event_type_or_ours(definitions: dict[str, Any]) -> None:
    """Every field of every kind is one the schema knows for its event type, or ours; what it requires is required."""
    common = set(definitions["common-event-properties"]["anyOf"][0]["enum"])
    for kind in KINDS.values():
        shape = next(part for part in definitions[kind.epcis_type]["allOf"] if "propertyNames" in part)
        known = common | set(shape["propertyNames"]["anyOf"][1]["enum"])
        assert all(name in known or name.startswith("suhe:") for name in kind.needs | kind.may), kind.name
        required = set(shape["required"]) | set(definitions["Event"]["required"])
        assert required <= kind.needs, kind.name
        assert kind.action is None or kind.action in definitions["action"]["enum"]


def test_types_of_sources_and_transactions_are_theirs(definitions: dict[str, Any]) -> None:
    """The kinds of source, destination and business transaction we accept are in the schema."""
    assert "possessing_party" in definitions["source-dest-type"]["anyOf"][1]["enum"]
    assert {"desadv", "inv", "po", "bol"} <= set(definitions["bizTransaction-type"]["anyOf"][1]["enum"])


def test_whole_events_are_valid(conformance_data: Path) -> None:
    """Every kind of event as the season's apps write it, a leg's summary among them, is valid against GS1's whole schema."""
    schema = json.loads((conformance_data / "trace/gs1-epcis/EPCIS-JSON-Schema.json").read_text())
    kinds = set()
    for body in (*(told.body(522) for told in (*season(522, 20782, 20782), SUMMARY)), *SELDOM):
        kinds.add(read_event(rfc8785.dumps(body)).kind.name)
        assert faults(schema, body, schema) == [], body
    assert kinds == set(KINDS)


def test_the_oracle_refuses_what_is_wrong(conformance_data: Path) -> None:
    """The validator is no yes-sayer: a wrong term, a missing field and a bare name of our own are found in a summary."""
    schema = json.loads((conformance_data / "trace/gs1-epcis/EPCIS-JSON-Schema.json").read_text())
    body = json.loads(json.dumps(SUMMARY.body(522)))
    report = body["sensorElementList"][0]["sensorReport"][0]
    for change in ({"exception": "TOO_WARM"}, {"type": "Warmth"}, {"minutesAbove": 3}, {"minValue": "2"}):
        wrong = {**body, "sensorElementList": [{"sensorReport": [{**report, **change}]}]}
        assert faults(schema, wrong, schema), change
    assert faults(schema, {k: v for k, v in body.items() if k != "action"}, schema)
    assert faults(schema, {**body, "bizStep": "sensing"}, schema) and faults(schema, {**body, "cold": 1}, schema)


_ALWAYS = {
    "@context": CONTEXT, "type": "ObjectEvent", "eventTime": "2026-11-20T08:00:00+08:00", "eventTimeZoneOffset": "+08:00",
}  # fmt: skip
# What the season's apps do not write: inspections as they were told before samples and judgements, and sales to consumers.
SELDOM = (
    {
        **_ALWAYS, "eventID": "urn:uuid:019a9f6b-4a0b-7000-8000-00000000000c", "action": "OBSERVE", "bizStep": "inspecting",
        "suhe:party": "urn:suhe:party:sx-inspector", "quantityList": [{"epcClass": "urn:suhe:lot:371522:A1"}],
        "suhe:inspection": {"method": "enzyme_inhibition", "result": "pass"},
    },
    {
        **_ALWAYS, "eventID": "urn:uuid:019a9f6b-4a0b-7000-8000-00000000000d", "action": KINDS["sell"].action, "bizStep": "retail_selling",
        "suhe:party": "urn:suhe:party:sx-shop", "quantityList": [{"epcClass": "urn:suhe:lot:371522:A1", "quantity": 2.5, "uom": "KGM"}],
    },
)  # fmt: skip

_LEG = {
    "id": "urn:uuid:019a9f6b-4a0b-7000-8000-00000000000b", "recorder": "sx-truck-01", "lots": ["urn:suhe:lot:371522:A1"],
    "departs_ms": 1763791200000, "arrives_ms": 1763812800000, "verdict": "out_of_range",
    "limits": {"name": "cool", "low_c": 8.0, "high_c": 13.0, "delay_s": 1800, "gap_s": 1500},
    "judged": {"count": 36, "suspect": 0, "low_c": 10.4, "mean_c": 11.6, "high_c": 15.2, "mkt_c": 11.9, "minutes": 360.0, "above": 90.0,
               "below": 0.0, "unknown": 0.0, "longest": 90.0, "complete_percent": 100.0, "readings_hash": "0" * 64},
}  # fmt: skip
SUMMARY = Told("summary", 1763812800000, "sx-carrier-01", sensor_summary(_LEG))
