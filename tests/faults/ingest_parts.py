"""The parts that are killed: an ingest worker and a gateway, each a process of its own, and the truth to compare the store with."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foundation.clock import SystemClock
from ingest.batch import Batch
from ingest.gateway import Gateway
from ingest.keeper import Keeper
from ingest.manifest import PLACES
from ingest.payloads import ReadingIn
from ingest.receiver import SocketReceiver
from ingest.segments import read_rows
from ingest.service import Readings
from ingest.topics import SHARDS, up_filter
from ingest.worker import Loop, run_worker
from ingest.writer import Writer
from registry.feeds import ChannelName, DeviceName, Feed, FeedBook
from tests import servers
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
CHANNELS = ("air_temperature", "air_humidity", "soil_moisture", "water_level")
BEGIN_MS = 1_764_000_000_000


SPARKPLUG_FEED = Feed("gw-s-sparkplug", "gw-s", "sparkplug-b", "spBv1.0/Field/+/gw-s/#")
BOOK = FeedBook(
    (SPARKPLUG_FEED,),
    (DeviceName(SPARKPLUG_FEED.id, "gw-s/pond-1", "gw-s-pond-1"),),
    (
        ChannelName(SPARKPLUG_FEED.id, "", "Temperature", "water_temperature", "Cel"),
        ChannelName(SPARKPLUG_FEED.id, "", "Level", "water_level", "cm"),
    ),
)


class Directory:
    """Knows gateways called gw-..., whose devices begin with the gateway's id, and one Sparkplug feed."""

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return the book of feeds."""
        return BOOK

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a gateway."""
        return "371522" if gateway_id.startswith("gw-") else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether a device belongs to the gateway."""
        return device_id.startswith(gateway_id)


def reading(gateway: str, n: int) -> ReadingIn:
    """Return the n-th reading of a gateway; no two have the same series and time, and value and place in order belong together."""
    return ReadingIn(d=f"{gateway}-dev-{n % 8 // 4}", c=CHANNELS[n % 4], t=BEGIN_MS + n * 1000, x=float(n % 40))


def message(gateway: str, number: int, size: int) -> list[ReadingIn]:
    """Return the readings of a gateway's message, counted from 0."""
    return [reading(gateway, n) for n in range(number * size, (number + 1) * size)]


class Process:
    """A child running one of this file's programs; it can be killed and started again."""

    def __init__(self, *told: Any) -> None:
        self._command = [sys.executable, "-m", "tests.faults.ingest_parts", json.dumps(told)]
        self.start()

    def start(self) -> None:
        """Start the program."""
        self.process = subprocess.Popen(self._command, cwd=ROOT)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        """End it politely, then not."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


class Field:
    """A broker, a worker process and a store; gateways come from the test."""

    def __init__(self, folder: Path, broker: servers.Server, protocol: int, *, sparkplug: bool = False) -> None:
        self.folder, self.broker, self.protocol = folder, broker, protocol
        self.host = broker.url or "127.0.0.1"
        self.readings = Readings(folder / "readings", SystemClock(), Directory())
        self.worker = Process("worker", broker.port, protocol, str(folder / "readings"), self.host, sparkplug)
        self.children = [self.worker]

    def gateway(self, name: str) -> Gateway:
        """Return a gateway of this process with its spool in the folder."""
        return Gateway(name, "any", self.host, self.broker.port, self.spool(name), protocol=self.protocol)

    def spool(self, name: str) -> Path:
        """Return where a gateway's spool is."""
        return self.folder / f"{name}.spool"

    def gateway_process(self, name: str, messages: int, size: int) -> Process:
        """Start a gateway in a process of its own; started again it goes on where its spool says it was."""
        child = Process("gateway", self.broker.port, self.protocol, str(self.spool(name)), name, messages, size)
        self.children.append(child)
        return child

    def stored(self, gateway: str) -> list[tuple[str, str, int, float]]:
        """Return every row of a gateway in the files the manifest names, repeats included."""
        catalog = self.readings._catalog  # the rows of the files, not the answers, which would hide a repeat
        names = {s.sid: (s.device, s.channel) for s in catalog.series("gateway = ?", (gateway,))}
        found = []
        for file in catalog.files("kind IN ('segment', 'daily')"):
            # A row of version 1 says no more than the final flag of one that is there.
            rows = read_rows(self.folder / "readings" / PLACES[file.kind] / file.name).select("sid", "t", "x", "version")
            found += [(*names[sid], t, x) for sid, t, x, version in rows.iter_rows() if sid in names and not version]
        return sorted(found)

    def lost(self, gateway: str, size: int) -> set[tuple[str, str, int, float]]:
        """Return the readings a gateway was told are stored and that are not."""
        told = acknowledged(self.spool(gateway))
        return {(r.d, r.c, r.t, r.x) for n in told for r in message(gateway, n - 1, size)} - set(self.stored(gateway))

    def check(self, gateway: str, messages: int, size: int) -> None:
        """Compare the store with what the gateway sent: everything once, nothing else."""
        wanted = sorted((r.d, r.c, r.t, r.x) for n in range(messages) for r in message(gateway, n, size))
        found = self.stored(gateway)
        assert len(found) == len(wanted), f"{len(found)} rows of {len(wanted)}"
        assert found == wanted

    def count(self) -> int:
        """Return how many readings are stored."""
        return self.readings.counts().readings

    def wait_for(self, readings: int, timeout: float = 10) -> None:
        """Wait until at least so many readings are stored."""
        wait_until(lambda: self.count() >= readings, timeout, every=0.01, what=f"{readings} readings stored")


