"""Trace events as a grower's app would write them: EPCIS 2.0 bodies, canonical bytes, the author's signature.

Nothing of the server is imported: whoever writes an app of their own needs no more than this page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import rfc8785
from nacl.signing import SigningKey

from foundation.ids import uuid7

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"suhe": "urn:suhe:voc:"}]
_STEP = "urn:suhe:bizstep:"
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True)
class Part:
    """A lot with kilograms of it; None where an event concerns the lot as it is."""

    lot: str
    kg: float | None = None

    def element(self) -> dict[str, Any]:
        """Return the quantity element."""
        if self.kg is None:
            return {"epcClass": self.lot}
        return {"epcClass": self.lot, "quantity": plain(self.kg), "uom": "KGM"}


@dataclass(frozen=True)
class Told:
    """One event before it is signed: when, by whom, and the fields that tell it apart."""

    key: str
    time_ms: int
    party: str
    fields: Mapping[str, Any]

    def event_id(self, seed: int) -> str:
        """Return the event's id, by which others cite it."""
        noise = hashlib.sha256(f"{seed}:{self.key}".encode()).digest()[:10]
        return f"urn:uuid:{uuid7(self.time_ms, noise)}"

    def body(self, seed: int) -> dict[str, Any]:
        """Return the event's body; its id depends on the seed, the key and the time alone, so that a repeat is the same event."""
        local = datetime.fromtimestamp(self.time_ms / 1000, _CHINA)
        return {
            "@context": CONTEXT,
            "eventID": self.event_id(seed),
            "eventTime": local.isoformat(timespec="seconds"),
            "eventTimeZoneOffset": "+08:00",
            "suhe:party": party_urn(self.party),
            **self.fields,
        }


def envelope(body: Mapping[str, Any], credential: Mapping[str, str]) -> dict[str, str]:
    """Return what is posted: the canonical text, the key's id and the signature over exactly the text's bytes."""
    text = rfc8785.dumps(dict(body))
    signature = SigningKey(bytes.fromhex(credential["seed"])).sign(text).signature
    return {"body": text.decode(), "key": credential["key"], "signature": base64.b64encode(signature).decode()}


# Invented persons of the demo, and whether each agreed that everybody may read the name. No real person is meant.
PERSONS = (("演示农户甲", True), ("演示农户乙", False), ("演示农户丙", True), ("演示农户丁", False))
_BY_PERSONS = (_STEP + "planting", _STEP + "harvesting")


