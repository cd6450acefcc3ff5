"""Decisions about quotes set aside: append-only, each with who, when and why. A release records the quote, a rejection keeps it out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from foundation.errors import BadInput, Conflict, NotFound
from pricing import store
from pricing.desk.tables import quote_aside, quote_aside_decision

DECISIONS = ("released", "rejected")
# What a rule writes as its reason: a second day at the same level, the other markets moved alike, the source says otherwise now.
RULES = ("second-day", "fits-now", "said-otherwise", "said-again")
# What stands as the reason where somebody confirmed on the telephone's form what was asked about.
CONFIRMED = "told-again-when-asked"
LONGEST_WHY = 200


def note_decision(connection: Connection, row: Any, decision: str, decider: str, why: str, now_ms: int) -> None:
    """Append a decision; `row` is the quote set aside as it was read. What somebody else decided meanwhile is a conflict."""
    t = quote_aside_decision.c
    number = connection.execute(select(func.coalesce(func.max(t.number), 0)).where(t.aside_id == row.id)).scalar_one() + 1
    changed = connection.execute(
        update(quote_aside).where(quote_aside.c.id == row.id, quote_aside.c.state == row.state).values(state=decision)
    )
    if changed.rowcount != 1:
        raise Conflict("somebody else has decided about this quote meanwhile", todo="look at the queue again")
    connection.execute(
        insert(quote_aside_decision).values(aside_id=row.id, number=number, decided_ms=now_ms, decision=decision, decider=decider, why=why)
    )


def decide(connection: Connection, aside_id: int, decision: str, decider: str, why: str, now_ms: int, hidden: Collection[str] = ()) -> None:
    """Release or reject a quote set aside; a decision may be changed later, and both are kept.

    Released, it is observed now, under the run that brought it: its payload stays its origin. Rejected after it was released, it is
    withdrawn, and what stood before stands again. The same decision again changes nothing. In a `hidden` market there is nothing to decide.

    Raises:
        BadInput: no such decision, or nobody decides it.
        NotFound: there is no such quote.
        Conflict: the source says something else for that day now.

    """
    if decision not in DECISIONS or not decider:
        raise BadInput("this is no decision", expected="released or rejected, by somebody", got=decision[:20])
    s = store.price_series.c
    row = connection.execute(
        select(quote_aside, s.market).join(store.price_series, s.id == quote_aside.c.series_id).where(quote_aside.c.id == aside_id)
    ).first()
    if row is None or row.market in hidden:
        raise NotFound("there is no such quote set aside", got=str(aside_id))
    if row.state == decision:
        return
    if row.state == "superseded":
        raise Conflict("the source says something else for that day now", todo="decide about what it says now, if that waits")
    stands = _standing(connection, row)
    later = observed_at(connection, row.series_id, row.valid_date, row.ordinal, now_ms)
    if decision == "released":
        store.append(connection, [observed_row(row, later)])
    elif row.state == "released" and stands is not None and (stands.low, stands.mid, stands.high) == (row.low, row.mid, row.high):
        store.append(connection, [_before(connection, row, later) or {**observed_row(row, later), "status": "withdrawn"}])
    note_decision(connection, row, decision, decider, why.strip()[:LONGEST_WHY], now_ms)


def observed_row(row: Any, observed_ms: int) -> dict[str, Any]:
    """Return the observation that lets a quote set aside stand."""
    return {
        "series_id": row.series_id, "valid_date": row.valid_date, "ordinal": row.ordinal, "observed_ms": observed_ms, "low": row.low,
        "mid": row.mid, "high": row.high, "mid_kind": row.mid_kind, "volume_kg": row.volume_kg, "raw_price": row.raw_price,
        "raw_unit": row.raw_unit, "run_id": row.run_id, "status": "quoted",
    }  # fmt: skip


def observed_at(connection: Connection, series_id: int, day: date, ordinal: int, now_ms: int) -> int:
    """Return when something about a quote is observed: now, but never before or with what was observed of it already."""
    t = store.quote_obs.c
    last = connection.execute(
        select(func.max(t.observed_ms)).where(t.series_id == series_id, t.valid_date == day, t.ordinal == ordinal)
    ).scalar()
    return max(now_ms, (last or 0) + 1)


def _standing(connection: Connection, row: Any) -> Any:
    t = store.quote_current.c
    return connection.execute(
        select(t.low, t.mid, t.high, t.observed_ms)
        .where(t.series_id == row.series_id, t.valid_date == row.valid_date, t.ordinal == row.ordinal)
    ).first()  # fmt: skip


def _before(connection: Connection, row: Any, observed_ms: int) -> dict[str, Any] | None:
    """Return an observation of what stood before a quote was released, None where nothing did."""
    t = store.quote_obs.c
    seen = connection.execute(
        select(store.quote_obs)
        .where(t.series_id == row.series_id, t.valid_date == row.valid_date, t.ordinal == row.ordinal)
        .order_by(t.observed_ms.desc()).limit(2)
    ).mappings().all()  # fmt: skip
    if len(seen) < 2 or seen[1]["status"] != "quoted":
        return None
    return {**seen[1], "observed_ms": observed_ms}
