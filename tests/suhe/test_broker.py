"""The broker's rules hold on both brokers, and its credentials stay from start to start."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from foundation.errors import BadInput
from foundation.passwords import hash_password, new_password, password_fits
from foundation.settings import Settings
from suhe.broker import prepare_broker, write_passwords
from suhe.broker_rules import MOSQUITTO_ACL, may_publish, may_subscribe
from tests import servers
from tests.waiting import wait_until

PASSWORDS = {"ingest": new_password(), "gw-1": new_password(), "gw-2": new_password()}


@pytest.fixture(params=["mosquitto", "amqtt"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[servers.Server]:
    """Yield each kind of broker with the same users and rules."""
    hashes = {user: hash_password(password) for user, password in PASSWORDS.items()}
    if request.param == "mosquitto":
        server = servers.require(lambda: servers.start_mosquitto(tmp_path, passwords=hashes, acl=MOSQUITTO_ACL))
    else:
        server = servers.start_amqtt(tmp_path, passwords=hashes)
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


def connect(broker: servers.Server, user: str, password: str) -> tuple[mqtt.Client, list[str], int]:
    """Connect over MQTT 3.1.1 and return the client, the topics it receives, and the CONNACK code."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=user, protocol=mqtt.MQTTv311, reconnect_on_failure=False)
    client.username_pw_set(user, password)
    answered = threading.Event()
    codes: list[int] = []
    topics: list[str] = []
    client.on_connect = lambda _c, _u, _f, code, _p: (codes.append(code.value), answered.set())
    client.on_message = lambda _c, _u, message: topics.append(message.topic)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert answered.wait(5)
    return client, topics, codes[0]


def test_a_gateway_speaks_only_under_its_own_name(broker: servers.Server) -> None:
    """What a gateway publishes under another's name never reaches ingest; its own does."""
    ingest, seen, _ = connect(broker, "ingest", PASSWORDS["ingest"])
    subscribed = threading.Event()
    ingest.on_subscribe = lambda *_: subscribed.set()
    ingest.subscribe("suhe/v1/0/+/up", 1)
    assert subscribed.wait(5)
    gateway, _, _ = connect(broker, "gw-1", PASSWORDS["gw-1"])
    gateway.publish("suhe/v1/0/gw-2/up", b"{}", 1)
    gateway.publish("suhe/v1/0/gw-1/up", b"{}", 1)
    wait_until(lambda: seen, 5)
    gateway.disconnect()
    ingest.disconnect()
    assert seen == ["suhe/v1/0/gw-1/up"]


def test_a_wrong_password_is_refused(broker: servers.Server) -> None:
    """A gateway with another's password does not get in."""
    _, _, code = connect(broker, "gw-1", PASSWORDS["gw-2"])
    assert code != 0


def test_the_rules_as_asked() -> None:
    """Rules hold for publish and subscribe, and a wildcard is not one's own topic."""
    assert may_publish("gw-1", "suhe/v1/a/gw-1/up")
    assert not may_publish("gw-1", "suhe/v1/a/gw-1/ack")
    assert may_subscribe("gw-1", "suhe/v1/a/gw-1/ack")
    assert not may_subscribe("gw-1", "suhe/v1/a/+/ack")
    assert not may_subscribe("gw-1", "#")
    assert not may_publish("", "suhe/v1/a//up")
    assert may_publish("ingest", "suhe/v1/a/gw-1/ack")


def test_port_and_password_stay(tmp_path: Path) -> None:
    """A second start finds the same port and password; both files are private; no two installations share a password."""
    settings = Settings(data=tmp_path / "one")
    first = prepare_broker(settings)
    assert prepare_broker(settings) == first
    assert prepare_broker(Settings(data=tmp_path / "two")).ingest_password != first.ingest_password
    write_passwords(settings, first, [("gw-1", hash_password("x"))])
    for name in ("broker.json", "passwords"):
        assert stat.S_IMODE((tmp_path / "one" / "broker" / name).stat().st_mode) == 0o600
    written = (tmp_path / "one" / "broker" / "passwords").read_text()
    assert first.ingest_password not in written
    assert password_fits(first.ingest_password, written.splitlines()[0].split(":", 1)[1])


def test_a_broker_address_that_cannot_be_read_is_told_without_its_password(tmp_path: Path) -> None:
    """A bad SUHE_MQTT_URL is explained, and the password in it is not repeated."""
    with pytest.raises(BadInput, match="mqtt://") as told:
        prepare_broker(Settings(data=tmp_path, mqtt_url="http://me:secret@somewhere"))
    assert "secret" not in str(told.value)
