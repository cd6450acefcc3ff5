"""Trace events: what an EPCIS body of ours says, read strictly and refused with a reason where it says too little or too much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from foundation.clock import to_ms
from foundation.errors import BadInput
from foundation.ids import COUNTY_PATTERN, ID_PATTERN
from traceability.canonical import read_strictly
from traceability.fields import FIELDS
from traceability.secrets import names_person
from traceability.vocabulary import CONTEXT, KIND_OF_STEP, KINDS, LOT_URN, PARTY_URN, PLOT_URN, UNITS, WHY, Kind

_EVENT_ID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?(Z|[+-][0-9]{2}:[0-9]{2})\Z")
_OFFSET = re.compile(r"[+-](0[0-9]|1[0-3]):[0-5][0-9]\Z|[+-]14:00\Z")

# A quantity is kept as an integer of thousandths. 10^9 kg is more than any lot and far below what a double spells exactly.
MILLI = 1000
MAX_QUANTITY = 10**9

_NO_PERSONS = "what is logged can never be erased, so no person's name or number stands in it: commit to who did it in suhe:by"


@dataclass(frozen=True, slots=True)
class Item:
    """One lot's part in an event. `role` is made, subject, input, output or for; `milli` thousandths of `uom`, None where none is said."""

    lot: str
    role: str
    milli: int | None = None
    uom: str = ""


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """An event as its author signed it. `body` is the whole of it; the other fields are read out of it and nothing else."""

    event_id: str
    kind: Kind
    event_time_ms: int
    party: str
    items: tuple[Item, ...]
    plot: str
    product: str
    variety: str
    from_party: str
    to_party: str
    body: Mapping[str, Any]
    carrier: str = ""
    recorder: str = ""
    leg: str = ""

    @property
    def lots(self) -> tuple[str, ...]:
        """Every lot the event concerns, in the order of their URNs."""
        return tuple(sorted(item.lot for item in self.items))

    def with_role(self, *roles: str) -> list[Item]:
        """Return the items that play one of the roles."""
        return [item for item in self.items if item.role in roles]


def read_event(body: bytes) -> TraceEvent:
    """Return the event that `body` spells.

    Raises:
        BadInput: the bytes are not canonical JSON, or the event breaks a rule of the vocabulary; the message names the field.

    """
    told = read_strictly(body)
    kind = _kind(told)
    _check_fields(told, kind)
    items = _items(told, kind)
    ilmd = told.get("ilmd", {})
    source = told.get("sourceList", [{}])[0].get("source", "")
    destination = told.get("destinationList", [{}])[0].get("destination", "")
    place = told.get("bizLocation", {}).get("id", "")
    return TraceEvent(
        event_id=told["eventID"],
        kind=kind,
        event_time_ms=_time_ms(told),
        party=told["suhe:party"].removeprefix(PARTY_URN),
        items=items,
        plot=place.removeprefix(PLOT_URN) if place.startswith(PLOT_URN) else "",
        product=ilmd.get("suhe:product", ""),
        variety=ilmd.get("suhe:variety", ""),
        from_party=source.removeprefix(PARTY_URN),
        to_party=destination.removeprefix(PARTY_URN),
        body=told,
        carrier=told.get("suhe:carrier", "").removeprefix(PARTY_URN),
        recorder=told.get("suhe:recorder", ""),
        leg=told.get("suhe:leg", ""),
    )


def lot_urn(county: str, number: str) -> str:
    """Return the URN of a lot."""
    return check_lot(f"{LOT_URN}{county}:{number}")


def check_lot(value: Any) -> str:
    """Return `value` if it is the URN of a lot."""
    parts = value.split(":") if isinstance(value, str) and value.startswith(LOT_URN) else []
    if len(parts) != 5 or not COUNTY_PATTERN.match(parts[3]) or not ID_PATTERN.match(parts[4]):
        raise BadInput("this is no lot", expected=f"{LOT_URN}{{county}}:{{id}}", got=repr(value)[:120])
    return str(value)


def county_of(lot: str) -> str:
    """Return the county code in a lot's URN."""
    return lot.split(":")[3]


def decimal_of(milli: int) -> Decimal:
    """Return thousandths as the decimal number a person reads, without needless zeros."""
    value = Decimal(milli) / MILLI
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _kind(told: Mapping[str, Any]) -> Kind:
    step, epcis_type = told.get("bizStep"), told.get("type")
    kind = KIND_OF_STEP.get((epcis_type, step)) if isinstance(step, str) and isinstance(epcis_type, str) else None
    if kind is None:
        raise BadInput(
            "this kind of event is not known here",
            expected=", ".join(f"{k.epcis_type} {k.biz_step} ({k.name})" for k in KINDS.values()),
            got=f"type {epcis_type!r}, bizStep {step!r}"[:160],
        )
    return kind


