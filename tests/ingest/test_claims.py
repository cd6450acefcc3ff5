"""The quarantine claimed: a device registered in one step, what waited stored, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from foundation.errors import BadInput, Conflict
from ingest.batch import Batch
from ingest.claim_service import Claims
from ingest.claiming import reclaim
from ingest.payloads import ReadingIn, encode_up
from ingest.quarantine import Held
from ingest.reading import GOOD
from ingest.service import Readings
from ingest.topics import up_topic
from ingest.writer import Writer
from registry.directory import RegistryDirectory
from registry.feeds import DeviceName, Feed
from registry.service import Registry
from tests.ingest.examples import NOW, NOW_MS
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND

FEED = Feed("lora", "by-01-gw", "chirpstack-v4", "application/7/device/+/event/+")
TOPIC = "application/7/device/0101010101010101/event/up"


class House:
    """A registry, a directory, a store and the service over them."""

    def __init__(self, folder: Path) -> None:
        engine = open_engine(f"sqlite:///{folder / 'records.db'}")
        metadata.create_all(engine)
        self.registry = Registry(engine, FixedClock(NOW))
        self.registry.add_all([POND, BASE, COOP, BAOYING, LOTUS])
        self.registry.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")
        self.registry.register_gateway("by-02-gw", "321023", "by-01", "网关二", "Gateway 2")
        self.registry.add_device(LEVEL)
        self.registry.add_feed(FEED)
        self.directory = RegistryDirectory(self.registry, refresh_s=0.0)
        self.folder = folder / "readings"
        self.readings = Readings(self.folder, FixedClock(NOW), self.directory, self.directory, self.directory)
        self.claims = Claims(self.readings, self.registry, self.directory)
        self.writer = Writer(self.folder, "0", self.directory, feeds=self.directory)

    def send(self, topic: str, body: bytes, received_ms: int = NOW_MS) -> Batch:
        """Send one message as a worker takes it."""
        batch = Batch()
        self.writer.intake.refresh()
        self.writer.intake.take(topic, body, received_ms, batch)
        self.writer.flush(batch)
        return batch


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Yield a house with a gateway, a device and a feed of ChirpStack."""
    made = House(tmp_path)
    yield made
    made.writer.close()
    made.readings.close()


def uplink(minute: int, **values: float) -> bytes:
    """Return what ChirpStack publishes for one uplink."""
    told = {
        "deduplicationId": f"0000-{minute}",
        "time": f"2026-07-01T03:{minute:02d}:00.123456789+00:00",
        "deviceInfo": {"deviceName": "Box 1", "devEui": "0101010101010101"},
        "fCnt": minute,
        "fPort": 2,
        "object": values,
    }
    return json.dumps(told).encode()


def test_a_claim_registers_the_device_and_stores_what_waited(house: House) -> None:
    """Channels, units and the interval are guessed from what was sent; every message that waited is stored, and the next at once."""
    for minute in range(0, 30, 10):
        house.send(TOPIC, uplink(minute, temperature=21.5 + minute, humidity=60.0), NOW_MS - 3_600_000 + minute * 60_000)
    (waiting,) = house.claims.waiting("321023")
    assert waiting.entry.kept == 3 and waiting.county == "321023" and waiting.format == "chirpstack-v4"
    assert house.claims.waiting("371522") == []
    claimed = house.claims.claim(waiting.entry.id, "by-01-box", plot=POND.id, name_zh="一号箱", name_en="Box 1")
    assert (claimed.new, claimed.stored, claimed.waiting) == (True, 6, 0)
    device = house.registry.device("by-01-box")
    assert (device.plot, device.gateway, device.name_en) == (POND.id, "by-01-gw", "Box 1")
    assert {(c.code, c.unit, c.interval_s) for c in device.channels} == {("air_temperature", "Cel", 600), ("air_humidity", "%", 600)}
    points = house.readings.range("by-01-box", "air_temperature", 0, NOW_MS)
    assert [p.value for p in points] == [21.5, 31.5, 41.5] and points[0].t_ms % 60_000 == 123
    assert house.claims.waiting() == [] and house.readings.dead_letters() == []
    assert len(house.send(TOPIC, uplink(40, temperature=20.0))) == 1


