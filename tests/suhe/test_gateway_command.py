"""`suhe gateway run` as somebody at a box runs it: a file and a pipe through a real broker into a store, small all the while."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.errors import BadInput
from ingest.catalog import Catalog
from suhe.commands.gateway import read_credentials
from tests import servers
from tests.ingest.examples import NOW_MS, worker
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
GATEWAY, DEVICE = "by-01-gw", "by-01-p1-level"
ENV = {**os.environ, "SUHE_GATEWAY_ID": GATEWAY, "SUHE_GATEWAY_PASSWORD": "any"}
MEMORY_MB = 40
COMMAND = [sys.executable, "-m", "suhe.cli", "gateway", "run"]


def lines(first: int, last: int) -> str:
    """Return lines of readings."""
    return "".join(f"{DEVICE},water_level,{NOW_MS - 60_000 * n},{n % 80}\n" for n in range(first, last))


def stored(folder: Path) -> int:
    """Return how many readings the store counts."""
    catalog = Catalog(folder)
    try:
        found = catalog.rows("SELECT value FROM counter WHERE name = 'readings'")
        return int(str(found[0][0])) if found else 0
    finally:
        catalog.close()


def test_a_file_goes_through_and_again_goes_nothing(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Exit 0 when all is acknowledged; bad lines are told; the second run finds nothing new."""
    path, spool = tmp_path / "log.csv", tmp_path / "spool.db"
    path.write_text("device,channel,time,value\n" + lines(0, 250) + "bad line\n" + lines(250, 260))
    told = [*COMMAND, str(path), "--port", str(mosquitto.port), "--spool", str(spool)]
    with worker(tmp_path / "readings", mosquitto.port):
        done = subprocess.run(told, cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "readings=260 refused=1" in done.stderr and "line 252: " in done.stderr and "spool_depth=0" in done.stderr
        again = subprocess.run(told, cwd=ROOT, env=ENV, capture_output=True, text=True, timeout=60, check=False)
        assert again.returncode == 0 and "readings=0" in again.stderr
    assert stored(tmp_path / "readings") == 260


def test_a_pipe_is_sent_while_it_is_open_and_stays_small(mosquitto: servers.Server, tmp_path: Path) -> None:
    """Lines go out within the second; the process stays below forty megabytes; SIGTERM ends it with what it has put away."""
    told = [*COMMAND, "-", "--port", str(mosquitto.port), "--spool", str(tmp_path / "spool.db"), "--batch-seconds", "0.2", "--every", "0.2"]
    with worker(tmp_path / "readings", mosquitto.port):
        box = subprocess.Popen(told, cwd=ROOT, env=ENV, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert box.stdin is not None and box.stderr is not None
            box.stdin.write("device,channel,time,value\n" + lines(0, 10_000))
            box.stdin.flush()
            wait_until(lambda: stored(tmp_path / "readings") == 10_000, 30)
            box.stdin.write(lines(10_000, 10_001))
            box.stdin.flush()
            wait_until(lambda: stored(tmp_path / "readings") == 10_001, 10)
            memory = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{box.pid}/status").read_text())
            assert memory is not None and int(memory.group(1)) / 1024 < MEMORY_MB
            box.send_signal(signal.SIGTERM)
            _, errors = box.communicate(timeout=20)
        finally:
            if box.poll() is None:
                box.kill()
                box.wait(10)
    print(f"peak {int(memory.group(1)) / 1024:.1f} MB")
    assert box.returncode == 0 and re.search(r"online spool_depth=\d+ oldest=\d+s readings=10001 refused=0 given_up=0 clock=[+-]\d", errors)


def test_without_a_broker_all_is_in_the_spool(tmp_path: Path) -> None:
    """Exit 3 says that something waits; it is there for the next run."""
    told = [*COMMAND, "-", "--port", str(servers.free_port()), "--spool", str(tmp_path / "spool.db"), "--wait", "0.2"]
    done = subprocess.run(
        told, cwd=ROOT, env=ENV, input="device,channel,time,value\n" + lines(0, 3), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3 and "offline spool_depth=1" in done.stderr


def test_credentials_are_neither_missing_nor_open(tmp_path: Path) -> None:
    """From the environment or a file nobody else may read; what `suhe user gateway` prints can be that file."""
    file = tmp_path / "box"
    file.write_text("user      by-01-gw\npassword  secret one\npublish   suhe/v1/0/by-01-gw/up\nseed=00ff\n")
    file.chmod(0o600)
    assert read_credentials(file, {}) == {"user": "by-01-gw", "password": "secret one", "seed": "00ff"}
    assert read_credentials(None, {"SUHE_GATEWAY_ID": "a", "SUHE_GATEWAY_PASSWORD": "b"}) == {"user": "a", "password": "b"}
    file.chmod(0o640)
    for path, environment in ((file, {}), (tmp_path / "none", {}), (None, {"SUHE_GATEWAY_ID": "a"})):
        with pytest.raises(BadInput):
            read_credentials(path, environment)
