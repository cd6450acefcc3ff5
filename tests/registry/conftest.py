"""A registry on each engine, empty and with one of everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from registry.service import Registry
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND


@pytest.fixture
def clock() -> FixedClock:
    """Return a clock that stands still until it is moved."""
    return FixedClock(datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture
def registry(records_url: str, clock: FixedClock) -> Iterator[Registry]:
    """Yield an empty registry, once on SQLite and once on PostgreSQL."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    yield Registry(engine, clock)
    engine.dispose()


@pytest.fixture
def filled(registry: Registry) -> Registry:
    """Return a registry with one of everything."""
    registry.add_all([POND, BASE, COOP, BAOYING, LOTUS])
    registry.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")
    registry.add_device(LEVEL)
    return registry