def test_a_name_is_bound_to_a_device_that_is_there_and_to_no_other_gateways(house: House) -> None:
    """A replaced box goes on as the same device; another gateway's device cannot be claimed by a name of this one."""
    house.send(TOPIC, uplink(1, waterLevel=0.5))
    (waiting,) = house.claims.waiting()
    assert not house.claims.claim(waiting.entry.id, LEVEL.id).new
    assert [p.value for p in house.readings.range(LEVEL.id, "water_level", 0, NOW_MS)] == [0.5]
    house.registry.add_feed(Feed("theirs", "by-02-gw", "chirpstack-v4", "application/9/#"))
    house.send(TOPIC.replace("/7/", "/9/"), uplink(2, waterLevel=0.5))
    (waiting,) = house.claims.waiting()
    with pytest.raises(Conflict, match="another gateway"):
        house.claims.claim(waiting.entry.id, LEVEL.id)
    assert house.claims.discard(waiting.entry.id) == 1 and house.claims.waiting() == []


def test_a_worker_takes_again_what_came_while_the_name_was_on_its_way(house: House) -> None:
    """A message that a worker held after the claim leaves by itself, once, when the worker hears of the name."""
    house.send(TOPIC, uplink(1, temperature=1.0))
    house.registry.add_device(house.registry.device(LEVEL.id))
    house.registry.name_device(DeviceName("lora", "0101010101010101", LEVEL.id))
    batch = Batch()
    house.directory.forget()
    assert reclaim(house.writer.intake, batch, "0123456789abcdef") == 1
    assert reclaim(house.writer.intake, batch, "0123456789abcdef") == 0, "it is on its way to the disk"
    house.writer.flush(batch)
    assert len(batch) == 1 and house.readings.quarantine() == []


def test_a_device_of_our_own_protocol_is_claimed_under_its_own_id(house: House) -> None:
    """What a gateway sends for a device nobody registered is refused to it, waits, and is stored by the claim."""
    body = encode_up(7, [ReadingIn("by-01-new", "ph", NOW_MS - 1000, 7.2), ReadingIn(LEVEL.id, "water_level", NOW_MS - 1000, 12.0)])
    batch = house.send(up_topic("by-01-gw"), body)
    assert batch.refused["by-01-gw"][0].seq == 7 and len(batch) == 1
    (waiting,) = house.claims.waiting()
    assert (waiting.entry.kind, waiting.entry.name, waiting.entry.channels) == ("device", "by-01-new", {"ph": (7.2, None)})
    with pytest.raises(BadInput):
        house.claims.claim(waiting.entry.id, "another-id")
    assert house.claims.claim(waiting.entry.id, "by-01-new").stored == 1
    assert [(p.value, p.flag) for p in house.readings.range("by-01-new", "ph", 0, NOW_MS)] == [(7.2, GOOD)]


def test_a_gateway_that_sends_before_it_is_registered_is_claimed(house: House) -> None:
    """Its messages wait and it keeps them; registered, they are stored and acknowledged when it sends them again."""
    body = encode_up(1, [ReadingIn(LEVEL.id, "water_level", NOW_MS - 1000, 12.0)])
    batch = house.send(up_topic("by-09-gw"), body)
    assert batch.acks()["by-09-gw"].acked == [] and batch.acks()["by-09-gw"].refused[0].seq == -1
    house.send(up_topic("by-09-gw"), body)
    (waiting,) = house.claims.waiting()
    assert (waiting.entry.kind, waiting.entry.count, waiting.county) == ("gateway", 1, None)
    claimed = house.claims.claim_gateway(waiting.entry.id, "by-01")
    assert claimed.password and house.registry.check_gateway("by-09-gw", claimed.password)
    # Its device is another gateway's: that waits on, now under the gateway's own name.
    assert [(w.entry.kind, w.entry.gateway, w.entry.name) for w in house.claims.waiting()] == [("device", "by-09-gw", LEVEL.id)]


