"""The table of formats, well-known names, and `suhe ingest` with its commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from foundation.errors import BadInput
from ingest.channels import CHANNELS
from ingest.formats.catalog import FORMATS, format_named
from ingest.formats.decoded import Context
from ingest.formats.names import meaning
from suhe.cli import app


def test_a_format_that_is_none_is_told_which_there_are() -> None:
    """An unknown name is answered with the names there are."""
    with pytest.raises(BadInput, match="chirpstack-v4"):
        format_named("chirpstack")


def test_names_mean_the_same_however_they_are_spelled() -> None:
    """Case, dots and underscores do not matter; what is in no table means nothing; a unit goes with the meaning."""
    for name in ("soilMoisture", "soil_moisture", "Soil.Moisture", "SOIL MOISTURE"):
        found = meaning("chirpstack-v4", name)
        assert found is not None and found.channel == "soil_moisture"
    assert meaning("chirpstack-v4", "temperature_7") is None
    for word in ("rain", "battery", "speed"):
        assert word in CHANNELS
        unsure = meaning("thingsboard-device", word)
        assert unsure is not None and unsure.channel not in CHANNELS and unsure.unit == ""
    assert meaning("hj212", "temperature") is None
    level = meaning("sl651", "39")
    assert level is not None and (level.channel, level.unit, level.scale) == ("water_level", "cm", 100.0)


def test_every_meaning_is_in_the_channel_s_unit() -> None:
    """A well-known name leads to a channel of ours in that channel's unit, unless it is a channel we give no range."""
    from ingest.formats import names

    for table in (names._COMMON, names._LORA, names._SL651, names._HJ212):
        for found in table.values():
            assert found.channel not in CHANNELS or CHANNELS[found.channel].unit == found.unit


def test_try_prints_readings_and_what_is_skipped(tmp_path: Path) -> None:
    """`suhe ingest try --format` shows each value and why the rest is none; --json gives the same to a machine."""
    body = tmp_path / "message.json"
    body.write_text('{"Pond 3":[{"ts":1483228800000,"values":{"temperature":4.5,"state":"ok"}}]}', "utf-8")
    told = CliRunner().invoke(app, ["ingest", "try", "--format", "thingsboard-gateway", str(body)])
    assert told.exit_code == 0 and "air_temperature" in told.output and "state: text" in told.output
    told = CliRunner().invoke(app, ["ingest", "try", "--format", "thingsboard-gateway", "--json", str(body)])
    assert json.loads(told.output)["readings"][0]["value"] == 4.5


def test_formats_are_listed() -> None:
    """`suhe ingest formats` names every format."""
    told = CliRunner().invoke(app, ["ingest", "formats"])
    assert told.exit_code == 0 and all(name in told.output for name in FORMATS)


def test_our_own_messages_are_a_format_too() -> None:
    """A kept message of version 1 can be taken again by its decoder."""
    body = b'{"v":1,"seq":412,"readings":[{"d":"pond-3-level","c":"water_level","t":1764741600000,"x":12.5,"u":"cm"}]}'
    told = format_named("suhe").decoder()("suhe/v1/0/gw/up", body, Context(0))
    assert [(o.device, o.channel, o.t_ms, o.value, o.unit) for o in told.observed] == [
        ("pond-3-level", "water_level", 1764741600000, 12.5, "cm")
    ]
    assert told.number is not None and told.number.number == 412
