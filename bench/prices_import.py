"""Memory of a long import: `python -m bench.prices import [--quick]`. Two files, one some times as long, each in its own process."""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.prices_data import MAPPING, csv_file
from bench.report import Row
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing import store
from pricing.importing import Importer

assert store


def rows(*, quick: bool) -> list[Row]:
    """Import both files into SQLite and return what memory they came to."""
    small, large = (60_000, 240_000) if quick else (1_000_000, 10_000_000)
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (small, large):
            file = csv_file(folder, count)
            size = file.stat().st_size / 2**20
            # A child of a fork begins with its parent's peak; a spawned one begins with nothing.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                peaks.append(pool.apply(_alone, (name, str(file))))
    (before, _), (after, seconds) = peaks
    scale = f"SQLite, {large / 1e6:g} M rows, {size:,.0f} MB" + (" (full: 10 M)" if quick else "")
    return [
        Row("long import", seconds, "s", scale),
        Row("its peak memory", after, "MB", scale, f"the same of {small / 1e6:g} M rows", before, at_most=3),
    ]


def _alone(folder: str, file: str) -> tuple[float, float]:
    engine = open_engine(f"sqlite:///{file}.db")
    metadata.create_all(engine)
    start = time.perf_counter()
    Importer(engine, FixedClock(datetime(2040, 1, 1, tzinfo=UTC)), BlobFolder(Path(folder) / "blobs")).run(Path(file), MAPPING)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.perf_counter() - start