def _check_fields(told: Mapping[str, Any], kind: Kind) -> None:
    missing = sorted(kind.needs - told.keys())
    if missing:
        raise BadInput(
            f"an event of kind {kind.name} needs more fields: {', '.join(missing)}",
            expected="; ".join(f"{name}: {WHY[name]}" if name in WHY else name for name in missing),
            got="none of them",
        )
    foreign = sorted(told.keys() - kind.needs - kind.may)
    if foreign:
        raise BadInput(
            f"an event of kind {kind.name} has no such field",
            got=", ".join(foreign)[:160],
            expected=", ".join(sorted(kind.needs | kind.may)),
            todo=_NO_PERSONS if any(map(names_person, foreign)) else "",
        )
    if told["@context"] != CONTEXT:
        raise BadInput("this is not our JSON-LD context", expected=repr(CONTEXT), got=repr(told["@context"])[:160])
    if kind.action is not None and told["action"] != kind.action:
        raise BadInput(f"an event of kind {kind.name} has another action", expected=kind.action, got=repr(told["action"])[:40])
    if not isinstance(told["eventID"], str) or not _EVENT_ID.match(told["eventID"]):
        raise BadInput(
            "this is no eventID of ours", expected="urn:uuid: and a version 7 UUID in lower case", got=repr(told["eventID"])[:120]
        )
    for name, check in FIELDS.items():
        if name in told:
            check(name, told[name], kind.name)


def _time_ms(told: Mapping[str, Any]) -> int:
    text, offset = told["eventTime"], told["eventTimeZoneOffset"]
    if not isinstance(offset, str) or not _OFFSET.match(offset):
        raise BadInput("this is no eventTimeZoneOffset", expected="such as +08:00", got=repr(offset)[:40])
    try:
        if not isinstance(text, str) or not _TIME.match(text):
            raise ValueError(text)
        return to_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise BadInput("this is no eventTime", expected="such as 2025-11-20T06:30:00+08:00", got=repr(text)[:60]) from error


def _items(told: Mapping[str, Any], kind: Kind) -> tuple[Item, ...]:
    items: list[Item] = []
    for name, role, fewest, most, with_quantity in kind.lists:
        listed = told[name]
        if not isinstance(listed, list) or not fewest <= len(listed) <= most:
            raise BadInput(f"{name} of an event of kind {kind.name}", expected=f"{fewest} to {most} lots", got=repr(listed)[:80])
        items += [_item(name, element, role, with_quantity=with_quantity) for element in listed]
    items += [Item(check_lot(lot), "for") for lot in told.get("suhe:lots", [])]
    lots = [item.lot for item in items]
    if len(set(lots)) != len(lots):
        raise BadInput("an event names one lot twice", got=next(lot for lot in lots if lots.count(lot) > 1))
    if len(lots) > kind.lists[0][3] + MOST_FOR:
        raise BadInput("an event concerns too many lots", got=str(len(lots)))
    return tuple(items)


MOST_FOR = 200


def _item(name: str, element: Any, role: str, *, with_quantity: bool) -> Item:
    keys = {"epcClass", "quantity", "uom"} if with_quantity else {"epcClass"}
    if not isinstance(element, dict) or element.keys() != keys:
        raise BadInput(f"this is no element of {name} here", expected=", ".join(sorted(keys)), got=repr(element)[:120])
    lot = check_lot(element["epcClass"])
    if not with_quantity:
        return Item(lot, role)
    if element["uom"] not in UNITS:
        raise BadInput(f"this unit cannot stand in {name}", expected=", ".join(UNITS), got=repr(element["uom"])[:40])
    return Item(lot, role, _milli(element["quantity"]), element["uom"])


def _milli(value: Any) -> int:
    """Return thousandths of a JSON number, refusing what is not positive or finer than a thousandth."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_QUANTITY:
        raise BadInput("this is no quantity", expected=f"a number above 0, at most {MAX_QUANTITY}", got=repr(value)[:40])
    milli = Decimal(repr(value)) * MILLI
    if milli != milli.to_integral_value():
        raise BadInput("this quantity is too fine", expected="at most three decimals", got=repr(value))
    return int(milli)
