"""What the tests of stations share: two stations' feeds, their frames, a server in a thread, and a station's end of the line."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

from ingest.formats.bcd import time_to_bcd, to_bcd
from ingest.formats.decoded import SHANGHAI_MS
from ingest.formats.hj212_frames import build_packet
from ingest.formats.sl651_frames import ETB, ETX, STX, SYN, Frame, build_frame
from ingest.stations.server import run_stations
from registry.feed_keeping import secret_hash
from registry.feeds import DeviceName, Feed, FeedBook
from tests.ingest.examples import NOW_MS, TwoGateways, clock

RIVER, AIR = "0012345678", "010000A8900016F000169DC0"
LEVEL, WATER = "by-01-p1-level", "by-01-p1-water"


class StationBook(TwoGateways):
    """Knows a river station of SL 651 and a water station of HJ 212, both of by-01-gw."""

    def __init__(self) -> None:
        super().__init__()
        self.book = FeedBook(
            (
                Feed("river", "by-01-gw", "sl651", station=RIVER, secret_hash=secret_hash("1234")),
                Feed("water", "by-01-gw", "hj212", station=AIR, secret_hash=secret_hash("123456")),
            ),
            (DeviceName("river", "", LEVEL), DeviceName("water", "", WATER)),
        )

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return the book."""
        return self.book


def report(
    serial: int, level_mm: int, minutes_ago: int = 0, *, station: str = RIVER, password: str = "1234", function: int = 0x32
) -> bytes:  # fmt: skip
    """Return a river station's report of a level."""
    t_ms = NOW_MS - minutes_ago * 60_000
    text = serial.to_bytes(2, "big") + time_to_bcd(NOW_MS, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex(station) + b"H"
    text += b"\xf0\xf0" + time_to_bcd(t_ms, SHANGHAI_MS, 5) + b"\x39\x23" + to_bcd(level_mm, 4)
    return build_frame(Frame(1, station, password, function, False, STX, text, ETX))


def link(serial: int = 1) -> bytes:
    """Return a river station's link report."""
    return build_frame(Frame(1, RIVER, "1234", 0x2F, False, STX, serial.to_bytes(2, "big") + time_to_bcd(NOW_MS, SHANGHAI_MS), ETX))


def picture_packets(picture: bytes, size: int = 300) -> list[bytes]:
    """Return the packets of a river station's picture."""
    text = b"\x00\x21" + time_to_bcd(NOW_MS, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex(RIVER) + b"H"
    text += b"\xf0\xf0" + time_to_bcd(NOW_MS, SHANGHAI_MS, 5) + b"\xf3\xf3" + picture
    parts = [text[k : k + size] for k in range(0, len(text), size)]
    ends = [ETB] * (len(parts) - 1) + [ETX]
    return [
        build_frame(Frame(1, RIVER, "1234", 0x36, False, SYN, part, end, len(parts), number))
        for number, (part, end) in enumerate(zip(parts, ends, strict=True), 1)
    ]


def packet(cp: str, **fields: str) -> bytes:
    """Return a water station's packet that asks for an answer."""
    head = {"QN": "20260701120000000", "ST": "21", "CN": "2011", "PW": "123456", "MN": AIR, "Flag": "5"}
    return build_packet(head | fields, cp)


class Line:
    """A station's end of a connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 5)
        self._held = b""

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def frame(self, seconds: float = 10.0) -> bytes:
        """Return the next SL 651 frame that comes."""
        while len(self._held) < 13 or len(self._held) < 17 + (int.from_bytes(self._held[11:13], "big") & 0xFFF):
            self._read(seconds)
        size = 17 + (int.from_bytes(self._held[11:13], "big") & 0xFFF)
        found, self._held = self._held[:size], self._held[size:]
        return found

    def text(self, seconds: float = 10.0) -> bytes:
        """Return the next HJ 212 frame that comes."""
        while b"\r\n" not in self._held:
            self._read(seconds)
        found, _, self._held = self._held.partition(b"\r\n")
        return found + b"\r\n"

    def silent(self, seconds: float = 0.3) -> bool:
        """Tell whether nothing comes for a while."""
        self.socket.settimeout(seconds)
        try:
            return not self._held and not self.socket.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            return True

    def ended(self, seconds: float = 10.0) -> bool:
        """Tell whether the other side ends the connection."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(4096):
                pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _read(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        more = self.socket.recv(65_536)
        if not more:
            raise ConnectionError("the server hung up")
        self._held += more


@contextlib.contextmanager
def listening(folder: Path, directory: StationBook | None = None) -> Iterator[dict[str, int]]:
    """Run the server in a thread; yields format name -> port."""
    stop, ready = threading.Event(), threading.Event()
    ports: dict[str, int] = {}
    failed: list[BaseException] = []

    def told(found: dict[str, int]) -> None:
        ports.update(found)
        ready.set()

    def run() -> None:
        try:
            run_stations(
                folder / "readings", directory or StationBook(), host="127.0.0.1", ports={"sl651": 0, "hj212": 0}, stop=stop,
                blobs=folder / "blobs", clock=clock(), on_ready=told,
            )  # fmt: skip
        except BaseException as error:
            failed.append(error)
            ready.set()
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20) and not failed, failed
        yield ports
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive() and not failed, failed
