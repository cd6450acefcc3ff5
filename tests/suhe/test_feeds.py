"""Foreign senders the whole way: broker with its rules, worker, quarantine, claim. On both brokers."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from foundation.clock import SystemClock
from foundation.database import metadata, open_engine
from foundation.errors import Conflict
from foundation.passwords import hash_password, new_password
from ingest.claim_service import Claims
from ingest.service import Readings
from ingest.worker import run_worker
from registry.directory import RegistryDirectory
from registry.feeds import DeviceName, Feed
from registry.service import Registry
from suhe.broker_rules import TopicRules, feed_rules, mosquitto_acl
from tests import servers
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND
from tests.waiting import wait_until

LORA = Feed("lora", "by-01-gw", "chirpstack-v4", "application/7/device/+/event/+")
OURS, THEIRS = "0101010101010101", "0202020202020202"


class County:
    """A broker, a registry, a worker, and what a page would ask."""

    def __init__(self, folder: Path, kind: str) -> None:
        engine = open_engine(f"sqlite:///{folder / 'records.db'}")
        metadata.create_all(engine)
        self.registry = Registry(engine, SystemClock())
        self.registry.add_all([POND, BASE, COOP, BAOYING, LOTUS])
        rows = [(f"by-0{n}-gw", "321023", "by-01", "网关", "Gateway") for n in (1, 2)]
        self.passwords = {g.id: password for g, password in self.registry.register_gateways(rows)} | {"ingest": new_password()}
        self.registry.add_device(LEVEL)
        self.kind, self._broker_folder = kind, folder / kind
        hashes = {user: hash_password(password) for user, password in self.passwords.items()}
        if kind == "mosquitto":
            found = servers.require(lambda: servers.start_mosquitto(self._broker_folder, passwords=hashes, acl=mosquitto_acl([])))
            assert isinstance(found, servers.Server)
            self.broker = found
        else:
            self.broker = servers.start_amqtt(self._broker_folder, passwords=hashes, feeds=feed_rules([]))
        self.directory = RegistryDirectory(self.registry, refresh_s=0.2)
        self.readings = Readings(folder / "readings", SystemClock(), self.directory, self.directory, self.directory)
        self.claims = Claims(self.readings, self.registry, self.directory)
        self._stop = threading.Event()
        self._worker = threading.Thread(
            target=run_worker,
            kwargs={
                "host": "127.0.0.1", "port": self.broker.port, "username": "ingest", "password": self.passwords["ingest"],
                "worker_id": "0", "shards": "0123456789abcdef", "folder": folder / "readings", "directory": self.directory,
                "feeds": self.directory, "protocol": 5 if kind == "mosquitto" else 4, "stop": self._stop,
            },
        )  # fmt: skip
        self._worker.start()
        self._clients: list[mqtt.Client] = []

    def add(self, feed: Feed) -> None:
        """Register a feed and tell the broker, as `suhe up` does when it sees a new one."""
        self.registry.add_feed(feed)
        feeds = self.registry.feeds()
        if self.kind == "mosquitto":
            (self._broker_folder / "acl").write_text(mosquitto_acl(feeds))
            self.broker.process.send_signal(signal.SIGHUP)
        else:
            (self._broker_folder / "feeds.json").write_text(feed_rules(feeds))

    def sender(self, user: str) -> mqtt.Client:
        """Return a connection of a gateway."""
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=user, protocol=mqtt.MQTTv311)
        client.username_pw_set(user, self.passwords[user])
        connected = threading.Event()
        client.on_connect = lambda *_: connected.set()
        client.connect("127.0.0.1", self.broker.port)
        client.loop_start()
        assert connected.wait(5)
        self._clients.append(client)
        return client

    def waiting(self) -> list[str]:
        """Return the names in quarantine."""
        return [w.entry.name for w in self.claims.waiting()]

    def close(self) -> None:
        """End everything."""
        for client in self._clients:
            client.disconnect()
            client.loop_stop()
        self._stop.set()
        self._worker.join(20)
        self.readings.close()
        self.broker.stop()


@pytest.fixture(params=["mosquitto", "amqtt"])
def county(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[County]:
    """Yield a county on each broker."""
    made = County(tmp_path, request.param)
    yield made
    made.close()


def uplink(number: int, eui: str = OURS) -> bytes:
    """Return ChirpStack's message for one uplink of now."""
    now = SystemClock().now().isoformat()
    told = {
        "deduplicationId": f"{eui}-{number}",
        "time": now,
        "deviceInfo": {"devEui": eui},
        "fCnt": number,
        "object": {"waterLevel": number},
    }
    return json.dumps(told).encode()


