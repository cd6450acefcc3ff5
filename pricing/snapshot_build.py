"""Building the snapshot from the records: one reading transaction, product by product in order, in bounded memory.

Only `quotes-….duckdb` and the pointer are ever seen by readers. A build that dies leaves a file with `.part` in its name, which the next
build removes.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from foundation.clock import Clock, to_ms
from foundation.files import sync_folder
from foundation.ids import uuid7
from pricing.board import in_its_currency
from pricing.markets import MARKETS
from pricing.snapshot import SnapshotState, publish
from pricing.store import price_series, quote_current
from pricing.touched import seen_now

# What DuckDB may hold; it spills to files beyond. The rows in Python's hands are at most two blocks.
MEMORY = "384MB"
BLOCK = 100_000
# The board's rule (pricing.board): where two sources quote a market's day, the one that spoke last counts; they are never averaged.
# Numbers of sources follow their names, so that a tie goes the same way.
_POINTS = """
INSERT INTO points
WITH told AS (SELECT p, m, day, arg_max(s, (observed_ms, s)) AS s FROM block GROUP BY p, m, day)
SELECT p, m, day, s, min(low)::INTEGER, round_even(avg(mid), 0)::INTEGER, max(high)::INTEGER, max(observed_ms), count(*)::SMALLINT
FROM block JOIN told USING (p, m, day, s) GROUP BY p, m, day, s ORDER BY p, m, day
"""
# Reference figures (national averages) are no markets; markets nobody described have no kind and are compared with nothing.
DAILY = """
SELECT p, kind, currency, s, day, count(*)::SMALLINT AS n, quantile_cont(mid, 0.25) AS q1, quantile_cont(mid, 0.5) AS q2,
       quantile_cont(mid, 0.75) AS q3
FROM points JOIN markets USING (m) WHERE comparable GROUP BY p, kind, currency, s, day
"""
TABLES = (
    "CREATE TABLE products (p SMALLINT, product VARCHAR)",
    "CREATE TABLE markets (m SMALLINT, market VARCHAR, kind VARCHAR, currency VARCHAR, comparable BOOLEAN)",
    "CREATE TABLE sources (s SMALLINT, source VARCHAR)",
    "CREATE TABLE points (p SMALLINT, m SMALLINT, day DATE, s SMALLINT, low INTEGER, mid INTEGER, high INTEGER, observed_ms BIGINT, "
    "quotes SMALLINT)",
    "CREATE TABLE daily (p SMALLINT, kind VARCHAR, currency VARCHAR, s SMALLINT, day DATE, n SMALLINT, q1 DOUBLE, q2 DOUBLE, q3 DOUBLE)",
)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The small numbers that stand for names, given in the order of the names."""

    products: Mapping[str, int]
    markets: Mapping[str, int]
    sources: Mapping[str, int]


def build(folder: Path, reading: Engine, clock: Clock) -> SnapshotState | None:
    """Write a new snapshot of everything that stands and let it be the current one; None where another process is at it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as held:
        try:
            # The kernel frees it, whatever becomes of this process.
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return None
        return _build(folder, reading, clock)


def _build(folder: Path, reading: Engine, clock: Clock) -> SnapshotState:
    for left in folder.glob("*.part*"):
        left.unlink(missing_ok=True)
    name = f"quotes-{uuid7(to_ms(clock.now()))}.duckdb"
    aside = folder / f"{name}.part"
    read_ms = to_ms(clock.now())
    duck = open_new(aside)
    try:
        with _steady(reading) as connection:
            seen = seen_now(connection)
            quotes = _fill(duck, connection)
        points, pairs, first, last = finish(duck)
        duck.close()
        with aside.open("rb+") as written:
            os.fsync(written.fileno())
        aside.rename(folder / name)
        sync_folder(folder)
    except BaseException:
        duck.close()
        for left in folder.glob(f"{name}.part*"):
            left.unlink(missing_ok=True)
        raise
    size = (folder / name).stat().st_size
    state = SnapshotState(name, read_ms, to_ms(clock.now()), points, quotes, pairs, first, last, size, seen)
    publish(folder, state)
    return state


def open_new(path: Path) -> Any:
    """Return a connection to a new file with the snapshot's empty tables."""
    import duckdb

    duck = duckdb.connect(str(path), config={"threads": 2, "memory_limit": MEMORY, "temp_directory": f"{path}.spill"})
    for table in TABLES:
        duck.execute(table)
    return duck


