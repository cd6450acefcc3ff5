"""Which days were written to: one row for each time quotes were appended, in the same transaction, so that a copy knows where it is old."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Column, Connection, Date, Integer, Table, func, insert, select

from foundation.database import metadata

price_touched = Table(
    "price_touched", metadata,
    Column("id", Integer, primary_key=True),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("rows", Integer, nullable=False),
)  # fmt: skip

# Numbers are given before a transaction ends, and on PostgreSQL another may end first: of the newest so many each one is remembered.
REMEMBERED = 200

Seen = tuple[int, ...]


def note_touched(connection: Connection, first: date, last: date, rows: int) -> None:
    """Note that `rows` quotes of the days `first` to `last` were appended. Whoever writes quotes calls this."""
    connection.execute(insert(price_touched).values(first_day=first, last_day=last, rows=rows))


def seen_now(connection: Connection) -> Seen:
    """Return the numbers of the newest notes this transaction sees, the newest first."""
    t = price_touched.c
    return tuple(connection.execute(select(t.id).order_by(t.id.desc()).limit(REMEMBERED)).scalars())


def since(connection: Connection, seen: Seen) -> list[tuple[date, date, int]]:
    """Return (first day, last day, rows) of every note that was not seen then."""
    t = price_touched.c
    from_id = seen[-1] if len(seen) >= REMEMBERED else 0
    known = frozenset(seen)
    found = connection.execute(select(t.id, t.first_day, t.last_day, t.rows).where(t.id >= from_id))
    return [(r[1], r[2], r[3]) for r in found if r[0] not in known]


def stamp(connection: Connection) -> tuple[int, int]:
    """Return two figures that differ whenever anything was appended since."""
    t = price_touched.c
    newest, count = connection.execute(select(func.coalesce(func.max(t.id), 0), func.count())).one()
    return int(newest), int(count)
