"""The two receivers keep the same promise: nothing is dropped on the way from the socket, and nothing is acknowledged by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import mqtt5
import paho.mqtt.client as mqtt
import paho.mqtt.publish
import pytest

from foundation.errors import Unavailable
from ingest.receiver import Presence, Receiver, SocketReceiver
from ingest.receiver_paho import PahoReceiver
from ingest.topics import up_filter, up_topic
from tests import servers
from tests.ingest.examples import SHARDS
from tests.waiting import wait_until

TOPIC = up_topic("by-01-gw")
FILTERS = [up_filter(s) for s in SHARDS]


def connect(port: int, name: str = "ingest-0", **options: int) -> SocketReceiver:
    """Connect the v5 receiver."""
    return SocketReceiver("127.0.0.1", port, name, "ingest", "any", FILTERS, **options)


def publish(port: int, *bodies: bytes) -> None:
    """Publish at QoS 1 and wait for the broker's answers."""
    paho.mqtt.publish.multiple([(TOPIC, body, 1, False) for body in bodies], hostname="127.0.0.1", port=port)


def take(receiver: Receiver, count: int) -> list[tuple[str, bytes, object]]:
    """Poll until so many messages came."""
    found: list[tuple[str, bytes, object]] = []

    def enough() -> bool:
        found.extend(receiver.poll(0.1))
        return len(found) >= count

    wait_until(enough, 5)
    return found


def fake_broker(answer: Callable[[socket.socket], None]) -> int:
    """Accept one connection in a thread and let `answer` play the broker; return the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with listener, connection:
            answer(connection)

    threading.Thread(target=serve, daemon=True).start()
    return int(listener.getsockname()[1])


def test_messages_behind_the_connack_are_kept() -> None:
    """A resumed session's messages may stand in the same read as CONNACK and SUBACK, cut anywhere: all are delivered, in order."""
    sent = [
        mqtt5.PublishPacket(TOPIC, b"body %d" % n, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=n, duplicate=True).write() for n in range(1, 21)
    ]

    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        start = mqtt5.ConnAckPacket(session_present=True).write() + b"".join(sent[:7]) + sent[7][:5]
        connection.sendall(start)
        connection.recv(65536)
        suback = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 16).write()
        connection.sendall(sent[7][5:] + b"".join(sent[8:12]) + suback + b"".join(sent[12:]))
        connection.recv(65536)

    receiver = connect(fake_broker(answer))
    assert [(body, token) for _, body, token in take(receiver, 20)] == [(b"body %d" % n, n) for n in range(1, 21)]
    receiver.close()


def test_a_message_in_many_pieces_is_one_message() -> None:
    """However the network cuts a packet, it comes out whole."""
    packet = mqtt5.PublishPacket(TOPIC, b"x" * 5000, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=9).write()

    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(65536)
        suback = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE] * 16).write()
        for piece in (mqtt5.ConnAckPacket().write(), suback, *(packet[k : k + 700] for k in range(0, len(packet), 700))):
            connection.sendall(piece)
        connection.recv(65536)

    receiver = connect(fake_broker(answer))
    assert take(receiver, 1) == [(TOPIC, b"x" * 5000, 9)]
    receiver.close()


