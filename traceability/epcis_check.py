"""Whether a document is EPCIS 2.0 in JSON-LD, by our own table of its fields, CBV's words and what the fields mean together.

GS1's JSON Schema is a test oracle and not shipped. It is looser in places (a date that is no day, a unit without a quantity, two
events with one id) and tighter in one (a persistent disposition of an aggregation). Every fault names its place, what was
expected there and what stands there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from foundation.errors import BadInput
from traceability.cbv import ALARMS, COMPONENTS, DISPOSITIONS, REASONS, SIDES, STEPS, TRANSACTIONS
from traceability.epcis_context import prefixes_of
from traceability.epcis_values import (
    Check,
    Fault,
    Faults,
    Prefixes,
    Together,
    a_boolean,
    a_list,
    a_number,
    a_text,
    a_time,
    a_uri,
    a_word,
    an_amount,
    an_object,
    anything,
    fault_at,
    has_namespace,
    matching,
    one_or_list,
)

MOST_FAULTS = 100
MOST_EVENTS = 20_000
MAX_DEPTH = 64


def check_document(document: Any) -> list[Fault]:
    """Return what is wrong with a document, query document or single event with its context; nothing where it is valid."""
    try:
        if _depth(document) > MAX_DEPTH:
            return [Fault("$", f"at most {MAX_DEPTH} levels", "more")]
    except RecursionError:
        return [Fault("$", f"at most {MAX_DEPTH} levels", "more")]
    if not isinstance(document, dict):
        return [fault_at("$", "an object", document)]
    try:
        prefixes = prefixes_of(document.get("@context"))
    except BadInput as error:
        return [Fault("$.@context", error.expected or error.message, error.got or "nothing")]
    check = {"EPCISDocument": _DOCUMENT, "EPCISQueryDocument": _QUERY_DOCUMENT}.get(str(document.get("type")), _event)
    found: list[Fault] = []
    for fault in check("$", document, prefixes):
        found.append(fault)
        if len(found) == MOST_FAULTS:
            break
    return found


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


_OFFSET = matching(r"[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00", "such as +08:00")
_ACTION = matching("ADD|OBSERVE|DELETE", "ADD, OBSERVE or DELETE")
_STEP = a_word(STEPS, kind="business step")
_DISPOSITION = a_word(DISPOSITIONS, kind="disposition")
_SIDE = a_word(SIDES, kind="source or destination type")
_PLACE = an_object({"id": a_uri}, {})
_DEVICE: dict[str, Check] = dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), a_uri)


def _unit_of_something(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    return (".quantity", "a quantity beside its unit", None) if "uom" in told and "quantity" not in told else None


def _set_or_unset(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    return None if told.keys() & {"set", "unset"} else ("", "set or unset", told)


def _forward(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    start, end = told.get("startTime"), told.get("endTime")
    if start and end and datetime.fromisoformat(start) > datetime.fromisoformat(end):
        return ".endTime", f"{start} or later", end
    return None


def _measured(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    return None if told.keys() & {"type", "exception"} else (".type", "what was measured, or an exception", None)


_QUANTITY = an_object(
    {"epcClass": a_uri},
    {"quantity": an_amount, "uom": matching("[A-Z0-9]{2,3}", "a unit of UN/ECE Recommendation 20")},
    _unit_of_something,
    foreign=False,
)
_SENSOR_REPORT = an_object(
    {},
    {
        # GS1 goes on adding kinds of measurement: any plain word may be one.
        "type": a_word({}, kind="measurement", more="[A-Za-z][A-Za-z0-9_]{0,60}"),
        "exception": a_word(ALARMS, kind="sensor alert"),
        "component": a_word(COMPONENTS, kind="component"),
        "time": a_time,
        **_DEVICE,
        **dict.fromkeys(("microorganism", "chemicalSubstance", "coordinateReferenceSystem", "uriValue"), a_uri),
        **dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), a_number),
        "stringValue": a_text,
        "booleanValue": a_boolean,
        "hexBinaryValue": matching("([0-9A-Fa-f]{2})+|[0-9A-Fa-f]+", "hexadecimal digits"),
        "uom": a_text,
    },
    _measured,
)
_SENSOR_ELEMENT = an_object(
    {"sensorReport": a_list(_SENSOR_REPORT, 1)},
    {"sensorMetadata": an_object({}, {"time": a_time, "startTime": a_time, "endTime": a_time, **_DEVICE}, _forward)},
)
_TRANSACTION = an_object({"bizTransaction": a_uri}, {"type": a_word(TRANSACTIONS, kind="transaction type")}, foreign=False)
_ERROR = an_object(
    {"declarationTime": a_time}, {"reason": a_word(REASONS, kind="error reason"), "correctiveEventIDs": a_list(a_uri, unique=True)}
)
_ALWAYS: dict[str, Check] = {"type": a_text, "eventTime": a_time, "eventTimeZoneOffset": _OFFSET}
_COMMON: dict[str, Check] = {
    "@context": anything,
    "eventID": a_uri,
    "recordTime": a_time,
    "certificationInfo": one_or_list(a_uri),
    "errorDeclaration": _ERROR,
}
_USUAL: dict[str, Check] = {
    **_COMMON,
    "bizStep": _STEP,
    "disposition": _DISPOSITION,
    "persistentDisposition": an_object(
        {}, {"set": a_list(_DISPOSITION, 1, unique=True), "unset": a_list(_DISPOSITION, 1, unique=True)}, _set_or_unset, foreign=False
    ),
    "readPoint": _PLACE,
    "bizLocation": _PLACE,
    "bizTransactionList": a_list(_TRANSACTION),
    "sourceList": a_list(an_object({"type": _SIDE, "source": a_uri}, {}, foreign=False)),
    "destinationList": a_list(an_object({"type": _SIDE, "destination": a_uri}, {}, foreign=False)),
    "sensorElementList": a_list(_SENSOR_ELEMENT),
}
_EPCS = a_list(a_uri, unique=True)
_QUANTITIES = a_list(_QUANTITY)
_ILMD = an_object({}, {})


def _says_what(*lists: str) -> Together:
    """An event is about something: items, amounts of a class, or a place where a sensor measured."""

    def rule(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
        if any(told.get(name) for name in lists) or (told.get("action") == "DELETE" and "parentID" in told):
            return None
        if told["type"] == "ObjectEvent" and told.get("sensorElementList") and ("readPoint" in told or told.get("epcList") == []):
            return None
        return f".{lists[0]}", f"something in {' or '.join(lists)}", told.get(lists[0])

    return rule


def _parent(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    return (".parentID", "the parent, unless it is only observed", None) if told["action"] != "OBSERVE" and "parentID" not in told else None


def _ilmd_at_birth(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    return (
        (".ilmd", "only with action ADD: it is what a thing is born with", told["action"])
        if "ilmd" in told and told["action"] != "ADD"
        else None
    )


def _both_sides(told: Mapping[str, Any]) -> tuple[str, str, Any] | None:
    into = told.get("inputEPCList") or told.get("inputQuantityList")
    out = told.get("outputEPCList") or told.get("outputQuantityList")
    if (into and out) or ("transformationID" in told and (into or out)):
        return None
    missing = "inputEPCList" if not into else "outputEPCList"
    return f".{missing}", "inputs and outputs, or one of them and a transformationID", None


_EVENTS: dict[str, Check] = {
    "ObjectEvent": an_object(
        {**_ALWAYS, "action": _ACTION},
        {**_USUAL, "epcList": _EPCS, "quantityList": _QUANTITIES, "ilmd": _ILMD},
        _says_what("epcList", "quantityList"),
        _ilmd_at_birth,
    ),
    "AggregationEvent": an_object(
        {**_ALWAYS, "action": _ACTION},
        {**_USUAL, "parentID": a_uri, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES},
        _says_what("childEPCs", "childQuantityList"),
        _parent,
    ),
    "AssociationEvent": an_object(
        {**_ALWAYS, "action": _ACTION, "parentID": a_uri},
        {**_USUAL, "childEPCs": _EPCS, "childQuantityList": _QUANTITIES},
        _says_what("childEPCs", "childQuantityList"),
    ),
    "TransactionEvent": an_object(
        {**_ALWAYS, "action": _ACTION, "bizTransactionList": a_list(_TRANSACTION, 1)},
        {**_USUAL, "parentID": a_uri, "epcList": _EPCS, "quantityList": _QUANTITIES, "bizTransactionList": a_list(_TRANSACTION, 1)},
        _says_what("epcList", "quantityList", "parentID"),
    ),
    "TransformationEvent": an_object(
        _ALWAYS,
        {
            **_USUAL, "inputEPCList": _EPCS, "inputQuantityList": _QUANTITIES, "outputEPCList": _EPCS, "outputQuantityList": _QUANTITIES,
            "transformationID": a_uri, "ilmd": _ILMD,
        },
        _both_sides,
    ),
}  # fmt: skip


def _event(path: str, value: Any, prefixes: Prefixes) -> Faults:
    if not isinstance(value, dict):
        yield fault_at(path, "an event", value)
        return
    if "@context" in value and path != "$":
        try:
            prefixes = prefixes_of(value["@context"], outer=prefixes, whole=False)
        except BadInput as error:
            yield Fault(f"{path}.@context", error.expected or error.message, error.got or "nothing")
            return
    kind = value.get("type")
    check = _EVENTS.get(kind) if isinstance(kind, str) else None
    if check is not None:
        yield from check(path, value, prefixes)
    elif isinstance(kind, str) and has_namespace(kind, prefixes):
        for name, own in {**_ALWAYS, **_COMMON}.items():
            if name in value:
                yield from own(f"{path}.{name}", value[name], prefixes)
            elif name in _ALWAYS:
                yield Fault(f"{path}.{name}", "to be there", "nothing")
    else:
        yield fault_at(f"{path}.type", ", ".join(_EVENTS), kind)


def _event_list(path: str, value: Any, prefixes: Prefixes) -> Faults:
    if isinstance(value, list) and len(value) > MOST_EVENTS:
        yield Fault(path, f"at most {MOST_EVENTS} events", str(len(value)))
        return
    yield from a_list(_event)(path, value, prefixes)
    seen: set[str] = set()
    for k, event in enumerate(value if isinstance(value, list) else ()):
        told = event.get("eventID") if isinstance(event, dict) else None
        # An error declaration repeats the id of the event it declares.
        if isinstance(told, str) and "errorDeclaration" not in event:
            if told in seen:
                yield fault_at(f"{path}[{k}].eventID", "an id of its own", told)
            seen.add(told)


_VERSION = matching(r"2\.[0-9]+(\.[0-9]+)*", "a version 2 of EPCIS")
_HEADER: dict[str, Check] = {"id": a_uri, "instanceIdentifier": a_text, "sender": a_text, "receiver": a_text}
_DOCUMENT = an_object(
    {
        "@context": anything,
        "type": a_text,
        "schemaVersion": _VERSION,
        "creationDate": a_time,
        "epcisBody": an_object({"eventList": _event_list}, {}),
    },
    {**_HEADER, "epcisHeader": an_object({}, {"epcisMasterData": anything})},
)
_RESULTS = an_object(
    {"queryName": a_text, "resultsBody": an_object({"eventList": _event_list}, {"vocabularyList": anything})}, {"subscriptionID": a_text}
)
_QUERY_DOCUMENT = an_object(
    {"@context": anything, "type": a_text, "epcisBody": an_object({"queryResults": _RESULTS}, {})},
    {**_HEADER, "schemaVersion": _VERSION, "creationDate": a_time},
)
