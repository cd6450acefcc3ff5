"""The Things Stack v3's messages, by MQTT (`v3/APP@TENANT/devices/ID/up`) or webhook: the same JSON.

A field that is 0, false or empty is left out: a missing `f_cnt` is frame 0, a missing `snr` is 0 dB. Its MQTT is QoS 0 only.
"""

from __future__ import annotations

from typing import Any

from foundation.errors import BadInput
from ingest.formats.chirpstack import count_of, radio
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.formats.json_text import flatten, members, note, number_in, read_json
from ingest.formats.times import rfc3339_ms

# Units of its normalised payload, by their names in it.
NORMALIZED_UNITS = {
    "air.temperature": "Cel", "air.relativeHumidity": "%", "air.pressure": "hPa", "air.co2": "ppm", "air.lightIntensity": "lx",
    "soil.temperature": "Cel", "soil.moisture": "%", "soil.ec": "dS/m", "soil.depth": "cm", "soil.pH": "[pH]",
    "soil.n": "ppm", "soil.p": "ppm", "soil.k": "ppm", "wind.speed": "m/s", "wind.direction": "deg",
    "rain.intensity": "mm/h", "rain.cumulative": "mm", "water.temperature": "Cel", "battery": "V",
    "position.latitude": "deg", "position.longitude": "deg",
}  # fmt: skip
_OTHERS = (
    "join_accept", "downlink_queued", "downlink_sent", "downlink_ack", "downlink_nack", "downlink_failed",
    "downlink_queue_invalidated", "service_data",
)  # fmt: skip


def decode(topic: str, body: bytes, context: Context) -> Decoded:
    """Return a message; the device is its `device_id`. Its own time is when the network first heard it: devices tell none."""
    del context
    told = members(read_json(body), "a message of The Things Stack")
    ids = members(told.get("end_device_ids"), "`end_device_ids` of a message of The Things Stack v3")
    device = _id(ids.get("device_id"))
    parts = topic.split("/")
    if len(parts) >= 5 and parts[0] == "v3" and parts[2] == "devices" and parts[3] != device:
        raise BadInput("the topic and the message name two devices", expected=parts[3][:40], got=device)
    skipped: list[str] = []
    facts: dict[str, Any] = {k: ids[k] for k in ("dev_eui", "dev_addr") if type(ids.get(k)) is str}
    application = ids.get("application_ids")
    if type(application) is dict and type(application.get("application_id")) is str:
        facts["application"] = application["application_id"]
    if "uplink_message" in told:
        return _uplink(told, members(told["uplink_message"], "`uplink_message`"), device, ids.get("dev_addr"), skipped, facts)
    when = told.get("received_at")
    t_ms = None if when is None else rfc3339_ms(when, "`received_at`")
    if "uplink_normalized" in told:
        inner = members(told["uplink_normalized"], "`uplink_normalized`")
        t_ms = t_ms if inner.get("received_at") is None else rfc3339_ms(inner["received_at"], "`uplink_normalized.received_at`")
        observed = _normalized([inner.get("normalized_payload")], device, t_ms, skipped)
        return Decoded(observed, None, "", tuple(skipped), facts)
    if "location_solved" in told:
        place = members(members(told["location_solved"], "`location_solved`").get("location"), "`location_solved.location`")
        units = (("latitude", "deg"), ("longitude", "deg"), ("altitude", "m"))
        return Decoded(tuple(Observed(device, k, t_ms, number_in(place.get(k, 0), f"`{k}`"), u) for k, u in units), None, "", (), facts)
    other = next((k for k in _OTHERS if k in told), None)
    if other is None:
        raise BadInput("this is no message of The Things Stack v3", expected="uplink_message", got=", ".join(list(told)[:6])[:80])
    return Decoded((), None, "", (f"a `{other}` holds no reading",), facts | {"event": other})


def _uplink(told: dict[str, Any], up: dict[str, Any], device: str, address: Any, skipped: list[str], facts: dict[str, Any]) -> Decoded:
    heard = up.get("received_at") or told.get("received_at")
    t_ms = None if heard is None else rfc3339_ms(heard, "`received_at`")
    normalized, plain = up.get("normalized_payload"), up.get("decoded_payload")
    if normalized:
        observed = _normalized(normalized if type(normalized) is list else [normalized], device, t_ms, skipped)
        note(skipped, "decoded_payload: not taken, normalized_payload says the same with units")
    elif plain is None:
        note(skipped, "decoded_payload: none; give the device a payload formatter in The Things Stack")
        observed = ()
    else:
        values: list[tuple[str, float]] = []
        flatten(members(plain, "`decoded_payload`"), "", values, skipped)
        observed = tuple([Observed(device, name, t_ms, value) for name, value in values])
    facts |= radio(up.get("rx_metadata"), "gateway_ids")
    if type(up.get("f_port")) is int:
        facts["f_port"] = up["f_port"]
    number = count_of(up.get("f_cnt"), "`f_cnt`")
    stream = f"{device}.{address.lower()}" if type(address) is str and address.isalnum() and len(address) <= 16 else device
    identity = f"{device} {number} {heard}" if type(heard) is str else ""
    return Decoded(observed, Numbered(stream, number), identity, tuple(skipped), facts)


def _normalized(told: list[Any], device: str, t_ms: int | None, skipped: list[str]) -> tuple[Observed, ...]:
    found: list[Observed] = []
    names: set[tuple[str, int | None]] = set()
    for n, measurement in enumerate(told[:256]):
        said = members(measurement, "a measurement of `normalized_payload`")
        at = t_ms if said.get("time") is None else rfc3339_ms(said["time"], "`normalized_payload.time`")
        values: list[tuple[str, float]] = []
        flatten({k: v for k, v in said.items() if k != "time"}, "", values, skipped)
        for name, value in values:
            unit = NORMALIZED_UNITS.get(name)
            # Two depths of soil are two channels, not one channel said twice.
            channel = name if (name, at) not in names else f"{name}.{n}"
            names.add((name, at))
            found.append(Observed(device, channel, at, value, unit))
    return tuple(found)


def _id(told: Any) -> str:
    if type(told) is not str or not 1 <= len(told) <= 64:
        raise BadInput("`end_device_ids.device_id` is no id", expected="1 to 64 characters", got=repr(told)[:60])
    return told
