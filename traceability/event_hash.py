"""The CBV 2.0 event hash: one identifier for what an EPCIS event says, however it was written down.

It is an identifier, not a seal: eventID, recordTime, remarks and an error declaration are no part of it, so two records can have one
event hash. What seals a record is its record hash (`records.py`).

The pre-hash string is every field's name and value, in CBV's order of fields, values in one spelling, without anything between them;
what has no place in that order (transactions, sources, destinations, ilmd, other people's fields) follows sorted.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isinf
from typing import Any, NamedTuple

from traceability.cbv import OLD_URNS
from traceability.event_tree import PAIRED, Event, Node, event_of_json, events_of_json, events_of_xml
from traceability.gs1_ids import digital_link

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_TIMES = frozenset({"eventTime", "time", "startTime", "endTime"})
_LAST = 1000


class _Place(NamedTuple):
    """A field's place among its neighbours, and the order of what is inside it."""

    rank: int
    inside: Mapping[str, Any]


def _order(*fields: str | tuple[str, Mapping[str, Any]]) -> dict[str, _Place]:
    named = [field if isinstance(field, tuple) else (field, {}) for field in fields]
    return {name: _Place(rank, inside) for rank, (name, inside) in enumerate(named)}


_EPCS = _order("epc")
_QUANTITIES = _order(("quantityElement", _order("epcClass", "quantity", "uom")))
_ID = _order("id")
_DEVICE = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")
_VALUES = (
    "time", "microorganism", "chemicalSubstance", "value", "component", "stringValue", "booleanValue", "hexBinaryValue", "uriValue",
    "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue", "uom", "coordinateReferenceSystem",
)  # fmt: skip
_SENSOR = _order(
    ("sensorMetadata", _order("time", "startTime", "endTime", *_DEVICE, "bizRules")),
    ("sensorReport", _order("type", "exception", *_DEVICE, *_VALUES)),
)
_FIELDS = _order(
    "eventTime",
    "eventTimeZoneOffset",
    "certificationInfo",
    "parentID",
    ("epcList", _EPCS),
    ("inputEPCList", _EPCS),
    ("childEPCs", _EPCS),
    ("quantityList", _QUANTITIES),
    ("childQuantityList", _QUANTITIES),
    ("inputQuantityList", _QUANTITIES),
    ("outputEPCList", _EPCS),
    ("outputQuantityList", _QUANTITIES),
    "action",
    "transformationID",
    "bizStep",
    "disposition",
    ("persistentDisposition", _order("set", "unset")),
    ("readPoint", _ID),
    ("bizLocation", _ID),
    ("sensorElementList", _order(("sensorElement", _SENSOR))),
)
_NOWHERE = _Place(_LAST, {})
# Without a place in the order, each element of these names its type before itself.
_LOOSE = {name: _Place(_LAST, {"": _Place(_LAST, _order("type", one))}) for name, one in PAIRED.items()}


def event_hash(event: Mapping[str, Any], prefixes: Mapping[str, str]) -> str:
    """Return the event hash of one event of a JSON-LD document whose context gives these prefixes."""
    return _named(pre_hash(event_of_json(event, prefixes)))


def document_hashes(document: Mapping[str, Any]) -> list[str]:
    """Return the event hash of every event of a JSON-LD document, in its order.

    Raises:
        BadInput: the document holds no events, or a context is more than prefixes (nothing is fetched).

    """
    return [_named(pre_hash(event)) for event in events_of_json(document)]


def xml_hashes(data: bytes) -> list[str]:
    """Return the event hash of every event of an XML document, in its order. Raises BadInput as `events_of_xml`."""
    return [_named(pre_hash(event)) for event in events_of_xml(data)]


def pre_hash(event: Event) -> str:
    """Return the string of which the event hash is the SHA-256."""
    loose: list[Node] = []
    return f"eventType={event[0]}{_in_order(event[1], _FIELDS, loose)}{_sorted(loose, _LOOSE)}"


def _named(text: str) -> str:
    return f"ni:///sha-256;{hashlib.sha256(text.encode()).hexdigest()}?ver=CBV2.0"


def _in_order(nodes: Sequence[Node], order: Mapping[str, _Place], loose: list[Node], *, top: bool = True) -> str:
    """Return names and values by their place, those of one place sorted. What has no place goes to `loose`, with the way to it.

    Other people's fields inside a field of EPCIS stay where they are, behind it.
    """
    found: list[tuple[int, str]] = []
    foreign: list[Node] = []
    for node in nodes:
        name, text, inside = node
        place = order.get(name)
        if place is None:
            (foreign if name[:1] == "{" and not top else loose).append(node)
            continue
        spelled = name
        if text and (value := text.strip()):
            spelled = f"{name}={_time(value) if name in _TIMES else _value(value)}"
        if inside:
            left: list[Node] = []
            spelled += _in_order(inside, place.inside, left, top=False)
            if left:
                loose.append((name, text, left))
        # A field that says nothing is as if it were not there.
        if spelled != name:
            found.append((place.rank, spelled))
    found.sort()
    return "".join([spelled for _, spelled in found]) + (_sorted(foreign, {}) if foreign else "")


def _sorted(nodes: Sequence[Node], order: Mapping[str, _Place]) -> str:
    """Return names and values, sorted, whatever they are; `order` is of the few that have one inside."""
    found: list[tuple[int, str]] = []
    for name, text, inside in nodes:
        place = order.get(name, _NOWHERE)
        value = text.strip()
        spelled = f"{name}={_value(value)}" if value else name
        found.append((place.rank, spelled + _sorted(inside, place.inside) if inside else spelled))
    found.sort()
    return "".join([spelled for _, spelled in found])


def _value(text: str) -> str:
    first = text[0]
    if first in "+-.0123456789":
        return _number(text) if _NUMBER.match(text) else text
    if first == "u" and text.startswith("urn:epc"):
        for old, new in OLD_URNS.items():
            if text.startswith(old):
                return new + text[len(old) :]
        return digital_link(text) or text
    if first == "h":
        return digital_link(text) or text
    return text


def _number(text: str) -> str:
    """Return a number without needless zeros and signs. Digits beyond a double's are lost, as in the published hashes."""
    number = float(text)
    if isinf(number):
        return text
    return str(int(number)) if number.is_integer() else str(number)


def _time(text: str) -> str:
    """Return a time in UTC to the millisecond; as it stands where it is no time or does not say its offset."""
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        return text
    if told.tzinfo is None:
        return text
    rounded = round(told.microsecond, -3) - told.microsecond
    moment = told.astimezone(UTC) + timedelta(microseconds=rounded)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"
