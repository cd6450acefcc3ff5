"""The tables of prices and the few statements on them. History is append-only; what stands now is a table of its own.

`quote_obs` holds every value ever observed for a series, market day and ordinal, with the time it was first seen: what stood at any
moment T is the newest row no later than T. `quote_current` is the answer for now and is touched only by a real change, so that
collecting the same answer twice changes neither table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    true,
    update,
)

from foundation.database import metadata
from pricing.quotes import Series
from pricing.touched import note_touched

price_series = Table(
    "price_series", metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("market", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("spec", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("product", Text),
    Column("variety", Text),
    UniqueConstraint("source", "market", "name", "spec", "grade", "origin", "currency"),
    Index("ix_price_series_product_market", "product", "market"),
)  # fmt: skip

price_run = Table(
    "price_run", metadata,
    Column("id", Integer, primary_key=True),
    Column("source", Text, nullable=False),
    Column("slot", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("window_start", Date, nullable=False),
    Column("window_end", Date, nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Column("state", Text, nullable=False),  # running, ok, quarantined, failed
    Column("why", Text, nullable=False, default=""),
    Column("warnings", Text, nullable=False, default=""),
    Column("shape", Text, nullable=False, default=""),
    Column("received", Integer, nullable=False, default=0),
    Column("kept", Integer, nullable=False, default=0),
    Column("refused", Integer, nullable=False, default=0),
    Column("unknown", Integer, nullable=False, default=0),
    Column("changed", Integer, nullable=False, default=0),
    Column("fence", Integer, nullable=False, default=0, server_default="0"),  # of the scheduler's lease it was claimed under
    Column("findings", Text, nullable=False, default="[]", server_default="[]"),  # JSON of what the guards saw
    UniqueConstraint("source", "slot"),
    Index("ix_price_run_source_started", "source", "started_ms"),
    # Few of many: asked for on every page that says how the sources are.
    Index(
        "ix_price_run_quarantined", "source", "id",
        sqlite_where=text("state = 'quarantined'"), postgresql_where=text("state = 'quarantined'"),
    ),
    # Of two runs that want the same days at the same time, one asks the site.
    Index(
        "uq_price_run_at_work", "source", "window_start", "window_end", unique=True,
        sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'"),
    ),
)  # fmt: skip

price_payload = Table(
    "price_payload", metadata,
    Column("run_id", Integer, ForeignKey("price_run.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("url", Text, nullable=False),
    Column("fetched_ms", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", Text, nullable=False),  # of the payload as received
    Column("blob", Text, nullable=False),  # of the compressed bytes in the blob folder
    Column("request", Text),  # JSON of what was asked, to read the answer again; not there for imported files
)  # fmt: skip

price_refused = Table(
    "price_refused", metadata,
    Column("run_id", Integer, ForeignKey("price_run.id"), primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("market", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("reason", Text, nullable=False),
    Column("detail", Text, nullable=False),
)  # fmt: skip

price_source = Table(
    "price_source", metadata,
    Column("id", Text, primary_key=True),
    Column("address", Text, nullable=False, default=""),
    Column("state", Text, nullable=False),  # ok, quarantined, failing
    Column("why", Text, nullable=False, default=""),
    Column("shape", Text, nullable=False, default=""),
    Column("rows_last", Integer, nullable=False, default=0),
    Column("last_success_ms", BigInteger),
    Column("last_attempt_ms", BigInteger),
    Column("next_run_ms", BigInteger),
    Column("period_ms", BigInteger),
    Column("asked_ms", BigInteger),
)  # fmt: skip

price_lease = Table(
    "price_lease", metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)  # fmt: skip


def _values() -> list[Column[Any]]:
    return [
        Column("low", Integer, nullable=False),
        Column("mid", Integer, nullable=False),
        Column("high", Integer, nullable=False),
        Column("mid_kind", Text, nullable=False),
        Column("volume_kg", BigInteger),
        Column("raw_price", Text, nullable=False),
        Column("raw_unit", Text, nullable=False),
        Column("run_id", Integer, nullable=False),
    ]


quote_obs = Table(
    "quote_obs", metadata,
    Column("series_id", Integer, ForeignKey("price_series.id"), primary_key=True),
    Column("valid_date", Date, primary_key=True),
    Column("ordinal", SmallInteger, primary_key=True),
    Column("observed_ms", BigInteger, primary_key=True),
    *_values(),
    Column("status", Text, nullable=False),  # quoted, withdrawn
    # Withdrawals are few; what is quoted again after one must come later than it.
    Index("ix_quote_obs_withdrawn", "series_id", "valid_date", "ordinal",
          sqlite_where=text("status = 'withdrawn'"), postgresql_where=text("status = 'withdrawn'")),
    sqlite_with_rowid=False,
)  # fmt: skip

# No foreign key: a row comes here only with its row of the history, where the series is checked.
quote_current = Table(
    "quote_current", metadata,
    Column("series_id", Integer, primary_key=True, autoincrement=False),
    Column("valid_date", Date, primary_key=True),
    Column("ordinal", SmallInteger, primary_key=True),
    Column("observed_ms", BigInteger, nullable=False),
    *_values(),
    sqlite_with_rowid=False,
)  # fmt: skip

SeriesKey = tuple[str, str, str, str, str, str, str]
Key = tuple[int, date, int]
# When one of these differs, the quote was revised; how it was written is no revision.
REVISED_BY = ("low", "mid", "high", "mid_kind", "volume_kg")
# From so many rows on, laying them on a stage costs less than inserting them one by one.
STAGED_FROM = 1000


def series_ids(connection: Connection, source: str) -> dict[SeriesKey, int]:
    """Return the ids of a source's series."""
    t = price_series.c
    found = connection.execute(select(t.id, t.source, t.market, t.name, t.spec, t.grade, t.origin, t.currency).where(t.source == source))
    return {(r[1], r[2], r[3], r[4], r[5], r[6], r[7]): r[0] for r in found}


