"""Pure rules over market days: quartiles of the markets of a day, and a daily index of a basket."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from pricing.snapshot import DayQuartiles, IndexDay

# Below this share of the basket's weight an index is not a number worth showing.
LEAST_COVERAGE = 0.7

# A product's day in a market of a source, with the natural logarithm of its price: (product, market, source, day, ln mid).
LogPrice = tuple[str, str, str, date, float]
Base = Mapping[tuple[str, str, str], float]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation between order statistics (Hyndman and Fan's type 7, as NumPy's and DuckDB's default)."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def quartiles_of(day: date, mids: Iterable[int]) -> DayQuartiles:
    """Return the quartiles of a day's prices, one of each market."""
    ordered = sorted(mids)
    low, mid, high = (round(quantile(ordered, q)) for q in (0.25, 0.5, 0.75))
    return DayQuartiles(day, low, mid, high, len(ordered))


def base_of(prices: Iterable[LogPrice]) -> dict[tuple[str, str, str], float]:
    """Return the mean logarithm of the base period's prices of each (product, market, source)."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for product, market, source, _, log in prices:
        found[(product, market, source)].append(log)
    return {key: math.fsum(logs) / len(logs) for key, logs in found.items()}


def index_days(prices: Iterable[LogPrice], base: Base, weights: Mapping[str, float]) -> list[IndexDay]:
    """Return a basket's index day by day: Jevons over the markets of a product, Laspeyres weights over the products quoted that day.

    A market counts where the same source quoted it in the base period too; no market and no product is carried or imputed.
    """
    moves: dict[tuple[date, str], list[float]] = defaultdict(list)
    for product, market, source, day, log in prices:
        if (product, market, source) in base:
            moves[(day, product)].append(log - base[(product, market, source)])
    days: dict[date, dict[str, float]] = defaultdict(dict)
    for (day, product), logs in moves.items():
        days[day][product] = math.exp(math.fsum(logs) / len(logs))
    whole = math.fsum(weights.values())
    return [index_day(day, rels, weights, whole) for day, rels in sorted(days.items())]


def index_day(day: date, relatives: Mapping[str, float], weights: Mapping[str, float], whole: float) -> IndexDay:
    """Return one day of an index from the price relatives of the products quoted."""
    quoted = math.fsum(weights[p] for p in relatives)
    value = 100 * math.fsum(weights[p] * r for p, r in relatives.items()) / quoted
    return judged(day, value, quoted / whole, len(relatives))


def judged(day: date, value: float, coverage: float, products: int) -> IndexDay:
    """Return the day with its value, or without it where too little of the basket was quoted."""
    return IndexDay(day, value if coverage >= LEAST_COVERAGE - 1e-12 else None, coverage, products)
