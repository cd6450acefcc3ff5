"""The records' half of the snapshot's questions: which days were touched since, and what the records say of a span of days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from pricing.board import Line, Point, in_its_currency, point_of, standing_lines
from pricing.quotes import Window
from pricing.store import price_series
from pricing.touched import Seen, since

MOST_WINDOWS = 20
_SERIES = 500


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One market day of one product in one market."""

    product: str
    market: str
    point: Point


def touched_since(connection: Connection, seen: Seen) -> list[Window]:
    """Return the days that were written to since, as windows that do not overlap."""
    return merged(Window(first, last) for first, last, _ in since(connection, seen))


def changed_since(connection: Connection, seen: Seen) -> int:
    """Return how many rows were appended since."""
    return sum(rows for _, _, rows in since(connection, seen))


def merged(windows: Iterable[Window]) -> list[Window]:
    """Return the same days in windows that neither overlap nor touch, in order; very many windows become one over all of them."""
    found: list[Window] = []
    for w in sorted(windows, key=lambda w: (w.start, w.end)):
        if found and w.start <= found[-1].end + timedelta(days=1):
            found[-1] = Window(found[-1].start, max(found[-1].end, w.end))
        else:
            found.append(w)
    return found if len(found) <= MOST_WINDOWS else [Window(found[0].start, found[-1].end)]


def within(windows: Iterable[Window], start: date, end: date) -> list[Window]:
    """Return the parts of the windows that lie in `start` to `end`, both included."""
    return [Window(max(w.start, start), min(w.end, end)) for w in windows if w.start <= end and w.end >= start]


def market_days(
    connection: Connection, products: Sequence[str], windows: Sequence[Window], market: str | None = None
) -> list[MarketDay]:  # fmt: skip
    """Return what stands of some products in some windows of days, in one market or in all, by product, market and day."""
    if not windows:
        return []
    t = price_series.c
    query = select(t.id, t.product, t.market, t.source, t.currency).where(t.product.in_(list(products)))
    if market is not None:
        query = query.where(t.market == market)
    series = {r.id: r for r in connection.execute(query) if in_its_currency(r)}
    groups: dict[tuple[str, str, date], list[Line]] = defaultdict(list)
    ids = list(series)
    for window in windows:
        for part in range(0, len(ids), _SERIES):
            some = {i: series[i] for i in ids[part : part + _SERIES]}
            for line in standing_lines(connection, some, window.start, window.end):
                groups[(line.product, line.market, line.valid_date)].append(line)
    return [MarketDay(product, market, point_of(groups[(product, market, day)])) for product, market, day in sorted(groups)]
