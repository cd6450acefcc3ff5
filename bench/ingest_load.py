"""The load of `bench.ingest`: many gateways behind one Unix socket, with packets built before the clock starts.

It costs little, so that the two cores belong to broker and consumer. A second connection counts application acknowledgements.

    python -m bench.ingest_load '{"socket": "/tmp/mqtt", "messages": 1000, "readings": 20, "first_seq": 1, "acks": true}'
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

from ingest.payloads import ReadingIn, decode_ack, encode_up
from ingest.topics import up_topic

GATEWAYS = tuple(f"bench-{n:02d}" for n in range(16))
DEVICES = 25
CHANNELS = (("air_temperature", 18.5, "Cel"), ("air_humidity", 71.0, "%"), ("soil_moisture", 23.4, "%"), ("water_level", 12.5, "cm"))
SECONDS_BACK = 20 * 86_400
# Publishes under way to the broker; well under the 65,535 packet ids there are.
WINDOW = 20_000
CHUNK = 500
DEADLINE_S = 240.0


def main() -> None:
    """Send the load and print one JSON object: when it began, when all was sent, when the last acknowledgement came."""
    order = json.loads(sys.argv[1])
    chunks = build(order["messages"], order["readings"], order["first_seq"], int(time.time()) - SECONDS_BACK)
    acks = Acks(order["socket"]) if order["acks"] else None
    began = time.time()
    publish(order["socket"], chunks, acks)
    sent = time.time()
    while acks is not None and acks.count < order["messages"]:
        if time.time() - began > DEADLINE_S:
            raise SystemExit(f"only {acks.count} of {order['messages']} messages were acknowledged")
        acks.look(1.0)
    print(json.dumps({"began": began, "sent": sent, "ended": time.time(), "refused": acks.refused if acks else 0}))


def build(messages: int, readings: int, first_seq: int, begin_s: int) -> list[tuple[bytes, int]]:
    """Return PUBLISH packets, QoS 1, joined into chunks with their counts; every gateway's sequence goes on from `first_seq`."""
    topics = [up_topic(g).encode() for g in GATEWAYS]
    packets = []
    for n in range(messages):
        which, turn = n % len(GATEWAYS), first_seq + n // len(GATEWAYS)
        body = encode_up(turn, [_reading(which, (turn * readings + k), begin_s) for k in range(readings)])
        rest = struct.pack("!H", len(topics[which])) + topics[which] + struct.pack("!H", n % 50_000 + 1) + body
        packets.append(b"\x32" + _length(len(rest)) + rest)
    return [(b"".join(packets[k : k + CHUNK]), len(packets[k : k + CHUNK])) for k in range(0, messages, CHUNK)]


def publish(path: str, chunks: list[tuple[bytes, int]], acks: Acks | None) -> None:
    """Send everything with at most `WINDOW` publishes unanswered, and wait for the broker's last answer."""
    connection = _connect(path, "bench-load")
    sent = answered = 0
    for chunk, count in [*chunks, (b"", 0)]:
        # A PUBACK of 3.1.1 is four bytes, and nothing else comes on this connection. Woken for each of them, the load would cost more
        # than broker and consumer together.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 4 * CHUNK if chunk else 1)
        while sent - answered // 4 > (WINDOW if chunk else 0):
            answered += len(_receive(connection))
        connection.sendall(chunk)
        sent += count
        if acks is not None:
            acks.look(0)
    connection.close()


class Acks:
    """Counts messages acknowledged by ingest, on a connection of its own."""

    def __init__(self, path: str) -> None:
        self.count = self.refused = 0
        self._buffer = bytearray()
        self._connection = _connect(path, "bench-acks")
        topic = b"suhe/v1/+/+/ack"
        rest = b"\x00\x01" + struct.pack("!H", len(topic)) + topic + b"\x00"
        self._connection.sendall(b"\x82" + _length(len(rest)) + rest)
        if _receive(self._connection)[:1] != b"\x90":
            raise SystemExit("the broker refused the subscription")

    def look(self, seconds: float) -> None:
        """Take what has come, waiting at most so long."""
        readable, _, _ = select.select([self._connection], [], [], seconds)
        if not readable:
            return
        self._buffer += _receive(self._connection)
        while (packet := _packet(self._buffer)) is not None:
            kind, rest = packet
            if kind == 3:
                ack = decode_ack(rest[2 + struct.unpack_from("!H", rest)[0] :])
                self.count += sum(last - first + 1 for first, last in ack.acked)
                self.refused += len(ack.refused)


def _reading(which: int, k: int, begin_s: int) -> ReadingIn:
    """Return the k-th reading of a gateway: its channels take turns, and no series has the same instant twice."""
    channel, value, unit = CHANNELS[k % len(CHANNELS)]
    series = DEVICES * len(CHANNELS)
    device = f"{GATEWAYS[which]}-dev-{k % series // len(CHANNELS):02d}"
    return ReadingIn(d=device, c=channel, t=(begin_s + k // series * 60) * 1000, x=round(value + k % 7 * 0.1, 1), u=unit)


def _connect(path: str, name: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(DEADLINE_S)
    connection.connect(path)
    rest = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(name)) + name.encode()
    connection.sendall(b"\x10" + _length(len(rest)) + rest)
    answer = connection.recv(4)
    if answer != b"\x20\x02\x00\x00":
        raise SystemExit(f"the broker refused the load: {answer.hex()}")
    return connection


def _receive(connection: socket.socket) -> bytes:
    got = connection.recv(262_144)
    if not got:
        raise SystemExit("the broker closed the connection")
    return got


def _packet(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the first whole packet out of the buffer: its type and what follows the fixed header."""
    size = shift = 0
    for at in range(1, min(len(buffer), 5)):
        size |= (buffer[at] & 127) << shift
        shift += 7
        if not buffer[at] & 128:
            if len(buffer) < at + 1 + size:
                return None
            kind, rest = buffer[0] >> 4, bytes(buffer[at + 1 : at + 1 + size])
            del buffer[: at + 1 + size]
            return kind, rest
    return None


def _length(size: int) -> bytes:
    out = bytearray()
    while True:
        size, low = size >> 7, size & 127
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


if __name__ == "__main__":
    main()
