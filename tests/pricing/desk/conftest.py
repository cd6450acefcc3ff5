"""A price desk on either database, beside the price service of the folder above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from foundation.blobs import BlobFolder
from pricing.desk.service import PriceDesk
from pricing.service import Prices


@pytest.fixture
def desk(prices: Prices, clock: Any, tmp_path: Path) -> PriceDesk:
    """Return the desk of an empty house."""
    return PriceDesk(prices.engine, clock, BlobFolder(tmp_path / "blobs"))
