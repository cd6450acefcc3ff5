"""Weekly prices: the median of a week's market days. Daily quotes are sticky (two thirds repeat yesterday's), so rules look at weeks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import median


def monday_of(day: date) -> date:
    """Return the Monday of a day's ISO week."""
    return day - timedelta(days=day.weekday())


def weekly_prices(points: Iterable[tuple[date, float]]) -> list[tuple[date, float]]:
    """Return (Monday, median of the week's prices) in order of time; a week without a price is left out, never filled."""
    weeks: dict[date, list[float]] = defaultdict(list)
    for day, price in points:
        weeks[monday_of(day)].append(price)
    return [(monday, float(median(prices))) for monday, prices in sorted(weeks.items())]
