"""Setting quotes aside: what of a batch may stand, what waits for a person, and what a second day releases by itself.

One transaction with the batch: it is called where a batch is about to be recorded, and nothing of a quote set aside reaches the board.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from pricing import store
from pricing.desk.deciding import note_decision, observed_at, observed_row
from pricing.desk.judging import AsideKey, BatchKey, Held, Judging, MovesWhenAsked, Pending, Walk
from pricing.desk.soft_gate import (
    PAST_DAYS,
    SECOND_WITHIN_DAYS,
    Triple,
    looks_usual,
)
from pricing.desk.tables import quote_aside
from pricing.quotes import Quote
from pricing.recording import Standing, values_of


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
    moves = MovesWhenAsked(connection, first, last, quotes, ids)
    for series_id, walk in walks.items():
        if not walk.odd and series_id not in known:
            continue
        before = known.get(series_id, {})
        judging = Judging(held, series_id, walk, before, moves)
        for key, q in walk.quotes:
            judging.take(key, before.get((series_id, key[1], (q.low, q.mid, q.high))))
        judging.settle()
        _note(connection, judging, run_id, now_ms)
    if held.rows:
        connection.execute(insert(quote_aside), held.rows)
    waiting = {key for w in walks.values() for key in w.held}
    held.quotes = {key: q for key, q in quotes.items() if key not in waiting}
    return held


def _walks(
    connection: Connection, ids: Mapping[Any, int], quotes: Mapping[BatchKey, Quote], standing: Mapping[store.Key, Standing]
) -> dict[int, Walk]:
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
    walks = {i: Walk(sorted(past[i]), sorted(of, key=lambda x: (x[0][1], x[0][2]))) for i, of in batch.items()}
    for walk in walks.values():
        walk.odd = _needs_a_look(walk)
    _deepen(connection, {i: w for i, w in walks.items() if w.odd}, changed)
    return walks


def _needs_a_look(walk: Walk) -> bool:
    recent: list[Triple] = []
    for (_, day, _), q in walk.quotes:
        prices = (q.low, q.mid, q.high)
        at = bisect_left(walk.past, (day,))
        near = [p for _, p in walk.past[max(0, at - 2) : at]]
        if not (looks_usual(near, prices) or looks_usual(recent, prices)):
            return True
        recent = [*recent[-1:], prices]
    return False


def _deepen(connection: Connection, walks: Mapping[int, Walk], changed: set[store.Key]) -> None:
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


def _note(connection: Connection, judging: Judging, run_id: int, now_ms: int) -> None:
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


def _aside_row(series_id: int, p: Pending, q: Quote, run_id: int, now_ms: int) -> dict[str, Any]:
    assert p.key is not None
    return {
        "series_id": series_id, "valid_date": p.day, "ordinal": p.key[2], "low": q.low, "mid": q.mid, "high": q.high,
        "mid_kind": q.mid_kind, "volume_kg": q.volume_kg, "raw_price": q.raw_price, "raw_unit": q.raw_unit, "run_id": run_id,
        "aside_ms": now_ms, "reason": p.oddity.reason, "evidence": json.dumps(p.oddity.as_dict(), sort_keys=True), "state": "open",
    }  # fmt: skip
