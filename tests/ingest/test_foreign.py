"""Foreign messages: names, units, clocks, quarantine, repeats."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from foundation.errors import BadInput
from ingest import identities
from ingest.batch import Batch
from ingest.foreign import Foreign
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.quarantine import entries, messages_of
from ingest.segments import read_rows
from ingest.writer import Writer
from registry.feeds import ChannelName, DeviceName, Feed, FeedBook
from tests.ingest.examples import DAY_MS, HOUR_MS, NOW_MS, TwoGateways

FEED = Feed("lora", "by-01-gw", "plain", "lora/#")
TOPIC = "lora/up"


class Book:
    """Feeds that are changed by hand."""

    def __init__(self) -> None:
        self.names = (DeviceName("lora", "Box 1", "by-01-p1"),)
        self.channels: tuple[ChannelName, ...] = ()
        self.book = FeedBook((FEED,), self.names)

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return the book."""
        return self.book

    def write(self, *names: DeviceName, channels: tuple[ChannelName, ...] = ()) -> None:
        """Write a new edition."""
        self.book = FeedBook((FEED,), (*self.names, *names), channels)


def plain(topic: str, body: bytes, context: Context) -> Decoded:
    """Decode the format of these tests: JSON of what a decoder gives back."""
    try:
        told = json.loads(body)
    except ValueError as error:
        raise BadInput("no JSON") from error
    number = Numbered("box", told["n"]) if "n" in told else None
    return Decoded(tuple(Observed(*one) for one in told["v"]), number, told.get("id", ""))


@pytest.fixture
def book() -> Book:
    """Return feeds of one sender with one name."""
    return Book()


def opened(folder: Path, book: Book) -> Writer:
    """Return a writer whose foreign format is plain."""
    made = Writer(folder, "0", TwoGateways(), feeds=book)
    made.intake.foreign = Foreign(made.intake, book, lambda feed: (plain, None))
    return made


@pytest.fixture
def writer(tmp_path: Path, book: Book) -> Iterator[Writer]:
    """Yield a writer whose foreign format is plain."""
    made = opened(tmp_path, book)
    yield made
    made.close()


def send(writer: Writer, *values: tuple[object, ...], number: int | None = None, identity: str = "") -> Batch:
    """Send one message, flush it and return its batch."""
    told: dict[str, object] = {"v": values, "id": identity}
    if number is not None:
        told["n"] = number
    batch = Batch()
    writer.intake.take(TOPIC, json.dumps(told).encode(), NOW_MS, batch)
    writer.flush(batch)
    return batch


def test_names_and_units_become_ours(writer: Writer, book: Book, tmp_path: Path) -> None:
    """A sender's device, channel and unit get their meaning; a unit of another quantity refuses that value alone, with a reason."""
    book.write(channels=(ChannelName("lora", "", "lvl", "water_level", None, 1.0, 0.02), ChannelName("lora", "", "junk", "")))
    batch = send(
        writer,
        ("Box 1", "lvl", NOW_MS - 1000, 0.1, "m"),
        ("Box 1", "water_temperature", NOW_MS - 1000, 77.0, "°F"),
        ("Box 1", "ph", NOW_MS - 1000, 7.0, "kPa"),
        ("Box 1", "junk", NOW_MS - 1000, 7.0, None),
        number=412,
    )
    series = {s.sid: (s.device, s.channel, s.unit) for s in writer.catalog.series()}
    rows = read_rows(tmp_path / "segments" / "0-0000000000.parquet")
    found = {series[r["sid"]]: (round(r["x"], 6), r["seq"], r["shift"]) for r in rows.to_dicts()}
    assert found == {("by-01-p1", "water_level", "cm"): (12.0, 412, 0), ("by-01-p1", "water_temperature", "Cel"): (25.0, 412, 0)}
    assert len(batch.dead) == 1 and "does not convert" in batch.dead[0][3]
    assert [(n.stream, n.numbered.number) for n in batch.noted] == [("by-01-gw/box", 412)]


