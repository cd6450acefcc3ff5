"""All quotes at once: open data taken away whole, and the snapshot made anew. `python -m bench.prices export [--quick]`.

Two million quotes of 2,000 series in SQLite (that is set-up) are streamed as CSV and written as Parquet by what the API uses, and
sorted into a snapshot; counted are rows per second and by how much the process grew. The peer is sqlite3's own cursor with the csv module:
the same rows, without licence, moments in ISO and protection from formulas, all fetched by one statement.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import text

from bench.report import Row
from dashboards.api.prices_open import RAW, csv_lines
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.open_rows import Selection
from pricing.service import Prices

SERIES = 2_000
_FILL = """
WITH RECURSIVE d(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM d WHERE k + 1 < {days})
INSERT INTO quote_current (series_id, valid_date, ordinal, observed_ms, low, mid, high, mid_kind, volume_kg, raw_price, raw_unit, run_id)
SELECT s.id, date('2010-01-01', '+' || k || ' days'), 0, 1262304000000 + k * 86400000, 900 + k % 77, 1000 + k % 77, 1100 + k % 77,
       'midpoint', NULL, '0.9|1.0|1.1', '斤', 1 FROM price_series s, d ORDER BY s.id, k
"""


def rows(*, quick: bool) -> list[Row]:
    """Return the figures."""
    days = 100 if quick else 1_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prices = _house(folder, days)
        total = SERIES * days
        scale = f"{total / 1e6:.1f} M rows, {SERIES:,} series"
        theirs = _peer(folder / "records.db", total)
        data = prices.open_data
        terms = data.terms(demo=False)
        with _growth() as grown:
            began = time.perf_counter()
            written = sum(len(part) for part in csv_lines(data.stream(Selection(), terms, everything=True)))
            csv_s = time.perf_counter() - began
        found = [Row("CSV", total / csv_s, "rows/s", f"{scale}, {written / 1e6:,.0f} MB", "sqlite3 and csv alone", theirs),
                 Row("CSV, growth of memory", grown[0], "MB", scale, at_most=200)]  # fmt: skip
        with _growth() as grown:
            began = time.perf_counter()
            data.write_parquet(folder / "quotes.parquet", Selection(), terms, everything=True, raw=RAW)
            parquet_s = time.perf_counter() - began
        size = (folder / "quotes.parquet").stat().st_size / 1e6
        with _growth() as built:
            began = time.perf_counter()
            prices.build_snapshot()
            build_s = time.perf_counter() - began
        found += [Row("snapshot made anew", total / build_s, "rows/s", scale), Row("the same, growth", built[0], "MB", scale, at_most=800)]
        return [*found, Row("Parquet", total / parquet_s, "rows/s", f"{scale}, {size:,.0f} MB"),
                Row("Parquet, growth of memory", grown[0], "MB", scale, at_most=600)]  # fmt: skip


def _house(folder: Path, days: int) -> Prices:
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO price_series (source, market, name, spec, grade, origin, currency, product) VALUES "
                 "('ncpscxx', :market, :name, '', '', '', 'CNY', :product)"),
            [{"name": f"=name {k}", "market": f"m{k % 20}", "product": f"p{k // 20}"} for k in range(SERIES)],
        )  # fmt: skip
        connection.execute(text(_FILL.format(days=days)))
    return Prices(engine, FixedClock(datetime(2026, 11, 29, 4, 0, tzinfo=UTC)), BlobFolder(folder / "blobs"), folder / "prices")


def _peer(path: Path, total: int) -> float:
    """Return rows per second of the shortest way there is."""
    began = time.perf_counter()
    out, count = io.StringIO(), 0
    found = sqlite3.connect(path).execute(
        "SELECT s.*, q.* FROM quote_current q JOIN price_series s ON s.id = q.series_id ORDER BY 1, 10, 11"
    )
    while block := found.fetchmany(5_000):
        csv.writer(out).writerows(block)
        out.seek(0)
        out.truncate()
        count += len(block)
    assert count == total
    return total / (time.perf_counter() - began)


@contextmanager
def _growth() -> Iterator[list[float]]:
    """Watch by how many megabytes the process grows; the one number of the list is right once the block ended."""
    process, found, done = psutil.Process(), [0.0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.02):
            found[0] = max(found[0], (process.memory_info().rss - before) / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()
