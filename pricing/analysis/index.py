"""The basket index: Laspeyres with a fixed base, Jevons below it, and a chain where the basket changes.

I(t) = 100 · Σ w(i)·R(i,t), the weights w adding up to 1. R(i,t) is the geometric mean over the sample's markets of p(t)/p(0) (Jevons: an
arithmetic mean would let dear markets pull), p(0) the median of the market's base days. Source: ILO and others, Consumer Price Index
Manual (2020), chapters 8 to 10. A market that did not quote keeps its last relative for at most `carry_days`; then it falls out of the
geometric mean, which is to give it the mean of the others. An item without any market is given the mean relative of its group, failing
that of all items. Coverage is the weight quoted on the very day; below 70 % no index is shown.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean, median

from pricing.analysis.basket import Basket
from pricing.analysis.facts import IndexPoint, Link
from pricing.quotes import Window

LEAST_COVERAGE = 0.70
# A base price is the median of at least this many quoted days.
FEWEST_BASE_DAYS = 10

Quotes = Mapping[tuple[str, str], Sequence[tuple[date, float]]]


def laspeyres(basket: Basket, quotes: Quotes, start: date, end: date) -> list[IndexPoint]:
    """Return the index of every day from `start` to `end`; `quotes` are (product, market) -> (day, price), each of one source.

    The list is empty where no item has a base.
    """
    markets = {w.product: _relatives(basket, quotes, w.product) for w in basket.items}
    if not any(markets.values()):
        return []
    days = [start + timedelta(days=k) for k in range((end - start).days + 1)]
    return [_day(basket, markets, day) for day in days]


def elementary(relatives: Sequence[float]) -> float:
    """Return the geometric mean of the markets' price relatives (Jevons)."""
    return math.exp(fmean(math.log(r) for r in relatives))


def chained(old: Sequence[IndexPoint], new: Sequence[IndexPoint], overlap: Window, ids: tuple[str, str]) -> tuple[list[IndexPoint], Link]:
    """Return the old index up to the end of the overlap and the new one times the link after it: I(t) = I_old(T)·L(t)/L(T).

    T is the overlap: with several days, the means of both over the days on which both are covered.

    Raises:
        ValueError: the two have no covered day in common there.

    """
    after = {p.day: p for p in new}
    both = [
        (p.raw, q.raw)
        for p in old
        if overlap.start <= p.day <= overlap.end and (q := after.get(p.day)) is not None
        and p.raw is not None and q.raw is not None and min(p.coverage, q.coverage) >= LEAST_COVERAGE
    ]  # fmt: skip
    if not both:
        raise ValueError("the two indices have no covered day in common")
    factor = fmean(a for a, _ in both) / fmean(b for _, b in both)
    head = [p for p in old if p.day <= overlap.end]
    tail = [_scaled(p, factor) for p in new if p.day > overlap.end]
    return head + tail, Link(overlap.end, ids[0], ids[1], factor, len(both))


def change_pct(now: IndexPoint, then: IndexPoint) -> float | None:
    """Return the change between two shown days in per cent, from the unrounded index: rounding first can move a tenth."""
    if now.value is None or then.value is None or now.raw is None or not then.raw:
        return None
    return 100.0 * (now.raw / then.raw - 1)


def _relatives(basket: Basket, quotes: Quotes, product: str) -> list[dict[date, float]]:
    """Return day -> price relative for every market of the sample that has a base."""
    found = []
    for market in basket.markets:
        known = quotes.get((product, market), ())
        base = [p for day, p in known if basket.base.start <= day <= basket.base.end]
        if len(base) >= FEWEST_BASE_DAYS:
            level = median(base)
            found.append({day: p / level for day, p in known})
    return found


def _day(basket: Basket, markets: Mapping[str, Sequence[Mapping[date, float]]], day: date) -> IndexPoint:
    known: dict[str, float] = {}
    coverage = carried = 0.0
    for w in basket.items:
        relatives, today = [], 0
        for of in markets[w.product]:
            relative, age = _carried(of, day, basket.carry_days)
            if relative is not None:
                relatives.append(relative)
                today += age == 0
        if relatives:
            known[w.product] = elementary(relatives)
            share = today / len(markets[w.product])
            coverage += w.percent / 100 * share
            carried += w.percent / 100 * (1 - share)
    if not known:
        return IndexPoint(day, None, None, 0.0, 0.0, 1.0)
    groups: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for w in basket.items:
        if w.product in known:
            groups[w.group].append((w.percent, known[w.product]))
    everything = [pair for of in groups.values() for pair in of]
    total = sum(w.percent / 100 * known.get(w.product, _mean(groups.get(w.group) or everything)) for w in basket.items)
    raw = 100.0 * total
    # A share that is only rounding short of the limit is not below it.
    return IndexPoint(day, raw if coverage >= LEAST_COVERAGE - 1e-9 else None, raw, coverage, carried, max(0.0, 1 - coverage - carried))


def _carried(of: Mapping[date, float], day: date, most: int) -> tuple[float | None, int]:
    for age in range(most + 1):
        found = of.get(day - timedelta(days=age))
        if found is not None:
            return found, age
    return None, 0


def _mean(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(w * r for w, r in pairs) / sum(w for w, _ in pairs)


def _scaled(p: IndexPoint, factor: float) -> IndexPoint:
    value = None if p.value is None else p.value * factor
    return IndexPoint(p.day, value, None if p.raw is None else p.raw * factor, p.coverage, p.carried, p.imputed)
