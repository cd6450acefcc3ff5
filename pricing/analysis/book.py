"""The days of many products at once, kept in memory and brought up to date by what was appended since the last look.

A board asks for all products of a county at every load; reading three years for each would take seconds. Whoever appends quotes notes
which days they are of (`pricing.touched`), so that only days from there on are read again. Once an hour the last weeks are read again, in
case something was written without a note.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, FromClause, and_, func, select

from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from pricing.board import Point
from pricing.markets import currency_of, markets_of
from pricing.store import price_series, quote_current, quote_obs
from pricing.touched import Seen, seen_now, since

Pair = tuple[str, str]
HOUR_MS = 3_600_000
LATELY_DAYS = 40
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
        self._lately_ms = 0
        self._seen: Seen = ()

    def look(self, markets: Collection[str], until: date | None = None) -> tuple[int, dict[Pair, list[Point]]]:
        """Return (version, points by pair) of some markets, of each pair the days of the source that spoke last.

        The same version means the same points. A list is never changed in place: a pair that changed has a new one. `until` leaves
        out later days, as if that day were today, with the corrections that came since.
        """
        with self._lock:
            with self._engine.connect() as connection:
                self._freshen(connection)
            if until is None:
                return self._version, {pair: points for pair, points in self._points.items() if pair[1] in markets}
            earlier = {pair: _until(points, until) for pair, points in self._all.items() if pair[1] in markets}
            return self._version, {pair: of_one_source(points) for pair, points in earlier.items() if points}

    def look_back(
        self, markets: Collection[str], until: date, as_of_ms: int, products: Collection[str] | None = None
    ) -> dict[Pair, list[Point]]:
        """Return points by pair up to a day as they were known at a moment, of some products or all, read from the tables."""
        with self._engine.connect() as connection:
            known = read_points(connection, markets, _FIRST, as_of_ms, products)
        ordered = {pair: _until([days[day] for day in sorted(days)], until) for pair, days in known.items()}
        return {pair: of_one_source(points) for pair, points in ordered.items() if points}

    def _freshen(self, connection: Connection) -> None:
        now = self._clock.now()
        today = market_day(now)
        starts = self._newly_touched(connection)
        if not self._lately_ms:
            self._lately_ms, starts = to_ms(now), [_FIRST]
        elif to_ms(now) - self._lately_ms > HOUR_MS:
            self._lately_ms, starts = to_ms(now), [*starts, today - timedelta(days=LATELY_DAYS)]
        if starts:
            self._put(min(starts), read_points(connection, [m.id for m in markets_of(None)], min(starts)))

    def _newly_touched(self, connection: Connection) -> list[date]:
        """Return the first days of everything appended since the last look, whoever wrote it: a run, an import, a person at the desk."""
        # Noted before it is asked what is new: what comes between the two is told again at the next look, and never missed.
        seen = seen_now(connection)
        new = since(connection, self._seen)
        self._seen = seen
        return [first for first, _, _ in new]

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
                self._points[pair] = of_one_source(now)
            else:
                self._points.pop(pair, None)
        self._version += changed


def of_one_source(points: Sequence[Point]) -> list[Point]:
    """Return the points of the source that spoke last: an imported past of other making is never mixed in."""
    return [p for p in points if p.source == points[-1].source] if points else []


def _until(points: Sequence[Point], day: date) -> Sequence[Point]:
    return points[: bisect_right(points, day, key=lambda p: p.valid_date)]


def read_points(
    connection: Connection, markets: Iterable[str], start: date, as_of_ms: int | None = None, products: Iterable[str] | None = None
) -> dict[Pair, dict[date, Point]]:
    """Return every pair's days from `start` on, made as `board.points` makes them: one source a day, the mean of what it quotes."""
    s, q = price_series.c, _standing(as_of_ms)
    wanted = s.product.is_not(None) if products is None else s.product.in_(list(products))
    rows = connection.execute(
        select(
            s.product, s.market, s.source, q.c.valid_date, func.min(q.c.low), func.sum(q.c.mid), func.max(q.c.high),
            func.max(q.c.observed_ms), func.count(), s.currency,
        )
        .select_from(price_series.join(q, s.id == q.c.series_id))
        .where(wanted, s.market.in_(list(markets)), q.c.valid_date >= start)
        .group_by(s.product, s.market, s.source, s.currency, q.c.valid_date)
    ).all()  # fmt: skip
    pairs: dict[Pair, dict[date, Point]] = {}
    fits: dict[tuple[str, str], bool] = {}
    # The same few days and words come a thousand times: kept once, a point takes half the memory.
    once: dict[Any, Any] = {}
    for product, market, source, day, low, mids, high, observed, n, currency in rows:
        if (market, currency) not in fits:
            fits[market, currency] = currency_of(market) in (None, currency)
        if not fits[market, currency]:
            continue
        days = pairs.setdefault((product, market), {})
        had = days.get(day)
        if had is None or (observed, source) > (had.observed_ms, had.source):
            seen, told = once.setdefault(observed, observed), once.setdefault(source, source)
            days[day] = Point(once.setdefault(day, day), low, round(mids / n), high, seen, told, n)
    return pairs


def _standing(as_of_ms: int | None) -> FromClause:
    """Return what stands, now or as it was known at a moment."""
    if as_of_ms is None:
        return quote_current
    t = quote_obs.c
    newest = (
        select(t.series_id, t.valid_date, t.ordinal, func.max(t.observed_ms).label("observed_ms"))
        .where(t.observed_ms <= as_of_ms)
        .group_by(t.series_id, t.valid_date, t.ordinal)
        .subquery()
    )
    same = and_(*(t[k] == newest.c[k] for k in ("series_id", "valid_date", "ordinal", "observed_ms")))
    return select(quote_obs).join(newest, same).where(t.status == "quoted").subquery()
