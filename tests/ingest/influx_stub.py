"""A stub that answers as InfluxDB does, and a store with feeds to it: the fixtures of the tests of sinks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import FixedClock
from ingest.feed import Feed
from ingest.line_protocol import read_lines
from ingest.service import Readings
from ingest.sinks import Server, Target
from tests.ingest.examples import NOW_MS, TwoGateways, clock

Answer = tuple[int, dict[str, str]] | None


class Influx:
    """Stands for an InfluxDB: the last write of a point wins, and a test says what else it answers."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str, int], float] = {}
        self.asked: list[dict[str, Any]] = []
        self.starts: list[int] = []
        self.looked_at = 0
        self.answer: Callable[[list[str]], Answer] = lambda _lines: None
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                stub.asked.append({"path": self.path, "token": self.headers["authorization"], "lines": body.split("\n")})
                told = stub.answer(body.split("\n"))
                if told is None:
                    for line in read_lines(body)[0]:
                        stub.points[line.measurement, line.tags.get("device", ""), line.time or 0] = float(line.fields.get("value", 0))
                self.send_response(204 if told is None else told[0])
                content = b"" if told is None else json.dumps(told[1]).encode()
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                stub.looked_at += 1
                if not stub.starts:
                    self.send_error(404)
                    return
                stub.starts.append(stub.starts.pop(0))  # the next process behind this address
                content = f"a 1\nprocess_start_time_seconds {stub.starts[0]}\n".encode()
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def influx() -> Iterator[Influx]:
    """Yield a stub."""
    made = Influx()
    yield made
    made.close()


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield an empty store."""
    made = Readings(tmp_path / "readings", now, TwoGateways())
    yield made
    made.close()


@pytest.fixture
def make(tmp_path: Path, influx: Influx, now: FixedClock) -> Iterator[Callable[..., Feed]]:
    """Yield a maker of feeds of this store to the stub."""
    made: list[Feed] = []

    def one(name: str = "influx", lag_s: float = 0.0) -> Feed:
        target = Target(name, influx.url, "secret", "county", "fields")
        made.append(Feed(tmp_path / "readings", Server(target), now, lag_s=lag_s, sleep=lambda _: None))
        return made[-1]

    yield one
    for feed_ in made:
        feed_.close()


def drain(feed_: Feed) -> None:
    """Send everything and keep the place."""
    while feed_.step():
        pass
    feed_.commit()


def ours(readings: Readings) -> dict[tuple[str, str, int], float]:
    """Return what our own history answers."""
    return {
        (one.channel, one.device, p.t_ms): p.value
        for one in readings.latest()
        for p in readings.range(one.device, one.channel, 0, NOW_MS + 10**9, limit=10**6)
    }
