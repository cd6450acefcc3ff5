"""Clocks that are wrong on either side, everything a hundred times over and shuffled, and packets no gateway should send."""

from __future__ import annotations

import random
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.publish
import pytest

from foundation.ids import shard_of
from ingest.payloads import ReadingIn, encode_up
from ingest.segments import parse_name, read_rows
from ingest.service import Readings
from ingest.topics import SHARDS, up_topic
from ingest.worker import run_worker
from tests import servers
from tests.faults.ingest_parts import BEGIN_MS, Directory, Field, field, message
from tests.waiting import wait_until

SIZE = 20
HOUR_MS = 3_600_000
IN_2100_MS = 4_102_444_800_000


def test_device_clocks_an_hour_off_in_1970_and_in_2100(tmp_path: Path) -> None:
    """Every reading is stored under the time told, flagged for it, with the true time of receipt; the newest value is a sensible one."""
    now = int(time.time() * 1000)
    told = {"an hour ago": now - HOUR_MS, "now": now, "in an hour": now + HOUR_MS, "1970": 0, "2100": IN_2100_MS}
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send([ReadingIn(d="gw-a-dev-0", c="water_level", t=t, x=float(n)) for n, t in enumerate(told.values())])
        assert gateway.wait_until_empty(20)
        gateway.stop()
        points = {p.t_ms: p for p in made.readings.range("gw-a-dev-0", "water_level", 0, IN_2100_MS + 1)}
        assert sorted(points) == sorted(told.values())
        flags = {name: points[t].flag for name, t in told.items()}
        assert flags["1970"] == 4 and flags["2100"] == 4 and flags["in an hour"] == 3
        assert flags["now"] != 4 and flags["an hour ago"] != 4
        (file,) = (tmp_path / "readings" / "segments").glob("*.parquet")
        assert all(now - 1000 <= received <= now + 60_000 for received in read_rows(file)["received"])
        (latest,) = made.readings.latest(devices=["gw-a-dev-0"])
        assert latest.t_ms in (now, now + HOUR_MS)


