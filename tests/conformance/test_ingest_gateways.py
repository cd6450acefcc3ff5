"""Every payload of gateway_payloads.json through its decoder, with what it must say, stated here once more by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import FixedClock, to_ms
from ingest.formats.catalog import format_named
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.service import Readings
from registry.feeds import DeviceName, Feed, FeedBook
from tests.ingest.examples import TwoGateways

RECEIVED = 1_800_000_000_000
_UPLINK_MS = 1_658_136_855_775
_TTS_MS = 1_702_652_516_975
_OW, _OW_MS = "urn:dev:ow:10e2073a0108006", 1_276_020_076_001

EXPECTED: dict[str, dict[str, Any]] = {
    # No codec: the bytes are there, nothing in them is readable. fCnt is left out: frame 0.
    "chirpstack-v4": {
        "observed": (),
        "number": Numbered("0101010101010101.00189440", 0),
        "identity": "up 3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
        "skipped": ("object: none; give the device profile a codec in ChirpStack",),
    },
    # Nanoseconds are cut to ms; the text is no reading.
    "tts-v3": {
        "observed": (
            Observed("eui-7066e1fffe000eca", "Distance", _TTS_MS, 282.0),
            Observed("eui-7066e1fffe000eca", "Supply_Voltage", _TTS_MS, 1284.0),
        ),
        "number": Numbered("eui-7066e1fffe000eca.260be53e", 35938),
        "identity": "eui-7066e1fffe000eca 35938 2023-12-15T15:01:56.975634628Z",
        "skipped": ("TX_Reason: text",),
    },
    "thingsboard-gateway": {
        "observed": (
            Observed("Device A", "temperature", 1483228800000, 42.0),
            Observed("Device A", "humidity", 1483228800000, 80.0),
            Observed("Device A", "temperature", 1483228801000, 43.0),
            Observed("Device A", "humidity", 1483228801000, 82.0),
            Observed("Device B", "temperature", 1483228800000, 42.0),
            Observed("Device B", "humidity", 1483228800000, 80.0),
        ),
        "number": None,
        "identity": "",
        "skipped": (),
    },
    "senml-json": {
        "observed": (
            Observed(_OW, "voltage", _OW_MS, 120.1, "V"),
            *(Observed(_OW, "current", _OW_MS - 1000 * (5 - n), value, "A") for n, value in enumerate((1.2, 1.3, 1.4, 1.5, 1.6, 1.7))),
        ),
        "number": None,
        "identity": "",
        "skipped": (),
    },
}


@pytest.fixture
def payloads(conformance_data: Path) -> dict[str, dict[str, Any]]:
    """Return the vectors by format."""
    told = json.loads((conformance_data / "field" / "gateway_payloads.json").read_text("utf-8"))
    return {x["fmt"]: x for x in told}


def test_every_vector_has_an_expectation(payloads: dict[str, dict[str, Any]]) -> None:
    """No payload of the file is left out."""
    assert payloads.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_documented_payload_says_what_it_must(name: str, payloads: dict[str, dict[str, Any]]) -> None:
    """Values, times, names, number, identity and what is skipped, exactly."""
    vector = payloads[name]
    told = format_named(name).decoder()(vector.get("topic", ""), json.dumps(vector["payload"]).encode(), Context(RECEIVED))
    assert {k: getattr(told, k) for k in EXPECTED[name]} == EXPECTED[name]


def test_the_vectors_own_expectations_hold(payloads: dict[str, dict[str, Any]]) -> None:
    """The first and second record of the SenML pack are what the file says of them: name, unit, time, value."""
    vector = payloads["senml-json"]
    told: Decoded = format_named("senml-json").decoder()("", json.dumps(vector["payload"]).encode(), Context(RECEIVED))
    for observed, expected in zip(told.observed, (vector["expect_first"], vector["expect_second"]), strict=False):
        assert f"{observed.device}:{observed.channel}" == expected["name"]
        assert observed.unit == expected["unit"] and observed.value == expected["v"]
        assert observed.t_ms == round(expected["t"] * 1000)


def test_what_is_worth_showing_of_an_uplink_is_kept(payloads: dict[str, dict[str, Any]]) -> None:
    """The best gateway's signal, its name and the device's names are facts beside the readings."""
    vector = payloads["chirpstack-v4"]
    told = format_named("chirpstack-v4").decoder()(vector["topic"], json.dumps(vector["payload"]).encode(), Context(RECEIVED))
    assert told.facts["rssi"] == -36 and told.facts["snr"] == 10.5 and told.facts["gateway"] == "0016c001f153a14c"
    assert told.facts["deviceName"] == "Test device" and told.facts["event"] == "up"
    vector = payloads["tts-v3"]
    told = format_named("tts-v3").decoder()(vector["topic"], json.dumps(vector["payload"]).encode(), Context(RECEIVED))
    assert told.facts["rssi"] == -121 and told.facts["gateway"] == "sfz-ox-gateway" and told.facts["application"] == "temp-sens-jgo"


NAMES = {
    "tts-v3": {"eui-7066e1fffe000eca": "by-01-p1"},
    "thingsboard-gateway": {"Device A": "by-01-p1", "Device B": "by-01-p2"},
    "senml-json": {_OW: "by-01-p1"},
}
STORED = {
    "tts-v3": {("by-01-p1", "Distance"): [282.0], ("by-01-p1", "Supply_Voltage"): [1284.0]},
    "thingsboard-gateway": {
        ("by-01-p1", "air_temperature"): [42.0, 43.0],
        ("by-01-p1", "air_humidity"): [80.0, 82.0],
        ("by-01-p2", "air_temperature"): [42.0],
        ("by-01-p2", "air_humidity"): [80.0],
    },
    "senml-json": {("by-01-p1", "voltage"): [120.1], ("by-01-p1", "current"): [1.2, 1.3, 1.4, 1.5, 1.6, 1.7]},
}


class Named:
    """The feed of one format, and the names its devices are given in the course of the test."""

    def __init__(self, feed: Feed) -> None:
        self.book = FeedBook((feed,))

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return what is known now."""
        return self.book


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_waits_until_its_devices_are_named_and_is_stored_once(
    name: str, payloads: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Nothing of an unknown device is stored; named, the same message becomes the readings it tells; sent again it changes nothing."""
    vector, observed = payloads[name], EXPECTED[name]["observed"]
    topic, body = vector.get("topic", "any/topic"), json.dumps(vector["payload"]).encode()
    feed = Feed("theirs", "by-01-gw", name, topic)
    named = Named(feed)
    now = FixedClock(datetime.fromtimestamp(max(o.t_ms for o in observed) / 1000 + 60, UTC))
    readings = Readings(tmp_path, now, TwoGateways(), feeds=named)
    waiting = readings.accept_foreign(feed, topic, body)
    assert waiting.quarantined == len(observed) and readings.counts().readings == 0
    named.book = FeedBook((feed,), tuple(DeviceName(feed.id, theirs, ours) for theirs, ours in NAMES[name].items()))
    assert sum(readings.take_again(entry.id)[0] for entry in readings.quarantine()) == len(observed)
    readings.accept_foreign(feed, topic, body)
    found = {key: [p.value for p in readings.range(*key, 0, to_ms(now.now()))] for key in STORED[name]}
    assert found == STORED[name]
    readings.close()
