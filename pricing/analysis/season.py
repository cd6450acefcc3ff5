"""The seasonal index: how dear a month usually is against the year around it; 1 is an average month.

Formula (classical ratio to moving average): the ratio of a month's price to its centred 12-month mean
C = (½·P(-6) + P(-5) + … + P(+5) + ½·P(+6)) / 12, averaged by calendar month over the years, then scaled so that the twelve have mean 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import fmean

from pricing.analysis.months import month_number, month_of

# 24 months give each calendar month one ratio, the least of which an index can be made.
FEWEST_MONTHS = 24


@dataclass(frozen=True, slots=True)
class SeasonalIndex:
    """Twelve factors, January first, with mean 1; `ratios` is how many month ratios they rest on, from `first` to `last`."""

    months: tuple[float, ...]
    ratios: int
    first: date
    last: date

    def of(self, day: date) -> float:
        """Return the factor of a day's month."""
        return self.months[day.month - 1]


def seasonal_index(monthly: Sequence[tuple[date, float]]) -> SeasonalIndex | None:
    """Return the seasonal index, or None where some calendar month has no ratio."""
    price = {month_number(m): p for m, p in monthly}
    ratios: dict[int, list[float]] = defaultdict(list)
    used = []
    for number, p in sorted(price.items()):
        around = [price.get(number + k) for k in range(-6, 7)]
        known = [x for x in around if x is not None]
        if len(known) == 13:
            ratios[number % 12].append(p / ((sum(known) - (known[0] + known[-1]) / 2) / 12))
            used.append(number)
    if len(ratios) < 12:
        return None
    means = [fmean(ratios[m]) for m in range(12)]
    level = fmean(means)
    return SeasonalIndex(tuple(m / level for m in means), len(used), month_of(used[0]), month_of(used[-1]))
