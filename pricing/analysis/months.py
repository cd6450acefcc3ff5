"""Monthly prices: the mean of a month's days, as offices of statistics make them. A month counts when enough of its days were quoted.

Absent months stay absent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from statistics import fmean

# A running month counts from its tenth quoted day on: before that it is a week's price, not a month's.
FEWEST_DAYS = 10


def monthly_prices(points: Iterable[tuple[date, float]], fewest_days: int = FEWEST_DAYS) -> list[tuple[date, float]]:
    """Return (first of the month, mean of the month's prices) in order of time."""
    months: dict[date, list[float]] = defaultdict(list)
    for day, price in points:
        months[day.replace(day=1)].append(price)
    return [(m, fmean(prices)) for m, prices in sorted(months.items()) if len(prices) >= fewest_days]


def month_number(month: date) -> int:
    """Return a count of months that grows by one a month."""
    return month.year * 12 + month.month - 1


def month_of(number: int) -> date:
    """Return the first day of the month with this number."""
    return date(number // 12, number % 12 + 1, 1)
