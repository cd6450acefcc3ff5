"""WFP's alert for price spikes (ALPS, WFP technical guidance 2014): how far a month's price lies above its trend and season.

P(t) = a + b·t + Σ c(m)·D(m) + e by least squares over the months known up to t; ALPS = (P(t) - P̂(t)) / sd(e). Below 0.25 normal, to 1
stress, to 2 alert, from 2 on crisis. A month is judged only after three years, with seven months of ten observed and one in the last
six. Two choices are ours, because the guidance leaves them open: sd(e) = √(SSR/(n-k)), k the number of parameters (trend and one level
per calendar month, 13), and P is the logarithm of the price, because the deviations of vegetables grow with their level.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

from pricing.analysis.months import month_number

STRESS, ALERT, CRISIS = 0.25, 1.0, 2.0
FEWEST_YEARS, LEAST_SHARE, LATELY = 3, 0.70, 6


@dataclass(frozen=True, slots=True)
class Fit:
    """Trend and season of a series, judged at its last month: `slope` per month, `sd` of the residuals, in logs where `logs`."""

    month: date
    value: float
    expected: float
    slope: float
    sd: float
    n: int
    parameters: int
    logs: bool


def state_of(value: float | None) -> str:
    """Return the word for a value: normal, stress, alert, crisis; unknown without one."""
    if value is None:
        return "unknown"
    return "crisis" if value >= CRISIS else "alert" if value >= ALERT else "stress" if value >= STRESS else "normal"


def may_enter(monthly: Sequence[tuple[date, float]], now: date) -> bool:
    """Tell whether a series may be judged at all in the month of `now`."""
    if not monthly:
        return False
    first, last = month_number(monthly[0][0]), month_number(monthly[-1][0])
    here = month_number(now)
    return here - first + 1 >= 12 * FEWEST_YEARS and len(monthly) >= LEAST_SHARE * (here - first + 1) and here - last < LATELY


def fit(monthly: Sequence[tuple[date, float]], *, logs: bool = True) -> Fit | None:
    """Return the last month against trend and season of all months given, itself included; None where nothing is left to judge by.

    With one level for each calendar month, least squares come apart: taking off each calendar month's mean leaves a line through nought.
    """
    rows = [(month_number(m), math.log(p) if logs else p) for m, p in monthly]
    groups: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for number, y in rows:
        groups[number % 12].append((number, y))
    means = {m: (fmean(n for n, _ in of), fmean(y for _, y in of)) for m, of in groups.items()}
    centred = [(n - means[n % 12][0], y - means[n % 12][1]) for n, y in rows]
    across = sum(t * t for t, _ in centred)
    parameters = len(groups) + 1
    if across == 0 or len(rows) <= parameters:
        return None
    slope = sum(t * y for t, y in centred) / across
    residuals = [y - slope * t for t, y in centred]
    sd = math.sqrt(sum(e * e for e in residuals) / (len(rows) - parameters))
    # Residuals of rounding size are no deviation: a series without noise has no spike.
    if sd < 1e-12 * max(1.0, abs(rows[-1][1])):
        return None
    expected = rows[-1][1] - residuals[-1]
    return Fit(monthly[-1][0], residuals[-1] / sd, math.exp(expected) if logs else expected, slope, sd, len(rows), parameters, logs)


def as_it_went(monthly: Sequence[tuple[date, float]], *, logs: bool = True) -> list[tuple[date, float | None]]:
    """Return the value of every month as it would have been told in it: from that month and earlier ones only."""
    found: list[tuple[date, float | None]] = []
    for k, (m, _) in enumerate(monthly):
        judged = fit(monthly[: k + 1], logs=logs) if may_enter(monthly[: k + 1], m) else None
        found.append((m, judged.value if judged else None))
    return found
