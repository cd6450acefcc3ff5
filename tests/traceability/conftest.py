"""A trace service with registered authors, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.traceability.kit import Kit, make_kit


@pytest.fixture
def kit(records_url: str, tmp_path: Path) -> Iterator[Kit]:
    """Yield a kit on an empty database."""
    made = make_kit(records_url, tmp_path)
    yield made
    made.engine.dispose()
