"""Mapping tables: the shipped ones on real messages, every feature of the file, and errors that name line and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from foundation.errors import BadInput
from ingest.channels import CHANNELS
from ingest.formats.decoded import Context, Decoded
from ingest.formats.mapping import decode
from ingest.formats.mapping_file import load_table, packaged, read_table
from suhe.cli import app
from tests.ingest.formats.shapes import RECEIVED

TASMOTA = (
    b'{"Time":"2024-01-01T10:00:00","AM2301":{"Temperature":24.6,"Humidity":71.2,"DewPoint":19.0},'
    b'"DS18B20":{"Id":"01131B123456","Temperature":18.9},"TempUnit":"C"}'
)
ARRAY = """
topic = "site/+/{box}/#"
each = "data.sensors[*]"
device_path = "id"
[time]
path = "data.at"
format = "s"
[[channel]]
path = "soil[*].vwc"
channel = "soil_moisture-{n}"
unit = "%"
scale = 100
[[channel]]
path = "t"
channel = "air_temperature"
unit = "Cel"
offset = -273.15
"""


def read(table: str, topic: str, body: bytes | str, zone_ms: int = 8 * 3_600_000) -> Decoded:
    found = load_table(table) if table in packaged() else read_table(table, "site.toml")
    return decode(topic, body if isinstance(body, bytes) else body.encode(), Context(RECEIVED, zone_ms, found))


def said(told: Decoded) -> list[tuple[str, str, int | None, float, str | None]]:
    return [(o.device, o.channel, o.t_ms, o.value, o.unit) for o in told.observed]


def test_every_shipped_table_is_sound_and_names_our_channels() -> None:
    """Each loads, has a note, and its channels are ours."""
    assert packaged() == ["csv-lines", "esphome", "tasmota"]
    for name in packaged():
        assert {c.channel for c in load_table(name).channels} <= CHANNELS.keys()


def test_tasmota() -> None:
    """The device is in the topic, the time is local, sensors that are not there are no fault, Fahrenheit is refused."""
    at = 1704074400000
    assert said(read("tasmota", "tele/gh-3/SENSOR", TASMOTA)) == [
        ("gh-3", "air_temperature", at, 24.6, "Cel"),
        ("gh-3", "air_humidity", at, 71.2, "%"),
        ("gh-3", "water_temperature", at, 18.9, "Cel"),
    ]
    with pytest.raises(BadInput, match="TempUnit"):
        read("tasmota", "tele/gh-3/SENSOR", TASMOTA.replace(b'"C"', b'"F"'))
    with pytest.raises(BadInput, match="topic"):
        read("tasmota", "tele/gh-3/STATE", TASMOTA)
    told = read("tasmota", "tele/gh-3/SENSOR", b'{"Time":"2024-01-01T10:00:00","ENERGY":{"Total":1}}')
    assert told.observed == () and told.skipped == ("none of the table's paths is in this message",)


def test_esphome() -> None:
    """A bare number: the topic names device and channel; `nan` is no value; an object nobody named is skipped."""
    assert said(read("esphome", "shed/sensor/air_temperature/state", "21.35")) == [("shed", "air_temperature", None, 21.35, "Cel")]
    assert read("esphome", "shed/sensor/air_temperature/state", "nan").skipped == ("the sensor has no value: 'nan'",)
    assert "no channel" in read("esphome", "shed/sensor/uptime/state", "5").skipped[0]
    with pytest.raises(BadInput, match="no number"):
        read("esphome", "shed/sensor/air_temperature/state", "warm")


def test_lines_of_csv() -> None:
    """Each line is a record with a local time; a text that is no number is skipped; the feed's zone counts where the table has none."""
    body = "2026-07-18 09:30:00,24.6,71.2,12.4\n\n2026-07-18 09:40:00,24.8,,12.4\n"
    told = read("csv-lines", "loggers/by-1/data", body)
    assert [o.t_ms for o in told.observed] == [1784338200000] * 3 + [1784338800000] * 2
    assert said(told)[0] == ("by-1", "air_temperature", 1784338200000, 24.6, "Cel") and told.skipped == ("[2]: text that is no number",)
    with pytest.raises(BadInput, match="time"):
        read("csv-lines", "loggers/by-1/data", "time,t,rh,bat\n")


