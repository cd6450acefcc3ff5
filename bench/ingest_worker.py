"""Our side of `bench.ingest`: one ingest worker as `suhe ingest` runs it, with a registry that knows the gateways of the load.

    python -m bench.ingest_worker PORT FOLDER [WORKER WORKERS]

It tells its processor time on SIGUSR1.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from pathlib import Path

import structlog

from bench.ingest_packets import GATEWAYS
from ingest.topics import SHARDS
from ingest.worker import run_worker


class Anyone:
    """A directory that knows every gateway of the load."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return a county."""
        return "371522" if gateway_id in GATEWAYS else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is the gateway's own."""
        return device_id.startswith(gateway_id)


class Said:
    """A logger whose lines are JSON texts."""

    def msg(self, message: str) -> None:
        """Print a line."""
        print(json.dumps(message), flush=True)

    info = warning = debug = error = msg


def main() -> None:
    """Run until SIGTERM."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    worker, workers = (int(sys.argv[3]), int(sys.argv[4])) if len(sys.argv) > 3 else (0, 1)
    structlog.configure(processors=[lambda _logger, _name, event: event["event"]], logger_factory=lambda *_: Said())
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_: print(json.dumps({"cpu_s": time.process_time()}), flush=True))
    run_worker(
        host="127.0.0.1", port=port, username="ingest", password="any", worker_id=str(worker), shards=SHARDS[worker::workers],
        folder=folder, directory=Anyone(), protocol=5, compact_seconds=3600.0, stop=stop,
    )  # fmt: skip


if __name__ == "__main__":
    main()
