"""One message tried: names, units and clashes as they would be stored."""

from __future__ import annotations

import json

from ingest.formats.mapping_file import load_table
from ingest.trying import Tried, try_message
from tests.ingest.formats.shapes import RECEIVED


def tried(format_name: str, told: object, topic: str = "") -> Tried:
    """Try a body of JSON."""
    table = load_table("tasmota") if format_name == "mapping" else None
    return try_message(format_name, topic, json.dumps(told).encode(), RECEIVED, table=table)


def test_names_and_units_are_those_it_would_be_stored_under() -> None:
    """A well-known name becomes our channel in its unit, any other keeps itself; a unit of another quantity is refused with the reason."""
    told = tried(
        "senml-json",
        [{"bn": "p/", "n": "temperature", "u": "K", "v": 293.15}, {"n": "vibration", "u": "m/s2", "v": 1}, {"n": "pH", "u": "Pa", "v": 7}],
    )
    assert [(r.name, r.channel, round(r.value, 6), r.unit, r.well_known) for r in told.readings] == [
        ("temperature", "air_temperature", 20.0, "Cel", True),
        ("vibration", "vibration", 1.0, "m/s2", False),
    ]
    assert len(told.skipped) == 1 and told.skipped[0].startswith("pH: this unit does not convert")


def test_clashes_are_told() -> None:
    """The second name of one meaning keeps itself; one channel twice at one time is a correction, and said so."""
    told = tried("thingsboard-device", {"temperature": 18.5, "temp": 21.5})
    assert [r.channel for r in told.readings] == ["air_temperature", "temp"] and not told.skipped
    told = tried("mapping", {"AM2301": {"Temperature": 1}, "BME280": {"Temperature": 2}, "X": 3}, "tele/a/SENSOR")
    assert [r.value for r in told.readings] == [1.0, 2.0]
    assert "correction" in told.skipped[0] and told.skipped[1] == "X: a number the table does not mention"
