"""What may stand in each field of an event's body: one small check per field, in one table."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from traceability.vocabulary import DEVICE_URN, DISPOSITIONS, INPUT_CLASSES, METHODS, PARTY_URN, PLOT_URN, RESULTS, RULE_URN

Check = Callable[[str, Any, str], None]

_MOST_LISTED = 200


def _refuse(name: str, expected: str, got: Any) -> BadInput:
    return BadInput(f"{name} cannot be this", expected=expected, got=repr(got)[:120])


def _text(most: int) -> Check:
    def check(name: str, value: Any, _kind: str) -> None:
        if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
            raise _refuse(name, f"1 to {most} printable characters", value)

    return check


def _one_of(values: tuple[str, ...]) -> Check:
    def check(name: str, value: Any, _kind: str) -> None:
        if value not in values:
            raise _refuse(name, ", ".join(values), value)

    return check


def _whole_number(least: int, most: int) -> Check:
    def check(name: str, value: Any, _kind: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise _refuse(name, f"a whole number from {least} to {most}", value)

    return check


def _number(least: float, most: float) -> Check:
    def check(name: str, value: Any, _kind: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise _refuse(name, f"a number from {least} to {most}", value)

    return check


def _id(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, str) or not ID_PATTERN.match(value):
        raise _refuse(name, "1 to 64 of A-Z a-z 0-9 _ . -", value)


def _party(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, str) or not value.startswith(PARTY_URN) or not ID_PATTERN.match(value.removeprefix(PARTY_URN)):
        raise _refuse(name, PARTY_URN + "{id}", value)


def _place(name: str, value: Any, kind: str) -> None:
    """A place is a plot or a party's premises; where something grows, only a plot."""
    place = value.get("id") if isinstance(value, dict) and value.keys() == {"id"} else None
    prefixes = (PLOT_URN,) if kind in ("plant", "harvest") and name == "bizLocation" else (PLOT_URN, PARTY_URN)
    if not isinstance(place, str) or not any(place.startswith(p) and ID_PATTERN.match(place.removeprefix(p)) for p in prefixes):
        raise _refuse(name, " or ".join(f'{{"id": "{p}{{id}}"}}' for p in prefixes), value)


def _object(needs: dict[str, Check], may: dict[str, Check]) -> Check:
    def check(name: str, value: Any, kind: str) -> None:
        fields = {**needs, **may}
        if not isinstance(value, dict) or needs.keys() - value.keys() or value.keys() - fields.keys():
            raise _refuse(name, f"an object with {', '.join(needs)}" + (f" and perhaps {', '.join(may)}" if may else ""), value)
        for key, inner in value.items():
            fields[key](f"{name}.{key}", inner, kind)

    return check


def _listed(fewest: int, most: int, element: Check) -> Check:
    def check(name: str, value: Any, kind: str) -> None:
        if not isinstance(value, list) or not fewest <= len(value) <= most:
            raise _refuse(name, f"a list of {fewest} to {most}", value)
        for k, inner in enumerate(value):
            element(f"{name}[{k}]", inner, kind)

    return check


def _ilmd(name: str, value: Any, kind: str) -> None:
    (_ILMD_INPUT if kind == "input_bought" else _ILMD)(name, value, kind)


def _anything(_name: str, _value: Any, _kind: str) -> None:
    """Checked where it is read."""


_ILMD = _object({"suhe:product": _id}, {"suhe:variety": _id})
_ILMD_INPUT = _object(
    {"suhe:inputClass": _one_of(INPUT_CLASSES), "suhe:nameZh": _text(60)},
    {"suhe:nameEn": _text(60), "suhe:maker": _text(60), "suhe:registration": _text(60), "suhe:batch": _text(60)},
)
_INSPECTION = _object(
    {"method": _one_of(METHODS), "result": _one_of(RESULTS)},
    {"standard": _text(60), "items": _listed(1, 50, _text(60)), "report": _text(80), "samples": _whole_number(1, 10_000)},
)
_EVENT_ID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_ANY_URI = re.compile(r"[a-z][a-z0-9+.-]{0,20}:[\x21-\x7e]{1,200}\Z")


def _uri(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, str) or not _ANY_URI.match(value):
        raise _refuse(name, "a URI", value)


