"""Our vocabulary against GS1's published EPCIS 2.0 schema, as an oracle: every term we use is one of theirs or properly our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from traceability.vocabulary import DISPOSITIONS, KINDS, STEP_URN


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
