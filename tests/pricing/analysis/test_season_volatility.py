"""The seasonal index and the usual movement of prices, each against a world made by hand."""

from __future__ import annotations

import math
from datetime import date, timedelta
from statistics import stdev

import pytest

from pricing.analysis.months import month_of, monthly_prices
from pricing.analysis.season import seasonal_index
from pricing.analysis.volatility import FEWEST_MOVES, unchanged_share, volatility, weekly_moves

FACTORS = (1.4, 1.5, 1.2, 1.0, 0.7, 0.6, 0.8, 0.9, 0.9, 0.9, 1.0, 1.1)
JANUARY = 2020 * 12


def test_a_pure_season_gives_back_its_own_factors() -> None:
    """Level times factor, repeated for three years, has exactly these factors, whose mean is 1."""
    assert sum(FACTORS) == pytest.approx(12)
    found = seasonal_index([(month_of(JANUARY + k), 3000 * FACTORS[k % 12]) for k in range(36)])
    assert found is not None
    assert found.months == pytest.approx(FACTORS)
    assert found.of(date(2026, 2, 14)) == pytest.approx(1.5)
    assert (found.ratios, found.first, found.last) == (24, date(2020, 7, 1), date(2022, 6, 1))


def test_a_steady_rise_is_no_season() -> None:
    """A straight line has the ratio 1 in every month: the trend is taken out."""
    found = seasonal_index([(month_of(JANUARY + k), 1000.0 + 10 * k) for k in range(48)])
    assert found is not None
    assert found.months == pytest.approx((1.0,) * 12)


def test_two_years_are_needed_and_a_gap_is_not_bridged() -> None:
    """23 months leave a calendar month without a ratio; a missing month takes with it every mean it belongs to."""
    months = [(month_of(JANUARY + k), 3000.0) for k in range(36)]
    assert seasonal_index(months[:23]) is None
    assert seasonal_index(months[:24]) is not None
    assert seasonal_index(months[:12] + months[13:24]) is None


def test_a_month_counts_from_its_tenth_day() -> None:
    """A month's price is the mean of its days; nine days make none."""
    days = [(date(2026, 1, 1) + timedelta(days=k), 3000.0 + k) for k in range(40)]
    assert monthly_prices(days) == [(date(2026, 1, 1), 3015.0)]
    assert monthly_prices([*days, (date(2026, 2, 10), 3040.0)])[1] == (date(2026, 2, 1), 3035.5)


def test_volatility_is_the_deviation_of_weekly_moves_times_root_52() -> None:
    """Moves of plus and minus a tenth alternate: their deviation is known, and only neighbouring weeks make a move."""
    weekly = [(date(2025, 1, 6) + timedelta(weeks=k), 3000 * math.exp(0.1 * (k % 2))) for k in range(41)]
    found = volatility(weekly)
    assert found.value == pytest.approx(stdev([0.1, -0.1] * 20) * math.sqrt(52))
    assert found.n == 40
    without = [w for k, w in enumerate(weekly) if k != 20]
    assert len(weekly_moves(without)) == 38


def test_volatility_looks_at_one_year_and_refuses_a_quarter_that_is_not_whole() -> None:
    """A wild year before the last does not count, and twelve moves say nothing."""
    start = date(2023, 1, 2)
    wild = [(start + timedelta(weeks=k), 3000 * math.exp(k % 2)) for k in range(60)]
    calm = [(start + timedelta(weeks=60 + k), 3000 * math.exp(0.01 * (k % 2))) for k in range(54)]
    found = volatility(wild + calm)
    assert found.value == pytest.approx(stdev([0.01, -0.01] * 26) * math.sqrt(52))
    short = volatility(calm[:FEWEST_MOVES])
    assert (short.value, short.reason, short.n, short.need) == (None, "not-enough-history", 12, 13)


def test_the_share_of_unchanged_days_looks_at_neighbours_only() -> None:
    """Of three equal days and one other in turn, half repeat the day before; across a gap nothing is said."""
    days = [(date(2026, 1, 1) + timedelta(days=k), 3000.0 + (k % 4 == 3)) for k in range(101)]
    assert unchanged_share(days).value == pytest.approx(0.5)
    assert unchanged_share(days[::2]).reason == "not-enough-history"
