"""Setting quotes aside: what of a batch may stand, what waits for a person, and what a second day releases by itself.

One transaction with the batch: it is called where a batch is about to be recorded, and nothing of a quote set aside reaches the board.
"""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from pricing import store
from pricing.desk.deciding import note_decision, observed_at, observed_row
from pricing.desk.moves import Moves, read_moves
from pricing.desk.queue import oddity_of
from pricing.desk.soft_gate import (
    PAST_DAYS,
    SECOND_WITHIN_DAYS,
    Oddity,
    Triple,
    confirms,
    judge,
    looks_usual,
    recent_of,
    released_by_a_second_day,
)
from pricing.desk.tables import quote_aside
from pricing.quotes import Quote
from pricing.recording import Standing, values_of

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
class _Pending:
    """A quote of one series that waits for a second day while the batch is walked through."""

    day: date
    prices: Triple
    oddity: Oddity
    key: BatchKey | None  # in this batch
    row: Any | None  # in the table


def hold_back(
    connection: Connection, ids: Mapping[Any, int], quotes: Mapping[BatchKey, Quote], standing: Mapping[store.Key, Standing], run_id: int,
    now_ms: int,
) -> Held:  # fmt: skip
    """Judge a batch and set aside what is odd.

    A quote that stands already with the same values is not judged again. One that was set aside before is not queued twice: while it
    waits it is judged anew, for by now the other markets may have moved alike; once released it passes, once rejected it stays out.
    """
    held = Held()
    if not quotes:
        return held
    first, last = min(k[1] for k in quotes), max(k[1] for k in quotes)
    known = _known(connection, sorted({q.series.source for q in quotes.values()}), first, last)
    _supersede(connection, ids, quotes, known, now_ms)
    walks = _walks(connection, ids, quotes, standing)
    moves = _MovesWhenAsked(connection, first, last, quotes, ids)
    for series_id, walk in walks.items():
        if not walk.odd and series_id not in known:
            continue
        before = known.get(series_id, {})
        judging = _Judging(held, series_id, walk, before, moves)
        for key, q in walk.quotes:
            judging.take(key, before.get((series_id, key[1], (q.low, q.mid, q.high))))
        judging.settle()
        _note(connection, judging, run_id, now_ms)
    if held.rows:
        connection.execute(insert(quote_aside), held.rows)
    waiting = {key for w in walks.values() for key in w.held}
    held.quotes = {key: q for key, q in quotes.items() if key not in waiting}
    return held


class _MovesWhenAsked:
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


@dataclass(slots=True)
class _Walk:
    """One series of a batch: its past, and its quotes in order of time."""

    past: list[tuple[date, Triple]]
    quotes: list[tuple[BatchKey, Quote]]
    odd: bool = False
    held: set[BatchKey] = field(default_factory=set)


def _walks(
    connection: Connection, ids: Mapping[Any, int], quotes: Mapping[BatchKey, Quote], standing: Mapping[store.Key, Standing]
) -> dict[int, _Walk]:
    """Return the series of the batch in which something changed, each with its past; `odd` where the quick look is not enough."""
    batch: dict[int, list[tuple[BatchKey, Quote]]] = defaultdict(list)
    for key, q in quotes.items():
        stands = standing.get((ids[key[0]], key[1], key[2]))
        if stands is None or stands.values != values_of(q):
            batch[ids[key[0]]].append((key, q))
    if not batch:
        return {}
    past: dict[int, list[tuple[date, Triple]]] = defaultdict(list)
    changed = {(i, key[1], key[2]) for i, of in batch.items() for key, _ in of}
    for (i, day, ordinal), s in standing.items():
        if i in batch and (i, day, ordinal) not in changed:
            past[i].append((day, s.values[:3]))
    walks = {i: _Walk(sorted(past[i]), sorted(of, key=lambda x: (x[0][1], x[0][2]))) for i, of in batch.items()}
    for walk in walks.values():
        walk.odd = _needs_a_look(walk)
    _deepen(connection, {i: w for i, w in walks.items() if w.odd}, changed)
    return walks


def _needs_a_look(walk: _Walk) -> bool:
    recent: list[Triple] = []
    for (_, day, _), q in walk.quotes:
        prices = (q.low, q.mid, q.high)
        at = bisect_left(walk.past, (day,))
        near = [p for _, p in walk.past[max(0, at - 2) : at]]
        if not (looks_usual(near, prices) or looks_usual(recent, prices)):
            return True
        recent = [*recent[-1:], prices]
    return False


def _deepen(connection: Connection, walks: Mapping[int, _Walk], changed: set[store.Key]) -> None:
    """Read farther back for the few series that need a closer look."""
    if not walks:
        return
    first = min(w.quotes[0][0][1] for w in walks.values())
    end = max(w.quotes[-1][0][1] for w in walks.values()) + timedelta(days=SECOND_WITHIN_DAYS)
    found: dict[int, list[tuple[date, Triple]]] = defaultdict(list)
    for r in store.current_rows(connection, sorted(walks), first - timedelta(days=PAST_DAYS), end):
        if (r[0], r[1], r[2]) not in changed:
            found[r[0]].append((r[1], (r[3], r[4], r[5])))
    for i, walk in walks.items():
        walk.past = sorted(found[i])


