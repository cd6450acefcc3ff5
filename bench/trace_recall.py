"""Recall: every lot that comes from one bad lot, over ten hops, among a million lots, on both databases.

The lots are bulk-inserted: a county of roots, each of which is split, merged and split again in ten rounds of a hundred lots (a lattice
of diamonds: two parents each, so that there are 2^10 paths to the last), and one lot that names itself. Their events are not made: the
walk reads parents and children, and the chains only where an input was used. What is measured is the use case's own walk, on a
connection as a page would take it, each call another root.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import Engine, insert, text

from bench.report import Row
from foundation.database import metadata, open_engine
from traceability import recall, store

HOPS, WIDTH = 10, 100
PER_ROOT = 1 + HOPS * WIDTH  # 1,001 lots reached from each root
FULL_LOTS, QUICK_LOTS = 1_000_000, 40_000
# Half of the lattice's lots have a second parent in the same round: 1.5 edges a lot.
CALLS = 200
MOST_P50_MS, MOST_P95_MS = 10.0, 50.0
_AT_ONCE = 20_000


def rows(*, quick: bool) -> list[Row]:
    """Measure on SQLite, and on PostgreSQL where there is one."""
    lots = QUICK_LOTS if quick else FULL_LOTS
    with tempfile.TemporaryDirectory(prefix="suhe-recall-") as folder:
        found = _measured(open_engine(f"sqlite:///{Path(folder) / 'records.db'}"), "SQLite", lots, quick=quick)
        return found + _on_postgres(Path(folder), lots, quick=quick)


def _on_postgres(folder: Path, lots: int, *, quick: bool) -> list[Row]:
    from tests.servers import Missing, running, start_postgres

    try:
        server = start_postgres(folder / "pg")
    except Missing as missing:
        print(f"recall: {missing} is not installed; no row for PostgreSQL")
        return []
    with running(server):
        return _measured(open_engine(server.url), "PostgreSQL", lots, quick=quick)


def _measured(engine: Engine, name: str, lots: int, *, quick: bool) -> list[Row]:
    roots = lots // PER_ROOT
    edges = _fill(engine, roots)
    # Every call another root, spread over all of them, so that no call finds its own pages warm.
    calls = CALLS // 2 if quick else CALLS
    asked = [k * roots // calls % roots for k in range(calls)]
    times = []
    for root in asked:
        start = time.perf_counter()
        with store.snapshot(engine) as connection:
            reached = recall.forward(connection, [_name(root, 0, 0)])
        times.append((time.perf_counter() - start) * 1000)
        if len(reached) != PER_ROOT:
            raise RuntimeError(f"{len(reached)} lots reached, {PER_ROOT} expected")
    engine.dispose()
    times.sort()
    p50, p95 = statistics.median(times), times[int(len(times) * 0.95)]
    scale = f"{name}, {PER_ROOT:,} lots over {HOPS} hops among {roots * PER_ROOT:,} lots and {edges:,} edges"
    return [
        Row("recall", p50, "ms p50", scale, at_most=MOST_P50_MS),
        Row("recall", p95, "ms p95", scale, at_most=MOST_P95_MS),
    ]


def _fill(engine: Engine, roots: int) -> int:
    """Insert lots and edges of all roots and return the number of edges."""
    metadata.create_all(engine, tables=[store.event, store.event_lot, store.lot, store.lot_edge])
    edges = 0
    for table, made in ((store.lot, _lots(roots)), (store.lot_edge, _edges(roots))):
        some: list[dict[str, Any]] = []
        for row in made:
            some.append(row)
            if len(some) == _AT_ONCE:
                _insert(engine, table, some)
                edges += len(some) * (table is store.lot_edge)
                some = []
        if some:
            _insert(engine, table, some)
            edges += len(some) * (table is store.lot_edge)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return edges


def _insert(engine: Engine, table: Any, some: Sequence[dict[str, Any]]) -> None:
    with engine.begin() as connection:
        if connection.dialect.name != "postgresql":
            connection.execute(insert(table), some)
            return
        names = list(some[0])
        with connection.connection.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:  # type: ignore[call-arg]
            for row in some:
                copy.write_row([row[n] for n in names])


def _lots(roots: int) -> Iterator[dict[str, Any]]:
    same = {
        "kind": "produce", "county": "371522", "product": "tomato", "variety": "", "name_zh": "", "party": "coop", "plot": "", "uom": "KGM",
        "made": 1000, "state": "in_stock", "inspection": "", "moved": False, "event_count": 1, "head": bytes(32), "last_event_ms": 0,
        "recalls": "",
    }  # fmt: skip
    index = 0
    for root in range(roots):
        for hop in range(HOPS + 1):
            for k in range(WIDTH if hop else 1):
                yield {"id": _name(root, hop, k), "first_index": index, **same}
                index += 1


def _edges(roots: int) -> Iterator[dict[str, Any]]:
    for root in range(roots):
        yield {"parent": _name(root, 0, 0), "child": _name(root, 0, 0), "log_index": 0}
        for hop in range(1, HOPS + 1):
            for k in range(WIDTH):
                parents = {0} if hop == 1 else {k, (k + 1) % WIDTH} if k % 2 else {k}
                for parent in sorted(parents):
                    yield {"parent": _name(root, hop - 1, parent), "child": _name(root, hop, k), "log_index": 0}


def _name(root: int, hop: int, k: int) -> str:
    # What belongs together does not lie together in the index: every step of the walk is a page of its own.
    number = f"{root}-{hop:02}-{k:03}"
    return f"urn:suhe:lot:371522:{crc32(number.encode()):08x}-{number}"
