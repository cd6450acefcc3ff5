"""The days of many products at once, kept in memory and brought up to date by what the runs since the last look have changed.

A board asks for all products of a county at every load; reading three years for each would take seconds. What a run changed lies in its
window of days and its source, so that only those days are read again. Once an hour the last weeks are read again, and once a day
everything, in case something was written without a run.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import Connection, Engine, func, select

from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from pricing.board import Point
from pricing.markets import currency_of, markets_of
from pricing.store import price_run, price_series, quote_current

Pair = tuple[str, str]
HOUR_MS = 3_600_000
LATELY_DAYS = 40
# Runs end in another order than they began; so far back an earlier number may still come in.
_RUNS_BACK = 64
_FIRST = date(1990, 1, 1)


class Book:
    """The days of every product in every comparable market, fresh at every look. One of these serves all threads of a process."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = reading(engine)
        self._clock = clock
        self._lock = threading.Lock()
        self._version = 0
        self._all: dict[Pair, list[Point]] = {}
        self._points: dict[Pair, list[Point]] = {}
        self._day = _FIRST
        self._lately_ms = 0
        self._last_run = 0
        self._runs: set[int] = set()

    def look(self, markets: Collection[str]) -> tuple[int, dict[Pair, list[Point]]]:
        """Return (version, points by pair) of some markets, of each pair the days of the source that spoke last.

        The same version means the same points. A list is never changed in place: a pair that changed has a new one.
        """
        with self._lock:
            with self._engine.connect() as connection:
                self._freshen(connection)
            return self._version, {pair: points for pair, points in self._points.items() if pair[1] in markets}

    def _freshen(self, connection: Connection) -> None:
        now = self._clock.now()
        today = market_day(now)
        starts = self._new_runs(connection)
        if self._day != today:
            self._day, self._lately_ms, starts = today, to_ms(now), [_FIRST]
        elif to_ms(now) - self._lately_ms > HOUR_MS:
            self._lately_ms, starts = to_ms(now), [*starts, today - timedelta(days=LATELY_DAYS)]
        if starts:
            self._put(min(starts), read_points(connection, [m.id for m in markets_of(None)], min(starts)))

    def _new_runs(self, connection: Connection) -> list[date]:
        """Return the first days of the windows of the runs that ended since the last look and changed something."""
        t = price_run.c
        query = select(t.id, t.window_start).where(t.id > self._last_run - _RUNS_BACK, t.changed > 0, t.finished_ms.is_not(None))
        new = [(r.id, r.window_start) for r in connection.execute(query) if r.id not in self._runs]
        if new:
            self._last_run = max(self._last_run, *(i for i, _ in new))
            self._runs = {i for i in self._runs.union(i for i, _ in new) if i > self._last_run - _RUNS_BACK}
        return [start for _, start in new]

    def _put(self, start: date, read: Mapping[Pair, Mapping[date, Point]]) -> None:
        changed = False
        for pair in {*read, *self._all}:
            had = self._all.get(pair, [])
            at = bisect_left(had, start, key=lambda p: p.valid_date)
            days = read.get(pair, {})
            tail = [days[day] for day in sorted(days)]
            if had[at:] == tail:
                continue
            changed = True
            now = self._all[pair] = had[:at] + tail
            if now:
                self._points[pair] = [p for p in now if p.source == now[-1].source]
            else:
                self._points.pop(pair, None)
        self._version += changed


def read_points(connection: Connection, markets: Iterable[str], start: date) -> dict[Pair, dict[date, Point]]:
    """Return every pair's days from `start` on, made as `board.points` makes them: one source a day, the mean of what it quotes."""
    s, q = price_series.c, quote_current.c
    rows = connection.execute(
        select(
            s.product, s.market, s.source, q.valid_date, func.min(q.low), func.sum(q.mid), func.max(q.high), func.max(q.observed_ms),
            func.count(), s.currency,
        )
        .select_from(price_series.join(quote_current, s.id == q.series_id))
        .where(s.product.is_not(None), s.market.in_(list(markets)), q.valid_date >= start)
        .group_by(s.product, s.market, s.source, s.currency, q.valid_date)
    ).all()  # fmt: skip
    pairs: dict[Pair, dict[date, Point]] = {}
    fits: dict[tuple[str, str], bool] = {}
    for product, market, source, day, low, mids, high, observed, n, currency in rows:
        if (market, currency) not in fits:
            fits[market, currency] = currency_of(market) in (None, currency)
        if not fits[market, currency]:
            continue
        days = pairs.setdefault((product, market), {})
        had = days.get(day)
        if had is None or (observed, source) > (had.observed_ms, had.source):
            days[day] = Point(day, low, round(mids / n), high, observed, source, n)
    return pairs
