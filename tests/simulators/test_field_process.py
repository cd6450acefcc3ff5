"""The field simulator as a process of its own, over a real broker into a real store, killed without warning."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import SystemClock
from ingest.service import Readings
from ingest.worker import run_worker
from simulators.control import cut_gateway, heal_gateways
from simulators.field import Field
from simulators.past import days_between, readings_of_day
from tests import servers
from tests.waiting import wait_until

GATEWAYS = ["sx-01-gw", "sx-05-gw", "by-01-gw", "by-02-gw"]
SEED, DAYS = 77, 24
PROGRAM = """
import json, signal, sys, threading
from pathlib import Path
from simulators.run import run_field
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
port, protocol, folder, gateways, seed, days = json.loads(sys.argv[1])
run_field({g: "any" for g in gateways}, "127.0.0.1", port, protocol, Path(folder), stop, seed=seed, history_days=days)
"""


class Directory:
    """Knows the simulated gateways."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a gateway."""
        return {"sx": "371522", "by": "321023"}.get(gateway_id[:2])

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether a device belongs to the gateway's base."""
        return device_id.startswith(gateway_id.removesuffix("gw"))


class Installation:
    """A broker, an ingest worker and the simulator's process."""

    def __init__(self, folder: Path, broker: servers.Server) -> None:
        self.folder, self.broker = folder, broker
        self.readings = Readings(folder / "readings", SystemClock(), Directory())
        self._stop = threading.Event()
        self._worker = threading.Thread(
            target=run_worker,
            kwargs={
                "host": "127.0.0.1", "port": broker.port, "username": "ingest", "password": "any", "worker_id": "0",
                "shards": "0123456789abcdef", "folder": folder / "readings", "directory": Directory(), "stop": self._stop,
            },
        )  # fmt: skip
        self._worker.start()
        self.start()

    def start(self) -> None:
        """Start the simulator."""
        told = json.dumps([self.broker.port, 5, str(self.folder), GATEWAYS, SEED, DAYS])
        self.field = subprocess.Popen([sys.executable, "-c", PROGRAM, told], cwd=Path(__file__).parents[2])

    def told(self, name: str) -> dict[str, Any]:
        """Return one of the simulator's files, or an empty dict before it is there."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "simulator" / name).read_text())
            return found
        except OSError:
            return {}

    def waiting(self, gateway: str) -> int:
        """Return how many messages wait in a gateway's spool."""
        with sqlite3.connect(self.folder / "spool" / f"{gateway}.db") as db:
            return int(db.execute("SELECT count(*) FROM message").fetchone()[0])

    def stop_worker(self) -> None:
        """End the ingest worker."""
        self._stop.set()
        self._worker.join(20)


@pytest.fixture
def installation(mosquitto: servers.Server, tmp_path: Path) -> Iterator[Installation]:
    """Yield an installation whose simulator has just started."""
    made = Installation(tmp_path, mosquitto)
    yield made
    made.field.kill()
    made.field.wait(10)
    made.stop_worker()


def test_killed_in_the_middle_of_history_nothing_is_missing_or_changed(installation: Installation) -> None:
    """Killed four times at once after the other, the store ends up with exactly what an undisturbed simulator would have sent."""
    window = wait_until(lambda: installation.told("field.json").get("windows"), 20)[0]
    seen = -1
    for _ in range(4):

        def further(seen: int = seen) -> bool:
            told = installation.told("history.json")
            return bool(told and (told["acknowledged"] > seen or told["complete"]))

        wait_until(further, 20)
        installation.field.send_signal(signal.SIGKILL)
        installation.field.wait(10)
        assert seen > 0 or not installation.told("history.json")["complete"], "the first kill must fall into the history"
        seen = installation.told("history.json")["acknowledged"]
        installation.start()
    wait_until(lambda: installation.told("history.json").get("complete"), 60, what="history complete")
    field = Field(SEED)
    truth: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for gateway in GATEWAYS:
        for day in days_between(window["after_ms"], window["until_ms"]):
            box = readings_of_day(field, field.world.devices_of(gateway), day, window["after_ms"], window["until_ms"])
            for k, t, x in zip(box.which.tolist(), box.t_ms.tolist(), box.values.tolist(), strict=True):
                truth[box.names[k]][t] = x
    for (device, channel), values in truth.items():
        until = window["until_ms"] + 1
        stored = {p.t_ms: p.value for p in installation.readings.range(device, channel, window["after_ms"] - 86_400_000, until, 20_000)}
        # A live reading of a slow clock claims a time before history's end; what belongs to history must all be there as it was made.
        assert {t: stored.get(t) for t in values} == values, (device, channel)
    assert sum(map(len, truth.values())) > DAYS * 144 * 55
    assert installation.readings.counts().dead_letters == 0


def test_a_cut_gateway_s_gap_opens_and_fills(installation: Installation) -> None:
    """Cut off, a gateway's newest reading stands still and its spool fills; healed, the gap is filled without a hole."""
    folder, device = installation.folder / "simulator", "by-01-p1-level"
    wait_until(lambda: installation.told("history.json").get("complete"), 60, what="history complete")

    def newest() -> int:
        found = [x.t_ms for x in installation.readings.latest(devices=[device]) if x.channel == "water_level"]
        return found[0] if found else 0

    wait_until(lambda: newest() > time.time() * 1000 - 20_000, 30, what="live readings")
    cut_gateway(folder, "by-01-gw")
    wait_until(lambda: installation.waiting("by-01-gw") >= 1, 40, what="a tick in the spool")
    stands_at = newest()
    assert heal_gateways(folder) == ["by-01-gw"]
    wait_until(lambda: newest() > stands_at and installation.waiting("by-01-gw") == 0, 20, what="the gap filled")
    points = installation.readings.range(device, "water_level", stands_at - 20_000, newest() + 1, 100)
    times = [p.t_ms for p in points]
    assert max(b - a for a, b in itertools.pairwise(times)) == 10_000


def test_a_polite_stop_is_quick(installation: Installation) -> None:
    """SIGTERM in the middle of history ends the process in order, whatever the broker does: the supervisor need not kill it."""
    wait_until(lambda: installation.told("history.json").get("acknowledged", 0) > 0, 20)
    os.kill(installation.broker.pid, signal.SIGSTOP)
    try:
        installation.field.terminate()
        assert installation.field.wait(60) == 0
    finally:
        os.kill(installation.broker.pid, signal.SIGCONT)
