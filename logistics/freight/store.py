"""The table of freight plans: one row for each set of inputs of a county's day, so that the same day is not planned twice."""

from __future__ import annotations

from contextlib import suppress

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, PrimaryKeyConstraint, String, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from foundation.database import metadata

freight_plan = Table(
    "freight_plan",
    metadata,
    Column("county", String(6), nullable=False),
    Column("day", String(10), nullable=False),
    Column("inputs", String(64), nullable=False),  # SHA-256 of consignments, tariff and method asked for
    Column("made_ms", BigInteger, nullable=False),  # made, or found to be in force again
    Column("method", String(20), nullable=False),
    Column("total_fen", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the whole DayPlan as JSON
    PrimaryKeyConstraint("county", "day", "inputs"),
    Index(None, "county", "made_ms"),
)


def find(connection: Connection, county: str, day: str, inputs: str) -> bytes | None:
    """Return the plan made of these inputs, or None."""
    c = freight_plan.c
    where = (c.county == county) & (c.day == day) & (c.inputs == inputs)
    found = connection.execute(select(c.body).where(where)).scalar()
    return None if found is None else bytes(found)


def latest(connection: Connection, county: str, day: str | None) -> bytes | None:
    """Return the plan made last, of one day or of any."""
    c = freight_plan.c
    query = select(c.body).where(c.county == county).order_by(c.made_ms.desc()).limit(1)
    found = connection.execute(query.where(c.day == day) if day else query).scalar()
    return None if found is None else bytes(found)


def add(connection: Connection, county: str, day: str, inputs: str, made_ms: int, method: str, total_fen: int, body: bytes) -> None:
    """Keep a plan in the place of one of the same inputs, if there is one: an older version's, or a second process's of this moment."""
    told = {"made_ms": made_ms, "method": method, "total_fen": total_fen, "body": body}
    c = freight_plan.c
    again = update(freight_plan).where((c.county == county) & (c.day == day) & (c.inputs == inputs)).values(told)
    if connection.execute(again).rowcount:
        return
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(insert(freight_plan), {"county": county, "day": day, "inputs": inputs, **told})


def put_in_force(connection: Connection, county: str, day: str, inputs: str, now_ms: int) -> None:
    """Let a plan made before count as the last one: its lots lie there again."""
    c = freight_plan.c
    connection.execute(update(freight_plan).where((c.county == county) & (c.day == day) & (c.inputs == inputs)).values(made_ms=now_ms))