def test_arrays_devices_and_factors() -> None:
    """Records of an array, the device in each, one time for all outside of them, `[*]` with `{n}`, scale and offset."""
    body = {
        "data": {"at": 1764741600, "sensors": [{"id": "a", "t": 300, "soil": [{"vwc": 0.31}, {"vwc": 0.33}]}, {"id": 7, "t": "290.15"}]}
    }
    told = read(ARRAY, "site/north/b1/up/now", json.dumps(body))
    assert [(d, c, t, round(x, 6), u) for d, c, t, x, u in said(told)] == [
        ("a", "soil_moisture-0", 1764741600000, 31.0, "%"),
        ("a", "soil_moisture-1", 1764741600000, 33.0, "%"),
        ("a", "air_temperature", 1764741600000, 26.85, "Cel"),
        ("7", "air_temperature", 1764741600000, 17.0, "Cel"),
    ]
    assert read(ARRAY, "", json.dumps(body)).observed == told.observed
    assert read_table(ARRAY).mqtt_filter == "site/+/+/#"


def test_devices_made_of_parts_of_the_topic() -> None:
    """A device's name may be put together of parts; without a topic it is what is left."""
    table = 'topic = "f/{farm}/{node}"\ndevice = "{farm}-{node}"\n[[channel]]\npath = "t"\nchannel = "air_temperature"\n'
    assert said(read(table, "f/sx/7", '{"t":1}')) == [("sx-7", "air_temperature", None, 1.0, None)]


@pytest.mark.parametrize(
    ("form", "told"),
    [("ms", 1764741600000), ("s", 1764741600), ("s", "1764741600"), ("iso", "2025-12-03T06:00:00Z"), ("local", "2025-12-03 14:00:00")],
)
def test_times_in_every_form(form: str, told: Any) -> None:
    """Each names the same moment; a message without its time has none."""
    table = f'[time]\npath = "at"\nformat = "{form}"\n[[channel]]\npath = "t"\nchannel = "air_temperature"\n'
    assert read(table, "x", json.dumps({"t": 1, "at": told})).observed[0].t_ms == RECEIVED
    assert read(table, "x", '{"t":1}').observed[0].t_ms is None
    with pytest.raises(BadInput, match="at"):
        read(table, "x", '{"t":1,"at":"noon"}')


