"""The table of official indices: append-only like quotes, so that a figure can be told as it was known at any time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import BigInteger, Column, Connection, Date, Integer, Table, Text, func, insert, select

from foundation.database import metadata
from pricing.indices import IndexPoint

official_index = Table(
    "official_index", metadata,
    Column("code", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("observed_ms", BigInteger, primary_key=True),
    Column("source", Text, nullable=False),
    Column("milli", Integer, nullable=False),
    Column("raw", Text, nullable=False),
    Column("run_id", Integer, nullable=False),
)  # fmt: skip


def record(connection: Connection, source: str, run_id: int, points: Iterable[IndexPoint], now_ms: int) -> int:
    """Append what is new or differs from what stands, and return how many points that were; the same answer again appends none."""
    told = {(p.code, p.day): p for p in points}
    if not told:
        return 0
    days = [day for _, day in told]
    stands = {(p.code, p.day): p for p in known(connection, None, min(days), max(days))}
    rows = []
    for key, p in sorted(told.items()):
        before = stands.get(key)
        if before is None or before.value_milli != p.value_milli:
            observed = now_ms if before is None else max(now_ms, before.observed_ms + 1)
            rows.append({"code": p.code, "day": p.day, "observed_ms": observed, "source": source, "milli": p.value_milli,
                         "raw": p.raw, "run_id": run_id})  # fmt: skip
    if rows:
        connection.execute(insert(official_index), rows)
    return len(rows)


def known(connection: Connection, code: str | None, start: date, end: date, as_of_ms: int | None = None) -> list[IndexPoint]:
    """Return the points of one index, or of all, from `start` to `end`, both included, as they stand or stood at a moment."""
    t = official_index.c
    wanted = select(t.code, t.day, func.max(t.observed_ms).label("observed_ms")).where(t.day.between(start, end)).group_by(t.code, t.day)
    if code is not None:
        wanted = wanted.where(t.code == code)
    if as_of_ms is not None:
        wanted = wanted.where(t.observed_ms <= as_of_ms)
    newest = wanted.subquery()
    both = (t.code == newest.c.code) & (t.day == newest.c.day) & (t.observed_ms == newest.c.observed_ms)
    query = select(t.code, t.day, t.milli, t.raw, t.observed_ms).join(newest, both).order_by(t.code, t.day)
    return [IndexPoint(r.code, r.day, r.milli, r.raw, r.observed_ms) for r in connection.execute(query)]
