"""The records' half of the snapshot's questions: which days later runs touched, and what the records say of a span of days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, func, select

from pricing.board import Line, Point, in_its_currency, point_of, standing_lines
from pricing.quotes import Window
from pricing.store import price_run, price_series

# A run that began so long before a snapshot and still has no end was killed, and had no quote to record any more.
LONGEST_RUN_MS = 6 * 3_600_000
MOST_WINDOWS = 20
_SERIES = 500


@dataclass(frozen=True, slots=True)
class MarketDay:
    """One market day of one product in one market."""

    product: str
    market: str
    point: Point


def touched_since(connection: Connection, read_ms: int) -> list[Window]:
    """Return the days that runs may have changed since the records were read at `read_ms`, as windows that do not overlap.

    Every writer of quotes opens a run with its window of days before it writes and ends it afterwards: that is what this rests on.
    """
    t = price_run.c
    going = (t.state == "running") & (t.started_ms >= read_ms - LONGEST_RUN_MS)
    ended = (t.finished_ms >= read_ms) & (t.changed > 0)
    found = connection.execute(select(t.window_start, t.window_end).where(going | ended).distinct().order_by(t.window_start)).all()
    return merged(Window(r.window_start, r.window_end) for r in found)


def changed_since(connection: Connection, read_ms: int) -> int:
    """Return how many rows the runs changed that ended after the records were read."""
    t = price_run.c
    return int(connection.execute(select(func.coalesce(func.sum(t.changed), 0)).where(t.finished_ms >= read_ms)).scalar_one())


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