def _matching(pattern: str, expected: str) -> Check:
    known = re.compile(pattern + r"\Z")

    def check(name: str, value: Any, _kind: str) -> None:
        if not isinstance(value, str) or not known.match(value):
            raise _refuse(name, expected, value)

    return check


# A summary of one leg: what the recorder measured, by which limits it was judged, and the hash of the readings behind it.
_MINUTES = _number(0, 60 * 24 * 60)
_CELSIUS = _number(-60, 80)
_TIME = _matching(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})", "a time with its offset"
)
_REPORT = _object(
    {"type": _one_of(("Temperature",)), "uom": _one_of(("CEL",))},
    {
        "minValue": _CELSIUS,
        "meanValue": _CELSIUS,
        "maxValue": _CELSIUS,
        "exception": _one_of(("ALARM_CONDITION", "ERROR_CONDITION")),
    },
)
_METADATA = _object(
    {
        "deviceID": _matching(re.escape(DEVICE_URN) + r"[A-Za-z0-9_.-]{1,64}", DEVICE_URN + "{id}"),
        "startTime": _TIME,
        "endTime": _TIME,
        "bizRules": _matching(re.escape(RULE_URN) + r"[a-z]{1,20}", RULE_URN + "{class}"),
    },
    {},
)
_SENSORS = _listed(1, 1, _object({"sensorMetadata": _METADATA, "sensorReport": _listed(1, 1, _REPORT)}, {}))
_COLD = _object(
    {
        "count": _whole_number(0, 10_000_000),
        "suspect": _whole_number(0, 10_000_000),
        "minutes": _MINUTES,
        "minutesAbove": _MINUTES,
        "minutesBelow": _MINUTES,
        "minutesUnknown": _MINUTES,
        "longestExcursionMinutes": _MINUTES,
        "completenessPercent": _number(0, 100),
        "readingsHash": _matching(r"[0-9a-f]{64}", "a SHA-256 in hex"),
    },
    {
        "lowCelsius": _CELSIUS,
        "highCelsius": _CELSIUS,
        "delayMinutes": _MINUTES,
        "gapMinutes": _MINUTES,
        "meanKineticCelsius": _CELSIUS,
    },
)

RECALL_LEVELS = (1, 2, 3)
_RECALL = _object(
    {"level": _whole_number(RECALL_LEVELS[0], RECALL_LEVELS[-1]), "reasonZh": _text(200), "authority": _one_of(("county", "maker"))},
    {"reasonEn": _text(200)},
)


def _true_or_false(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, bool):
        raise _refuse(name, "true or false", value)


FIELDS: dict[str, Check] = {
    "suhe:party": _party,
    "disposition": _one_of(DISPOSITIONS),
    "readPoint": _place,
    "bizLocation": _place,
    "ilmd": _ilmd,
    "sourceList": _listed(1, 1, _object({"type": _one_of(("possessing_party",)), "source": _party}, {})),
    "destinationList": _listed(1, 1, _object({"type": _one_of(("possessing_party",)), "destination": _party}, {})),
    "bizTransactionList": _listed(1, 10, _object({"type": _one_of(("desadv", "inv", "po", "bol")), "bizTransaction": _uri}, {})),
    "suhe:carrier": _party,
    "suhe:recorder": _id,
    "suhe:leg": _matching(_EVENT_ID, "the eventID of the shipment"),
    "suhe:cold": _COLD,
    "sensorElementList": _SENSORS,
    "suhe:lots": _listed(0, _MOST_LISTED, _anything),
    "suhe:note": _text(200),
    "suhe:by": _matching(r"[0-9a-f]{64}", "a commitment: HMAC-SHA-256 of the name with its salt, in hex"),
    "suhe:seller": _text(60),
    "suhe:purpose": _text(60),
    "suhe:intervalDays": _whole_number(0, 365),
    "suhe:grade": _text(30),
    "suhe:package": _text(60),
    "suhe:temperature": _number(-60, 60),
    "suhe:inspection": _INSPECTION,
    "suhe:recall": _RECALL,
    "suhe:drill": _true_or_false,
    "suhe:recallOf": _matching(_EVENT_ID, "the eventID of the recall"),
}
