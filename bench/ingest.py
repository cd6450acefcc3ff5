"""Readings per second from the broker to disk: QoS 1, acknowledged after the fsync, one worker beside a real mosquitto.

    python -m bench.ingest            five rounds each, in turn, medians
    python -m bench.ingest --quick    one round of fewer messages

`singles` are messages of one reading, `batches` of twenty. The clock runs from the first publish to the last application
acknowledgement, and the rows on disk are counted afterwards. The peer is the tutorial stack (paho, json, influxdb-client Points with the
batching WriteApi, VictoriaMetrics) on the same packets in the same run, from the first publish to the last point written; it
acknowledges before it stores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.ingest_load import GATEWAYS
from bench.report import Row, print_report
from tests import servers

BATCH = 20
AT_LEAST = 5.0
# Ours and the peer take turns, so that what else the machine does falls on both.
ROUNDS = 5
# (figure, readings per message, messages for us, messages for the peer); the peer is slower, so it is given less.
FULL = (("singles", 1, 160_000, 48_000), ("batches", BATCH, 32_000, 4_800))
QUICK = (("singles", 1, 80_000, 16_000), ("batches", BATCH, 16_000, 1_600))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", nargs=2, metavar=("PORT", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        _run_worker(int(arguments.worker[0]), Path(arguments.worker[1]))
        return
    rows = []
    for figure, readings, ours, theirs in QUICK if arguments.quick else FULL:
        rounds = [(_ours(readings, ours), _theirs(readings, theirs)) for _ in range(1 if arguments.quick else ROUNDS)]
        value, peer = (statistics.median(x) for x in zip(*rounds, strict=True))
        scale = f"{ours * readings:,} readings, peer {theirs * readings:,}, {len(rounds)} round{'s' if len(rounds) > 1 else ''}"
        rows.append(Row(figure, round(value), "readings/s", scale, peer="tutorial", peer_value=round(peer), at_least=AT_LEAST))
    print_report("ingest", rows)


def _ours(readings: int, messages: int) -> float:
    with _folder() as folder, servers.running(_broker(folder)) as broker:
        with _child("bench.ingest", "--worker", str(broker.port), str(folder / "readings")) as worker:
            _line(worker)
            _load(folder, len(GATEWAYS), readings, 1, acks=True)
            told = _load(folder, messages, readings, 2, acks=True)
        stored = _rows_on_disk(folder / "readings")
        wanted = (messages + len(GATEWAYS)) * readings
        if stored != wanted or told["refused"]:
            raise SystemExit(f"{stored} readings are on disk, {wanted} were sent, {told['refused']} messages refused")
        return float(messages * readings / (told["ended"] - told["began"]))


def _theirs(readings: int, messages: int) -> float:
    with (
        _folder() as folder,
        servers.running(_broker(folder)) as broker,
        servers.running(servers.start_victoria_metrics(folder)) as store,
    ):
        order = {"port": broker.port, "url": store.url, "messages": messages, "warm": len(GATEWAYS)}
        with _child("bench.ingest_tutorial", json.dumps(order)) as tutorial:
            _line(tutorial)
            _load(folder, len(GATEWAYS), readings, 1, acks=False)
            _line(tutorial)
            began = _load(folder, messages, readings, 2, acks=False)["began"]
            told = _line(tutorial)
        stored = _points_in(store.url)
        wanted = (messages + len(GATEWAYS)) * readings
        if stored != wanted or told["failed"]:
            raise SystemExit(f"the tutorial stack stored {stored} of {wanted} readings, {told['failed']} writes failed")
        return float(messages * readings / (told["ended"] - began))


def _broker(folder: Path) -> servers.Server:
    """Start mosquitto with a Unix socket beside its port: the load comes there, so that the broker's time is the consumer's."""
    return servers.start_mosquitto(folder / "broker", extra=f"listener 0 {folder / 'mqtt'}")


class _Anyone:
    """A directory that knows every gateway of the load."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return a county."""
        return "371522" if gateway_id in GATEWAYS else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is the gateway's own."""
        return device_id.startswith(gateway_id)


def _run_worker(port: int, folder: Path) -> None:
    import structlog

    from ingest.worker import run_worker

    class Said:
        def msg(self, message: str) -> None:
            print(json.dumps(message), flush=True)

        info = warning = debug = error = msg

    structlog.configure(processors=[lambda _logger, _name, event: event["event"]], logger_factory=lambda *_: Said())
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    run_worker(
        host="127.0.0.1", port=port, username="ingest", password="any", worker_id="0", shards="0123456789abcdef",
        folder=folder, directory=_Anyone(), protocol=5, compact_seconds=3600.0, stop=stop,
    )  # fmt: skip


def _load(folder: Path, messages: int, readings: int, first_seq: int, *, acks: bool) -> dict[str, Any]:
    order = {"socket": str(folder / "mqtt"), "messages": messages, "readings": readings, "first_seq": first_seq, "acks": acks}
    command = [sys.executable, "-m", "bench.ingest_load", json.dumps(order)]
    told: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return told


def _rows_on_disk(folder: Path) -> int:
    import polars as pl

    return int(pl.scan_parquet(folder / "segments" / "*.parquet").select(pl.len()).collect().item())


def _points_in(url: str) -> int:
    urllib.request.urlopen(url + "/internal/force_flush", timeout=30).close()
    query = urllib.parse.urlencode({"query": "sum(count_over_time(reading_value[40d]))", "time": int(time.time())})
    with urllib.request.urlopen(f"{url}/api/v1/query?{query}", timeout=60) as answer:
        found = json.load(answer)["data"]["result"]
    return int(found[0]["value"][1]) if found else 0


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="suhe-bench-ingest-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _child(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _line(process: subprocess.Popen[bytes]) -> Any:
    """Return the next line a child says, as JSON; every child says when it is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"a part of the bench ended early: {process.args!r}")
    return json.loads(line)


if __name__ == "__main__":
    main()
