"""How much a price usually moves. Weekly, because two thirds of the daily quotes repeat yesterday's: a daily deviation measures reporting.

Volatility = sd of the differences of the log weekly price × √52, a share per year. Source: the usual annualised volatility of
commodity prices; weeks that do not follow each other make no difference and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean

from pricing.analysis.facts import Fact

WEEKS_A_YEAR = 52
# A quarter of weekly moves; fewer say nothing about a spread.
FEWEST_MOVES = 13
FEWEST_DAYS = 30


def weekly_moves(weekly: Sequence[tuple[date, float]]) -> list[tuple[date, float]]:
    """Return (Monday, log move from the week before) where both weeks have a price."""
    return [
        (monday, math.log(price / before))
        for (earlier, before), (monday, price) in pairwise(weekly)
        if monday - earlier == timedelta(days=7)
    ]


def volatility(weekly: Sequence[tuple[date, float]], weeks: int = WEEKS_A_YEAR) -> Fact:
    """Return a year's standard deviation of the log price from the moves of the last `weeks` weeks."""
    moves = weekly_moves(weekly)
    if moves:
        newest = moves[-1][0]
        moves = [m for m in moves if newest - m[0] < timedelta(weeks=weeks)]
    if len(moves) < FEWEST_MOVES:
        return Fact("volatility", None, len(moves), reason="not-enough-history", need=FEWEST_MOVES)
    return Fact("volatility", _deviation([m for _, m in moves]) * math.sqrt(WEEKS_A_YEAR), len(moves), moves[0][0], moves[-1][0])


def unchanged_share(points: Sequence[tuple[date, float]], days: int = 365) -> Fact:
    """Return the share of quotes that repeat the day before's exactly; only neighbouring days are looked at."""
    recent = [p for p in points if (points[-1][0] - p[0]).days < days]
    pairs = [(a, b) for a, b in pairwise(recent) if (b[0] - a[0]).days == 1]
    if len(pairs) < FEWEST_DAYS:
        return Fact("unchanged", None, len(pairs), reason="not-enough-history", need=FEWEST_DAYS)
    return Fact("unchanged", sum(a[1] == b[1] for a, b in pairs) / len(pairs), len(pairs), recent[0][0], recent[-1][0])


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation; the library's exact one takes forty times as long."""
    mean = fmean(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
