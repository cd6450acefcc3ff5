"""The reviewer's queue: what waits, the most consequential first, and what was decided lately."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from pricing.desk.moves import read_moves
from pricing.desk.soft_gate import Oddity
from pricing.desk.tables import quote_aside, quote_aside_decision
from pricing.markets import MARKETS
from pricing.store import current_rows, price_payload, price_run, price_series

MOST_SHOWN = 200
# A price of a product of ours stands on a board; one that means none of ours, or of another territory, stands in the records only.
_UNMAPPED = 0.25


@dataclass(frozen=True, slots=True)
class Waiting:
    """A quote set aside, with what it was held against."""

    id: int
    series_id: int
    source: str
    market: str
    product: str | None
    name: str
    spec: str
    grade: str
    origin: str
    currency: str
    day: date
    low: int
    mid: int
    high: int
    raw_price: str
    raw_unit: str
    run_id: int
    aside_ms: int
    oddity: Oddity
    state: str
    payloads: int  # how many raw payloads its run kept

    def weight(self, today: date) -> float:
        """How much depends on it: how far it would move a price that stands on a board, less for every day that has passed since."""
        market = MARKETS.get(self.market)
        on_board = 1.0 if self.product and market is not None and market.comparable else _UNMAPPED
        return on_board * abs(math.log(self.oddity.factor)) / (1 + max(0, (today - self.day).days))


@dataclass(frozen=True, slots=True)
class BatchWaiting:
    """How many quotes of one run wait."""

    run_id: int
    source: str
    first: date
    last: date
    finished_ms: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The last decision about a quote: who (empty where a rule decided), when, why, and what it was about."""

    quote: Waiting
    number: int
    decision: str
    decider: str
    why: str
    decided_ms: int


def waiting(connection: Connection, hidden: Collection[str], today: date, run_id: int | None = None) -> list[Waiting]:
    """Return what waits outside the hidden markets, the most consequential first; of one run only, where it is named."""
    t = quote_aside.c
    wanted = [t.state == "open", *([t.run_id == run_id] if run_id is not None else [])]
    found = [_waiting(r) for r in connection.execute(_quotes(hidden).where(*wanted))]
    return sorted(found, key=lambda w: (-w.weight(today), w.id))


def batches(connection: Connection, hidden: Collection[str]) -> list[BatchWaiting]:
    """Return the runs of which something waits, the newest first."""
    t, s, r = quote_aside.c, price_series.c, price_run.c
    rows = connection.execute(
        select(t.run_id, func.min(s.source), func.min(t.valid_date), func.max(t.valid_date), func.min(r.finished_ms), func.count())
        .join(price_series, s.id == t.series_id).outerjoin(price_run, r.id == t.run_id)
        .where(t.state == "open", s.market.not_in(list(hidden)))
        .group_by(t.run_id).order_by(t.run_id.desc())
    )  # fmt: skip
    return [BatchWaiting(*r) for r in rows]


def decided(connection: Connection, hidden: Collection[str], limit: int = 30) -> list[Decided]:
    """Return the last decisions, the newest first; of a quote that was decided about twice, both."""
    d = quote_aside_decision.c
    rows = connection.execute(
        _quotes(hidden).add_columns(d.number, d.decision, d.decider, d.why, d.decided_ms)
        .join(quote_aside_decision, d.aside_id == quote_aside.c.id)
        .order_by(d.decided_ms.desc(), d.aside_id.desc(), d.number.desc()).limit(limit)
    )  # fmt: skip
    return [Decided(_waiting(r), r.number, r.decision, r.decider, r.why, r.decided_ms) for r in rows]


@dataclass(frozen=True, slots=True)
class Beside:
    """What another market quoted on the day of a quote that waits."""

    market: str
    mid: int
    change_pct: float | None


def beside(connection: Connection, quotes: Sequence[Waiting]) -> dict[int, list[Beside]]:
    """Return quote -> what the other markets of the same kind quoted that day, as it stands now."""
    if not quotes:
        return {}
    days = [w.day for w in quotes]
    moves = read_moves(connection, {w.product for w in quotes if w.product}, min(days), max(days), {}, {})
    return {
        w.id: [
            Beside(m, mid, None if move is None else 100 * (math.exp(move) - 1))
            for m, (mid, move) in sorted(moves.neighbours(w.product, w.market, w.day).items())
        ]
        for w in quotes
    }  # fmt: skip


def past_of(connection: Connection, quotes: Sequence[Waiting], days: int) -> dict[int, list[tuple[date, int]]]:
    """Return quote -> (day, middle price) of what stands of its series in the `days` up to it, oldest first."""
    if not quotes:
        return {}
    first = min(w.day for w in quotes) - timedelta(days=days)
    rows = current_rows(connection, sorted({w.series_id for w in quotes}), first, max(w.day for w in quotes))
    series: dict[int, list[tuple[date, int]]] = {}
    for r in rows:
        series.setdefault(r[0], []).append((r[1], r[4]))
    return {w.id: sorted(x for x in series.get(w.series_id, []) if w.day - timedelta(days=days) <= x[0] <= w.day) for w in quotes}


def _quotes(hidden: Collection[str]) -> Any:
    s, t, p = price_series.c, quote_aside.c, price_payload.c
    payloads = select(func.count()).select_from(price_payload).where(p.run_id == t.run_id).scalar_subquery().label("payloads")
    return (
        select(quote_aside, s.source, s.market, s.product, s.name, s.spec, s.grade, s.origin, s.currency, payloads)
        .join(price_series, s.id == t.series_id).where(s.market.not_in(list(hidden)))
    )  # fmt: skip


def oddity_of(row: Any) -> Oddity:
    """Return the oddity that was kept with a quote set aside."""
    e = json.loads(row.evidence)
    return Oddity(row.reason, e["part"], e["usual"], e["quotes"], e["factor"], e["scales"], e["last"], e["own_move"], e["others"])


def _waiting(r: Any) -> Waiting:
    return Waiting(
        r.id, r.series_id, r.source, r.market, r.product, r.name, r.spec, r.grade, r.origin, r.currency, r.valid_date, r.low, r.mid, r.high,
        r.raw_price, r.raw_unit, r.run_id, r.aside_ms, oddity_of(r), r.state, r.payloads,
    )  # fmt: skip