def test_a_sender_is_added_while_all_runs_claimed_and_kept_from_others_devices(county: County) -> None:
    """A new feed is taken without a restart, its device waits and is claimed, and no other gateway can speak for it."""
    county.add(LORA)
    ours, sent = county.sender("by-01-gw"), 0

    def arrives() -> bool:
        nonlocal sent
        sent += 1
        ours.publish(f"application/7/device/{OURS}/event/up", uplink(sent), 1)
        return county.waiting() == [OURS]

    wait_until(arrives, 15, every=0.3)
    (waiting,) = county.claims.waiting()
    assert county.claims.claim(waiting.entry.id, "by-01-box", plot=POND.id).new
    # What was sent from the first that arrived on is stored, and nothing waits any more.
    ours.publish(f"application/7/device/{OURS}/event/up", uplink(sent + 1), 1)

    def whole() -> bool:
        values = [p.value for p in county.readings.range("by-01-box", "water_level", 0, 2**42)]
        return bool(values) and values == [float(n) for n in range(int(values[0]), sent + 2)] and county.waiting() == []

    wait_until(whole, 15)
    before = county.readings.counts().readings
    # Another gateway writes under this feed's topic: the broker does not pass it on.
    other = county.sender("by-02-gw")
    other.publish(f"application/7/device/{OURS}/event/up", uplink(900), 1).wait_for_publish(5)
    # And under a feed of its own it names this gateway's devices, by the sender's name and by ours.
    county.add(Feed("theirs", "by-02-gw", "chirpstack-v4", "application/8/device/+/event/+"))
    county.add(Feed("free", "by-02-gw", "thingsboard-gateway", "theirs/telemetry"))

    def held() -> bool:
        other.publish(f"application/8/device/{OURS}/event/up", uplink(901), 1)
        other.publish("theirs/telemetry", json.dumps({"by-01-box": [{"values": {"waterLevel": 99}}]}), 1)
        return sorted(county.waiting()) == [OURS, "by-01-box"]

    wait_until(held, 15, every=0.3)
    assert county.readings.counts().readings == before
    assert {(w.entry.feed, w.entry.gateway) for w in county.claims.waiting()} == {("theirs", "by-02-gw"), ("free", "by-02-gw")}
    with pytest.raises(Conflict):
        county.registry.name_device(DeviceName("theirs", OURS, "by-01-box"))


def test_what_a_sender_left_retained_is_no_new_reading(county: County) -> None:
    """A retained message that was there before the feed is not taken; what comes after is, retained or not."""
    county.add(Feed("box", "by-01-gw", "thingsboard-device", "box/telemetry"))
    county.registry.name_device(DeviceName("box", "", LEVEL.id))
    ours = county.sender("by-01-gw")

    def told(value: float, *, retain: bool = False) -> None:
        ours.publish("box/telemetry", json.dumps({"waterLevel": value}), 1, retain=retain).wait_for_publish(5)

    def taken() -> list[float]:
        return [x.value for x in county.readings.latest(devices=[LEVEL.id])]

    def listens() -> bool:
        told(1.0)
        return bool(taken())

    wait_until(listens, 15, every=0.3)
    told(2.0, retain=True)
    wait_until(lambda: taken() == [2.0], 10)
    county.registry.remove_feed("box")
    told(1.0)
    wait_until(lambda: not county.directory.feeds().feeds, 10)
    before = county.readings.counts().readings
    county.registry.add_feed(Feed("box", "by-01-gw", "thingsboard-device", "box/telemetry"))
    county.registry.name_device(DeviceName("box", "", LEVEL.id))

    def listens_again() -> bool:
        told(3.0)
        return taken() == [3.0]

    wait_until(listens_again, 15, every=0.3)
    values = [p.value for p in county.readings.range(LEVEL.id, "water_level", 0, 2**42)]
    assert values.count(2.0) == 1 and len(values) > before - 1


def test_the_rules_of_feeds_as_asked() -> None:
    """A gateway writes its own filter and reads nothing; Sparkplug is two-way; ingest reads what a feed takes and no more."""
    spark = Feed("spark", "by-02-gw", "sparkplug-b", "spBv1.0/farm/+/node1/#")
    rules = TopicRules(feed_rules([LORA, spark]))
    assert rules.may_publish("by-01-gw", f"application/7/device/{OURS}/event/up")
    assert not rules.may_publish("by-02-gw", f"application/7/device/{OURS}/event/up")
    assert not rules.may_publish("by-01-gw", f"application/8/device/{OURS}/event/up")
    assert not rules.may_subscribe("by-01-gw", LORA.topic)
    assert rules.may_subscribe("ingest", LORA.topic) and not rules.may_subscribe("ingest", "application/#")
    assert not rules.may_publish("ingest", f"application/7/device/{OURS}/event/up")
    assert rules.may_subscribe("by-02-gw", "spBv1.0/farm/NCMD/node1/#") and rules.may_publish("ingest", "spBv1.0/farm/NCMD/node1")
    assert not rules.may_publish("by-02-gw", "spBv1.0/farm/NDATA/node2")
    assert mosquitto_acl([LORA]).splitlines()[-2:] == ["user by-01-gw", f"topic write {LORA.topic}"]