def add_series(connection: Connection, known: dict[SeriesKey, int], wanted: Iterable[Series]) -> dict[SeriesKey, int]:
    """Return `known`, the ids of one source's series, with those it lacked added to the table."""
    new = {s.key: s for s in wanted if s.key not in known}
    if not new:
        return known
    rows = [
        {"source": s.source, "market": s.market, "name": s.name, "spec": s.spec, "grade": s.grade, "origin": s.origin,
         "currency": s.currency, "product": s.product, "variety": s.variety}
        for s in new.values()
    ]  # fmt: skip
    connection.execute(insert(price_series), rows)
    # Ids only grow, so what was added lies above what was known.
    t = price_series.c
    highest = max(known.values(), default=0)
    found = connection.execute(
        select(t.id, t.source, t.market, t.name, t.spec, t.grade, t.origin, t.currency)
        .where(t.source == next(iter(new))[0], t.id > highest)
    )  # fmt: skip
    return known | {(r[1], r[2], r[3], r[4], r[5], r[6], r[7]): r[0] for r in found}


def reread(connection: Connection, reading: Callable[[str], tuple[str | None, str | None]]) -> int:
    """Give every stored series the product and variety its name means now; return how many changed. The quotes themselves stay."""
    t = price_series
    changed = [
        {"b_id": r.id, "b_product": product, "b_variety": variety}
        for r in connection.execute(select(t.c.id, t.c.name, t.c.product, t.c.variety))
        for product, variety in (reading(r.name),)
        if (r.product, r.variety) != (product, variety)
    ]
    if not changed:
        return 0
    renamed = update(t).where(t.c.id == bindparam("b_id")).values(product=bindparam("b_product"), variety=bindparam("b_variety"))
    connection.execute(renamed, changed)
    first, last, rows = connection.execute(
        select(func.min(quote_obs.c.valid_date), func.max(quote_obs.c.valid_date), func.count())
        .where(quote_obs.c.series_id.in_([r["b_id"] for r in changed[:500]]) if len(changed) <= 500 else true())
    ).one()  # fmt: skip
    if first is not None:
        note_touched(connection, first, last, rows)
    return len(changed)


