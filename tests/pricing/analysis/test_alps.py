"""WFP's alert for price spikes against an independent least-squares fit, and who may be judged."""

from __future__ import annotations

import math
import random
from datetime import date

import numpy as np
import pytest

from pricing.analysis.alps import as_it_went, fit, may_enter, state_of
from pricing.analysis.months import month_number, month_of

START = month_number(date(2019, 1, 1))
Months = list[tuple[date, float]]


def months(n: int, seed: int = 5) -> Months:
    """Return `n` months with a trend, a season and noise."""
    dice = random.Random(seed)
    return [(month_of(START + k), 3000 * math.exp(0.004 * k + 0.3 * math.sin(k / 2) + dice.gauss(0, 0.1))) for k in range(n)]


def by_numpy(monthly: Months, *, logs: bool) -> tuple[float, float]:
    """Return the last residual in standard errors and the slope, from numpy's solver with twelve levels and a trend."""
    numbers = [month_number(m) for m, _ in monthly]
    y = np.array([math.log(p) if logs else p for _, p in monthly])
    x = np.zeros((len(y), 13))
    x[:, 0] = numbers
    for row, number in enumerate(numbers):
        x[row, 1 + number % 12] = 1
    solved, _, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    e = y - x @ solved
    return float(e[-1] / np.sqrt((e @ e) / (len(y) - rank))), float(solved[0])


@pytest.mark.parametrize("logs", [True, False])
def test_trend_and_season_are_those_of_least_squares(logs: bool) -> None:
    """The fit taken apart by calendar month is the full regression, with gaps too."""
    whole = months(60)
    for monthly in (whole, [m for k, m in enumerate(whole) if k not in {7, 20, 21, 44}]):
        found = fit(monthly, logs=logs)
        value, slope = by_numpy(monthly, logs=logs)
        assert found is not None
        assert (found.value, found.slope) == (pytest.approx(value), pytest.approx(slope))
        assert (found.n, found.parameters) == (len(monthly), 13)
        # The value is the distance from what was expected, in deviations.
        off = math.log(monthly[-1][1] / found.expected) if logs else monthly[-1][1] - found.expected
        assert off / found.sd == pytest.approx(found.value)


def test_a_spike_is_told_in_its_month_and_not_before() -> None:
    """A price half as dear again is a crisis when it comes, and no earlier month knows of it."""
    plain = months(60)
    spike = [*plain[:-1], (plain[-1][0], plain[-1][1] * 1.8)]
    assert as_it_went(spike)[:-1] == as_it_went(plain)[:-1]
    assert state_of(as_it_went(spike)[-1][1]) == "crisis"


def test_who_may_be_judged() -> None:
    """Three years, seven months of ten, and one in the last six."""
    whole = months(40)
    assert not may_enter(whole[:35], whole[34][0])
    assert may_enter(whole[:36], whole[35][0])
    assert not may_enter(whole[::2], whole[38][0])
    assert may_enter(whole, month_of(START + 44))
    assert not may_enter(whole, month_of(START + 45))
    assert not may_enter([], date(2026, 1, 1))


def test_words_and_a_series_without_noise() -> None:
    """Each bound belongs to the graver word; what never deviates has no spike, and is not divided by nought."""
    assert [state_of(x) for x in (None, -3.0, 0.24, 0.25, 0.99, 1.0, 2.0)] == [
        "unknown", "normal", "normal", "stress", "stress", "alert", "crisis",
    ]  # fmt: skip
    assert fit([(month_of(START + k), 3000.0) for k in range(40)]) is None
    assert fit(months(13)) is None
