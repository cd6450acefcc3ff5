"""How the other markets moved on a day: market -> log move of a product from its quotes before."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from pricing.markets import MARKETS
from pricing.quotes import Quote
from pricing.store import price_series, quote_current

# A move is from the quote before; one that is older than this is no neighbour in time.
BEFORE_DAYS = 10
Mids = dict[date, list[int]]


class Moves:
    """Middle prices of some products in every market: what stands, and over it what a batch says now."""

    def __init__(self) -> None:
        # product -> market -> series -> day -> mids; a series here is anything that tells two of them apart
        self._mids: dict[str, dict[str, dict[object, Mids]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))

    def add(self, product: str, market: str, series: object, day: date, mids: list[int]) -> None:
        """Say what a series quoted on a day, in place of what was said before."""
        self._mids[product][market][series][day] = mids

    def others(self, product: str | None, market: str, day: date) -> dict[str, float]:
        """Return the log moves on `day` of the other markets of the same kind; a market's is the median over its series."""
        return {other: move for other, (_, move) in self.neighbours(product, market, day).items() if move is not None}

    def neighbours(self, product: str | None, market: str, day: date) -> dict[str, tuple[int, float | None]]:
        """Return what each other market of the same kind quoted on `day`: its middle price, and its log move where there is one before."""
        found: dict[str, tuple[int, float | None]] = {}
        for other, series in self._mids.get(product or "", {}).items():
            if other == market or not _alike(other, market):
                continue
            said = [mid for days in series.values() for mid in days.get(day, [])]
            moves = [m for days in series.values() if (m := _move(days, day)) is not None]
            if said:
                found[other] = (round(median(said)), median(moves) if moves else None)
        return found


def read_moves(
    connection: Connection, products: Iterable[str], start: date, end: date, batch: Mapping[Any, Quote], ids: Mapping[Any, int]
) -> Moves:
    """Return the moves of `products` between two days, from what stands and, over it, from a batch keyed (series, day, ordinal).

    `ids` tells which of the series that stand are the batch's own.
    """
    wanted = frozenset(products)
    moves = Moves()
    if not wanted:
        return moves
    s, t = price_series.c, quote_current.c
    rows = connection.execute(
        select(s.product, s.market, t.series_id, t.valid_date, t.mid)
        .join(quote_current, t.series_id == s.id)
        .where(s.product.in_(sorted(wanted)), t.valid_date.between(start - timedelta(days=BEFORE_DAYS), end))
    )  # fmt: skip
    stands: dict[tuple[str, str, object, date], list[int]] = defaultdict(list)
    for product, market, series_id, day, mid in rows:
        stands[(product, market, series_id, day)].append(mid)
    said: dict[tuple[str, str, object, date], list[int]] = defaultdict(list)
    for (series, day, _), q in batch.items():
        if q.series.product in wanted:
            said[(str(q.series.product), q.series.market, ids.get(series, series), day)].append(q.mid)
    for key, mids in {**stands, **said}.items():
        moves.add(*key, mids)
    return moves


def _move(days: Mids, day: date) -> float | None:
    now = days.get(day)
    before = max((d for d in days if d < day), default=None)
    if not now or before is None or (day - before).days > BEFORE_DAYS:
        return None
    return math.log(median(now) / median(days[before]))


def _alike(one: str, other: str) -> bool:
    """Tell whether two markets may witness for each other: one kind, one currency, and neither an average of many."""
    a, b = MARKETS.get(one), MARKETS.get(other)
    return a is not None and b is not None and (a.kind, a.currency) == (b.kind, b.currency) and a.comparable and b.comparable
