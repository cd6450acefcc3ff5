"""ChirpStack v4: each of its events, the fields protobuf leaves out, and what is not ours to take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foundation.errors import BadInput
from ingest.formats.chirpstack import decode
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from tests.ingest.formats.shapes import EUI, INFO, RECEIVED, chirpstack

AT = 1658136855775


def read(event: str = "up", **fields: Any) -> Decoded:
    return decode(*chirpstack(event, **fields), Context(RECEIVED))


def test_an_uplink_s_object_becomes_readings() -> None:
    """Nested names are dotted, truth values 1 and 0; text is skipped; radio is a fact; the frame counter is the device's."""
    told = read(
        devAddr="00189440", fCnt=412, fPort=2, dr=5, data="qg==",
        object={"temperature": 21.5, "soil": {"moisture": [31, 32.5]}, "leak": False, "state": "ok", "error": None},
        rxInfo=[{"gatewayId": "far", "rssi": -110, "snr": -4.2}, {"gatewayId": "0016c001f153a14c", "rssi": -36}],
    )  # fmt: skip
    assert told.observed == (
        Observed(EUI, "temperature", AT, 21.5),
        Observed(EUI, "soil.moisture.0", AT, 31.0),
        Observed(EUI, "soil.moisture.1", AT, 32.5),
        Observed(EUI, "leak", AT, 0.0),
    )
    assert told.number == Numbered(f"{EUI}.00189440", 412)
    assert told.identity == "up 3ac7e3c4-4401-4b8d-9386-a5c902f9202d"
    assert told.skipped == ("state: text", "error: null")
    assert told.facts["rssi"] == -36 and told.facts["snr"] == 0 and told.facts["heard_by"] == 2 and told.facts["fPort"] == 2


def test_a_missing_frame_counter_is_frame_0() -> None:
    """Protobuf's JSON leaves a 0 out; a device that joined again counts in a stream of its own."""
    assert read(devAddr="00189440", object={"t": 1}).number == Numbered(f"{EUI}.00189440", 0)
    assert read(devAddr="0018944F", object={"t": 1}).number == Numbered(f"{EUI}.0018944f", 0)
    assert read(object={"t": 1}).number == Numbered(EUI, 0)


def test_an_uplink_without_a_codec_says_what_to_do() -> None:
    """Bytes alone are no reading."""
    told = read(data="qg==", fPort=1)
    assert told.observed == () and "codec" in told.skipped[0]


def test_a_status_tells_margin_and_battery() -> None:
    """Battery in per cent and link margin in dB; a margin that is left out is 0 dB, a battery that is left out is not known."""
    assert read("status", margin=10, batteryLevel=88.5).observed == (
        Observed(EUI, "margin", AT, 10.0, "dB"),
        Observed(EUI, "batteryLevel", AT, 88.5, "%"),
    )
    assert read("status", batteryLevel=4).observed[0].value == 0.0
    for fields in ({"batteryLevelUnavailable": True}, {"externalPowerSource": True, "batteryLevel": 0}, {}):
        told = read("status", margin=-3, **fields)
        assert [o.channel for o in told.observed] == ["margin"] and "batteryLevel" in told.skipped[0]
    assert read("status", externalPowerSource=True).facts["externalPowerSource"] is True


def test_a_location_is_three_readings() -> None:
    """Latitude, longitude, altitude; one that is left out is 0."""
    told = read("location", location={"latitude": 33.23, "longitude": 119.31, "source": "GEO_RESOLVER_TDOA"})
    assert [(o.channel, o.value, o.unit) for o in told.observed] == [
        ("latitude", 33.23, "deg"), ("longitude", 119.31, "deg"), ("altitude", 0.0, "m"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("event", "fields", "fact"),
    [
        ("join", {"devAddr": "00189440"}, ("devAddr", "00189440")),
        ("ack", {"acknowledged": True, "fCntDown": 3, "queueItemId": "x"}, ("acknowledged", True)),
        ("txack", {"downlinkId": 1, "fCntDown": 3, "gatewayId": "0016c001f153a14c"}, ("gatewayId", "0016c001f153a14c")),
        ("log", {"level": "ERROR", "code": "UPLINK_CODEC", "description": "boom"}, ("description", "boom")),
        ("integration", {"integrationName": "loracloud", "eventType": "x", "object": {"t": 1}}, ("eventType", "x")),
    ],
)
def test_other_events_hold_no_reading(event: str, fields: dict[str, Any], fact: tuple[str, Any]) -> None:
    """Joins, acknowledgements, logs and integrations are understood and kept as facts; over HTTP the fields tell the event."""
    for topic in (chirpstack(event)[0], f"/feed?event={event}", ""):
        told = decode(topic, chirpstack(event, **fields)[1], Context(RECEIVED))
        assert told.observed == () and told.number is None and told.skipped and told.facts["event"] == event
        assert told.facts[fact[0]] == fact[1]


@pytest.mark.parametrize(
    ("event", "fields"),
    [("up", {"object": {"t": 1}, "rxInfo": []}), ("status", {"margin": 1}), ("location", {"location": {"latitude": 1.0}})],
)
def test_the_event_is_known_without_a_topic(event: str, fields: dict[str, Any]) -> None:
    """Over HTTP without `?event=` the fields tell it too."""
    told = decode("", chirpstack(event, **fields)[1], Context(RECEIVED))
    assert told.facts["event"] == event and told.observed


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fCnt": -1}, "frame counter"), ({"fCnt": "7"}, "frame counter"), ({"time": "yesterday"}, "time"), ({"time": 5}, "time"),
        ({"object": [1]}, "object"), ({"object": {"v": 10**400}}, "beyond"), ({"deviceInfo": None}, "deviceInfo"),
        ({"deviceInfo": {"devEui": ""}}, "DevEUI"), ({"deviceInfo": {"devEui": 7}}, "DevEUI"),
        ({"deviceInfo": INFO | {"devEui": "0202020202020202"}}, "two devices"),
    ],
)  # fmt: skip
def test_damage_is_named(fields: dict[str, Any], words: str) -> None:
    """What cannot be read is refused with the field's name."""
    with pytest.raises(BadInput, match=words):
        read(**fields)


def test_what_is_not_chirpstack_v4_says_so() -> None:
    """Version 3's events, the protobuf encoding and unknown events are refused with what to change."""
    with pytest.raises(BadInput, match="v3"):
        decode("", json.dumps({"applicationID": "1", "devEUI": "AQ==", "objectJSON": "{}"}).encode(), Context(RECEIVED))
    with pytest.raises(BadInput, match="JSON"):
        decode("application/a/device/b/event/up", b"\x0a\x24\x33\x61", Context(RECEIVED))
    with pytest.raises(BadInput, match="no such event"):
        read("uplink")


@pytest.mark.parametrize("received", [None, 7, {}, [7], [{"rssi": "loud"}], [{"gatewayId": 7}]])
def test_odd_radio_is_no_reason_to_lose_a_reading(received: Any) -> None:
    """Facts are best effort: readings come through whatever stands in `rxInfo`."""
    assert len(read(object={"t": 1}, rxInfo=received).observed) == 1
