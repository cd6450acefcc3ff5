"""The gateway SDK: what was handed in is on disk, and leaves the spool on the application's word alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from foundation.errors import BadInput
from ingest.gateway import MOST_IN_FLIGHT, Gateway
from ingest.payloads import Ack, Refused, decode_up, encode_ack
from ingest.spool import Spool
from ingest.topics import ack_topic, up_topic
from tests import servers
from tests.ingest.examples import level
from tests.waiting import wait_until

GATEWAY = "by-01-gw"


class Ear:
    """Hears what a gateway publishes and answers when told to, as an ingest worker would."""

    def __init__(self, port: int) -> None:
        self.heard: list[int] = []
        ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="ear")
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _c, _u, m: self.heard.append(decode_up(bytes(m.payload)).seq)
        self.client.connect("127.0.0.1", port)
        self.client.subscribe(up_topic(GATEWAY), 1)
        self.client.loop_start()
        assert ready.wait(5)

    def answer(self, *acked: tuple[int, int], refused: int | None = None) -> None:
        """Publish an acknowledgement."""
        ack = Ack(1, list(acked), [Refused(refused, "no such device")] if refused is not None else [])
        self.client.publish(ack_topic(GATEWAY), encode_ack(ack), 1).wait_for_publish(5)

    def say(self, body: bytes) -> None:
        """Publish anything where an acknowledgement is expected."""
        self.client.publish(ack_topic(GATEWAY), body, 1).wait_for_publish(5)

    def close(self) -> None:
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def talking(server: servers.Server, spool: Path, **options: Any) -> Iterator[tuple[Gateway, Ear]]:
    """Yield a started gateway and an ear at the same broker."""
    ear = Ear(server.port)
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", server.port, spool, **options)
    gateway.start()
    yield gateway, ear
    gateway.stop()
    ear.close()


def test_a_reading_is_on_disk_when_send_returns(tmp_path: Path) -> None:
    """Without any network, what was handed in is there for another opening of the spool, in order, under new numbers."""
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", servers.free_port(), tmp_path / "spool.db")
    assert gateway.send([level(5, 1.0)]) == 1
    assert gateway.send_many([[level(4, 2.0)], [level(3, 3.0)]]) == [2, 3]
    other = Spool(tmp_path / "spool.db")
    assert [decode_up(body).readings[0].x for _, body in other.after(0, 10, 10**6)] == [1.0, 2.0, 3.0]
    assert gateway.pending() == 3 and not gateway.wait_until_empty(0.1)
    gateway.stop()


def test_what_cannot_be_sent_is_refused_whole(tmp_path: Path) -> None:
    """A message that breaks a rule is refused where it is handed in; nothing of its transaction is kept and no number is lost."""
    gateway = Gateway(GATEWAY, "any", "127.0.0.1", 1, tmp_path / "spool.db")
    with pytest.raises(BadInput):
        gateway.send_many([[level(1, 1.0)], []])
    with pytest.raises(BadInput):
        gateway.send([level(1, float("nan"))])
    assert gateway.pending() == 0 and gateway.send([level(1, 1.0)]) == 1
    gateway.stop()


def test_a_number_is_never_given_twice(tmp_path: Path) -> None:
    """Numbers go on after the spool was emptied and opened again."""
    for expected in ([1, 2], [3, 4], [5, 6]):
        spool = Spool(tmp_path / "spool.db")
        assert spool.put([lambda seq, _gone: b"%d" % seq] * 2) == expected
        assert spool.delete([(expected[0], expected[1])]) == 2 and spool.count() == 0
        spool.close()


def test_the_brokers_word_deletes_nothing(mosquitto: servers.Server, tmp_path: Path) -> None:
    """A PUBACK, an acknowledgement of others, rubbish: the message stays until its own number is acknowledged."""
    with talking(mosquitto, tmp_path / "spool.db") as (gateway, ear):
        seq = gateway.send([level(1, 1.0)])
        wait_until(lambda: ear.heard == [seq], 5)
        ear.answer((seq + 1, seq + 9))
        ear.say(b"\xff{")
        ear.say(b'{"v":1,"acked":"all"}')
        assert gateway.pending() == 1
        ear.answer((seq, seq))
        assert gateway.wait_until_empty(5)


def test_a_refused_message_is_told_and_leaves(mosquitto: servers.Server, tmp_path: Path) -> None:
    """What will never be stored does not stay for ever: the listener hears why, even one that fails itself."""
    told: list[tuple[str, dict[str, Any]]] = []

    def listener(name: str, facts: dict[str, Any]) -> None:
        told.append((name, facts))
        raise RuntimeError("a listener's own fault")

    with talking(mosquitto, tmp_path / "spool.db", on_event=listener) as (gateway, ear):
        seq = gateway.send([level(1, 1.0)])
        wait_until(lambda: ear.heard == [seq], 5)
        ear.answer(refused=seq)
        assert gateway.wait_until_empty(5)
        gateway.send([level(1, 1.0)])
        wait_until(lambda: ear.heard == [seq, seq + 1], 5)
    assert ("message refused", {"seq": seq, "why": "no such device"}) in told


def test_unanswered_messages_are_bounded_and_sent_again(mosquitto: servers.Server, tmp_path: Path) -> None:
    """No more than the bound is under way; what is not answered is sent again, and the rest follows the answers."""
    with talking(mosquitto, tmp_path / "spool.db") as (gateway, ear):
        gateway.send_many([[level(n, 1.0)] for n in range(2 * MOST_IN_FLIGHT)])
        wait_until(lambda: len(ear.heard) >= MOST_IN_FLIGHT, 5)
        assert sorted(set(ear.heard)) == list(range(1, MOST_IN_FLIGHT + 1))
        wait_until(lambda: len(ear.heard) >= 2 * MOST_IN_FLIGHT, 8, what="sent again")
        assert max(ear.heard) == MOST_IN_FLIGHT
        ear.answer((1, MOST_IN_FLIGHT))
        wait_until(lambda: max(ear.heard) == 2 * MOST_IN_FLIGHT, 5)
        ear.answer((1, 2 * MOST_IN_FLIGHT))
        assert gateway.wait_until_empty(5)


def test_a_gateway_with_a_wrong_password_is_told(tmp_path: Path) -> None:
    """A broker that refuses is an event with its reason, and the spool waits."""
    from foundation.passwords import hash_password

    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "broker", passwords={GATEWAY: hash_password("right")}))
    assert isinstance(server, servers.Server)
    told: list[str] = []
    with servers.running(server):
        gateway = Gateway(GATEWAY, "wrong", "127.0.0.1", server.port, tmp_path / "spool.db", on_event=lambda name, _: told.append(name))
        gateway.send([level(1, 1.0)])
        gateway.start()
        wait_until(lambda: "refused" in told, 5)
        assert gateway.pending() == 1
        gateway.stop()
