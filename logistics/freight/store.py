"""The table of freight plans: one row for each set of inputs of a county's day, so that the same day is not planned twice."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, PrimaryKeyConstraint, String, Table, insert, select

from foundation.database import metadata

freight_plan = Table(
    "freight_plan",
    metadata,
    Column("county", String(6), nullable=False),
    Column("day", String(10), nullable=False),
    Column("inputs", String(64), nullable=False),  # SHA-256 of consignments, tariff and method asked for
    Column("made_ms", BigInteger, nullable=False),
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
    """Keep a plan; a second process that made the same one meanwhile keeps nothing."""
    if find(connection, county, day, inputs) is None:
        connection.execute(
            insert(freight_plan),
            {"county": county, "day": day, "inputs": inputs, "made_ms": made_ms, "method": method, "total_fen": total_fen, "body": body},
        )