@pytest.mark.parametrize(
    "answer",
    [
        mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED).write(),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"",
    ],
    ids=["refused", "no broker", "closed"],
)
def test_a_broker_that_does_not_let_in_is_told_as_unavailable(answer: bytes) -> None:
    """Whatever goes wrong while connecting is one error, so that the worker waits and tries again."""

    def play(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with pytest.raises(Unavailable):
        connect(fake_broker(play))
    with pytest.raises(Unavailable):
        connect(servers.free_port())


def test_what_was_not_acknowledged_comes_again(mosquitto: servers.Server) -> None:
    """A worker killed before its acknowledgement gets the same messages on its next connection, and no acknowledged one."""
    connect(mosquitto.port).close()
    publish(mosquitto.port, b"one", b"two", b"three")
    receiver = connect(mosquitto.port)
    found = take(receiver, 3)
    assert [body for _, body, _ in found] == [b"one", b"two", b"three"]
    receiver.acknowledge([found[0][2]])
    receiver._socket.close()  # as a kill would
    again = connect(mosquitto.port)
    assert [body for _, body, _ in take(again, 2)] == [b"two", b"three"]
    again.close()


def test_a_worker_with_fewer_shards_leaves_the_others_alone(mosquitto: servers.Server) -> None:
    """A session that once had every shard keeps only those it has now: two workers never get the same message."""
    connect(mosquitto.port).close()
    others = [f for f in FILTERS if f != up_filter(TOPIC.split("/")[2])]
    SocketReceiver("127.0.0.1", mosquitto.port, "ingest-0", "ingest", "any", others, list(set(FILTERS) - set(others))).close()
    publish(mosquitto.port, b"another worker's")
    receiver = SocketReceiver("127.0.0.1", mosquitto.port, "ingest-0", "ingest", "any", others)
    assert receiver.poll(0.3) == []
    receiver.close()


def test_the_broker_sends_no_more_than_the_window(mosquitto: servers.Server) -> None:
    """Without acknowledgements the broker stops at the receive maximum; it goes on when they come."""
    receiver = connect(mosquitto.port, receive_maximum=5)
    publish(mosquitto.port, *(b"%d" % n for n in range(12)))
    first = take(receiver, 5)
    assert len(first) == 5 and receiver.poll(0.2) == []
    receiver.acknowledge([token for _, _, token in first])
    assert len(take(receiver, 5)) >= 5
    receiver.close()


@pytest.mark.parametrize("broker", ["mosquitto", "amqtt"])
def test_the_receiver_for_old_brokers_takes_acknowledges_and_answers(broker: str, request: pytest.FixtureRequest) -> None:
    """Over MQTT 3.1.1 messages arrive with a token each, and what is published reaches its reader."""
    server: servers.Server = request.getfixturevalue(broker)
    receiver = PahoReceiver("127.0.0.1", server.port, "ingest-0", "ingest", "any", FILTERS)
    publish(server.port, b"one", b"two")
    found = take(receiver, 2)
    assert sorted(body for _, body, _ in found) == [b"one", b"two"]
    receiver.acknowledge([token for _, _, token in found])
    heard: list[bytes] = []
    ready = threading.Event()
    reader = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="reader")  # type: ignore[attr-defined]
    reader.on_subscribe = lambda *_: ready.set()
    reader.on_message = lambda _c, _u, m: heard.append(m.payload)
    reader.connect("127.0.0.1", server.port)
    reader.subscribe("suhe/v1/+/+/ack", 1)
    reader.loop_start()
    assert ready.wait(5)
    receiver.publish("suhe/v1/0/x/ack", b"answer")
    wait_until(lambda: heard == [b"answer"], 5)
    reader.disconnect()
    reader.loop_stop()
    receiver.close()


def test_a_lost_connection_is_told(mosquitto: servers.Server, tmp_path: Path) -> None:
    """When the broker goes, polling says so instead of waiting for ever."""
    receivers: list[Receiver] = [connect(mosquitto.port), PahoReceiver("127.0.0.1", mosquitto.port, "other", "ingest", "any", FILTERS)]
    mosquitto.kill()
    for receiver in receivers:
        with pytest.raises(Unavailable):
            wait_until(lambda r=receiver: r.poll(0.2) and False, 5)
        receiver.close()


@pytest.mark.parametrize("kind", ["mqtt5", "paho"])
def test_others_can_read_whether_we_are_there(mosquitto: servers.Server, kind: str) -> None:
    """Retained at QoS 1: here once subscribed, left on leaving, and gone, from the broker itself, where the connection is cut."""
    presence = Presence("state/us", b"here", b"gone", lambda: b"left")
    heard: list[tuple[bytes, bool, int]] = []
    ready = threading.Event()
    reader = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="reader")  # type: ignore[attr-defined]
    reader.on_subscribe = lambda *_: ready.set()
    reader.on_message = lambda _c, _u, m: heard.append((m.payload, m.retain, m.qos))
    reader.connect("127.0.0.1", mosquitto.port)
    reader.subscribe("state/#", 1)
    reader.loop_start()
    assert ready.wait(5)

    def come() -> SocketReceiver | PahoReceiver:
        address = "127.0.0.1", mosquitto.port, "ingest-0", "ingest", "any", FILTERS
        return SocketReceiver(*address, presence=presence) if kind == "mqtt5" else PahoReceiver(*address, presence=presence)

    come().close()
    wait_until(lambda: [body for body, _, _ in heard] == [b"here", b"left"], 5)
    receiver = come()
    wait_until(lambda: len(heard) == 3, 5)
    receiver.publish("state/other", b"retained", qos=1, retain=True)
    wait_until(lambda: len(heard) == 4, 5)
    cut = receiver._socket if isinstance(receiver, SocketReceiver) else receiver._client.socket()
    cut.shutdown(socket.SHUT_RDWR)  # as a kill would
    wait_until(lambda: heard[-1][0] == b"gone", 5)
    assert {qos for _, _, qos in heard} == {1}
    late: list[tuple[bytes, bool]] = []
    reader.on_message = lambda _c, _u, m: late.append((m.payload, m.retain))
    reader.unsubscribe("state/#")
    reader.subscribe("state/#", 1)
    wait_until(lambda: sorted(late) == [(b"gone", True), (b"retained", True)], 5)
    reader.disconnect()
    reader.loop_stop()
