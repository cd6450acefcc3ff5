"""What may stand in each field of an event's body: one small check per field, in one table."""

from __future__ import annotations

import re
from typing import Any

from traceability.field_checks import (
    Check,
    identifier,
    listed,
    matching,
    number,
    object_of,
    one_of,
    party,
    place,
    refuse,
    text,
    whole_number,
)
from traceability.fields_trade import TRADE_FIELDS
from traceability.vocabulary import DEVICE_URN, DISPOSITIONS, INPUT_CLASSES, METHODS, RESULTS, RULE_URN

_MOST_LISTED = 200


def _ilmd(name: str, value: Any, kind: str) -> None:
    (_ILMD_INPUT if kind == "input_bought" else _ILMD)(name, value, kind)


def _anything(_name: str, _value: Any, _kind: str) -> None:
    """Checked where it is read."""


_ILMD = object_of({"suhe:product": identifier}, {"suhe:variety": identifier})
_ILMD_INPUT = object_of(
    {"suhe:inputClass": one_of(INPUT_CLASSES), "suhe:nameZh": text(60)},
    {
        "suhe:nameEn": text(60),
        "suhe:maker": text(60),
        "suhe:registration": text(60),
        "suhe:batch": text(60),
        "suhe:intervalDays": whole_number(0, 365),
    },
)
_INSPECTION = object_of(
    {"method": one_of(METHODS), "result": one_of(RESULTS)},
    {"standard": text(60), "items": listed(1, 50, text(60)), "report": text(80), "samples": whole_number(1, 10_000)},
)
_EVENT_ID = r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_ANY_URI = re.compile(r"[a-z][a-z0-9+.-]{0,20}:[\x21-\x7e]{1,200}\Z")


def _uri(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, str) or not _ANY_URI.match(value):
        raise refuse(name, "a URI", value)


# A summary of one leg: what the recorder measured, by which limits it was judged, and the hash of the readings behind it.
_MINUTES = number(0, 60 * 24 * 60)
_CELSIUS = number(-60, 80)
_TIME = matching(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})", "a time with its offset")
_REPORT = object_of(
    {"type": one_of(("Temperature",)), "uom": one_of(("CEL",))},
    {
        "minValue": _CELSIUS,
        "meanValue": _CELSIUS,
        "maxValue": _CELSIUS,
        "exception": one_of(("ALARM_CONDITION", "ERROR_CONDITION")),
    },
)
_METADATA = object_of(
    {
        "deviceID": matching(re.escape(DEVICE_URN) + r"[A-Za-z0-9_.-]{1,64}", DEVICE_URN + "{id}"),
        "startTime": _TIME,
        "endTime": _TIME,
        "bizRules": matching(re.escape(RULE_URN) + r"[a-z]{1,20}", RULE_URN + "{class}"),
    },
    {},
)
_SENSORS = listed(1, 1, object_of({"sensorMetadata": _METADATA, "sensorReport": listed(1, 1, _REPORT)}, {}))
_COLD = object_of(
    {
        "count": whole_number(0, 10_000_000),
        "suspect": whole_number(0, 10_000_000),
        "minutes": _MINUTES,
        "minutesAbove": _MINUTES,
        "minutesBelow": _MINUTES,
        "minutesUnknown": _MINUTES,
        "longestExcursionMinutes": _MINUTES,
        "completenessPercent": number(0, 100),
        "readingsHash": matching(r"[0-9a-f]{64}", "a SHA-256 in hex"),
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
_RECALL = object_of(
    {"level": whole_number(RECALL_LEVELS[0], RECALL_LEVELS[-1]), "reasonZh": text(200), "authority": one_of(("county", "maker"))},
    {"reasonEn": text(200)},
)


def _true_or_false(name: str, value: Any, _kind: str) -> None:
    if not isinstance(value, bool):
        raise refuse(name, "true or false", value)


FIELDS: dict[str, Check] = {
    "suhe:party": party,
    "disposition": one_of(DISPOSITIONS),
    "readPoint": place,
    "bizLocation": place,
    "ilmd": _ilmd,
    "sourceList": listed(1, 1, object_of({"type": one_of(("possessing_party",)), "source": party}, {})),
    "destinationList": listed(1, 1, object_of({"type": one_of(("possessing_party",)), "destination": party}, {})),
    "bizTransactionList": listed(1, 10, object_of({"type": one_of(("desadv", "inv", "po", "bol")), "bizTransaction": _uri}, {})),
    "suhe:carrier": party,
    "suhe:recorder": identifier,
    "suhe:leg": matching(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", "the eventID of the shipment"),
    "suhe:cold": _COLD,
    "sensorElementList": _SENSORS,
    "suhe:lots": listed(0, _MOST_LISTED, _anything),
    "suhe:note": text(200),
    "suhe:seller": text(60),
    "suhe:purpose": text(60),
    "suhe:intervalDays": whole_number(0, 365),
    "suhe:grade": text(30),
    "suhe:package": text(60),
    "suhe:temperature": number(-60, 60),
    "suhe:inspection": _INSPECTION,
    "suhe:recall": _RECALL,
    "suhe:drill": _true_or_false,
    "suhe:recallOf": matching(_EVENT_ID, "the eventID of the recall"),
    "suhe:by": matching(r"[0-9a-f]{64}", "a commitment: HMAC-SHA-256 of the name with its salt, in hex"),
    **TRADE_FIELDS,
}
