"""Every payload of gateway_payloads.json through its decoder, with what it must say, stated here once more by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.formats.catalog import format_named
from ingest.formats.decoded import Context, Decoded, Numbered, Observed

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
