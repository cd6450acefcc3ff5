"""Durable capture: 64 clients, each waiting for its own receipt; validate, canonicalise, check signature, chain, log, fsync.

Peers in the same run: the same service with one commit per event, and a plain audit table that keeps the bytes durably, as many
to a commit as ours had, without any integrity.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Column, LargeBinary, MetaData, Table, insert

from bench.report import Row
from bench.trace_house import make_house
from foundation.database import open_engine
from traceability.authors import Envelope
from traceability.group_commit import GroupCommit
from traceability.service import Trace

CLIENTS = 64


def rows(*, quick: bool) -> list[Row]:
    """Measure durable capture."""
    total, alone = (3_000, 150) if quick else (20_000, 1_000)
    rounds = 1 if quick else 3
    ours, tails, singles, plain = [], [], [], []
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            house = make_house(Path(folder))
            envelopes = house.events(total + alone, first=turn * 10**6)
            rate, waits = _together(house.trace, envelopes[:total])
            ours.append(rate)
            tails.append(sorted(waits)[int(len(waits) * 0.99)])
            start = time.perf_counter()
            for e in envelopes[total:]:
                house.trace.capture(e.body, e.key_id, e.signature)
            singles.append(alone / (time.perf_counter() - start))
            house.trace.make_checkpoint()
            house.close()
            plain.append(_plain(Path(folder), envelopes[:total]))
    scale = f"{CLIENTS} clients, {total:,} events, SQLite, median of {rounds}"
    return [
        Row("capture", median(ours), "events/s", scale, "one commit per event", median(singles), at_least=10),
        Row("capture absolute", median(ours), "events/s", scale, at_least=2000),
        Row("capture p99", max(tails) * 1000, "ms", scale, at_most=150),
        Row("capture against a plain audit table", median(ours), "events/s", scale, "plain durable audit table", median(plain)),
    ]


def _together(trace: Trace, envelopes: list[Envelope]) -> tuple[float, list[float]]:
    waits: list[float] = []
    hands = itertools.cycle(range(CLIENTS))
    shares: list[list[Envelope]] = [[] for _ in range(CLIENTS)]
    for e in envelopes:
        shares[next(hands)].append(e)
    failures: list[BaseException] = []

    def client(share: list[Envelope]) -> None:
        try:
            for e in share:
                start = time.perf_counter()
                trace.capture(e.body, e.key_id, e.signature)
                waits.append(time.perf_counter() - start)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=client, args=(s,)) for s in shares]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.perf_counter() - start
    if failures:
        raise failures[0]
    return len(envelopes) / took, waits


def _plain(folder: Path, envelopes: list[Envelope]) -> float:
    """Return events/s of the honest baseline: bytes in a table, fsynced, the same group commit, nothing else."""
    engine = open_engine(f"sqlite:///{folder / 'plain.db'}")
    audit = Table("audit", MetaData(), Column("body", LargeBinary), Column("signature", LargeBinary))
    audit.create(engine)

    def commit(items: Any) -> list[bool]:
        with engine.begin() as connection:
            connection.execute(insert(audit), [{"body": e.body, "signature": e.signature} for e in items])
        return [True] * len(items)

    desk: GroupCommit[Envelope, bool] = GroupCommit(commit)
    threads = [threading.Thread(target=lambda s=s: [desk.submit(e) for e in s]) for s in (envelopes[k::CLIENTS] for k in range(CLIENTS))]
    start = time.perf_counter()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    took = time.perf_counter() - start
    engine.dispose()
    return len(envelopes) / took