def test_two_names_of_one_device_are_two_channels(writer: Writer, book: Book) -> None:
    """Of two well-known names for one channel the second keeps its own; a name that was given goes before both."""
    writer.intake.foreign = Foreign(writer.intake, book, lambda feed: (plain, None))
    book.book = FeedBook((replace(FEED, format="chirpstack-v4"),), book.names)
    send(writer, ("Box 1", "temperature", NOW_MS - 2, 21.0, None), ("Box 1", "temp", NOW_MS - 2, 22.0, None))
    assert [s.channel for s in writer.catalog.series()] == ["air_temperature", "temp"]
    named = ChannelName("lora", "", "probe", "soil_temperature", "Cel")
    book.book = FeedBook((replace(FEED, format="chirpstack-v4"),), book.names, (named,))
    send(writer, ("Box 1", "soilTemperature", NOW_MS - 1, 11.0, None), ("Box 1", "probe", NOW_MS - 1, 12.0, None))
    assert [s.channel for s in writer.catalog.series()][2:] == ["soilTemperature", "soil_temperature"]


def test_an_unknown_device_waits_whole_in_quarantine(writer: Writer) -> None:
    """Known devices of the same message are stored; the message is kept once per name nobody knows, with what it told."""
    for k in range(3):
        send(writer, ("Box 1", "ph", NOW_MS - k, 7.0, None), ("Box 2", "temp", NOW_MS - k, 21.5, "C"))
    (entry,) = entries(writer.catalog)
    assert (entry.kind, entry.feed, entry.gateway, entry.name) == ("device", "lora", "by-01-gw", "Box 2")
    assert (entry.count, entry.kept, entry.channels) == (3, 3, {"temp": (21.5, "C")})
    assert [m.topic for m in messages_of(writer.catalog, entry.id)] == [TOPIC] * 3
    assert [s.channel for s in writer.catalog.series()] == ["ph"]


def test_a_clock_nobody_can_believe_goes_to_quarantine(writer: Writer, tmp_path: Path) -> None:
    """1970, a GPS week of 2006 and 2100 are no times; a value without a time is filed under when it came."""
    send(
        writer,
        ("Box 1", "ph", 0, 7.0, None),
        ("Box 1", "ph", NOW_MS + 2 * DAY_MS, 7.1, None),
        ("Box 1", "ph", 1_150_000_000_000, 7.2, None),
        ("Box 1", "ph", None, 7.3, None),
        ("Box 1", "ph", NOW_MS - HOUR_MS, 7.4, None),
    )
    rows = read_rows(tmp_path / "segments" / "0-0000000000.parquet").to_dicts()
    assert [(r["t"], r["x"], r["shift"]) for r in rows] == [(NOW_MS, 7.3, None), (NOW_MS - HOUR_MS, 7.4, 0)]
    (entry,) = entries(writer.catalog)
    assert (entry.kind, entry.name) == ("clock", "Box 1")


