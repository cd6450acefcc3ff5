"""What a source usually says of a day: how many rows, how many names we know, in which units. One row per day, for the guards."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Column, Connection, Date, Integer, Table, Text, select

from foundation.database import metadata
from pricing import store
from pricing.guards import FEWEST_SAME_WEEKDAYS, Usual
from pricing.quotes import RawQuote, Window

price_day = Table(
    "price_day", metadata,
    Column("source", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("units", Text, nullable=False),  # JSON: unit as it was written -> rows
)  # fmt: skip

# Eight weeks to either side: history is fetched backwards, so what follows a window may be all there is to compare with.
AROUND = timedelta(days=56)
_USUAL_RUNS = 20


def usual_of(connection: Connection, source: str, window: Window) -> Usual:
    """Return what a source usually says around a window, from its last good answers."""
    t = store.price_run.c
    past = connection.execute(
        select(t.received, t.unknown, t.kept, t.window_start, t.window_end)
        .where(t.source == source, t.state == "ok", t.received > 0)
        .order_by(t.id.desc())
        .limit(_USUAL_RUNS)
    ).all()
    shape = connection.execute(select(store.price_source.c.shape).where(store.price_source.c.id == source)).scalar_one_or_none()
    known_shape = frozenset(shape.split()) if shape else None
    if not past:
        return Usual(known_shape)
    per_day = median(r.received / ((r.window_end - r.window_start).days + 1) for r in past)
    unknown = median(r.unknown / r.kept if r.kept else 0.0 for r in past)
    d = price_day.c
    days = connection.execute(
        select(d.day, d.rows, d.units).where(d.source == source, d.day.between(window.start - AROUND, window.end + AROUND))
    ).all()
    by_weekday: dict[int, list[int]] = defaultdict(list)
    units: Counter[str] = Counter()
    for day, rows, written in days:
        by_weekday[day.weekday()].append(rows)
        units.update(json.loads(written))
    weekdays = {k: float(median(rows)) for k, rows in by_weekday.items() if len(rows) >= FEWEST_SAME_WEEKDAYS}
    return Usual(known_shape, per_day, unknown, weekdays, dict(units))


def note_days(connection: Connection, source: str, rows: Iterable[RawQuote]) -> None:
    """Keep what a good answer said of each of its days."""
    from sqlalchemy.dialects import postgresql, sqlite

    units: dict[date, Counter[str]] = defaultdict(Counter)
    for raw in rows:
        units[raw.day][raw.unit] += 1
    if not units:
        return
    make: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = make(price_day)
    statement = statement.on_conflict_do_update(
        index_elements=["source", "day"], set_={"rows": statement.excluded.rows, "units": statement.excluded.units}
    )
    connection.execute(statement, [_row(source, day, found) for day, found in sorted(units.items())])


def _row(source: str, day: date, units: Counter[str]) -> dict[str, Any]:
    # The commonest few are enough to tell a change of units, and bound what a strange answer can make us keep.
    written = json.dumps(dict(units.most_common(12)), ensure_ascii=False, sort_keys=True).replace("\\u0000", "")
    return {"source": source, "day": day, "rows": units.total(), "units": written}
