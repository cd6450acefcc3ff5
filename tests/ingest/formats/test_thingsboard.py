"""ThingsBoard's telemetry of gateways and devices, in all the shapes it may have."""

from __future__ import annotations

import json
from typing import Any

import pytest

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded
from ingest.formats.thingsboard import decode_device, decode_gateway
from tests.ingest.formats.shapes import RECEIVED

TS = 1483228800000
GATEWAY, DEVICE = "v1/gateway/telemetry", "v1/devices/me/telemetry"


def device(told: Any) -> Decoded:
    return decode_device(DEVICE, json.dumps(told).encode(), Context(RECEIVED))


def gateway(told: Any) -> Decoded:
    return decode_gateway(GATEWAY, json.dumps(told).encode(), Context(RECEIVED))


def said(told: Decoded) -> list[tuple[str, str, int | None, float]]:
    return [(o.device, o.channel, o.t_ms, o.value) for o in told.observed]


def test_every_shape_of_telemetry_is_read() -> None:
    """Values alone, with a time, or arrays of either; without `ts` the device told no time."""
    assert said(device({"t": 1})) == [("", "t", None, 1.0)]
    assert said(device({"ts": TS, "values": {"t": 1}})) == [("", "t", TS, 1.0)]
    assert said(device([{"ts": TS, "values": {"t": 1}}, {"t": 2}])) == [("", "t", TS, 1.0), ("", "t", None, 2.0)]
    assert said(device({"ts": TS, "t": 1})) == [("", "t", TS, 1.0)]
    assert said(device({"values": {"t": 1}})) == [("", "t", None, 1.0)]
    assert said(device([])) == []
    assert said(gateway({"A": [{"ts": TS, "values": {"t": 1}}], "B": {"t": 2}, "C": []})) == [("A", "t", TS, 1.0), ("B", "t", None, 2.0)]


def test_numbers_as_text_are_numbers_and_other_text_is_skipped() -> None:
    """As for ThingsBoard itself; truth values are 1 and 0, what is nested gets a dotted name."""
    told = gateway({"A": [{"ts": TS, "values": {"t": "21.5", "on": True, "pos": {"lat": 1}, "fw": "1.2.3", "n": "NaN", "x": None}}]})
    assert said(told) == [("A", "t", TS, 21.5), ("A", "on", TS, 1.0), ("A", "pos.lat", TS, 1.0)]
    assert told.skipped == ("A: fw: text", "A: n: text", "A: x: null")


@pytest.mark.parametrize("last", ["attributes", "connect", "disconnect", "rpc"])
def test_what_is_no_telemetry_holds_no_reading(last: str) -> None:
    """Attributes and connects may come under the same credential."""
    assert decode_gateway(f"v1/gateway/{last}", b'{"device":"A"}', Context(RECEIVED)).observed == ()
    assert decode_device(f"v1/devices/me/{last}", b'{"fw":1}', Context(RECEIVED)).observed == ()


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], "object"),
        ({"A": 5}, "`A`"),
        ({"A": [5]}, "entry"),
        ({"": [{"t": 1}]}, "name"),
        ({"A" * 201: [{"t": 1}]}, "name"),
        ({"A": [{"ts": "now", "values": {"t": 1}}]}, "ts"),
        ({"A": [{"ts": -1, "values": {}}]}, "ts"),
        ({"A": [{"ts": 1, "values": 5}]}, "values"),
        ({"A": [{"ts": True, "values": {}}]}, "ts"),
        ({"A": [{"v": 1}] * 30_000}, "too many"),
    ],
)
def test_damage_is_named(told: Any, words: str) -> None:
    """What cannot be read is refused with the field's name."""
    with pytest.raises(BadInput, match=words):
        gateway(told)


def test_not_a_number_is_refused() -> None:
    """NaN is no JSON: the whole message is refused and kept."""
    with pytest.raises(BadInput, match="not JSON"):
        decode_device(DEVICE, b'{"t":NaN}', Context(RECEIVED))