class Stepping:
    """A clock somebody sets."""

    def __init__(self) -> None:
        self.at = datetime(2026, 7, 1, 4, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the time it shows."""
        return self.at


def test_our_own_clock_goes_back_an_hour_to_1970_and_on_to_2100(tmp_path: Path) -> None:
    """Times of receipt are what the clock showed; files are numbered on, everything is acknowledged, and a restart goes on too."""
    broker = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker"))
    assert isinstance(broker, servers.Server)
    clock, directory = Stepping(), Directory()
    shown = [clock.at, datetime(2026, 7, 1, 3, tzinfo=UTC), datetime(1970, 1, 2, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), clock.at]
    with servers.running(broker):
        made = Field.__new__(Field)
        made.folder, made.broker, made.protocol, made.host = tmp_path, broker, 5, "127.0.0.1"
        made.readings = Readings(tmp_path / "readings", clock, directory)
        gateway = made.gateway("gw-a")
        gateway.start()
        for n, at in enumerate(shown):
            clock.at, stop = at, threading.Event()
            options = {"username": "ingest", "password": "any", "worker_id": "0", "shards": SHARDS, "clock": clock, "stop": stop}
            place = {"host": "127.0.0.1", "port": broker.port, "folder": tmp_path / "readings", "directory": directory}
            worker = threading.Thread(target=run_worker, kwargs={**options, **place})
            worker.start()
            gateway.send_many([message("gw-a", k, SIZE) for k in range(n * 5, (n + 1) * 5)])
            assert gateway.wait_until_empty(20)
            stop.set()
            worker.join(20)
        gateway.stop()
        made.check("gw-a", 5 * len(shown), SIZE)
        files = made.readings._catalog.rows("SELECT f.name, f.made FROM file f JOIN arrival a ON a.name = f.name ORDER BY a.number")
        numbers = [parsed.number for name, _ in files if (parsed := parse_name(str(name)))]
        assert numbers == sorted(set(numbers)) and len(numbers) >= len(shown)
        told = {int(at.timestamp() * 1000) for at in shown}
        assert {received for _, received in files} == told
        made.readings.close()


def export(made: Field) -> bytes:
    """Return what a store answers for two gateways, as CSV."""
    lines = []
    for gateway in ("gw-a", "gw-b"):
        for device in (f"{gateway}-dev-0", f"{gateway}-dev-1"):
            for channel in ("air_temperature", "air_humidity", "soil_moisture", "water_level"):
                points = made.readings.range(device, channel, BEGIN_MS, BEGIN_MS + 10 * HOUR_MS, 100_000)
                lines += [f"{device},{channel},{p.t_ms},{p.value}" for p in points]
    return "\n".join(lines).encode()


def test_everything_a_hundred_times_and_shuffled(tmp_path: Path) -> None:
    """The store equals that of a run in order, in its answers byte for byte and in its rows one for one."""
    messages, rng = 30, random.Random(4)
    log = [(up_topic(g), encode_up(n + 1, message(g, n, SIZE)), 1, False) for g in ("gw-a", "gw-b") for n in range(messages)]
    exports = []
    for name, sent in (("clean", log), ("wild", rng.sample(log * 100, len(log) * 100))):
        with field(tmp_path / name, "mosquitto") as made:
            # The session has to be there before the first message: nobody sends these again.
            wait_until(lambda made=made: _listening(made), 20, every=0.2)
            paho.mqtt.publish.multiple(sent, hostname="127.0.0.1", port=made.broker.port)
            made.wait_for((2 * messages + 1) * SIZE, 60)
            wait_until(lambda made=made, sent=sent: _counted(made) == len(sent), 60, what="every repeat counted")
            for gateway in ("gw-a", "gw-b"):
                made.check(gateway, messages, SIZE)
            exports.append(export(made))
    assert exports[0] == exports[1] and len(exports[0]) > 10_000


def _listening(made: Field) -> bool:
    """Tell whether the worker takes messages, by sending one of another gateway until it is stored."""
    paho.mqtt.publish.single(up_topic("gw-c"), encode_up(1, message("gw-c", 0, SIZE)), 1, hostname="127.0.0.1", port=made.broker.port)
    return made.count() > 0


def _counted(made: Field) -> int:
    return sum(g.messages + g.duplicates for g in made.readings.gateways() if g.gateway != "gw-c")


def packet(kind: int, body: bytes) -> bytes:
    """Return an MQTT packet whatever is in it."""
    size, length = len(body), b""
    while True:
        size, seven = divmod(size, 128)
        length += bytes([seven | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


def text(value: bytes) -> bytes:
    """Return a field with its length before it."""
    return len(value).to_bytes(2, "big") + value


def raw_publish(port: int, topic: bytes, payload: bytes) -> bool:
    """Connect over MQTT 3.1.1, publish at QoS 1 and tell whether the broker said Success."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.settimeout(3)
        s.sendall(packet(0x10, text(b"MQTT") + b"\x04\x02\x00\x3c" + text(b"gw-x")))
        assert s.recv(4)[:1] == b"\x20"
        try:
            s.sendall(packet(0x32, text(topic) + b"\x00\x01" + payload))
            return s.recv(4)[:1] == b"\x40"
        except OSError:
            return False


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_packets_no_gateway_should_send(tmp_path: Path, broker: str) -> None:
    """Topics with a line end, NUL or broken UTF-8 and a payload of 10 MB: a dead letter at most, and others are acknowledged throughout."""
    shard = shard_of("gw-x").encode()
    good = encode_up(1, [ReadingIn(d="gw-x-dev-0", c="rain", t=BEGIN_MS, x=1.0)])
    with field(tmp_path, broker) as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send(message("gw-a", 0, SIZE))
        assert gateway.wait_until_empty(20)
        topics = [b"gw-x\n", b"gw\x00x", b"\xff\xfe", b"gw-x\r\ngw-y", "网关".encode(), b"g" * 5000, b"gw-x/../gw-a", b""]
        passed = []
        for n, name in enumerate(topics, 1):
            if raw_publish(made.broker.port, b"suhe/v1/" + shard + b"/" + name + b"/up", good):
                passed.append(name)
            gateway.send(message("gw-a", n, SIZE))
        large = raw_publish(made.broker.port, up_topic("gw-x").encode(), b"x" * 10_000_000)
        gateway.send(message("gw-a", len(topics) + 1, SIZE))
        assert gateway.wait_until_empty(30)
        gateway.stop()
        assert made.worker.process.poll() is None
        made.check("gw-a", len(topics) + 2, SIZE)
        # Nobody listens to a topic with more levels, and text that is none cannot be told to a subscriber.
        heard = [name.decode() for name in passed if b"/" not in name and name != b"\xff\xfe"]
        expected = sorted(f"suhe/v1/{shard.decode()}/{name}/up"[:200] for name in heard)
        # mosquitto passes nothing on that is longer than our worker said it takes; there is no answer, so a gateway keeps it.
        long = [up_topic("gw-x")] if broker == "amqtt" and large else []
        wait_until(lambda: len(made.readings.dead_letters(100)) >= len(expected) + len(long), 20, what="a dead letter each")
        letters = made.readings.dead_letters(100)
        assert sorted(x.topic for x in letters if "none of ours" in x.reason) == expected
        assert [x.topic for x in letters if "too long" in x.reason] == long
        assert len(letters) == len(expected) + len(long)
        assert {g.gateway for g in made.readings.gateways()} == {"gw-a"}
        print(f"{broker}: {len(passed)} of {len(topics)} topics, 10 MB {large}, were let through, {len(letters)} dead letters")
