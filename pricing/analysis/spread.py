"""The spread of two markets: how far apart their prices are, whether carrying produce would pay, how fast they come together.

s = ln p(a) - ln p(b) on days that both quoted. Carrying pays where the dearer price exceeds the cheaper by more than the transfer cost.
Half-life = ln ½ / ln(1 + ρ), ρ from the error correction Δs = c + ρ·s(-1) on the weekly spread (law of one price; the constant c lets
the markets keep a usual distance). The interval takes ρ ± t·se to half-lives; where its upper end has ρ ≥ 0, no return can be told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import NormalDist, fmean

# Half a year of weekly steps; with fewer the interval is wider than any use of it.
FEWEST_STEPS = 26
CONFIDENCE = 0.90

Points = Sequence[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Return:
    """How a spread comes back: ρ per week with its interval, and the half-life in weeks; None where the spread does not come back."""

    rho: float
    rho_low: float
    rho_high: float
    half_life: float | None
    half_life_low: float | None
    half_life_high: float | None
    n: int


def log_spread(a: Points, b: Points) -> list[tuple[date, float]]:
    """Return (day, ln of a over b) for the days that both have."""
    other = dict(b)
    return [(day, math.log(p / other[day])) for day, p in a if day in other]


def outside(a: Points, b: Points, cost_milli: float) -> list[tuple[date, bool]]:
    """Return (day, whether the prices lie further apart than the transfer cost) for the days that both have."""
    other = dict(b)
    return [(day, abs(p - other[day]) > cost_milli) for day, p in a if day in other]


def steps_of(weekly: Sequence[tuple[date, float]]) -> list[tuple[float, float]]:
    """Return (spread of a week, its change into the next) for neighbouring weeks."""
    return [(before, value - before) for (earlier, before), (monday, value) in pairwise(weekly) if monday - earlier == timedelta(days=7)]


def coming_back(weekly: Sequence[tuple[date, float]]) -> Return | None:
    """Return how a weekly log spread comes back to its usual distance; None with too few steps, or where it never moved."""
    steps = steps_of(weekly)
    n = len(steps)
    if n < FEWEST_STEPS:
        return None
    x, y = fmean(s for s, _ in steps), fmean(d for _, d in steps)
    xx = sum((s - x) ** 2 for s, _ in steps)
    if xx == 0:
        return None
    rho = sum((s - x) * (d - y) for s, d in steps) / xx
    error = math.sqrt(sum((d - y - rho * (s - x)) ** 2 for s, d in steps) / (n - 2) / xx)
    reach = t_quantile((1 + CONFIDENCE) / 2, n - 2) * error
    # The faster end of ρ is the shorter half-life.
    return Return(rho, rho - reach, rho + reach, half_life(rho), half_life(rho - reach), half_life(rho + reach), n)


def half_life(rho: float) -> float | None:
    """Return the weeks in which half of a deviation is gone: 0 where it is gone within a week, None where it does not go."""
    if rho >= 0:
        return None
    return math.log(0.5) / math.log1p(rho) if rho > -1 else 0.0


def t_quantile(p: float, dof: int) -> float:
    """Return Student's quantile by Cornish and Fisher's expansion (Abramowitz and Stegun 26.7.5); to 3 decimals from 10 degrees on."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / float(dof) ** k for k, term in enumerate(terms, start=1))
