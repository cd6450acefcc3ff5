"""What the runs of `bench.ingest` share: broker, load, child processes, processor time, rows counted in the stores."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ingest_packets import GATEWAYS
from foundation.files import find_program
from tests import servers

HERE = Path(__file__).parent
# The load's connections, and how many publishes may be under way on all of them.
CONNECTIONS = 10
WINDOW = 20_000


@dataclass(frozen=True)
class Tools:
    """The load's command, and the C subscriber's where there is a compiler."""

    load: tuple[str, ...]
    subscriber: tuple[str, ...] | None


def compile_tools(folder: Path) -> Tools:
    """Compile the C programs into a folder; without a compiler the load is the Python one and there is no C subscriber."""
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := find_program(name))), None)
    made = []
    for name in ("ingest_load", "ingest_subscriber"):
        command = [str(compiler), "-O2", "-o", str(folder / name), str(HERE / f"{name}.c")]
        if compiler is None or subprocess.run(command, check=False, capture_output=True).returncode:
            return Tools((sys.executable, "-m", "bench.ingest_load"), None)
        made.append(str(folder / name))
    return Tools((made[0],), (made[1],))


def start_broker(folder: Path) -> servers.Server:
    """Start mosquitto with a Unix socket beside its port."""
    return servers.start_mosquitto(folder / "broker", extra=f"listener 0 {folder / 'mqtt'}")


def load(
    tools: Tools, folder: Path, packets: Path, begin: int, count: int, *, acks: bool, rate: float = 0, connections: int = CONNECTIONS
) -> dict[str, Any]:
    """Send messages `begin` to `begin + count` to the broker in `folder` and return what the load tells."""
    numbers = [len(GATEWAYS), connections, begin, count, WINDOW, rate, int(acks)]
    command = [*tools.load, str(folder / "mqtt"), str(packets), *map(str, numbers)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def rows_on_disk(folder: Path) -> int:
    """Return how many readings the files of a store hold."""
    import polars as pl

    files = [*(folder / "segments").glob("*.parquet"), *(folder / "daily").glob("*.parquet")]
    return int(pl.scan_parquet(files).filter(pl.col("version") == 0).select(pl.len()).collect().item()) if files else 0


def points_in(url: str) -> int:
    """Return how many points of the measurement `reading` VictoriaMetrics holds."""
    urllib.request.urlopen(url + "/internal/force_flush", timeout=30).close()
    query = urllib.parse.urlencode({"query": "sum(count_over_time(reading_value[40d]))", "time": int(time.time())})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=60) as answer:
        found = json.load(answer)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


@contextmanager
def temporary() -> Iterator[Path]:
    """Make a folder for one run and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="suhe-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def child(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process whose lines are read, and end it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def line(process: subprocess.Popen[bytes], key: str = "") -> Any:
    """Return the next line a child says, as JSON; with `key`, the next object that has it."""
    assert process.stdout is not None
    while True:
        said = process.stdout.readline()
        if not said:
            raise SystemExit(f"a part of the bench ended early: {process.args!r}")
        told = json.loads(said)
        if not key or (isinstance(told, dict) and key in told):
            return told
