"""ChirpStack v4's events as JSON, by its MQTT or HTTP integration: `application/APP/device/DEVEUI/event/EVENT`.

They are protobuf written as JSON: a field that is 0, false or empty is left out. A missing `fCnt` is frame 0, a missing `snr` is 0 dB.
"""

from __future__ import annotations

from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.formats.json_text import flatten, members, note, number_in, read_json
from ingest.formats.times import rfc3339_ms

EVENTS = ("up", "status", "join", "ack", "txack", "log", "location", "integration")
_NUMBERS = frozenset((int, float))
_SHOWN = ("deviceName", "applicationName", "deviceProfileName", "applicationId")
# What of an event that carries no reading is worth showing.
_TOLD = {
    "join": ("devAddr",),
    "ack": ("acknowledged", "fCntDown", "queueItemId"),
    "txack": ("fCntDown", "gatewayId", "queueItemId"),
    "log": ("level", "code", "description"),
    "integration": ("integrationName", "eventType"),
}


def decode(topic: str, body: bytes, context: Context) -> Decoded:
    """Return an event; only `up`, `status` and `location` hold readings. The device is its DevEUI, in small letters."""
    del context
    told = members(read_json(body), "a ChirpStack event")
    event = _event(topic, told)
    info = members(told.get("deviceInfo"), "`deviceInfo` of a ChirpStack v4 event")
    device = _eui(info.get("devEui"))
    parts = topic.split("/")
    if len(parts) == 6 and parts[0] == "application" and parts[3].lower() != device:
        raise BadInput("the topic and the message name two devices", expected=parts[3][:40], got=device)
    when = told.get("time")
    t_ms = None if when is None else rfc3339_ms(when)
    skipped: list[str] = []
    facts: dict[str, Any] = {"event": event, **{k: info[k] for k in _SHOWN if type(info.get(k)) is str}}
    number = None
    observed: tuple[Observed, ...] = ()
    if event == "up":
        observed, number = _up(told, device, t_ms, skipped, facts)
    elif event == "status":
        observed = _status(told, device, t_ms, skipped, facts)
    elif event == "location":
        observed = _location(told, device, t_ms)
    else:
        facts |= {k: told[k] for k in _TOLD[event] if type(told.get(k)) in (str, int, bool)}
        note(skipped, f"an event `{event}` holds no reading")
    identity = told.get("deduplicationId")
    return Decoded(observed, number, f"{event} {identity}" if type(identity) is str else "", tuple(skipped), facts)


def _event(topic: str, told: dict[str, Any]) -> str:
    # The HTTP integration says it in `?event=`; where nobody says it, the fields do.
    said = topic.rpartition("event=")[2] if "event=" in topic else topic.rpartition("/event/")[2] if "/event/" in topic else ""
    if said:
        if said not in EVENTS:
            raise BadInput("ChirpStack has no such event", expected=", ".join(EVENTS), got=said[:40])
        return said
    if "deviceInfo" not in told:
        todo = "ChirpStack v3 is not taken" if "applicationID" in told else "set `json=true` in ChirpStack's integration"
        raise BadInput("this is no event of ChirpStack v4", expected="deviceInfo", got=", ".join(list(told)[:6])[:80], todo=todo)
    for event, fields in _MARKS:
        if any(f in told for f in fields):
            return event
    return "join" if "devAddr" in told else "status"


_MARKS = (
    ("integration", ("integrationName",)),
    ("location", ("location",)),
    ("log", ("level", "code", "description")),
    ("txack", ("downlinkId", "gatewayId")),
    ("ack", ("acknowledged", "fCntDown")),
    ("status", ("margin", "batteryLevel", "batteryLevelUnavailable", "externalPowerSource")),
    ("up", ("rxInfo", "txInfo", "object", "data", "fPort", "fCnt", "dr")),
)


def _up(
    told: dict[str, Any], device: str, t_ms: int | None, skipped: list[str], facts: dict[str, Any]
) -> tuple[tuple[Observed, ...], Numbered]:
    values: list[tuple[str, float]] = []
    decoded = told.get("object")
    if decoded is None:
        note(skipped, "object: none; give the device profile a codec in ChirpStack" if told.get("data") else "object: none, and no data")
    else:
        flatten(members(decoded, "`object`"), "", values, skipped)
    facts |= radio(told.get("rxInfo"), "gatewayId")
    facts |= {k: told[k] for k in ("fPort", "dr") if type(told.get(k)) is int}
    observed = tuple([Observed(device, name, t_ms, value) for name, value in values])
    return observed, Numbered(_session(device, told.get("devAddr")), count_of(told.get("fCnt"), "`fCnt`"))


def _session(device: str, address: Any) -> str:
    # A device that joins again gets another address and counts from 0: that is another stream, not a gap and not a repeat.
    return f"{device}.{address.lower()}" if type(address) is str and address.isalnum() and len(address) <= 16 else device


def _status(told: dict[str, Any], device: str, t_ms: int | None, skipped: list[str], facts: dict[str, Any]) -> tuple[Observed, ...]:
    margin = told.get("margin", 0)
    level = told.get("batteryLevel")
    found = [Observed(device, "margin", t_ms, number_in(margin, "`margin`"), "dB")]
    if told.get("externalPowerSource") is True:
        facts["externalPowerSource"] = True
        note(skipped, "batteryLevel: the device has mains power")
    elif told.get("batteryLevelUnavailable") is True or level is None:
        note(skipped, "batteryLevel: the device does not know it")
    else:
        found.append(Observed(device, "batteryLevel", t_ms, number_in(level, "`batteryLevel`"), "%"))
    return tuple(found)


def _location(told: dict[str, Any], device: str, t_ms: int | None) -> tuple[Observed, ...]:
    place = members(told.get("location"), "`location`")
    units = (("latitude", "deg"), ("longitude", "deg"), ("altitude", "m"))
    return tuple(Observed(device, k, t_ms, number_in(place.get(k, 0), f"`{k}`"), unit) for k, unit in units)


def radio(received: Any, gateway: str) -> dict[str, Any]:
    """Return how well the best of the receiving gateways heard it; what is left out is 0."""
    if type(received) is not list or not received:
        return {}
    best: tuple[float, float, Any] | None = None
    heard = 0
    for r in received[:64]:
        if type(r) is dict:
            heard += 1
            rssi, snr = r.get("rssi", 0), r.get("snr", 0)
            if type(rssi) in _NUMBERS and type(snr) in _NUMBERS and (best is None or (rssi, snr) > best[:2]):
                best = (rssi, snr, r.get(gateway))
    if best is None:
        return {}
    rssi, snr, name = best
    told: dict[str, Any] = {"rssi": rssi, "snr": snr, "heard_by": heard}
    if type(name) is dict:
        name = name.get("gateway_id")
    if type(name) is str:
        told["gateway"] = name[:64]
    return told


def count_of(told: Any, what: str) -> int:
    """Return a frame counter; one that is left out is 0."""
    if told is None:
        return 0
    if type(told) is not int or not 0 <= told < 2**32:
        raise BadInput(f"{what} is no frame counter", expected="0 to 4294967295", got=repr(told)[:40])
    return told


def _eui(told: Any) -> str:
    if type(told) is not str or not 1 <= len(told) <= 32 or not told.isalnum() or not told.isascii():
        raise BadInput("`deviceInfo.devEui` is no DevEUI", expected="16 hexadecimal digits", got=repr(told)[:60])
    return told.lower()
