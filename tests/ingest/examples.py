"""What the tests of ingest share: a directory of two gateways, messages, and a worker in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from foundation.clock import FixedClock, to_ms
from ingest.payloads import ReadingIn, encode_up
from ingest.worker import run_worker

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
NOW_MS = to_ms(NOW)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
SHARDS = "0123456789abcdef"


class TwoGateways:
    """Knows by-01-gw in 321023 and sx-01-gw in 371522; a device belongs to the gateway whose base it is named after."""

    def __init__(self) -> None:
        self.counties = {"by-01-gw": "321023", "sx-01-gw": "371522"}

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a known gateway."""
        return self.counties.get(gateway_id)

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is of the gateway's base."""
        return device_id.startswith(gateway_id.removesuffix("gw"))


def clock() -> FixedClock:
    """Return a clock that stands at noon of a day in Shanghai."""
    return FixedClock(NOW)


def level(
    minutes_ago: float, value: float, device: str = "by-01-p1-level", channel: str = "water_level", unit: str | None = None
) -> ReadingIn:
    """Return one reading of a pond's level."""
    return ReadingIn(d=device, c=channel, t=NOW_MS - int(minutes_ago * MINUTE_MS), x=value, u=unit)


def message(seq: int, *readings: ReadingIn) -> bytes:
    """Return a gateway's message; without readings, one of a level that tells its number."""
    return encode_up(seq, list(readings) or [level(seq, float(seq % 50))])


@contextlib.contextmanager
def worker(folder: Path, port: int, protocol: int = 5, directory: object = None, **more: object) -> Iterator[threading.Thread]:
    """Run an ingest worker in a thread until the end of the block."""
    stop = threading.Event()
    thread = threading.Thread(
        target=run_worker,
        kwargs={
            "host": "127.0.0.1", "port": port, "username": "ingest", "password": "any", "worker_id": "0", "shards": SHARDS,
            "folder": folder, "directory": directory or TwoGateways(), "protocol": protocol, "stop": stop, **more,
        },
    )  # fmt: skip
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()
