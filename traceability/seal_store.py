"""Where sealed plot-days stand in the log, so that a page finds them at once. Read from the log alone; any of it can be made anew."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date

from sqlalchemy import Column, Connection, Index, Table, func, insert, select

from foundation.database import metadata
from traceability import store
from traceability.column_types import Whole, Words
from traceability.statements import PLOT_DAY
from traceability.vocabulary import PLOT_URN

plot_day = Table(
    "plot_day",
    metadata,
    Column("log_index", Whole, primary_key=True, autoincrement=False),
    Column("plot", Words(64), nullable=False),
    Column("day", Whole, nullable=False),
    Index(None, "plot", "day"),
)

# `late_ms`: readings received up to then were looked at for days sealed already.
sealing = Table("sealing", metadata, Column("name", Words(20), primary_key=True), Column("value", Whole, nullable=False))

_EPOCH = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Return a calendar day as a number of days since 1970."""
    return day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """Return the calendar day of a number of days since 1970."""
    return date.fromordinal(number + _EPOCH)


def catch_up(connection: Connection) -> int:
    """Take in what was sealed since this was last called, by whichever process; return how many seals that were."""
    store.take_sequencer(connection)
    last = connection.execute(select(func.max(plot_day.c.log_index))).scalar()
    query = select(store.event.c.log_index, store.event.c.body).where(store.event.c.event_type == PLOT_DAY)
    if last is not None:
        query = query.where(store.event.c.log_index > last)
    rows = []
    for index, body in connection.execute(query.order_by(store.event.c.log_index)):
        # One that was altered in the database is no seal any more; the verifier names it.
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(body)
            day = day_number(date.fromisoformat(told["day"]))
            rows.append({"log_index": index, "plot": told["subject"].removeprefix(PLOT_URN), "day": day})
    if rows:
        connection.execute(insert(plot_day), rows)
    return len(rows)


def sealed_days(connection: Connection, plot: str | None = None, first: int = 0, last: int = 10**6) -> dict[tuple[str, int], int]:
    """Return (plot, day) -> place in the log of the newest seal of every sealed day of a span."""
    columns = plot_day.c
    query = select(columns.plot, columns.day, func.max(columns.log_index)).where(columns.day.between(first, last))
    if plot is not None:
        query = query.where(columns.plot == plot)
    return {(p, day): index for p, day, index in connection.execute(query.group_by(columns.plot, columns.day))}


def read_mark(connection: Connection, name: str) -> int | None:
    """Return a mark, None where it was never set."""
    found: int | None = connection.execute(select(sealing.c.value).where(sealing.c.name == name)).scalar()
    return found


def set_mark(connection: Connection, name: str, value: int) -> None:
    """Set a mark."""
    changed = connection.execute(sealing.update().where(sealing.c.name == name).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(sealing).values(name=name, value=value))
