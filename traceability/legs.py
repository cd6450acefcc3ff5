"""Legs: one shipment from the event that sends it to the events that receive it, and the one summary of what its recorder measured.

Pure. A leg is named by the eventID of its `ship` event; the eventID of its summary follows from that, so that there can be only one:
the log keeps every id once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from foundation.clock import to_ms
from foundation.errors import BadInput, Conflict
from foundation.ids import uuid7
from traceability.events import TraceEvent
from traceability.vocabulary import DEVICE_URN

_URN = "urn:uuid:"


@dataclass(slots=True)
class Leg:
    """One way of some lots. `arrives_ms` is None until every lot was received; `summary` is the eventID of its summary, or empty."""

    id: str
    from_party: str
    to_party: str
    carrier: str
    recorder: str
    departs_ms: int
    lots: tuple[str, ...]
    received: dict[str, int] = field(default_factory=dict)
    summary: str = ""

    @property
    def arrives_ms(self) -> int | None:
        """When the last of its lots was received."""
        return max(self.received.values()) if set(self.lots) <= self.received.keys() else None


def summary_id(leg: str) -> str:
    """Return the eventID that the summary of a leg has to carry."""
    shipped = UUID(leg.removeprefix(_URN))
    noise = hashlib.sha256(b"suhe/sensor-summary/v1\n" + str(shipped).encode()).digest()[:10]
    return f"{_URN}{uuid7(shipped.int >> 80, noise)}"


def legs_of(events: Iterable[TraceEvent], known: Iterable[Leg] = ()) -> list[Leg]:
    """Return the legs that these events make or change, `known` ones included; the events come in the order of the log.

    A lot that goes the same way twice is received in the order in which it was sent.
    """
    legs = {leg.id: leg for leg in known}
    for event in events:
        if event.kind.name == "ship":
            legs.setdefault(event.event_id, _leg_of(event))
        elif event.kind.name == "receive":
            for lot in event.lots:
                _arrive(legs.values(), event, lot)
        elif event.kind.name == "sensor_summary" and event.leg in legs:
            legs[event.leg].summary = event.event_id
    return list(legs.values())


def check_summary(event: TraceEvent, leg: Leg | None) -> None:
    """Refuse a summary that is not of this leg: another recorder, another signer, other lots, other times, or a second one.

    Raises:
        Conflict: the leg is unknown, still under way, or has no recorder, or the summary does not fit it.
        BadInput: the eventID is not the one a summary of this leg carries.

    """
    if leg is None:
        raise Conflict("no shipment of this id is recorded", got=event.leg, todo="the shipper's event must come first")
    if event.event_id != summary_id(leg.id):
        raise BadInput("a leg has one summary, whose eventID follows from the shipment's", expected=summary_id(leg.id), got=event.event_id)
    if not leg.recorder:
        raise Conflict("this shipment names no recorder", got=leg.id, todo="name the recorder as suhe:recorder when shipping")
    told = event.body["sensorElementList"][0]["sensorMetadata"]
    if told["deviceID"] != DEVICE_URN + leg.recorder:
        raise Conflict("another recorder travelled on this leg", expected=DEVICE_URN + leg.recorder, got=str(told["deviceID"]))
    signer = leg.carrier or leg.from_party
    if event.party != signer:
        raise Conflict("a leg's summary is signed by who carried it", expected=signer, got=event.party)
    if event.lots != tuple(sorted(leg.lots)):
        raise Conflict("a summary is of all lots of its leg", expected=", ".join(sorted(leg.lots))[:200], got=", ".join(event.lots)[:200])
    if leg.arrives_ms is None:
        raise Conflict("this shipment is still under way", got=leg.id, todo="send the summary after the last lot was received")
    start, end = _ms(told["startTime"]), _ms(told["endTime"])
    if not leg.departs_ms <= start < end <= leg.arrives_ms or event.event_time_ms < leg.arrives_ms:
        raise Conflict(
            "a summary covers its leg and is made after it",
            expected=f"within {leg.departs_ms} to {leg.arrives_ms} ms, made later",
            got=f"{start} to {end} ms, made at {event.event_time_ms}",
        )


def _leg_of(event: TraceEvent) -> Leg:
    lots = tuple(item.lot for item in event.with_role("subject"))
    return Leg(event.event_id, event.from_party, event.to_party, event.carrier, event.recorder, event.event_time_ms, lots)


def _arrive(legs: Iterable[Leg], event: TraceEvent, lot: str) -> None:
    way = (event.from_party, event.to_party)
    waiting: Sequence[Leg] = [x for x in legs if lot in x.lots and lot not in x.received and (x.from_party, x.to_party) == way]
    if waiting:
        first = min(waiting, key=lambda x: x.departs_ms)
        # Clocks differ: nothing arrives before it left.
        first.received[lot] = max(event.event_time_ms, first.departs_ms + 1)


def _ms(text: str) -> int:
    try:
        return to_ms(datetime.fromisoformat(text))
    except (ValueError, OverflowError) as error:
        raise BadInput("this is no time", expected="such as 2025-11-20T06:30:00+08:00", got=text[:60]) from error