def finish(duck: Any) -> tuple[int, int, Any, Any]:
    """Fill the daily table, product by product so that it fits in memory, and return points, pairs, first and last day."""
    for (p,) in duck.execute("SELECT p FROM products ORDER BY p").fetchall():
        duck.execute(f"INSERT INTO daily {DAILY.replace('WHERE', 'WHERE p = ? AND')} ORDER BY kind, currency, s, day", [p])
    points, first, last = duck.execute("SELECT count(*), min(day), max(day) FROM points").fetchone()
    (pairs,) = duck.execute("SELECT count(*) FROM (SELECT DISTINCT p, m FROM points)").fetchone()
    duck.execute("CHECKPOINT")
    return points, pairs, first, last


def _steady(reading: Engine) -> Any:
    """Return a connection that sees one state of the records for as long as it is open."""
    connection = reading.connect()
    if reading.dialect.name == "postgresql":
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def _fill(duck: Any, connection: Connection) -> int:
    t = price_series.c
    found = connection.execute(select(t.id, t.product, t.market, t.source, t.currency).where(t.product.is_not(None)))
    series = [r for r in found if in_its_currency(r)]
    numbers = _Numbers(*(_numbered({getattr(r, x) for r in series}) for x in ("product", "market", "source")))
    _write_names(duck, numbers)
    pairs: dict[tuple[str, str], dict[int, int]] = {}
    for r in sorted(series, key=lambda r: (r.product, r.market, r.id)):
        pairs.setdefault((r.product, r.market), {})[r.id] = numbers.sources[r.source]
    total, rows = 0, list[tuple[Any, ...]]()
    for (product, market), ids in pairs.items():
        p, m = numbers.products[product], numbers.markets[market]
        for start, end in _spans(connection, list(ids)):
            rows += ((p, m, ids[r[0]], *r[1:]) for r in _quotes(connection, list(ids), start, end))
            if len(rows) >= BLOCK:
                total += _insert(duck, rows)
                rows = []
    return total + _insert(duck, rows)


def _spans(connection: Connection, ids: list[int]) -> Iterator[tuple[date, date]]:
    """Yield the days of a pair in spans short enough to hold: whole days, because a day's quotes make one point together."""
    t = quote_current.c
    # One series at a time: the first and the last of each is at an end of the key.
    ends = [connection.execute(select(func.min(t.valid_date), func.max(t.valid_date)).where(t.series_id == i)).one() for i in ids]
    first, last = min((r[0] for r in ends if r[0]), default=None), max((r[1] for r in ends if r[1]), default=None)
    step = timedelta(days=max(1, BLOCK // len(ids)))
    while first is not None and last is not None and first <= last:
        yield first, min(first + step - timedelta(days=1), last)
        first += step


def _quotes(connection: Connection, ids: list[int], start: date, end: date) -> Iterator[Any]:
    t = quote_current.c
    columns = (t.series_id, t.valid_date, t.low, t.mid, t.high, t.observed_ms)
    for part in range(0, len(ids), 500):
        some = ids[part : part + 500]
        yield from connection.execute(select(*columns).where(t.series_id.in_(some), t.valid_date.between(start, end)))


def _insert(duck: Any, rows: list[tuple[Any, ...]]) -> int:
    import numpy as np

    if rows:
        p, m, s, day, low, mid, high, observed = zip(*rows, strict=True)
        small = {"p": p, "m": m, "s": s, "low": low, "mid": mid, "high": high}
        block = {k: np.array(v, dtype=np.int32) for k, v in small.items()}
        block["day"] = np.array(day, dtype="datetime64[D]").astype("datetime64[us]")
        block["observed_ms"] = np.array(observed, dtype=np.int64)
        duck.register("block", block)
        duck.execute(_POINTS)
        duck.unregister("block")
    return len(rows)


def _numbered(names: set[str]) -> dict[str, int]:
    return {name: k for k, name in enumerate(sorted(names), 1)}


def _write_names(duck: Any, numbers: _Numbers) -> None:
    for name, k in numbers.products.items():
        duck.execute("INSERT INTO products VALUES (?, ?)", [k, name])
    for name, k in numbers.sources.items():
        duck.execute("INSERT INTO sources VALUES (?, ?)", [k, name])
    for name, k in numbers.markets.items():
        known = MARKETS.get(name)
        described = (known.kind, known.currency, not known.reference) if known else ("", "", False)
        duck.execute("INSERT INTO markets VALUES (?, ?, ?, ?, ?)", [k, name, *described])
