"""The spread of two markets: its band, and how fast it closes."""

from __future__ import annotations

import math
import random
from datetime import date, timedelta
from itertools import pairwise

import pytest
from scipy import stats

from pricing.analysis.spread import coming_back, half_life, log_spread, outside, t_quantile
from pricing.analysis.telling import spread_facts

START = date(2025, 1, 6)


def weekly(rho: float, n: int, noise: float = 0.05, seed: int = 3) -> list[tuple[date, float]]:
    """Return a weekly log spread around 0.3 that closes by `rho` a week."""
    dice = random.Random(seed)
    s, found = 0.3, []
    for k in range(n):
        found.append((START + timedelta(weeks=k), s))
        s += rho * (s - 0.3) + dice.gauss(0, noise)
    return found


def test_a_spread_that_halves_in_a_week_is_found_and_lies_in_its_interval() -> None:
    """ρ = -0.5 is a half-life of one week; the regression is scipy's, and the interval holds the truth."""
    series = weekly(-0.5, 200)
    found = coming_back(series)
    assert found is not None
    x = [s for _, s in series[:-1]]
    judge = stats.linregress(x, [b[1] - a[1] for a, b in pairwise(series)])
    assert found.rho == pytest.approx(judge.slope)
    assert found.rho_high - found.rho == pytest.approx(judge.stderr * stats.t.ppf(0.95, 197), rel=1e-6)
    assert found.half_life_low is not None and found.half_life_high is not None
    assert found.half_life_low < 1.0 < found.half_life_high
    assert found.n == 199


def test_the_interval_is_as_wide_as_it_says() -> None:
    """Over 300 made worlds the 90 % interval of ρ holds the truth about nine times in ten."""
    held = 0
    for seed in range(300):
        found = coming_back(weekly(-0.5, 80, seed=seed))
        assert found is not None
        held += found.rho_low <= -0.5 <= found.rho_high
    assert 0.84 <= held / 300 <= 0.95


def test_a_wandering_spread_has_no_upper_end() -> None:
    """Where the interval of ρ reaches nought, no return can be told; too few neighbouring weeks tell nothing at all."""
    found = coming_back(weekly(-0.02, 60))
    assert found is not None and found.half_life_high is None
    assert coming_back(weekly(-0.5, 26)) is None
    assert coming_back(weekly(-0.5, 60)[::2]) is None
    assert (half_life(0.1), half_life(-1.2)) == (None, 0.0)
    assert half_life(-0.5) == pytest.approx(1.0)


def test_students_quantile() -> None:
    """The expansion agrees with scipy to three decimals from ten degrees on."""
    for dof in (10, 25, 60, 197, 2000):
        assert t_quantile(0.95, dof) == pytest.approx(stats.t.ppf(0.95, dof), abs=5e-4)


def test_the_band_is_the_cost_of_carrying() -> None:
    """Only days that both quoted count, and a difference of exactly the cost does not pay."""
    a = [(START, 4000.0), (START + timedelta(days=1), 4301.0), (START + timedelta(days=3), 9000.0)]
    b = [(START, 3700.0), (START + timedelta(days=1), 4000.0), (START + timedelta(days=2), 1.0)]
    assert outside(a, b, 300.0) == [(START, False), (START + timedelta(days=1), True)]
    assert log_spread(a, b)[0] == (START, pytest.approx(math.log(4000 / 3700)))


def test_facts_say_what_they_rest_on() -> None:
    """Share outside, band and usual distance with the cost; without it the share has a reason, and with few days everything has."""
    days = [START + timedelta(days=k) for k in range(301)]
    a = [(d, 4400.0 if d.day == 1 else 4000.0) for d in days]
    b = [(d, 4000.0) for d in days]
    found = spread_facts("tomato", "a", "b", days[-1], a, b, 300)
    firsts = sum(d.day == 1 for d in days)
    assert found.outside.value == pytest.approx(firsts / 301) and found.outside.n == 301
    assert found.band_log == pytest.approx(math.log1p(300 / 4000))
    assert found.usual.value == 0.0 and found.outside_now is False
    assert spread_facts("tomato", "a", "b", days[-1], a, b, None).outside.reason == "no-thresholds"
    short = spread_facts("tomato", "a", "b", days[20], a[:20], b[:20], 300)
    assert {short.spread.reason, short.outside.reason, short.half_life_weeks.reason} == {"not-enough-history"}
    assert (short.half_life_weeks.n, short.half_life_weeks.need) == (2, 26)
    flat = [(d, 4000.0) for d in days]
    assert spread_facts("tomato", "a", "b", days[-1], flat, flat, 300).half_life_weeks.reason == "no-variation"