def test_a_repeat_is_known_to_a_process_that_just_started(book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of a feed is committed with its readings: after a restart a repeat is one, of the newest so many messages."""
    monkeypatch.setattr(identities, "MOST_IDENTITIES", 3)
    first = opened(tmp_path, book)
    for name in "abcde":
        send(first, ("Box 1", "ph", None, 7.0, None), identity=name)
    first.close()
    again = opened(tmp_path, book)
    for name in "edc":
        assert len(send(again, ("Box 1", "ph", None, 7.0, None), identity=name)) == 0
    assert again.catalog.rows("SELECT duplicates FROM gateway") == [(3,)]
    assert again.catalog.rows("SELECT value FROM counter WHERE name = 'readings'") == [(5,)]
    assert len(identities.identities(again.catalog, "lora")) == 3
    assert len(send(again, ("Box 1", "ph", None, 7.0, None), identity="a")) == 1
    again.close()


def test_a_repeat_is_known_and_a_damaged_message_is_kept(writer: Writer) -> None:
    """The same identity changes nothing; what is no message of the format becomes a dead letter and is counted."""
    send(writer, ("Box 1", "ph", NOW_MS, 7.0, None), identity="a")
    again = send(writer, ("Box 1", "ph", NOW_MS, 7.0, None), identity="a")
    assert len(again) == 0 and again.duplicates == {"by-01-gw": 1}
    assert writer.catalog.rows("SELECT duplicates FROM gateway") == [(1,)]
    batch = Batch()
    writer.intake.take(TOPIC, b"\xff{", NOW_MS, batch)
    writer.intake.take("elsewhere/up", b"{}", NOW_MS, batch)
    writer.flush(batch)
    assert [(d[1], d[3]) for d in batch.dead] == [("by-01-gw", "no JSON"), ("", "no feed takes this topic")]
    assert writer.catalog.rows("SELECT value FROM counter WHERE name = 'damaged:lora'") == [(1,)]


def test_two_names_are_never_one_channel(tmp_path: Path) -> None:
    """The second well-known name of one meaning is kept under itself: two sensors are no corrections of each other."""
    feed = Feed("tb", "by-01-gw", "thingsboard-device", "v1/devices/me/telemetry")
    held = Book()
    held.book = FeedBook((feed,), (DeviceName("tb", "", "by-01-p1"),))
    made = Writer(tmp_path, "0", TwoGateways(), feeds=held)
    for _ in range(2):
        batch = Batch()
        made.intake.take("v1/devices/me/telemetry", b'{"temperature":18.5,"temp":21.5,"rain":3}', NOW_MS, batch)
        made.flush(batch)
    assert sorted((s.channel, s.unit) for s in made.catalog.series()) == [("air_temperature", "Cel"), ("rain_as_sent", ""), ("temp", "")]
    made.close()


def test_a_feed_in_a_mapping_table_s_format_is_read_by_it(tmp_path: Path) -> None:
    """The table of a feed is read once; a table with a mistake refuses each message with its line, and keeps it."""
    table = 'topic = "tele/{device}/SENSOR"\n[[channel]]\npath = "DS18B20.Temperature"\nchannel = "water_temperature"\nunit = "Cel"\n'
    feed = Feed("tasmota", "by-01-gw", "mapping", "tele/+/SENSOR", mapping=table)
    wrong = Feed("wrong", "by-01-gw", "mapping", "bad/#", mapping=table + "scale = 0\n")
    held = Book()
    held.book = FeedBook((feed, wrong), (DeviceName("tasmota", "Box 1", "by-01-p1"),))
    made = Writer(tmp_path, "0", TwoGateways(), feeds=held)
    batch = Batch()
    made.intake.take("tele/Box 1/SENSOR", b'{"DS18B20":{"Temperature":18.9}}', NOW_MS, batch)
    made.intake.take("bad/1", b'{"DS18B20":{"Temperature":18.9}}', NOW_MS, batch)
    made.flush(batch)
    assert [(s.device, s.channel, s.unit) for s in made.catalog.series()] == [("by-01-p1", "water_temperature", "Cel")]
    assert "line 6" in batch.dead[0][3]
    made.close()


def test_a_sender_speaks_only_for_devices_of_its_gateway(writer: Writer, book: Book) -> None:
    """Another gateway's device, by its own id or by a name that was bound before it moved, is not written."""
    book.write(DeviceName("lora", "Moved", "sx-01-g1"))
    batch = send(writer, ("sx-01-g1", "ph", NOW_MS, 1.0, None), ("Moved", "ph", NOW_MS, 2.0, None), ("by-01-p7", "ph", NOW_MS, 3.0, None))
    assert [(s.device, s.gateway) for s in writer.catalog.series()] == [("by-01-p7", "by-01-gw")]
    assert len(batch) == 1 and "not registered for this gateway" in batch.dead[0][3]
    assert [e.name for e in entries(writer.catalog)] == ["sx-01-g1"]
