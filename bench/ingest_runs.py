"""The runs of `bench.ingest`: ours and each peer's, each with a broker of its own, on the same packets."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import ingest_node_red
from bench.ingest_packets import GATEWAYS, SERIES
from bench.ingest_parts import CONNECTIONS, Tools, child, line, load, points_in, rows_on_disk, start_broker, temporary
from ingest.receiver import RECEIVE_MAXIMUM
from ingest.topics import SHARDS, up_filter
from tests import servers


@dataclass(frozen=True)
class Load:
    """What is sent: a file of packets, the readings in each message, and how many messages are measured after the warm-up."""

    packets: Path
    readings: int
    messages: int

    @property
    def warm(self) -> int:
        """How many messages go before, so that every series and gateway is known."""
        return -(-SERIES // self.readings // len(GATEWAYS)) * len(GATEWAYS)

    @property
    def stored(self) -> int:
        """How many readings must be stored at the end."""
        return (self.warm + self.messages) * self.readings

    @property
    def measured(self) -> int:
        """How many readings are measured."""
        return self.messages * self.readings


@dataclass(frozen=True)
class Ours:
    """A run of ours: readings a second, processor time of the worker per reading in µs, and the way from publish to acknowledgement."""

    rate: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def ours(tools: Tools, sent: Load, *, rate: float = 0, workers: int = 1) -> Ours:
    """Run workers beside a broker, from the first publish to the last application acknowledgement; count the rows on disk."""
    with temporary() as folder, servers.running(start_broker(folder)) as broker:
        command = [sys.executable, "-m", "bench.ingest_worker", str(broker.port), str(folder / "readings")]
        with ExitStack() as running:
            started = [running.enter_context(child([*command, str(n), str(workers)])) for n in range(workers)]
            for worker in started:
                _receiving(worker)
            load(tools, folder, sent.packets, 0, sent.warm, acks=True)
            before = sum(map(_cpu, started))
            connections = len(GATEWAYS) if rate else CONNECTIONS
            told = load(tools, folder, sent.packets, sent.warm, sent.messages, acks=True, rate=rate, connections=connections)
            used = sum(map(_cpu, started)) - before
        stored = rows_on_disk(folder / "readings")
    if stored != sent.stored or told["refused"]:
        raise SystemExit(f"{stored} readings are on disk, {sent.stored} were sent, {told['refused']} messages refused")
    seconds = told["ended"] - told["began"]
    return Ours(sent.measured / seconds, used / sent.measured * 1e6, told["p50_ms"], told["p99_ms"], told["max_ms"])


def subscriber(tools: Tools, sent: Load) -> float:
    """Return the readings a second a C subscriber receives that only acknowledges to the broker."""
    assert tools.subscriber is not None
    with temporary() as folder, servers.running(start_broker(folder)) as broker:
        numbers = map(str, (RECEIVE_MAXIMUM, sent.warm, sent.messages))
        with child([*tools.subscriber, str(broker.port), *numbers, *map(up_filter, SHARDS)]) as process:
            line(process, "listening")
            load(tools, folder, sent.packets, 0, sent.warm, acks=False)
            line(process, "warm")
            began = load(tools, folder, sent.packets, sent.warm, sent.messages, acks=False)["began"]
            return float(sent.measured / (line(process, "ended")["ended"] - began))


def tutorial(tools: Tools, sent: Load) -> float:
    """Return the readings a second of the tutorial stack, to the last point written."""
    with (
        temporary() as folder,
        servers.running(start_broker(folder)) as broker,
        servers.running(servers.start_victoria_metrics(folder)) as store,
    ):
        order = {"port": broker.port, "url": store.url, "messages": sent.messages, "warm": sent.warm}
        with child([sys.executable, "-m", "bench.ingest_tutorial", json.dumps(order)]) as process:
            line(process, "listening")
            load(tools, folder, sent.packets, 0, sent.warm, acks=False)
            line(process, "warm")
            began = load(tools, folder, sent.packets, sent.warm, sent.messages, acks=False)["began"]
            told = line(process, "ended")
        _all_points("the tutorial stack", store.url, sent, told["failed"])
        return float(sent.measured / (told["ended"] - began))


def node_red(tools: Tools, sent: Load, installed: Path, *, merged: bool = False) -> float:
    """Return the readings a second of Node-RED, to the last point written."""
    with (
        temporary() as folder,
        servers.running(start_broker(folder)) as broker,
        servers.running(servers.start_victoria_metrics(folder)) as store,
        ingest_node_red.running(installed, folder, broker.port, store.port, merged=merged) as red,
    ):
        load(tools, folder, sent.packets, 0, sent.warm, acks=False)
        red.wait(sent.warm * sent.readings)
        began = load(tools, folder, sent.packets, sent.warm, sent.messages, acks=False)["began"]
        ended = red.wait(sent.stored)
        _all_points("Node-RED", store.url, sent, 0)
        return float(sent.measured / (ended - began))


def _all_points(name: str, url: str, sent: Load, failed: int) -> None:
    stored = points_in(url)
    if stored != sent.stored or failed:
        raise SystemExit(f"{name} stored {stored} of {sent.stored} readings, {failed} writes failed")


def _receiving(worker: subprocess.Popen[bytes]) -> None:
    while line(worker) != "receiving":
        pass


def _cpu(worker: subprocess.Popen[bytes]) -> float:
    worker.send_signal(signal.SIGUSR1)
    told: dict[str, Any] = line(worker, "cpu_s")
    return float(told["cpu_s"])
