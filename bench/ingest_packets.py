"""The messages of `bench.ingest`: PUBLISH packets built once, before any clock starts, the same for everybody."""

from __future__ import annotations

import struct
import time
from pathlib import Path

from ingest.payloads import ReadingIn, encode_up
from ingest.topics import up_topic

GATEWAYS = tuple(f"bench-{n:02d}" for n in range(50))
DEVICES = 20
CHANNELS = (("air_temperature", 18.5, "Cel"), ("air_humidity", 71.0, "%"), ("soil_moisture", 23.4, "%"), ("water_level", 12.5, "cm"))
SERIES = len(GATEWAYS) * DEVICES * len(CHANNELS)
SECONDS_BACK = 20 * 86_400
_NAMES = [[f"{gateway}-dev-{n:02d}" for n in range(DEVICES)] for gateway in GATEWAYS]


def write_packets(path: Path, messages: int, readings: int) -> None:
    """Write so many messages of so many readings; message n is of gateway n modulo their number, every series has its turn."""
    begin_s = int(time.time()) - SECONDS_BACK
    topics = [up_topic(gateway).encode() for gateway in GATEWAYS]
    with path.open("wb") as out:
        for n in range(messages):
            which, turn = n % len(GATEWAYS), n // len(GATEWAYS)
            body = encode_up(turn + 1, [_reading(which, turn * readings + k, begin_s) for k in range(readings)])
            out.write(packet(topics[which], body))


def packet(topic: bytes, body: bytes) -> bytes:
    """Return a PUBLISH of MQTT 3.1.1 at QoS 1; its number is filled in by the load."""
    rest = struct.pack("!H", len(topic)) + topic + b"\x00\x01" + body
    return b"\x32" + length(len(rest)) + rest


def length(size: int) -> bytes:
    """Return MQTT's variable-length integer."""
    out = bytearray()
    while True:
        size, low = size >> 7, size & 127
        out.append(low | (128 if size else 0))
        if not size:
            return bytes(out)


def _reading(which: int, k: int, begin_s: int) -> ReadingIn:
    """Return the k-th reading of a gateway: its series take turns, and none has the same instant twice."""
    channel, value, unit = CHANNELS[k % len(CHANNELS)]
    turn, series = divmod(k, DEVICES * len(CHANNELS))
    return ReadingIn(
        d=_NAMES[which][series // len(CHANNELS)], c=channel, t=(begin_s + turn * 60) * 1000, x=round(value + turn % 7 * 0.1, 1), u=unit
    )
