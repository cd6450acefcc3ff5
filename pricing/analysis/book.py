"""The days of many products at once, kept in memory and brought up to date by what the runs since the last look have changed.

A board asks for all products of a county at every load; reading three years for each would take seconds. What a run changed lies in its
window of days and its source, so that only those days are read again. Once an hour the last weeks are read again, and once a day
everything, in case something was written without a run.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, func, select

from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from pricing.board import Point
from pricing.markets import currency_of
from pricing.store import price_run, price_series, quote_current

Pair = tuple[str, str]
HOUR_MS = 3_600_000
LATELY_DAYS = 40
# Runs end in another order than they began; so far back an earlier number may still come in.
_RUNS_BACK = 64
_FIRST = date(1990, 1, 1)


@dataclass
class _Shelf:
    """The points of some markets, of each pair those of the source that spoke last."""

    points: dict[Pair, list[Point]] = field(default_factory=dict)
    all_points: dict[Pair, list[Point]] = field(default_factory=dict)
    day: date = _FIRST
    lately_ms: int = 0
    last_run: int = 0
    runs: set[int] = field(default_factory=set)
    version: int = 0


class Book:
    """Points by (product, market) for whole groups of markets, fresh at every look."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = reading(engine)
        self._clock = clock
        self._shelves: dict[tuple[str, ...], _Shelf] = {}
        self._lock = threading.Lock()

    def look(self, markets: Sequence[str]) -> tuple[int, dict[Pair, list[Point]]]:
        """Return (version, points by pair) of some markets. The same version means the same points; a changed pair has a new list."""
        with self._lock, self._engine.connect() as connection:
            shelf = self._shelves.setdefault(tuple(markets), _Shelf())
            self._freshen(connection, shelf, markets)
            return shelf.version, dict(shelf.points)

    def _freshen(self, connection: Connection, shelf: _Shelf, markets: Sequence[str]) -> None:
        now = self._clock.now()
        fresh = self._new_runs(connection, shelf)
        if shelf.day != market_day(now):
            self._put(shelf, _FIRST, read_points(connection, markets, _FIRST))
            shelf.day, shelf.lately_ms = market_day(now), to_ms(now)
        elif fresh or to_ms(now) - shelf.lately_ms > HOUR_MS:
            start = min(fresh, default=market_day(now))
            if to_ms(now) - shelf.lately_ms > HOUR_MS:
                start, shelf.lately_ms = min(start, market_day(now) - timedelta(days=LATELY_DAYS)), to_ms(now)
            self._put(shelf, start, read_points(connection, markets, start))

    def _new_runs(self, connection: Connection, shelf: _Shelf) -> list[date]:
        t = price_run.c
        found = connection.execute(
            select(t.id, t.window_start).where(t.id > shelf.last_run - _RUNS_BACK, t.changed > 0, t.finished_ms.is_not(None))
        )
        new = [(r.id, r.window_start) for r in found if r.id not in shelf.runs]
        if new:
            shelf.last_run = max(shelf.last_run, *(i for i, _ in new))
            shelf.runs = {i for i in shelf.runs | {i for i, _ in new} if i > shelf.last_run - _RUNS_BACK}
        return [start for _, start in new]

    def _put(self, shelf: _Shelf, start: date, read: dict[Pair, dict[date, Point]]) -> None:
        changed = False
        for pair in {*read, *shelf.all_points}:
            had = shelf.all_points.get(pair, [])
            at = bisect_left(had, start, key=lambda p: p.valid_date)
            days = read.get(pair, {})
            tail = [days[day] for day in sorted(days)]
            if had[at:] != tail:
                shelf.all_points[pair] = now = had[:at] + tail
                shelf.points[pair] = [p for p in now if p.source == now[-1].source]
                changed = True
        shelf.version += changed


def read_points(connection: Connection, markets: Iterable[str], start: date) -> dict[Pair, dict[date, Point]]:
    """Return every pair's days from `start` on, made as `board.points` makes them: one source a day, the mean of what it quotes."""
    s, q = price_series.c, quote_current.c
    found = connection.execute(
        select(
            s.product, s.market, s.source, q.valid_date, func.min(q.low), func.sum(q.mid), func.max(q.high), func.max(q.observed_ms),
            func.count(), s.currency,
        )
        .select_from(price_series.join(quote_current, s.id == q.series_id))
        .where(s.product.is_not(None), s.market.in_(list(markets)), q.valid_date >= start)
        .group_by(s.product, s.market, s.source, s.currency, q.valid_date)
    )  # fmt: skip
    pairs: dict[Pair, dict[date, Point]] = {}
    for product, market, source, day, low, mids, high, observed, n, currency in found:
        if currency_of(market) not in (None, currency):
            continue
        days = pairs.setdefault((product, market), {})
        had = days.get(day)
        if had is None or (observed, source) > (had.observed_ms, had.source):
            days[day] = Point(day, low, round(mids / n), high, observed, source, n)
    return pairs