CHANNEL = '[[channel]]\npath = "t"\nchannel = "air_temperature"\n'
WRONG = {
    "no TOML": ("topic = \n" + CHANNEL, "line 1"),
    "an endless number": ("a = 0x" + "f" * 400, "`a`"),
    "no channel": ('topic = "a"', "[[channel]]"),
    "a key nobody knows": ('topics = "a"\n' + CHANNEL, "line 1: `topics`"),
    "a channel's key nobody knows": (CHANNEL + 'units = "Cel"\n', "line 4: `channel[0].units`"),
    "the second channel": (CHANNEL + '\n[[channel]]\npath = "a..b"\nchannel = "x"\n', "line 6: `channel[1].path`"),
    "a topic with a wildcard inside": ('topic = "a/#/b"\n' + CHANNEL, "line 1: `topic`"),
    "a topic with half a wildcard": ('topic = "a/b+"\n' + CHANNEL, "`topic`"),
    "a topic's part twice": ('topic = "{d}/{d}"\n' + CHANNEL, "`topic`"),
    "a device of no part": ('topic = "{d}"\ndevice = "{e}"\n' + CHANNEL, "line 2: `device`"),
    "a device with braces": ('topic = "{d}"\ndevice = "{d.__class__}"\n' + CHANNEL, "`device`"),
    "a body nobody knows": ('body = "xml"\n' + CHANNEL, "json, number, csv"),
    "a body that is no text": ("body = 5\n" + CHANNEL, "`body`"),
    "a number with a path": ('body = "number"\n' + CHANNEL, "`channel[0].path`"),
    "json without a path": ('[[channel]]\nchannel = "x"\n', "line 1: `channel[0].path`"),
    "a channel without a code": ('[[channel]]\npath = "t"\n', "`channel[0].channel`"),
    "a code nobody can use": ('[[channel]]\npath = "t"\nchannel = "air temperature"\n', "line 3: `channel[0].channel`"),
    "several values in one channel": ('[[channel]]\npath = "t[*]"\nchannel = "x"\n', "{n}"),
    "an index without an array": ('[[channel]]\npath = "t"\nchannel = "x-{n}"\n', "{n}"),
    "a unit that is none": (CHANNEL + 'unit = "degrees of Celsius"\n', "line 4: `channel[0].unit`"),
    "a scale of 0": (CHANNEL + "scale = 0\n", "line 4: `channel[0].scale`"),
    "a scale that is text": (CHANNEL + 'scale = "2"\n', "`channel[0].scale`"),
    "a scale that is no number": (CHANNEL + "offset = nan\n", "`channel[0].offset`"),
    "a condition on no part": (CHANNEL + 'where = { object = "x" }\n', "`channel[0].where.object`"),
    "a time without a format": ('[time]\npath = "t"\n' + CHANNEL, "`time.format`"),
    "a time without a path": ('[time]\nformat = "ms"\n' + CHANNEL, "`time.path`"),
    "a zone of no local time": ('[time]\npath = "t"\nformat = "ms"\nzone = "+08:00"\n' + CHANNEL, "line 4: `time.zone`"),
    "a zone that is none": ('[time]\npath = "t"\nformat = "local"\nzone = "CST"\n' + CHANNEL, "line 4: `time.zone`"),
    "a time of a bare number": ('body = "number"\n[time]\npath = "t"\nformat = "ms"\n[[channel]]\nchannel = "x"\n', "`time.path`"),
    "records that are none": ('each = "a.b"\n' + CHANNEL, "`each`"),
    "an expectation of CSV": ('body = "csv"\n[expect]\na = 1\n' + CHANNEL, "`expect`"),
    "an expectation of a list": ("[expect]\na = [1]\n" + CHANNEL, "line 2: `expect.a`"),
    "a long separator": ('body = "csv"\nseparator = ";;"\n' + CHANNEL, "`separator`"),
    "deep nesting": ("topic = " + "[" * 200 + "]" * 200 + "\n" + CHANNEL, "`topic`"),
    "a line without end": ("a." * 300 + "a = 1\n" + CHANNEL, "line 1"),
    "a date for a text": ("topic = 2026-01-01\n" + CHANNEL, "`topic`"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG)
def test_a_mistake_is_named_with_its_place(text: str, words: str) -> None:
    """The file, where possible the line, the key, and what was expected."""
    with pytest.raises(BadInput) as error:
        read_table(text, "site.toml")
    assert words in error.value.explain() and error.value.message.startswith("site.toml")


@pytest.mark.parametrize("body", ["[1,2]", "5", "null", '{"t":null}', '{"t":"x"}', '{"t":[1]}', '{"t":{}}'])
def test_a_message_of_another_shape_holds_no_reading(body: str) -> None:
    """Sound JSON in which the path leads to no number is skipped, never a fault."""
    told = read(CHANNEL, "x", body)
    assert told.observed == () and told.skipped


@pytest.mark.parametrize("body", [b"", b"{", b'{"t":1e400}', b'{"t":NaN}', b"\xff", b'{"t":1,"t":2}'])
def test_damage_is_refused(body: bytes) -> None:
    """No JSON is no JSON here too."""
    with pytest.raises(BadInput):
        read(CHANNEL, "x", body)


def test_a_feed_without_a_table_says_so() -> None:
    """The format mapping is nothing without its table."""
    with pytest.raises(BadInput, match="mapping table"):
        decode("a", b"1", Context(RECEIVED))
    with pytest.raises(BadInput, match="tasmota"):
        load_table("nowhere.toml")


def test_try_with_a_table_of_one_s_own(tmp_path: Path) -> None:
    """`suhe ingest try MAPPING PAYLOAD` shows our channels, what the table does not mention, and a mistake's line."""
    table, body = tmp_path / "site.toml", tmp_path / "message.json"
    table.write_text(CHANNEL + 'unit = "Cel"\n', "utf-8")
    body.write_text('{"t":21.5,"rssi":-80}', "utf-8")
    told = CliRunner().invoke(app, ["ingest", "try", str(table), str(body)])
    assert told.exit_code == 0 and "air_temperature" in told.output and "rssi: a number the table does not mention" in told.output
    told = CliRunner().invoke(app, ["ingest", "try", str(table), str(body), "--json"])
    assert json.loads(told.output)["readings"][0]["unit"] == "Cel"
    told = CliRunner().invoke(app, ["ingest", "try", "tasmota", "-", "--topic", "tele/gh-3/SENSOR"], input=TASMOTA)
    assert "2024-01-01 02:00:00" in told.output
    table.write_text(CHANNEL + "scale = 0\n", "utf-8")
    told = CliRunner().invoke(app, ["ingest", "try", str(table), str(body)])
    assert isinstance(told.exception, BadInput) and "line 4" in told.exception.message
    told = CliRunner().invoke(app, ["ingest", "try", str(body)])
    assert isinstance(told.exception, BadInput)
