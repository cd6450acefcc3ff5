"""The load of `bench.ingest` where there is no C compiler: what `ingest_load.c` does, over one connection, at a higher cost.

python -m bench.ingest_load WHERE FILE GATEWAYS CONNECTIONS FROM COUNT WINDOW RATE ACKS
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time
from pathlib import Path

from bench.ingest_packets import GATEWAYS, length
from ingest.payloads import decode_ack

CHUNK = 500
DEADLINE_S = 240.0


def main() -> None:
    """Send the load and print one JSON object, the same as the C program's."""
    where, file, _, _, begin, count, window, rate, acks = sys.argv[1:]
    packets = read_packets(Path(file), int(begin) + int(count))[int(begin) :]
    heard = Acks(where, int(begin), len(packets), float(rate)) if int(acks) else None
    connection = connect(where, "bench-load")
    began, start = time.time(), time.monotonic()
    if heard is not None:
        heard.start = start
    sent = answered = 0
    while sent < len(packets) or answered // 4 < len(packets) or (heard is not None and heard.count < len(packets)):
        due = min(len(packets), int((time.monotonic() - start) * float(rate)) + 1 if float(rate) else sent + CHUNK)
        due = min(due, answered // 4 + int(window))
        if due > sent:
            connection.sendall(b"".join(packets[sent:due]))
            sent = due
        elif float(rate) or sent == len(packets):
            time.sleep(0.0005)
        readable, _, _ = select.select([connection], [], [], 0)
        if readable:
            answered += len(receive(connection))
        if heard is not None:
            heard.look()
        if time.monotonic() - start > DEADLINE_S:
            raise SystemExit(f"{answered // 4} of {len(packets)} messages were answered")
    late = sorted(heard.late) if heard is not None and heard.late else [0.0]
    told = {"began": began, "ended": time.time(), "refused": heard.refused if heard else 0, "cpu_s": time.process_time()}
    print(json.dumps({**told, **{f"p{p}_ms": late[int((len(late) - 1) * p / 100)] * 1000 for p in (50, 99)}, "max_ms": late[-1] * 1000}))


class Acks:
    """Ingest's acknowledgements, on a connection of its own."""

    def __init__(self, where: str, begin: int, count: int, rate: float) -> None:
        self.count = self.refused = 0
        self.start = 0.0
        self.late: list[float] = []
        self._begin, self._seen, self._rate = begin, bytearray(count), rate
        self._buffer = bytearray()
        self._connection = connect(where, "bench-acks")
        topic = b"suhe/v1/+/+/ack"
        rest = b"\x00\x01" + struct.pack("!H", len(topic)) + topic + b"\x00"
        self._connection.sendall(b"\x82" + length(len(rest)) + rest)
        if receive(self._connection)[:1] != b"\x90":
            raise SystemExit("the broker refused the subscription")

    def look(self) -> None:
        """Take what has come."""
        readable, _, _ = select.select([self._connection], [], [], 0)
        if not readable:
            return
        self._buffer += receive(self._connection)
        now = time.monotonic() - self.start
        while (found := next_packet(self._buffer)) is not None:
            size = struct.unpack_from("!H", found)[0]
            gateway = GATEWAYS.index(found[2 : 2 + size].decode().split("/")[3])
            ack = decode_ack(found[2 + size :])
            self.refused += len(ack.refused)
            for first, last in ack.acked:
                for seq in range(first, last + 1):
                    n = (seq - 1) * len(GATEWAYS) + gateway - self._begin
                    if 0 <= n < len(self._seen) and not self._seen[n]:
                        self._seen[n] = 1
                        self.count += 1
                        if self._rate:
                            self.late.append(now - n / self._rate)


def read_packets(path: Path, count: int) -> list[bytes]:
    """Return the first packets of a file, numbered for one connection."""
    data, at, found = path.read_bytes(), 0, []
    while at < len(data) and len(found) < count:
        size = shift = 0
        head = at + 1
        while True:
            size |= (data[head] & 127) << shift
            shift += 7
            head += 1
            if not data[head - 1] & 128:
                break
        number = head + 2 + struct.unpack_from("!H", data, head)[0]
        found.append(data[at:number] + struct.pack("!H", len(found) % 60_000 + 1) + data[number + 2 : head + size])
        at = head + size
    return found


def connect(where: str, name: str) -> socket.socket:
    """Connect to a Unix socket's path or a port of this machine."""
    if where.startswith("/"):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(where)
    else:
        connection = socket.create_connection(("127.0.0.1", int(where)))
    connection.settimeout(DEADLINE_S)
    rest = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(name)) + name.encode()
    connection.sendall(b"\x10" + length(len(rest)) + rest)
    if connection.recv(4) != b"\x20\x02\x00\x00":
        raise SystemExit("the broker refused the load")
    return connection


def receive(connection: socket.socket) -> bytes:
    """Return what has come."""
    got = connection.recv(262_144)
    if not got:
        raise SystemExit("the broker closed the connection")
    return got


def next_packet(buffer: bytearray) -> bytes | None:
    """Take the first whole packet out of the buffer and return what follows its fixed header."""
    size = shift = 0
    for at in range(1, min(len(buffer), 5)):
        size |= (buffer[at] & 127) << shift
        shift += 7
        if not buffer[at] & 128:
            if len(buffer) < at + 1 + size:
                return None
            rest = bytes(buffer[at + 1 : at + 1 + size])
            del buffer[: at + 1 + size]
            return rest
    return None


if __name__ == "__main__":
    main()
