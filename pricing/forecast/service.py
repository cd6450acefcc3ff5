"""What forecasts do: make those of every market in bounded time, tell the newest, and hold old ones against what came."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, select

from foundation.clock import Clock, from_ms, market_day, to_ms
from foundation.database import reading
from pricing.forecast import store
from pricing.forecast.history import History, history_of
from pricing.forecast.nouns import WEEKS_NEEDED, Forecast, ForecastPoint, NotEnoughHistory, PastPoint, Quantiles, TrackRecord
from pricing.store import price_series
from pricing.weekly import monday_of, weekly_prices

if TYPE_CHECKING:
    from pricing.board import Point
    from pricing.forecast.outlook import Outlook
    from pricing.service import Prices

# History that is asked for: three years to compare the season with, and one to learn from.
YEARS_BACK = 4
# So many series learn from each other at a time; more would take long and say little more.
TOGETHER = 100
# A price nobody has quoted for so many weeks is not forecast anew.
SILENT_WEEKS = 4


class Forecasts:
    """The use cases of forecasts."""

    def __init__(self, engine: Engine, clock: Clock, prices: Prices) -> None:
        self._engine, self._clock, self._prices = engine, clock, prices
        self._reading = reading(engine)
        # Histories that have their weeks but too few outcomes: looked at once while they stay as they are.
        self._silent: set[str] = set()

    def make_all(self, budget_s: float, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Make the forecasts whose weeks have changed, market by market until the time is spent or told to stop; return how many were made.

        What was made is kept at once, so the next call goes on where this one ended. A market in hand is finished.
        """
        until = time.monotonic() + budget_s
        made = 0
        for market in self._prices.markets():
            if stopped() or time.monotonic() > until:
                break
            made += self.make_market(market.id, stopped=stopped)
        return made

    def make_market(self, market: str, *, stopped: Callable[[], bool] = lambda: False) -> int:
        """Make the forecasts of one market whose weeks have changed since their last; return how many were made."""
        today = market_day(self._clock.now())
        histories: dict[str, History] = {}
        sources: dict[str, str] = {}
        for product in self._products(market):
            found = self._history(product, market, today)
            if found and found[0].weeks >= WEEKS_NEEDED and (today - found[0].last).days // 7 <= SILENT_WEEKS:
                histories[product], sources[product] = found
        with self._reading.connect() as connection:
            known = store.newest_hashes(connection, market)
        # A product whose own weeks stand as they were keeps its forecast, though its neighbours in the market may have changed.
        wanted = {p for p, h in histories.items() if known.get(p) != h.sha256 and h.sha256 not in self._silent}
        made = 0
        for products in _batches(sorted(histories), TOGETHER):
            if wanted.intersection(products):
                made += self._make(market, {p: (histories[p], sources[p]) for p in products}, wanted, stopped)
        return made

    def _make(self, market: str, pool: dict[str, tuple[History, str]], wanted: set[str], stopped: Callable[[], bool]) -> int:
        from pricing.forecast.outlook import outlooks

        made = outlooks([history for history, _ in pool.values()], stopped)
        found = zip(pool.items(), made, strict=True) if made else ()
        if made:
            self._silent.update(pool[p][0].sha256 for p, outlook in zip(pool, made, strict=True) if p in wanted and not outlook.horizons)
        told = [(product, h, source, outlook) for (product, (h, source)), outlook in found if product in wanted and outlook.horizons]
        made_ms = to_ms(self._clock.now())
        currencies = {product: self._currency(product, market, source) for product, _, source, _ in told}
        with self._engine.begin() as connection:
            for product, history, source, outlook in told:
                store.append(connection, _forecast(product, market, currencies[product], source, made_ms, history, outlook), history.sha256)
        return len(told)

    def latest(self, product: str, market: str) -> Forecast | NotEnoughHistory:
        """Return the newest forecast as it was made; where there is none, how many weeks there are and how many it takes."""
        with self._reading.connect() as connection:
            found = store.newest(connection, product, market)
        if found is not None:
            return found
        history = self._history(product, market, market_day(self._clock.now()))
        return NotEnoughHistory(history[0].weeks if history else 0, WEEKS_NEEDED)

    def quantiles_at(self, product: str, market: str, day: date) -> Quantiles | None:
        """Return what the newest forecast says of the week of a day, None where it says nothing of it."""
        found = self.latest(product, market)
        if isinstance(found, NotEnoughHistory):
            return None
        point = next((p for p in found.points if p.week == monday_of(day)), None)
        if point is None:
            return None
        return Quantiles(point.week, point.horizon_weeks, point.p10, point.p50, point.p90, point.method, found.made_on)

    def track_record(self, product: str, market: str) -> TrackRecord:
        """Return how good the given forecasts were: of every week that has come, the first forecast made at each horizon."""
        today = market_day(self._clock.now())
        with self._reading.connect() as connection:
            given = store.all_of(connection, product, market)
        by_source = {f.source for f in given}
        came = {s: dict(self._weeks(product, market, s, today)) for s in by_source}
        points: dict[tuple[date, int], PastPoint] = {}
        for f in given:
            for p in f.points:
                price = came[f.source].get(p.week)
                # A forecast made when its week was over already is no forecast.
                if price is not None and p.week + timedelta(weeks=1) > f.made_on and (p.week, p.horizon_weeks) not in points:
                    points[(p.week, p.horizon_weeks)] = PastPoint(
                        f.made_on, p.horizon_weeks, p.week, p.p10, p.p50, p.p90, f.last_price, round(price), p.method
                    )
        return TrackRecord(product, market, tuple(points[k] for k in sorted(points)))

    def _products(self, market: str) -> list[str]:
        t = price_series.c
        with self._reading.connect() as connection:
            asked = select(t.product).where(t.market == market, t.product.is_not(None)).distinct().order_by(t.product)
            return list(connection.execute(asked).scalars())

    def _currency(self, product: str, market: str, source: str) -> str:
        t = price_series.c
        with self._reading.connect() as connection:
            asked = select(t.currency).where(t.product == product, t.market == market, t.source == source).limit(1)
            return str(connection.execute(asked).scalar_one())

    def _days(self, product: str, market: str, today: date) -> list[Point]:
        return self._prices.series(product, market, today - timedelta(days=YEARS_BACK * 366), today)

    def _history(self, product: str, market: str, today: date) -> tuple[History, str] | None:
        days = self._days(product, market, today)
        if not days:
            return None
        # Two sources of one market differ by what they leave out; the one that speaks now is followed, never a mixture.
        source = days[-1].source
        history = history_of([(p.valid_date, float(p.mid)) for p in days if p.source == source], today)
        return (history, source) if history else None

    def _weeks(self, product: str, market: str, source: str, today: date) -> list[tuple[date, float]]:
        days = self._days(product, market, today)
        found = weekly_prices((p.valid_date, float(p.mid)) for p in days if p.source == source)
        return [(monday, price) for monday, price in found if monday < monday_of(today)]


def _batches(products: list[str], size: int) -> list[list[str]]:
    return [products[k : k + size] for k in range(0, len(products), size)]


def _forecast(
    product: str, market: str, currency: str, source: str, made_ms: int, history: History, outlook: Outlook,
) -> Forecast:  # fmt: skip
    def price(log: float) -> int:
        return max(1, round(math.exp(log)))

    points = tuple(
        ForecastPoint(h, history.last + timedelta(weeks=h), price(low), price(mid), price(high), method)
        for h, (low, mid, high), method in zip(outlook.horizons, outlook.quantiles, outlook.methods, strict=True)
    )
    return Forecast(
        product, market, currency, source, made_ms, market_day(from_ms(made_ms)), history.last, round(history.prices[-1] or 0),
        history.weeks, len(history.prices) - history.weeks, points, outlook.skill,
    )  # fmt: skip