@contextlib.contextmanager
def field(folder: Path, kind: str, *, sparkplug: bool = False) -> Iterator[Field]:
    """Yield a field on a broker of the kind, `mosquitto` or `amqtt`; with `sparkplug` its worker has a Sparkplug feed."""
    if kind == "mosquitto":
        broker = servers.require(lambda: servers.start_mosquitto(folder / "broker", extra="queue_qos0_messages true"))
        assert isinstance(broker, servers.Server)
    else:
        broker = servers.start_amqtt(folder / "broker")
    with servers.running(broker):
        made = Field(folder, broker, 5 if kind == "mosquitto" else 4, sparkplug=sparkplug)
        try:
            yield made
        finally:
            for child in made.children:
                child.stop()


def _worker(port: int, protocol: int, folder: str, host: str, sparkplug: bool) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_worker(
        host=host, port=port, username="ingest", password="any", worker_id="0", shards="0123456789abcdef",
        folder=Path(folder), directory=Directory(), feeds=Directory() if sparkplug else None, protocol=protocol,
        compact_seconds=3600, stop=stop,
    )  # fmt: skip


def _slow_worker(port: int, folder: str, seconds: float) -> None:
    """Run a worker whose every write takes so much longer."""
    clock, directory = SystemClock(), Directory()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    writer = Writer(Path(folder), "0", directory)

    class Slow:
        def flush(self, batch: Batch) -> None:
            time.sleep(seconds)
            writer.flush(batch)

        def settle(self) -> None:
            writer.settle()

    keeper = Keeper(Slow())
    keeper.start()
    receiver = SocketReceiver("127.0.0.1", port, "ingest-0", "ingest", "any", [up_filter(s) for s in SHARDS])
    loop = Loop(receiver, writer.intake, keeper, clock)
    loop.run(stop)
    loop.hand_over()
    keeper.finish()
    receiver.close()
    writer.close()


class _Dying(Gateway):
    """A gateway that dies, the first time it gets there: before it publishes, once it has, or once it has its acknowledgement."""

    at = ""

    def _run(self) -> None:
        if self.at == "spooled":
            wait_until(self.pending, 10, every=0.005, what="a message in the spool")
            os.kill(os.getpid(), signal.SIGKILL)
        super()._run()

    def _on_publish(self, *told: Any) -> None:
        if self.at == "published":
            os.kill(os.getpid(), signal.SIGKILL)
        super()._on_publish(*told)

    def _settle(self, ack: Any) -> None:
        if self.at == "acknowledged":
            os.kill(os.getpid(), signal.SIGKILL)
        super()._settle(ack)


def _dying_gateway(port: int, protocol: int, spool: str, name: str, messages: int, size: int, at: str) -> None:
    made = _Dying(name, "any", "127.0.0.1", port, Path(spool), protocol=protocol)
    made.at = at
    made.send_many([message(name, n, size) for n in range(given(Path(spool)), messages)])
    made.start()
    made.wait_until_empty(60)
    made.stop()


def _gateway(port: int, protocol: int, spool: str, name: str, messages: int, size: int) -> None:
    made = Gateway(name, "any", "127.0.0.1", port, Path(spool), protocol=protocol)
    made.start()
    done = given(Path(spool))
    while done < messages:
        done = made.send(message(name, done, size))
    made.wait_until_empty(60)
    made.stop()


def given(spool: Path) -> int:
    """Return the last number a spool has given (0 before it is there); messages are counted from 1, so that is how many were made."""
    return _ask(spool, "SELECT value FROM state WHERE name = 'last_seq'")


def acknowledged(spool: Path) -> set[int]:
    """Return the numbers a spool has given and holds no more: it lets go of nothing else, and of nothing before."""
    if not spool.exists():
        return set()
    with contextlib.closing(sqlite3.connect(spool, timeout=10)) as db:
        # One look at both: what is given and settled between two looks would be taken for acknowledged.
        db.execute("BEGIN")
        (last,) = db.execute("SELECT value FROM state WHERE name = 'last_seq'").fetchone()
        return set(range(1, last + 1)) - {seq for (seq,) in db.execute("SELECT seq FROM message")}


def waiting(spool: Path) -> int:
    """Return how many messages a spool holds."""
    return _ask(spool, "SELECT count(*) FROM message")


def _ask(spool: Path, query: str) -> int:
    if not spool.exists():
        return 0
    with contextlib.closing(sqlite3.connect(spool, timeout=10)) as db:
        try:
            found = db.execute(query).fetchone()
        except sqlite3.OperationalError:
            return 0  # its tables are not made yet
        return int(found[0]) if found else 0


if __name__ == "__main__":
    what, *rest = json.loads(sys.argv[1])
    programs = {"worker": _worker, "gateway": _gateway, "slow worker": _slow_worker, "dying gateway": _dying_gateway}
    programs[what](*rest)