def test_a_station_nobody_knows_becomes_a_feed_of_the_gateway_it_is_given_to(house: House) -> None:
    """Claiming makes the feed, the device and the names; without a gateway it is told what is missing."""
    batch = Batch()
    batch.held.append(Held("station", "", "", "0012345678", "sl651/0012345678", b"\x7e\x7e", NOW_MS, {"39": (0.5, None)}))
    house.writer.flush(batch)
    (waiting,) = house.claims.waiting()
    assert waiting.format == "sl651"
    with pytest.raises(BadInput, match="whose station"):
        house.claims.claim(waiting.entry.id, "by-01-rain")
    house.claims.claim(waiting.entry.id, "by-01-rain", gateway="by-02-gw")
    assert house.registry.feed("sl651-0012345678").gateway == "by-02-gw"
    assert house.registry.feed_book().device("sl651-0012345678", "") == "by-01-rain"
    # What was kept of it was no frame: that is a dead letter now.
    assert house.claims.waiting() == [] and len(house.readings.dead_letters()) == 1


def test_what_waits_for_a_feed_that_is_gone_stays(house: House) -> None:
    """A message is not thrown away because nobody can read it any more; it can be looked at, and discarded by hand."""
    house.registry.name_device(DeviceName("lora", "0101010101010101", LEVEL.id))
    house.send(TOPIC, uplink(1, waterLevel=0.5).replace(b"2026-", b"1980-"), NOW_MS - 5000)
    house.registry.remove_feed("lora")
    (waiting,) = house.claims.waiting()
    assert house.claims.release(waiting.entry.id).stored == 0
    assert [w.entry.kept for w in house.claims.waiting()] == [1]


def test_what_waits_for_its_clock_is_filed_under_when_it_came(house: House) -> None:
    """A released value stands at its time of receipt, with the device's own time beside it."""
    house.registry.name_device(DeviceName("lora", "0101010101010101", LEVEL.id))
    house.send(TOPIC, uplink(1, waterLevel=0.5).replace(b"2026-", b"1980-"), NOW_MS - 5000)
    (waiting,) = house.claims.waiting()
    assert waiting.entry.kind == "clock"
    claimed = house.claims.release(waiting.entry.id)
    assert claimed.stored == 1
    (point,) = house.readings.range(LEVEL.id, "water_level", 0, NOW_MS)
    assert point.t_ms == NOW_MS - 5000


def test_what_could_not_be_taken_again_is_not_known(house: House) -> None:
    """While the store cannot be written a claim fails, and the gateway that repeats its message is not told that it is kept."""
    body = encode_up(1, [ReadingIn("box-1-t", "air_temperature", NOW_MS - 60_000, 20.5)])
    house.send(up_topic("box-1"), body)
    (waiting,) = house.claims.waiting()
    house.registry.register_gateway("box-1", "321023", "by-01", "箱", "Box")
    house.registry.add_device(replace(LEVEL, id="box-1-t", gateway="box-1"))
    house.readings.accept("box-1", encode_up(5, [ReadingIn("box-1-t", "air_temperature", NOW_MS, 20.0)]))
    segments, aside = house.folder / "segments", house.folder / "elsewhere"
    segments.rename(aside)
    with pytest.raises(OSError, match="segments"):
        house.readings.take_again(waiting.entry.id)
    aside.rename(segments)
    assert house.readings.accept("box-1", body).acked == [(1, 1)]
    assert [p.value for p in house.readings.range("box-1-t", "air_temperature", NOW_MS - 60_000, NOW_MS)] == [20.5]
