"""Forecasts on two years of Xinfadi's real vegetables: never worse than naive where it counts, and intervals that cover."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.forecast import AT_LEAST, judge
from bench.forecast_data import xinfadi


def test_forecasts_hold_their_bounds_against_naive(conformance_data: Path) -> None:
    """63 vegetables, every week from the 61st an origin: skill at 1, 4 and 12 weeks, and 75 to 85 of 100 weeks inside P10 to P90."""
    pool = list(xinfadi(conformance_data / "pricing").values())
    assert len(pool) == 63
    for j in judge(pool, tuple(AT_LEAST)):
        assert j.skill(j.shown, j.naive) >= AT_LEAST[j.horizon], j.horizon
        assert j.skill(j.shown, j.naive) > 0, j.horizon
        assert 0.75 <= np.nanmean(j.inside) <= 0.85, j.horizon
