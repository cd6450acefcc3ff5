"""A price service on either database, and simulated market sites on a free port, both with a clock that stands still."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.service import Prices
from simulators.markets import run_markets
from tests.waiting import wait_until

assert pricing.store


@dataclass
class Sites:
    """Simulated market sites that are being served."""

    folder: Path
    addresses: dict[str, str]


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock at 16:00 on 2026-11-23 in Shanghai."""
    return FixedClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))


@pytest.fixture
def prices(records_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Prices]:
    """Yield a price service on an empty database."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    yield Prices(engine, clock, BlobFolder(tmp_path / "blobs"))
    engine.dispose()


@pytest.fixture
def lite_prices(tmp_path: Path, clock: FixedClock) -> Iterator[Prices]:
    """Yield a price service on SQLite alone, for what does not depend on the engine."""
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    yield Prices(engine, clock, BlobFolder(tmp_path / "blobs"))
    engine.dispose()


@pytest.fixture
def sites(tmp_path: Path, clock: FixedClock) -> Iterator[Sites]:
    """Yield every market site without throttling, on the tests' clock."""
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"clock": clock, "quirks": False, "every": True})
    serve.start()
    told = tmp_path / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    yield Sites(tmp_path / "simulator", json.loads(told.read_text()))
    stop.set()
    serve.join(10)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """Yield the collector's own client."""
    with open_client("office@example.org", allow=LOOPBACK_HOSTS) as found:
        yield found
