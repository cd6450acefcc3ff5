"""Questions over all quotes: answered by the snapshot where it is right, by the records where it is not. The answer is the same.

A day is right in the snapshot unless quotes of it were appended since (`pricing.touched`). Such days are asked of the records, all others
of the file; without a file everything is. A snapshot that is old, missing or broken costs time only.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from pricing.board import Point
from pricing.quotes import Window
from pricing.snapshot import DayQuartiles, IndexDay, Quartiles
from pricing.snapshot_file import OpenSnapshot, SnapshotFile
from pricing.snapshot_index import Basket, base_of_file, index_of_file, is_market, logs
from pricing.snapshot_records import MarketDay, market_days, touched_since, within
from pricing.snapshot_rules import base_of, index_days, quartiles_of

T = TypeVar("T")
# A day nobody quotes after: what is not bounded is bounded by the calendar.
FIRST = date(1900, 1, 1)


class SnapshotQueries:
    """The large questions. One of these serves all threads of a process; without a folder the records answer everything."""

    def __init__(self, reading: Engine, folder: Path | None) -> None:
        self._reading = reading
        self._file = SnapshotFile(folder) if folder is not None else None

    def series(self, product: str, market: str, start: date, end: date) -> list[Point]:
        """Return a product's days in a market from `start` to `end`, both included: what `Prices.series` says."""

        def of_file(opened: OpenSnapshot, rest: str) -> list[Point]:
            m = next((m for m, name in opened.markets.items() if name == market), None)
            query = f"SELECT day, s, low, mid, high, observed_ms, quotes FROM points WHERE p = ? AND m = ? AND day BETWEEN ? AND ? {rest}"
            return [_point(opened, *r) for r in opened.ask(query, [opened.products.get(product), m, start, end])]

        clean, days = self._both([product], start, end, of_file, market)
        points = [*clean, *(d.point for d in days)]
        return sorted(points, key=lambda p: p.valid_date)

    def quartiles(
        self, product: str, start: date, end: date, *, kind: str = "wholesale", currency: str = "CNY", source: str | None = None
    ) -> Quartiles:
        """Return the median and the middle half of the markets of one kind, day by day, both ends included.

        Over the markets one source quotes: without `source` the one with the most market days is taken, and named in the answer.
        """

        def of_file(opened: OpenSnapshot, rest: str) -> list[tuple[str, DayQuartiles]]:
            query = f"SELECT s, day, q1, q2, q3, n FROM daily WHERE p = ? AND kind = ? AND currency = ? AND day BETWEEN ? AND ? {rest}"
            rows = opened.ask(query, [opened.products.get(product), kind, currency, start, end])
            return [(opened.sources[s], DayQuartiles(day, round(q1), round(q2), round(q3), n)) for s, day, q1, q2, q3, n in rows]

        clean, days = self._both([product], start, end, of_file)
        found = [*clean, *_quartiles(days, kind, currency)]
        quoted = Counter[str]()
        for of, day in found:
            quoted[of] += day.markets
        chosen = source or max(quoted, key=lambda s: (quoted[s], s), default="")
        told = sorted((day for of, day in found if of == chosen), key=lambda d: d.valid_date)
        return Quartiles(product, kind, currency, chosen, tuple(told))

    def latest(self, product: str, day: date) -> dict[str, Point]:
        """Return the newest market day of a product in every market, none after `day`."""

        def of_file(opened: OpenSnapshot, rest: str) -> list[tuple[str, Point]]:
            whole = "row(day, s, low, mid, high, observed_ms, quotes)"
            query = f"SELECT m, max_by({whole}, day) FROM points WHERE p = ? AND day <= ? {rest} GROUP BY m"
            return [(opened.markets[m], _point(opened, *told)) for m, told in opened.ask(query, [opened.products.get(product), day])]

        clean, days = self._both([product], FIRST, day, of_file)
        newest = dict(clean)
        for d in days:
            if d.market not in newest or newest[d.market].valid_date < d.point.valid_date:
                newest[d.market] = d.point
        return dict(sorted(newest.items()))

    def index(self, basket: Basket, base: Window, start: date, end: date) -> list[IndexDay]:
        """Return a basket's index on the days `start` to `end`, both included; the mean of the base period is 100.

        Jevons over a product's markets quoted in both periods, above it the weights of the products quoted that day; a day on which
        less than 70 % of the weight was quoted has no value. Nothing is carried or imputed.
        """
        products = list(basket.weights)
        with self._reading.connect() as connection:
            opened, touched = self._state(connection)
            if opened is None or within(touched, base.start, base.end):
                # Where the base moved every day moves.
                bases = base_of(logs(basket, market_days(connection, products, [base])))
                return index_days(logs(basket, market_days(connection, products, [Window(start, end)])), bases, basket.weights)
            again = within(touched, start, end)
            found = self._ask(opened, lambda: index_of_file(opened, basket, base, start, end, _without(again)))
            bases_of_file = self._ask(opened, lambda: base_of_file(opened, basket, base) if again else {})
            if found is None or bases_of_file is None:
                return self.index(basket, base, start, end)
            found += index_days(logs(basket, market_days(connection, products, again)), bases_of_file, basket.weights)
        return sorted(found, key=lambda d: d.valid_date)

    def _state(self, connection: Connection) -> tuple[OpenSnapshot | None, list[Window]]:
        opened = self._file.current() if self._file is not None else None
        return opened, touched_since(connection, opened.state.seen) if opened is not None else []

    def _both(
        self,
        products: Sequence[str],
        start: date,
        end: date,
        of_file: Callable[[OpenSnapshot, str], list[T]],
        market: str | None = None,
    ) -> tuple[list[T], list[MarketDay]]:
        """Return what the file says of the days it is right about, and the market days of the records for all others."""
        with self._reading.connect() as connection:
            opened, touched = self._state(connection)
            if opened is not None:
                again = within(touched, start, end)
                clean = self._ask(opened, lambda: of_file(opened, _without(again)))
                if clean is not None:
                    return clean, market_days(connection, products, again, market)
            return [], market_days(connection, products, [Window(start, end)] if start <= end else [], market)

    def _ask(self, opened: OpenSnapshot, question: Callable[[], list[T] | dict[Any, Any]]) -> Any:
        """Return the answer, or None where the file turns out to be broken: it is then asked no more."""
        import duckdb

        assert self._file is not None
        try:
            return question()
        except duckdb.Error as error:
            self._file.distrust(opened, error)
            return None


def _without(windows: Iterable[Window]) -> str:
    return " ".join(f"AND day NOT BETWEEN DATE '{w.start}' AND DATE '{w.end}'" for w in windows)


def _point(opened: OpenSnapshot, day: date, s: int, low: int, mid: int, high: int, observed_ms: int, quotes: int) -> Point:
    return Point(day, low, mid, high, observed_ms, opened.sources[s], quotes)


def _quartiles(days: Iterable[MarketDay], kind: str, currency: str) -> list[tuple[str, DayQuartiles]]:
    groups: dict[tuple[str, date], list[int]] = defaultdict(list)
    for d in days:
        if is_market(d.market, kind, currency):
            groups[(d.point.source, d.point.valid_date)].append(d.point.mid)
    return [(source, quartiles_of(day, mids)) for (source, day), mids in groups.items()]