def current_rows(connection: Connection, ids: Sequence[int], start: date, end: date) -> list[Any]:
    """Return what stands for some series in the days `start` to `end`, both included: id, day, ordinal, values, observed."""
    t = quote_current.c
    columns = (t.series_id, t.valid_date, t.ordinal, t.low, t.mid, t.high, t.mid_kind, t.volume_kg, t.observed_ms, t.raw_unit)
    found: list[Any] = []
    for part in range(0, len(ids), 500):
        some = ids[part : part + 500]
        found += connection.execute(select(*columns).where(t.series_id.in_(some), t.valid_date.between(start, end))).all()
    return found


def append(connection: Connection, observed: Sequence[dict[str, Any]]) -> None:
    """Append observations and let them stand; a row with status `withdrawn` removes what stood.

    What is quoted again after a withdrawal is observed later than it, whatever the clock says.
    """
    if not observed:
        return
    observed = _after_withdrawals(connection, observed)
    if len(observed) >= STAGED_FROM:
        from pricing.appending import Stage, rows_of

        stage = Stage(connection)
        for run_id in {r["run_id"] for r in observed}:
            stage.add(rows_of([r for r in observed if r["run_id"] == run_id]))
            stage.append_told(run_id)
        return
    connection.execute(insert(quote_obs), observed)
    days = [r["valid_date"] for r in observed]
    note_touched(connection, min(days), max(days), len(observed))
    gone = [r for r in observed if r["status"] == "withdrawn"]
    stands = [{k: v for k, v in r.items() if k != "status"} for r in observed if r["status"] == "quoted"]
    if gone:
        t = quote_current.c
        connection.execute(
            delete(quote_current).where(
                t.series_id == bindparam("b_series"), t.valid_date == bindparam("b_day"), t.ordinal == bindparam("b_ordinal")
            ),
            [{"b_series": r["series_id"], "b_day": r["valid_date"], "b_ordinal": r["ordinal"]} for r in gone],
        )
    if stands:
        connection.execute(upsert_current(connection.dialect.name), stands)


def _after_withdrawals(connection: Connection, observed: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    t = quote_obs.c
    days = [r["valid_date"] for r in observed]
    found = connection.execute(
        select(t.series_id, t.valid_date, t.ordinal, func.max(t.observed_ms))
        .where(t.status == "withdrawn", t.valid_date.between(min(days), max(days)))
        .group_by(t.series_id, t.valid_date, t.ordinal)
    )
    gone: dict[Key, int] = {(r[0], r[1], r[2]): r[3] for r in found}
    if not gone:
        return observed
    return [
        {**r, "observed_ms": max(r["observed_ms"], gone.get((r["series_id"], r["valid_date"], r["ordinal"]), -1) + 1)} for r in observed
    ]


def upsert_current(dialect: str) -> Any:
    """Return the statement that lets values stand in place of what stood, and touches nothing where they stand already."""
    from sqlalchemy.dialects import postgresql, sqlite

    make: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = make(quote_current)
    keys = [c.name for c in quote_current.primary_key.columns]
    return statement.on_conflict_do_update(
        index_elements=keys,
        set_={c.name: statement.excluded[c.name] for c in quote_current.c if c.name not in keys},
        where=or_(*(quote_current.c[name].is_distinct_from(statement.excluded[name]) for name in REVISED_BY)),
    )


def upsert_source(connection: Connection, source: str, values: Mapping[str, Any]) -> None:
    """Set some columns of a source's state, making its row where there is none."""
    done = connection.execute(update(price_source).where(price_source.c.id == source).values(**values))
    if done.rowcount == 0:
        connection.execute(insert(price_source).values({"id": source, "state": "never", **values}))
