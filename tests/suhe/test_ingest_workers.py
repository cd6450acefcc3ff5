"""`suhe ingest --workers N`: workers come back alone, their number may change, and nothing a broker took is lost by it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish
import pytest

from foundation.clock import SystemClock
from foundation.database import open_engine
from foundation.errors import BadInput
from foundation.ids import shard_of
from foundation.settings import Settings
from ingest.catalog import Catalog
from ingest.mqtt_sessions import covered, stranded
from ingest.payloads import ReadingIn, encode_up
from ingest.service import Readings
from ingest.topics import SHARDS, up_topic
from registry.devices import Device, DeviceChannel
from registry.directory import RegistryDirectory
from registry.parties import County, Party
from registry.plots import Base
from registry.service import Registry
from suhe.ingest_family import workers_of
from suhe.migrate import migrate
from tests import servers
from tests.waiting import wait_until

GATEWAYS = [f"gw-{n:02d}" for n in range(12)]


class House:
    """An installation with a broker and registered gateways, whose workers the test starts."""

    def __init__(self, data: Path, broker: servers.Server) -> None:
        self.data, self.broker = data, broker
        settings = Settings(data=data)
        engine = open_engine(settings.records_url)
        migrate(engine)
        registry = Registry(engine, SystemClock())
        registry.add_county(County("371522", "莘县", "Shenxian", 36.2, 115.7))
        registry.add_party(Party("coop", "371522", ("grower",), "合作社", "Cooperative"))
        registry.add_base(Base("base", "371522", "coop", "基地", "Base", 36.2, 115.7))
        registry.register_gateways([(name, "371522", "base", "网关", "Gateway") for name in GATEWAYS])
        level = (DeviceChannel("water_level", "cm", 300),)
        for name in GATEWAYS:
            registry.add_device(Device(f"{name}-d", "371522", name, None, "base", "level", "水位", "Level", level))
        self.readings = Readings(settings.readings_folder, SystemClock(), RegistryDirectory(registry))
        self.catalog = Catalog(settings.readings_folder)
        self.name = f"127.0.0.1:{broker.port}"
        self.sent = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, workers: int) -> None:
        """Start the command and wait until every shard has its session."""
        env = {**os.environ, "SUHE_DATA": str(self.data), "SUHE_MQTT_URL": f"mqtt://ingest:any@{self.name}"}
        self.process = subprocess.Popen([sys.executable, "-m", "suhe.cli", "ingest", "--workers", str(workers)], env=env)
        wait_until(lambda: len(self.pids()) == workers and covered(self.catalog, self.name, workers), 40, what="workers subscribed")

    def pids(self) -> dict[str, int]:
        """Return the living workers' process ids by name."""
        try:
            told = json.loads((self.data / "ingest-state.json").read_text())
        except OSError:
            return {}
        if self.process is None or told["supervisor"] != self.process.pid:
            return {}
        return {name: child["pid"] for name, child in told["children"].items() if child["pid"] is not None}

    def publish(self, messages: int) -> None:
        """Send messages of every gateway as a sender that keeps nothing does: the broker's word is all it waits for."""
        first, self.sent = self.sent + 1, self.sent + messages
        now = int(time.time() * 1000)
        paho.mqtt.publish.multiple(
            [
                {
                    "topic": up_topic(name),
                    "payload": encode_up(seq, [ReadingIn(d=f"{name}-d", c="water_level", t=now + seq, x=float(seq))]),
                    "qos": 1,
                }
                for seq in range(first, first + messages)
                for name in GATEWAYS
            ],
            "127.0.0.1",
            self.broker.port,
        )

    def whole(self) -> bool:
        """Tell whether everything sent is on disk, and nothing is missing."""
        rows = self.readings.ledger()
        return [(r.stream, r.received, r.missing) for r in rows] == [(name, self.sent, 0) for name in GATEWAYS]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Yield an installation whose processes end with the test."""
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        made = House(tmp_path / "data", server)
        try:
            yield made
        finally:
            if made.process is not None and made.process.poll() is None:
                made.process.terminate()
                made.process.wait(20)


def test_workers_come_back_and_their_number_may_change(house: House) -> None:
    """Killed one by one they return and lose nothing; all three killed and one started, it stores what all three held."""
    house.start(3)
    house.publish(2)
    wait_until(house.whole, 15, what="everything stored")
    for name, pid in house.pids().items():
        os.kill(pid, signal.SIGKILL)
        house.publish(2)
        wait_until(lambda name=name, pid=pid: house.pids().get(name) not in (None, pid), 20, what=f"{name} runs again")
    wait_until(house.whole, 30, what="everything stored after three deaths")
    assert house.process is not None
    workers = house.pids().values()
    house.process.kill()
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    house.process.wait(10)
    house.publish(10)
    house.start(1)
    wait_until(house.whole, 30, what="what three sessions held")
    wait_until(lambda: stranded(house.catalog, house.name, 1) == [], 20, what="two sessions ended")
    house.publish(1)
    wait_until(house.whole, 15, what="going on alone")
    house.process.terminate()
    assert house.process.wait(60) == 0


def test_every_shard_has_one_worker_and_no_more_workers_than_shards() -> None:
    """Workers share sixteen shards; seventeen could not."""
    settings = Settings(data=Path("nowhere"))
    assert [c.command[-4:] for c in workers_of(settings, 2)] == [["--worker", "0", "--workers", "2"], ["--worker", "1", "--workers", "2"]]
    for wrong in (0, 17, -1):
        with pytest.raises(BadInput):
            workers_of(settings, wrong)
    assert len({SHARDS.index(shard_of(g)) % 3 for g in GATEWAYS}) == 3
