"""Gating, upserting and importing quotes: `python -m bench.prices store [--quick]`.

A batch is what one answer of a source is: 50,000 raw quotes gated one by one, numbered, held against their own past, compared with what
stands, appended with their history, in one transaction. A backfill is a CSV file from the disk to the last commit: kept bytes, gate,
ordinals, report, history and what stands. Each is done again with the same payload, which must change no row. PostgreSQL is a cluster of
this machine with fsync on.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.prices_data import MAPPING, csv_file, quotes
from bench.report import Row
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing import store
from pricing.clean import quote_of
from pricing.desk.aside import hold_back
from pricing.importing import Importer
from pricing.quotes import Quote, RawQuote
from pricing.recording import Standing, changes, with_ordinals

NOW = datetime(2040, 1, 1, tzinfo=UTC)
BATCH = 50_000


def rows(*, quick: bool) -> list[Row]:
    """Measure both engines."""
    count = 50_000 if quick else 1_000_000
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = csv_file(folder, count)
        for engine, url in _engines(folder):
            scale = f"{engine}, {count / 1e6:g} M rows" + (" (full: 1 M)" if quick else "")
            found += _batch(engine, url)
            found += _backfill(engine, url, folder, file, scale)
        return found


def _batch(engine: str, url: str) -> list[Row]:
    database = open_engine(url)
    metadata.create_all(database)
    raws = _raws()
    seconds, gates, changed = list[float](), list[float](), list[int]()
    for run in (1, 2):
        start = time.perf_counter()
        found = [quote_of(raw, "bench", date(2040, 1, 1)) for raw in raws]
        taken = [q for q in found if isinstance(q, Quote)]
        keyed, copies = with_ordinals(taken)
        with database.begin() as connection:
            ids = store.add_series(connection, store.series_ids(connection, "bench"), (q.series for q in taken))
            first, last = min(q.valid_date for q in taken), max(q.valid_date for q in taken)
            standing = {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9])
                        for r in store.current_rows(connection, list(ids.values()), first, last)}  # fmt: skip
            gate = time.process_time()
            held = hold_back(connection, ids, keyed, standing, run, run)
            gates.append(time.process_time() - gate)
            change = changes(held.quotes, copies, ids, standing, [], run, run)
            store.append(connection, [*change.observed, *held.observed])
        seconds.append(time.perf_counter() - start)
        changed.append(len(change.observed))
    database.dispose()
    scale = f"{engine}, {changed[0]:,} of {BATCH:,} new"
    return [
        Row("gate and upsert a batch", seconds[0], "s", scale, at_most=3),
        Row("of it the soft gate, processor", gates[0], "s", scale),
        Row("the same batch again", seconds[1], "s", f"{engine}, {BATCH:,}", at_most=3),
        Row("rows changed by it", changed[1], "rows", engine, at_most=0),
    ]


def _backfill(engine: str, url: str, folder: Path, file: Path, scale: str) -> list[Row]:
    database = open_engine(url)
    importer = Importer(database, FixedClock(NOW), BlobFolder(folder / "blobs"))
    start = time.perf_counter()
    report = importer.run(file, MAPPING)
    first = time.perf_counter() - start
    assert report.kept + report.copies + report.refused_rows == report.rows, "no row is lost"
    start = time.perf_counter()
    again = importer.run(file, MAPPING)
    second = time.perf_counter() - start
    database.dispose()
    return [
        Row("backfill with history", first, "s", scale, at_most=30),
        Row("the same file again", second, "s", scale, at_most=30),
        Row("rows changed by it", again.new + again.revised, "rows", engine, at_most=0),
    ]


def _raws() -> list[RawQuote]:
    texts = quotes(BATCH, markets=24)
    first = date(2039, 12, 1)
    # A source's batch is a week of one market: 7,200 series on seven days.
    return [
        RawQuote("xinfadi", name, first + timedelta(days=k % 7), low, mid, high, unit, spec, "", origin, None, k)
        for k, (name, _, low, mid, high, unit, spec, origin) in enumerate(texts.rows())
    ]


@contextmanager
def _postgres(folder: Path) -> Iterator[Any]:
    from tests.servers import Missing, running, start_postgres

    try:
        server = start_postgres(folder / "postgres", durable=True)
    except Missing:
        yield None
        return
    with running(server):
        yield server


def _engines(folder: Path) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder / 'prices.db'}"
    with _postgres(folder) as server:
        if server is not None:
            yield "PostgreSQL", server.url
