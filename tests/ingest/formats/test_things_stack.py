"""The Things Stack v3: omitted zeros, decoded and normalised payloads, messages that are no uplinks."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.formats.things_stack import decode
from tests.ingest.formats.shapes import RECEIVED, things_stack

AT = 1702652516975
HEARD = "2023-12-15T15:01:56.975634628Z"


def read(**up: Any) -> Decoded:
    return decode(*things_stack(uplink_message={"received_at": HEARD} | up), Context(RECEIVED))


def test_what_is_0_is_left_out_and_is_0() -> None:
    """A missing `f_cnt` is frame 0, a missing `snr` is 0 dB."""
    told = read(decoded_payload={"temperature": 0}, rx_metadata=[{"gateway_ids": {"gateway_id": "gw-1"}, "rssi": -121}])
    assert told.observed == (Observed("pond-3", "temperature", AT, 0.0),)
    assert told.number == Numbered("pond-3.260be53e", 0)
    assert told.facts == {
        "dev_eui": "7066E1FFFE000ECA",
        "dev_addr": "260BE53E",
        "application": "county",
        "rssi": -121,
        "snr": 0,
        "heard_by": 1,
        "gateway": "gw-1",
    }


def test_the_time_is_when_the_network_first_heard_it() -> None:
    """The uplink's own `received_at` before the server's; without both there is none."""
    body = things_stack(uplink_message={"decoded_payload": {"t": 1}})
    assert decode(*body, Context(RECEIVED)).observed[0].t_ms == 1702652517181
    assert read(decoded_payload={"t": 1}).observed[0].t_ms == AT
    with pytest.raises(BadInput, match="received_at"):
        read(received_at="15:01", decoded_payload={"t": 1})


def test_a_repeat_is_known_by_frame_and_time() -> None:
    """A webhook that is sent again says the same; a counter that starts anew says another time."""
    first, again = read(f_cnt=7, decoded_payload={"t": 1}), read(f_cnt=7, decoded_payload={"t": 1})
    later = read(f_cnt=7, decoded_payload={"t": 1}, received_at="2023-12-16T15:01:56.975634628Z")
    assert first.identity == again.identity != later.identity


def test_a_webhook_s_body_is_the_same() -> None:
    """Over HTTP there is no topic."""
    body = things_stack(uplink_message={"decoded_payload": {"t": 1}})[1]
    assert decode("", body, Context(RECEIVED)).observed


def test_a_normalised_payload_goes_before_and_carries_units() -> None:
    """Its names have known units; two depths of soil are two channels; its own times count."""
    told = read(
        decoded_payload={"temp": 1},
        normalized_payload=[
            {"air": {"temperature": 21.4, "relativeHumidity": 61}, "soil": {"ec": 0.4, "depth": 10}},
            {"time": "2023-12-15T14:00:00Z", "wind": {"speed": 2}},
            {"soil": {"ec": 0.6, "depth": 30}},
        ],
    )
    assert [(o.channel, o.value, o.unit) for o in told.observed] == [
        ("air.temperature", 21.4, "Cel"), ("air.relativeHumidity", 61.0, "%"), ("soil.ec", 0.4, "dS/m"), ("soil.depth", 10.0, "cm"),
        ("wind.speed", 2.0, "m/s"), ("soil.ec.2", 0.6, "dS/m"), ("soil.depth.2", 30.0, "cm"),
    ]  # fmt: skip
    assert told.observed[4].t_ms == 1702648800000 and "decoded_payload" in told.skipped[0]


def test_other_messages_hold_no_reading_but_a_solved_location_does() -> None:
    """Joins and downlinks are understood; a location is readings."""
    told = decode(*things_stack("join", join_accept={"session_key_id": "AYwG"}), Context(RECEIVED))
    assert told.observed == () and told.facts["event"] == "join_accept"
    told = decode(*things_stack("location/solved", location_solved={"location": {"latitude": 33.2, "longitude": 119.3}}), Context(RECEIVED))
    assert [o.channel for o in told.observed] == ["latitude", "longitude", "altitude"]
    told = decode(*things_stack("up", uplink_normalized={"normalized_payload": {"air": {"temperature": 3}}}), Context(RECEIVED))
    assert told.observed[0].channel == "air.temperature"


def test_an_uplink_without_a_formatter_says_what_to_do() -> None:
    """Bytes alone are no reading, but a frame all the same."""
    told = read(f_cnt=3, frm_payload="BAAABQQGARo=")
    assert told.observed == () and "formatter" in told.skipped[0] and told.number == Numbered("pond-3.260be53e", 3)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "uplink_message"), ({"uplink_message": []}, "uplink_message"), ({"uplink_message": {"f_cnt": 2**32}}, "f_cnt"),
        ({"uplink_message": {}, "end_device_ids": {}}, "device_id"), ({"uplink_message": {"decoded_payload": 5}}, "decoded_payload"),
        ({"uplink_message": {}, "end_device_ids": {"device_id": "pond-4"}}, "two devices"),
        ({"uplink_message": {"normalized_payload": [5]}}, "normalized_payload"), ({"location_solved": {}}, "location"),
    ],
)  # fmt: skip
def test_damage_is_named(fields: dict[str, Any], words: str) -> None:
    """What cannot be read is refused with the field's name."""
    with pytest.raises(BadInput, match=words):
        decode(*things_stack(**fields), Context(RECEIVED))
