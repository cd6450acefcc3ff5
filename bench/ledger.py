"""What the loss ledger costs in the writer's transaction: `python -m bench.ledger [--quick]`.

Processor time per gateway and flush, its sequence numbers included: of gateways that only advance, as nearly all do; of gateways of which
every message leaves a gap and fills the one before; and of reading the ledger of all of them. Medians of rounds in turns.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.report import Row, print_report
from ingest import ledger
from ingest.catalog import Catalog
from ingest.losses import ledger_rows

GATEWAYS = 1000
NAMES = [f"gw-{n:05d}" for n in range(GATEWAYS)]
FLUSHES = 20


def rows(*, quick: bool) -> list[Row]:
    """Measure in turns."""
    rounds = 2 if quick else 7
    advancing: list[float] = []
    filling: list[float] = []
    asking: list[float] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="suhe-bench-") as folder:
            catalog = Catalog(Path(folder))
            with catalog.transaction() as db:
                db.executemany("INSERT INTO gateway VALUES (?,'371522',1,0,0,0)", [(name,) for name in NAMES])
            _flush(catalog, [(1, 5)])
            advancing.append(_timed(lambda c=catalog: [_flush(c, [(5 * n + 1, 5 * n + 5)]) for n in range(1, FLUSHES)]))
            _flush(catalog, [(1003, 1003)])
            filling.append(
                _timed(lambda c=catalog: [_flush(c, [(k - 1, k - 1), (k + 2, k + 2)]) for k in range(1005, 1003 + 2 * FLUSHES, 2)])
            )
            asking.append(_timed(lambda c=catalog: ledger_rows(c, 10**13)) * 1000)
            catalog.close()
    per = 1e6 / (GATEWAYS * (FLUSHES - 1))
    return [
        Row("ledger, advancing", statistics.median(advancing) * per, "µs/gateway", _spread(advancing, per), at_most=25),
        Row("ledger, gap and filled", statistics.median(filling) * per, "µs/gateway", _spread(filling, per), at_most=500),
        Row("ledger, asked", statistics.median(asking), "ms", _spread(asking, 1), at_most=100),
    ]


def _flush(catalog: Catalog, ranges: list[tuple[int, int]]) -> None:
    with catalog.transaction() as db:
        ledger.record(db, dict.fromkeys(NAMES, ranges), at_ms=1_000)


def _spread(took: list[float], per: float) -> str:
    return f"{GATEWAYS:,} gateways, {len(took)} rounds, {min(took) * per:.1f} to {max(took) * per:.1f}"


def _timed(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


if __name__ == "__main__":
    print_report("ledger", rows(quick="--quick" in sys.argv))
