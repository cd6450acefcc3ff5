"""Judging one series of a batch in order of time: what is taken, what waits, and what the days that follow let stand."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection

from pricing.desk.moves import Moves, read_moves
from pricing.desk.queue import oddity_of
from pricing.desk.soft_gate import Oddity, Triple, confirms, judge, looks_usual, recent_of, released_by_a_second_day
from pricing.quotes import Quote

BatchKey = tuple[Any, date, int]
AsideKey = tuple[int, date, Triple]


@dataclass(slots=True)
class Held:
    """What became of a batch: the quotes that may be recorded, and the series' days on which something waits."""

    quotes: dict[BatchKey, Quote] = field(default_factory=dict)
    days: set[tuple[int, date]] = field(default_factory=set)
    aside: int = 0  # newly set aside
    waiting: int = 0  # said again, still waiting or rejected
    released: int = 0  # by rule
    # Observations of earlier days that a second day released; they are appended with the batch.
    observed: list[dict[str, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Pending:
    """A quote of one series that waits for a second day while the batch is walked through."""

    day: date
    prices: Triple
    oddity: Oddity
    key: BatchKey | None  # in this batch
    row: Any | None  # in the table


@dataclass(slots=True)
class Walk:
    """One series of a batch: its past, and its quotes in order of time."""

    past: list[tuple[date, Triple]]
    quotes: list[tuple[BatchKey, Quote]]
    odd: bool = False
    held: set[BatchKey] = field(default_factory=set)


class MovesWhenAsked:
    """The other markets' moves, read for a product when one of its quotes is far from its own past: few are."""

    def __init__(self, connection: Connection, first: date, last: date, quotes: Mapping[BatchKey, Quote], ids: Mapping[Any, int]) -> None:
        self._connection, self._first, self._last, self._quotes, self._ids = connection, first, last, quotes, ids
        self._by_product: dict[str, dict[BatchKey, Quote]] | None = None
        self._read: dict[str, Moves] = {}

    def others(self, q: Quote) -> dict[str, float]:
        """Return market -> log move of the quote's product on its day."""
        product = q.series.product
        if product is None:
            return {}
        if self._by_product is None:
            self._by_product = defaultdict(dict)
            for key, x in self._quotes.items():
                if x.series.product is not None:
                    self._by_product[x.series.product][key] = x
        if product not in self._read:
            self._read[product] = read_moves(self._connection, [product], self._first, self._last, self._by_product[product], self._ids)
        return self._read[product].others(product, q.series.market, q.valid_date)


class Judging:
    """One series of a batch walked through in order of time, until nothing more is released.

    What is left waiting at the end would wait again if the same batch came once more: the same answer twice changes nothing.
    """

    def __init__(self, held: Held, series_id: int, walk: Walk, known: Mapping[AsideKey, Any], moves: MovesWhenAsked) -> None:
        self.held, self.series_id, self.walk, self.moves = held, series_id, walk, moves
        self.accepted: list[tuple[date, Triple]] = list(walk.past)
        self.quotes = dict(walk.quotes)
        said_now = {(series_id, key[1], (q.low, q.mid, q.high)) for key, q in walk.quotes}
        self.pending = [
            Pending(r.valid_date, (r.low, r.mid, r.high), oddity_of(r), None, r)
            for key, r in known.items() if r.state == "open" and key not in said_now
        ]  # fmt: skip
        self.released: list[tuple[Pending, str]] = []

    def take(self, key: BatchKey, row: Any | None) -> None:
        """Judge one quote; `row` is what was set aside of it before."""
        q = self.quotes[key]
        day, prices = key[1], (q.low, q.mid, q.high)
        if row is not None and row.state == "rejected":
            self._hold(key)
            self.held.waiting += 1
            return
        oddity = None if row is not None and row.state == "released" else self._oddity(day, prices, key)
        if oddity is None:
            insort(self.accepted, (day, prices))
            if row is not None and row.state == "open":
                self.released.append((Pending(day, prices, oddity_of(row), key, row), "fits-now"))
            return
        found = Pending(day, prices, oddity, key, row)
        self._hold(key)
        self.pending.append(found)
        # A second day is taken at once, so that the days after it are held against the new level.
        for earlier in [p for p in self.pending if _both(p, found)]:
            self._let(earlier, "second-day")
            if found in self.pending:
                self._let(found, "second-day")

    def settle(self) -> None:
        """Release what the days that were taken meanwhile let stand, until nothing changes."""
        changed = True
        while changed:
            changed = False
            for p in list(self.pending):
                if p.key is not None:
                    oddity = self._oddity(p.day, p.prices, p.key)
                    if oddity is None:
                        self._let(p, "fits-now")
                        changed = True
                        continue
                    p.oddity = oddity
                if self._next_day_agrees(p) or any(_both(p, later) or _both(later, p) for later in self.pending):
                    self._let(p, "second-day")
                    changed = True

    def _oddity(self, day: date, prices: Triple, key: BatchKey) -> Oddity | None:
        recent = recent_of(self.accepted, day)
        if looks_usual(recent, prices) or judge(recent, prices, {}) is None:
            return None
        return judge(recent, prices, self.moves.others(self.quotes[key]))

    def _next_day_agrees(self, p: Pending) -> bool:
        """Tell whether the next day that stands is at the level of a quote that waits; a day much later may have drifted there."""
        if not released_by_a_second_day(p.oddity):
            return False
        later = self.accepted[bisect_left(self.accepted, (p.day + timedelta(days=1),)) :]
        return any(d == later[0][0] and confirms(p.day, p.prices, d, prices) for d, prices in later[:8])

    def _hold(self, key: BatchKey) -> None:
        self.walk.held.add(key)
        self.held.days.add((self.series_id, key[1]))

    def _let(self, p: Pending, why: str) -> None:
        self.pending.remove(p)
        self.released.append((p, why))
        insort(self.accepted, (p.day, p.prices))
        if p.key is not None:
            self.walk.held.discard(p.key)


def _both(earlier: Pending, later: Pending) -> bool:
    """Tell whether two odd quotes say the same level on two days, and a rule may believe them."""
    return (
        confirms(earlier.day, earlier.prices, later.day, later.prices)
        and released_by_a_second_day(earlier.oddity)
        and released_by_a_second_day(later.oddity)
    )