def with_person(body: Mapping[str, Any], credential: Mapping[str, str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the body of a planting or a picking with a commitment to who did it, and the secret to send beside it.

    The salt comes from the author's seed, which nobody else has, and the event, so that a repeat is the same event.
    """
    if body.get("bizStep") not in _BY_PERSONS:
        return dict(body), []
    event_id = str(body["eventID"])
    name, consent = PERSONS[hashlib.sha256(str(body["bizLocation"]).encode()).digest()[0] % len(PERSONS)]
    salt = hmac.new(bytes.fromhex(credential["seed"]), b"demo/salt\n" + event_id.encode(), hashlib.sha256).digest()
    by = hmac.new(salt, b"suhe/secret/v1\nsuhe:by\n" + name.encode(), hashlib.sha256).hexdigest()
    secret = {"field": "suhe:by", "salt": base64.b64encode(salt).decode(), "value": name, "consent": consent}
    return {**body, "suhe:by": by}, [secret]


def sealed(body: Mapping[str, Any], credential: Mapping[str, str]) -> dict[str, Any]:
    """Return what is posted, with the person behind it where the event has one."""
    signed, secrets = with_person(body, credential)
    return {**envelope(signed, credential), "secrets": secrets}


def lot_urn(county: str, number: str) -> str:
    """Return a lot's URN."""
    return f"urn:suhe:lot:{county}:{number}"


def party_urn(party: str) -> str:
    """Return a party's URN."""
    return f"urn:suhe:party:{party}"


def plain(kg: float) -> float | int:
    """Return kilograms as canonical JSON spells them: one decimal, and 12 rather than 12.0."""
    rounded = round(kg, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def plant(lot: str, product: str, variety: str, plot: str) -> dict[str, Any]:
    """Return the fields of a planting."""
    return {
        **_object("ADD", _STEP + "planting", [Part(lot)]),
        "ilmd": {"suhe:product": product, "suhe:variety": variety},
        "bizLocation": _plot(plot),
    }


def input_bought(input_lot: str, kg: float, named: Mapping[str, str | int], seller: str, lots: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a purchase of a farm input for some lots."""
    return {
        **_object("ADD", _STEP + "input_buying", [Part(input_lot, kg)]),
        "ilmd": {f"suhe:{k}": v for k, v in named.items()},
        "suhe:seller": seller,
        "suhe:lots": list(lots),
    }


def input_used(input_lot: str, kg: float, lots: Sequence[str], purpose: str, interval_days: int | None) -> dict[str, Any]:
    """Return the fields of an application of a bought input to some lots."""
    more = {} if interval_days is None else {"suhe:intervalDays": interval_days}
    return {**_object("DELETE", _STEP + "input_using", [Part(input_lot, kg)]), "suhe:lots": list(lots), "suhe:purpose": purpose, **more}


def harvest(lot: str, kg: float, plot: str) -> dict[str, Any]:
    """Return the fields of a picking."""
    return {**_object("ADD", _STEP + "harvesting", [Part(lot, kg)]), "bizLocation": _plot(plot)}


def split(source: Part, into: Sequence[Part], product: str, variety: str) -> dict[str, Any]:
    """Return the fields of a splitting."""
    return _transformation(_STEP + "splitting", [source], into, product, variety)


def merge(sources: Sequence[Part], into: Part, product: str, variety: str) -> dict[str, Any]:
    """Return the fields of a merging."""
    return _transformation(_STEP + "merging", sources, [into], product, variety)


def pack(sources: Sequence[Part], into: Sequence[Part], product: str, variety: str, package: str) -> dict[str, Any]:
    """Return the fields of a packing, or of processing into another product."""
    return {**_transformation("packing", sources, into, product, variety), "suhe:package": package}


def ship(parts: Sequence[Part], source: str, destination: str, carrier: str) -> dict[str, Any]:
    """Return the fields of a dispatch."""
    return {
        **_object("OBSERVE", "shipping", parts),
        "disposition": "in_transit",
        **_way(source, destination),
        "suhe:carrier": party_urn(carrier),
    }


def receive(parts: Sequence[Part], source: str, destination: str, celsius: float) -> dict[str, Any]:
    """Return the fields of an arrival."""
    arrived = {"disposition": "in_progress", "suhe:temperature": plain(celsius)}
    return {**_object("OBSERVE", "receiving", parts), **_way(source, destination), **arrived}


def recall_drill(lot: str) -> dict[str, Any]:
    """Return the fields of a recall drill of a lot, ordered by the county's office."""
    told = {"level": 3, "reasonZh": "季度召回演练", "reasonEn": "Quarterly recall drill", "authority": "county"}
    return {**_object("OBSERVE", _STEP + "recalling", [Part(lot)]), "suhe:recall": told, "suhe:drill": True}


def recall_lifted(lot: str, recall: str) -> dict[str, Any]:
    """Return the fields of the end of a recall or drill."""
    return {**_object("OBSERVE", _STEP + "recall_lifting", [Part(lot)]), "suhe:recallOf": recall, "suhe:note": "演练结束"}


def sensor_summary(leg: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the summary of a leg, as the API's answer tells it: what travelled, what was measured, by which limits."""
    report: dict[str, Any] = {"type": "Temperature", "uom": "CEL"}
    told = leg["judged"]
    if told["count"]:
        report |= {"minValue": _plain(told["low_c"], 1), "meanValue": _plain(told["mean_c"], 2), "maxValue": _plain(told["high_c"], 1)}
    if leg["verdict"] == "out_of_range":
        report["exception"] = "ALARM_CONDITION"
    elif not told["count"]:
        report["exception"] = "ERROR_CONDITION"
    limits = leg["limits"]
    metadata = {
        "deviceID": f"urn:suhe:device:{leg['recorder']}",
        "startTime": _local(leg["departs_ms"]),
        "endTime": _local(leg["arrives_ms"]),
        "bizRules": f"urn:suhe:rule:cold-chain:{limits['name']}",
    }
    cold = {
        "count": told["count"],
        "suspect": told["suspect"],
        "readingsHash": told["readings_hash"],
        "completenessPercent": _plain(told["complete_percent"], 1),
        "delayMinutes": _plain(limits["delay_s"] / 60, 2),
        "gapMinutes": _plain(limits["gap_s"] / 60, 2),
        **{name: _plain(told[key], 1) for name, key in _MINUTES},
        **({} if limits["low_c"] is None else {"lowCelsius": _plain(limits["low_c"], 1)}),
        **({} if limits["high_c"] is None else {"highCelsius": _plain(limits["high_c"], 1)}),
        **({} if told["mkt_c"] is None else {"meanKineticCelsius": _plain(told["mkt_c"], 2)}),
    }
    return {
        **_object("OBSERVE", "sensor_reporting", [Part(lot) for lot in leg["lots"]]),
        "sensorElementList": [{"sensorMetadata": metadata, "sensorReport": [report]}],
        "suhe:leg": leg["id"],
        "suhe:cold": cold,
    }


_MINUTES = (("minutes", "minutes"), ("minutesAbove", "above"), ("minutesBelow", "below"), ("minutesUnknown", "unknown"),
            ("longestExcursionMinutes", "longest"))  # fmt: skip


def _plain(value: float, decimals: int) -> float | int:
    rounded = round(value, decimals)
    return int(rounded) if rounded == int(rounded) else rounded


def _local(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, _CHINA).isoformat(timespec="milliseconds")


def _object(action: str, step: str, parts: Sequence[Part]) -> dict[str, Any]:
    return {"type": "ObjectEvent", "action": action, "bizStep": step, "quantityList": [p.element() for p in parts]}


def _transformation(step: str, inputs: Sequence[Part], outputs: Sequence[Part], product: str, variety: str) -> dict[str, Any]:
    ilmd = {"suhe:product": product, **({"suhe:variety": variety} if variety else {})}
    listed = {"inputQuantityList": [p.element() for p in inputs], "outputQuantityList": [p.element() for p in outputs]}
    return {"type": "TransformationEvent", "bizStep": step, **listed, "ilmd": ilmd}


def _way(source: str, destination: str) -> dict[str, Any]:
    return {
        "sourceList": [{"type": "possessing_party", "source": party_urn(source)}],
        "destinationList": [{"type": "possessing_party", "destination": party_urn(destination)}],
    }


def _plot(plot: str) -> dict[str, str]:
    return {"id": f"urn:suhe:plot:{plot}"}