def _known(connection: Connection, sources: Sequence[str], first: date, last: date) -> dict[int, dict[AsideKey, Any]]:
    """Return what was set aside before for these sources around these days, by series."""
    t, s = quote_aside.c, store.price_series.c
    rows = connection.execute(
        select(quote_aside)
        .join(store.price_series, s.id == t.series_id)
        .where(s.source.in_(sources), t.valid_date.between(first - timedelta(days=SECOND_WITHIN_DAYS), last))
        .order_by(t.valid_date, t.id)
    )  # fmt: skip
    found: dict[int, dict[AsideKey, Any]] = defaultdict(dict)
    for r in rows:
        found[r.series_id][(r.series_id, r.valid_date, (r.low, r.mid, r.high))] = r
    return found


def _supersede(
    connection: Connection, ids: Mapping[Any, int], quotes: Mapping[BatchKey, Quote], known: dict[int, dict[AsideKey, Any]], now_ms: int
) -> None:
    """Close what waited for a day of which the source says something else now; it is taken out of `known`."""
    if not any(r.state == "open" for of in known.values() for r in of.values()):
        return
    said: dict[tuple[int, date], set[Triple]] = defaultdict(set)
    for key, q in quotes.items():
        if ids[key[0]] in known:
            said[(ids[key[0]], key[1])].add((q.low, q.mid, q.high))
    for of in known.values():
        for (series_id, day, prices), r in list(of.items()):
            if r.state == "open" and (series_id, day) in said and prices not in said[(series_id, day)]:
                note_decision(connection, r, "superseded", "", "said-otherwise", now_ms)
                del of[(series_id, day, prices)]


class _Judging:
    """One series of a batch walked through in order of time, until nothing more is released.

    What is left waiting at the end would wait again if the same batch came once more: the same answer twice changes nothing.
    """

    def __init__(self, held: Held, series_id: int, walk: _Walk, known: Mapping[AsideKey, Any], moves: _MovesWhenAsked) -> None:
        self.held, self.series_id, self.walk, self.moves = held, series_id, walk, moves
        self.accepted: list[tuple[date, Triple]] = list(walk.past)
        self.quotes = dict(walk.quotes)
        said_now = {(series_id, key[1], (q.low, q.mid, q.high)) for key, q in walk.quotes}
        self.pending = [
            _Pending(r.valid_date, (r.low, r.mid, r.high), oddity_of(r), None, r)
            for key, r in known.items() if r.state == "open" and key not in said_now
        ]  # fmt: skip
        self.released: list[tuple[_Pending, str]] = []

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
                self.released.append((_Pending(day, prices, oddity_of(row), key, row), "fits-now"))
            return
        found = _Pending(day, prices, oddity, key, row)
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

    def _next_day_agrees(self, p: _Pending) -> bool:
        """Tell whether the next day that stands is at the level of a quote that waits; a day much later may have drifted there."""
        if not released_by_a_second_day(p.oddity):
            return False
        later = self.accepted[bisect_left(self.accepted, (p.day + timedelta(days=1),)) :]
        return any(d == later[0][0] and confirms(p.day, p.prices, d, prices) for d, prices in later[:8])

    def _hold(self, key: BatchKey) -> None:
        self.walk.held.add(key)
        self.held.days.add((self.series_id, key[1]))

    def _let(self, p: _Pending, why: str) -> None:
        self.pending.remove(p)
        self.released.append((p, why))
        insort(self.accepted, (p.day, p.prices))
        if p.key is not None:
            self.walk.held.discard(p.key)


def _both(earlier: _Pending, later: _Pending) -> bool:
    """Tell whether two odd quotes say the same level on two days, and a rule may believe them."""
    return (
        confirms(earlier.day, earlier.prices, later.day, later.prices)
        and released_by_a_second_day(earlier.oddity)
        and released_by_a_second_day(later.oddity)
    )


def _note(connection: Connection, judging: _Judging, run_id: int, now_ms: int) -> None:
    """Write down what became of a series: decisions by rule, days that are recorded now, quotes that wait."""
    held = judging.held
    for p, why in judging.released:
        if p.row is None or p.row.state != "open":
            continue
        if p.key is None:
            # Its day is not in this batch, so what was kept of it is recorded now, under the run that brought it.
            later = observed_at(connection, p.row.series_id, p.row.valid_date, p.row.ordinal, now_ms)
            held.observed.append(observed_row(p.row, later))
        note_decision(connection, p.row, "released", "", why, now_ms)
        held.released += 1
    for p in judging.pending:
        if p.key is None:
            continue
        if p.row is not None and p.row.state == "open":
            held.waiting += 1
            continue
        if p.row is not None:  # superseded once, and now said again
            note_decision(connection, p.row, "open", "", "said-again", now_ms)
        else:
            held.rows.append(_aside_row(judging.series_id, p, judging.quotes[p.key], run_id, now_ms))
        held.aside += 1


def _aside_row(series_id: int, p: _Pending, q: Quote, run_id: int, now_ms: int) -> dict[str, Any]:
    assert p.key is not None
    return {
        "series_id": series_id, "valid_date": p.day, "ordinal": p.key[2], "low": q.low, "mid": q.mid, "high": q.high,
        "mid_kind": q.mid_kind, "volume_kg": q.volume_kg, "raw_price": q.raw_price, "raw_unit": q.raw_unit, "run_id": run_id,
        "aside_ms": now_ms, "reason": p.oddity.reason, "evidence": json.dumps(p.oddity.as_dict(), sort_keys=True), "state": "open",
    }  # fmt: skip
