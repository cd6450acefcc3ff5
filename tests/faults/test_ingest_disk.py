"""The store is locked, slow, or full: nothing is acknowledged that is not on disk, memory stays flat, and it goes on by itself."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ingest_parts import Process, acknowledged, field, message, waiting
from tests.waiting import wait_until

SIZE = 20
# A store that is down for a minute, at a tenth of the time: what it takes longer is only waiting.
DOWN_S = 6.0
SLOW_S = 0.2


def memory(pid: int) -> int:
    """Return how many bytes of memory a process has resident."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no VmRSS")


def test_a_catalogue_locked_by_another(tmp_path: Path) -> None:
    """While it is locked nothing is acknowledged; then everything is, without a restart."""
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send(message("gw-a", 0, SIZE))
        assert gateway.wait_until_empty(20)
        heard = made.readings.gateways()[0].last_received_ms
        with contextlib.closing(sqlite3.connect(tmp_path / "readings" / "catalog.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begin, n = time.monotonic(), 1
            while time.monotonic() - begin < DOWN_S:
                gateway.send_many([message("gw-a", k, SIZE) for k in range(n, n + 20)])
                n += 20
                assert len(acknowledged(made.spool("gw-a"))) == 1
                time.sleep(0.1)
            assert waiting(made.spool("gw-a")) == n - 1
            other.execute("ROLLBACK")
        assert gateway.wait_until_empty(30)
        assert made.readings.gateways()[0].last_received_ms > heard
        assert made.worker.process.poll() is None
        gateway.stop()
        made.check("gw-a", n, SIZE)


def test_a_store_that_takes_200_ms_a_write(tmp_path: Path) -> None:
    """A burst far above what it can take: the worker holds two batches and no more, the broker and the spools hold the rest."""
    messages = 1_500
    with field(tmp_path, "mosquitto") as made:
        made.worker.stop()
        slow = Process("slow worker", made.broker.port, str(tmp_path / "readings"), SLOW_S)
        made.children.append(slow)
        gateways = [made.gateway(name) for name in ("gw-a", "gw-b")]
        for gateway in gateways:
            gateway.start()
            gateway.send(message(gateway._id, 0, SIZE))
        assert all(gateway.wait_until_empty(30) for gateway in gateways)
        before = memory(slow.process.pid)
        for gateway in gateways:
            gateway.send_many([message(gateway._id, n, SIZE) for n in range(1, messages)])
        most = 0
        while any(waiting(made.spool(g._id)) for g in gateways):
            most = max(most, memory(slow.process.pid))
            time.sleep(0.05)
        print(f"{(most - before) / 1e6:.0f} MB more resident with {2 * messages * SIZE} readings waiting")
        assert most - before < 150_000_000, f"{(most - before) / 1e6:.0f} MB more while the store was slow"
        for gateway in gateways:
            gateway.stop()
            assert not made.lost(gateway._id, SIZE)
            made.check(gateway._id, messages, SIZE)


def fill(path: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(4096))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("a small file system is mounted by root only")
    place = tmp_path / "readings"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)], check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_acknowledges_nothing_and_recovers_by_itself(small_disk: Path, tmp_path: Path) -> None:
    """ENOSPC in the middle of a stream: no acknowledgement after it, the worker lives, and with room again everything is stored."""
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send_many([message("gw-a", n, SIZE) for n in range(50)])
        assert gateway.wait_until_empty(30)
        filler = small_disk / "somebody-elses-file"
        fill(filler)
        gateway.send_many([message("gw-a", n, SIZE) for n in range(50, 150)])
        assert not gateway.wait_until_empty(3)
        # What was acknowledged by then, if anything still found room, is there.
        assert not made.lost("gw-a", SIZE)
        told = len(acknowledged(made.spool("gw-a")))
        assert told < 150 and made.worker.process.poll() is None
        filler.unlink()
        assert gateway.wait_until_empty(40)
        assert made.worker.process.poll() is None
        gateway.stop()
        made.check("gw-a", 150, SIZE)


def test_a_worker_started_on_a_full_disk_waits_for_room(small_disk: Path, tmp_path: Path) -> None:
    """Stopped while the disk is full it ends in order; started again on it, it comes up when there is room, without repair."""
    with field(tmp_path, "mosquitto") as made:
        gateway = made.gateway("gw-a")
        gateway.start()
        gateway.send_many([message("gw-a", n, SIZE) for n in range(20)])
        assert gateway.wait_until_empty(30)
        filler = small_disk / "somebody-elses-file"
        fill(filler)
        made.worker.process.terminate()
        assert made.worker.process.wait(30) == 0
        made.worker.start()
        gateway.send_many([message("gw-a", n, SIZE) for n in range(20, 40)])
        assert not gateway.wait_until_empty(3)
        filler.unlink()

        def stored() -> bool:
            if made.worker.process.poll() is not None:
                made.worker.start()  # as the supervisor does
            return gateway.pending() == 0

        wait_until(stored, 40, every=0.5)
        gateway.stop()
        made.check("gw-a", 40, SIZE)
