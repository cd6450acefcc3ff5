"""Many quotes at once: laid on a stage, compared with what stands by the database itself, and appended in the order of the key.

SQLite gets its stage by ordered inserts into a temporary table, PostgreSQL by COPY. What is compared and appended afterwards is one and the
same statement on both, so that a million rows and one row obey one law: a row that stands already changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

if TYPE_CHECKING:
    import polars as pl

# What the caller brings, in this order; observed_ms and status are empty where the database is to find out what changed.
STAGED = (
    "series_id", "valid_date", "ordinal", "low", "mid", "high", "mid_kind", "volume_kg", "raw_price", "raw_unit", "observed_ms", "status",
)  # fmt: skip
_KINDS = {
    "sqlite": (
        "series_id INTEGER, valid_date TEXT, ordinal INTEGER, low INTEGER, mid INTEGER, high INTEGER, mid_kind TEXT,"
        " volume_kg INTEGER, raw_price TEXT, raw_unit TEXT, observed_ms INTEGER, status TEXT"
    ),
    "postgresql": (
        "series_id integer, valid_date date, ordinal smallint, low integer, mid integer, high integer, mid_kind text,"
        " volume_kg bigint, raw_price text, raw_unit text, observed_ms bigint, status text"
    ),
}
_KEY = "series_id, valid_date, ordinal"
_VALUES = "low, mid, high, mid_kind, volume_kg"
_REST = "raw_price, raw_unit"
_CHUNK = 50_000
# The keys first, then each by the table's own index. Asked the other way round, every row that stands is held against the whole stage.
WITHDRAW = f"DELETE FROM quote_current WHERE ({_KEY}) IN (SELECT {_KEY} FROM price_stage WHERE status = 'withdrawn')"


@dataclass(frozen=True, slots=True)
class Appended:
    """How many rows were new, how many revised what stood, and how many stood already and were left alone."""

    new: int
    revised: int
    same: int

    def __add__(self, other: Appended) -> Appended:
        return Appended(self.new + other.new, self.revised + other.revised, self.same + other.same)


class Stage:
    """A temporary table of this connection, emptied before and after use."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._rows = 0
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE IF NOT EXISTS price_stage ({_KINDS[self._dialect]})")
        connection.exec_driver_sql("DELETE FROM price_stage")

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Lay rows of STAGED on the stage; days as ISO text."""
        if self._dialect == "postgresql":
            with self._copy("") as copy:
                for row in rows:
                    self._rows += 1
                    copy.write_row(row)
        else:
            self._insert(rows, STAGED)

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Lay a frame of STAGED but the last two columns on the stage."""
        columns = STAGED[:-2]
        if self._dialect == "postgresql":
            self._rows += len(frame)
            with self._copy("(FORMAT csv)", columns) as copy:
                for part in frame.select(columns).iter_slices(_CHUNK):
                    copy.write(part.write_csv(include_header=False).encode())
        else:
            import polars as pl

            self._insert(frame.select(columns).with_columns(pl.col("valid_date").dt.to_string()).iter_rows(), columns)

    def _insert(self, rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> None:
        # The driver takes rows as they come; nothing between it and them keeps a list.
        driver: Any = self._connection.connection.driver_connection
        told = driver.executemany(f"INSERT INTO price_stage ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)
        self._rows += told.rowcount

    def append_told(self, run_id: int) -> None:
        """Append what was laid with its observed_ms and status, as it was told."""
        self._analyse()
        self._observe(run_id, "price_stage", "status")
        self._connection.exec_driver_sql(WITHDRAW)
        self._stand(run_id, "price_stage WHERE status = 'quoted'")
        self._connection.exec_driver_sql("DELETE FROM price_stage")

    def append_changed(self, run_id: int, now_ms: int) -> Appended:
        """Append what differs from what stands; rows are unique by key. A revision is always later than what it revises."""
        later = "max" if self._dialect == "sqlite" else "greatest"
        self._analyse()
        self._connection.exec_driver_sql("DROP TABLE IF EXISTS price_change")
        # What no longer stands was withdrawn, and is observed again after its withdrawal. Withdrawals are few and have an index.
        self._connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE price_change AS SELECT s.series_id, s.valid_date, s.ordinal, s.low, s.mid, s.high, s.mid_kind,"
            f" s.volume_kg, s.raw_price, s.raw_unit, q.series_id IS NULL AS fresh,"
            f" {later}({int(now_ms)}, coalesce(q.observed_ms, -1) + 1, coalesce(w.gone_ms, -1) + 1) AS observed_ms"
            " FROM price_stage s"
            " LEFT JOIN quote_current q ON q.series_id = s.series_id AND q.valid_date = s.valid_date AND q.ordinal = s.ordinal"
            f" LEFT JOIN (SELECT {_KEY}, max(observed_ms) AS gone_ms FROM quote_obs WHERE status = 'withdrawn' GROUP BY {_KEY}) w"
            " ON w.series_id = s.series_id AND w.valid_date = s.valid_date AND w.ordinal = s.ordinal"
            f" WHERE q.series_id IS NULL OR {_differs('s', 'q')} ORDER BY s.series_id, s.valid_date, s.ordinal"
        )
        counted = self._connection.exec_driver_sql("SELECT count(*), coalesce(sum(CASE WHEN fresh THEN 1 ELSE 0 END), 0) FROM price_change")
        changed, fresh = counted.one()
        if changed:
            self._observe(run_id, "price_change", "'quoted'")
            # What is fresh cannot be in the way of anything, and without looking for a conflict goes in twice as fast.
            self._stand(run_id, "price_change WHERE fresh", fresh=True)
            self._stand(run_id, "price_change WHERE NOT fresh")
        self._connection.exec_driver_sql("DROP TABLE price_change")
        self._connection.exec_driver_sql("DELETE FROM price_stage")
        rows, self._rows = self._rows, 0
        return Appended(int(fresh), int(changed) - int(fresh), rows - int(changed))

    def _observe(self, run_id: int, source: str, status: str) -> None:
        self._connection.exec_driver_sql(
            f"INSERT INTO quote_obs ({_KEY}, observed_ms, {_VALUES}, {_REST}, run_id, status)"
            f" SELECT {_KEY}, observed_ms, {_VALUES}, {_REST}, {int(run_id)}, {status} FROM {source}"
        )
        # See pricing.touched: a copy of the records must know where it is old.
        self._connection.exec_driver_sql(
            'INSERT INTO price_touched (first_day, last_day, "rows")'
            f" SELECT min(valid_date), max(valid_date), count(*) FROM {source} HAVING count(*) > 0"
        )

    def _stand(self, run_id: int, source: str, *, fresh: bool = False) -> None:
        told = ", ".join(f"{c.strip()} = excluded.{c.strip()}" for c in f"observed_ms, {_VALUES}, {_REST}, run_id".split(","))
        conflict = f" ON CONFLICT ({_KEY}) DO UPDATE SET {told} WHERE {_differs('quote_current', 'excluded')}"
        self._connection.exec_driver_sql(
            f"INSERT INTO quote_current ({_KEY}, observed_ms, {_VALUES}, {_REST}, run_id)"
            f" SELECT {_KEY}, observed_ms, {_VALUES}, {_REST}, {int(run_id)} FROM {source}" + ("" if fresh else conflict)
        )

    def _analyse(self) -> None:
        # PostgreSQL plans a join with a temporary table badly while it knows nothing of it.
        if self._dialect == "postgresql":
            self._connection.exec_driver_sql("ANALYZE price_stage")

    def _copy(self, form: str, columns: Sequence[str] = STAGED) -> Any:
        driver: Any = self._connection.connection.driver_connection
        return driver.cursor().copy(f"COPY price_stage ({', '.join(columns)}) FROM STDIN {form}")


@contextmanager
def room_for_pages(connection: Connection) -> Iterator[None]:
    """Give a large import memory for its pages, for as long as it lasts; with SQLite's own two megabytes each page is written often."""
    lite = connection.dialect.name == "sqlite"
    if lite:
        connection.exec_driver_sql("PRAGMA cache_size = -65536")
    try:
        yield
    finally:
        if lite:
            connection.exec_driver_sql("PRAGMA cache_size = -2000")


def _differs(a: str, b: str) -> str:
    return "(" + " OR ".join(f"{a}.{c.strip()} IS DISTINCT FROM {b}.{c.strip()}" for c in _VALUES.split(",")) + ")"


def rows_of(observed: Sequence[dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    """Return observations as rows of the stage."""
    for r in observed:
        yield (
            r["series_id"], r["valid_date"].isoformat(), r["ordinal"], r["low"], r["mid"], r["high"], r["mid_kind"], r["volume_kg"],
            r["raw_price"], r["raw_unit"], r["observed_ms"], r["status"],
        )  # fmt: skip
