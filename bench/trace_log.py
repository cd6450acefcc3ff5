"""Log append and inclusion proofs against pymerkle, in the same run, turn about.

Ours keeps C2SP tiles; the peer keeps its tree in memory. Cold start and proofs of ours are also measured from the database on disk.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from pathlib import Path
from statistics import median

from sqlalchemy import insert

from bench.report import Row
from foundation.database import metadata, open_engine
from traceability import store
from traceability.merkle import leaf_hash, verify_inclusion
from traceability.tiles import Tiles


def rows(*, quick: bool) -> list[Row]:
    """Measure appends and proofs of a log."""
    n, peer_n = (200_000, 20_000) if quick else (1_000_000, 200_000)
    from pymerkle import InmemoryTree

    leaves = [hashlib.sha256(k.to_bytes(64, "big")).digest() for k in range(n)]
    ours: list[float] = []
    theirs: list[float] = []
    rounds = 3 if quick else 5
    for _ in range(rounds):
        peer = InmemoryTree(algorithm="sha256")
        data = [k.to_bytes(64, "big") for k in range(peer_n)]
        start = time.perf_counter()
        for entry in data:
            peer.append_entry(entry)
        theirs.append(peer_n / (time.perf_counter() - start))
        tiles = Tiles(0, lambda _level, _number: b"")
        start = time.perf_counter()
        tiles.append([leaf_hash(entry) for entry in data])
        ours.append(peer_n / (time.perf_counter() - start))
    assert tiles.root() == peer.get_state(), "both trees have one root"

    whole = Tiles(0, lambda _level, _number: b"")
    whole.append(leaves)
    root = whole.root()
    scale = f"{n:,} leaves on disk, SQLite" if not quick else f"{n:,} leaves on disk, SQLite (full: 1,000,000)"
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'log.db'}")
        metadata.create_all(engine, tables=[store.log_tile])
        with engine.begin() as connection:
            told = [{"level": level, "number": number, "hashes": h} for (level, number), h in whole.changed.items()]
            connection.execute(insert(store.log_tile), told)
        engine.dispose()
        start = time.perf_counter()
        engine = open_engine(f"sqlite:///{Path(folder) / 'log.db'}")
        with engine.connect() as connection:
            cold = Tiles(n, lambda level, number: store.load_tile(connection, level, number))
            assert cold.root() == root
            cold_s = time.perf_counter() - start
            rng, single = random.Random(7), []
            picks = [rng.randrange(n) for _ in range(300)]
            for index in picks:
                start = time.perf_counter()
                fresh = Tiles(n, lambda level, number: store.load_tile(connection, level, number))
                proof = fresh.proof(index, n)
                single.append(time.perf_counter() - start)
                verify_inclusion(leaves[index], index, n, proof, root)
        engine.dispose()
    kept = Tiles(peer_n, lambda level, number: tiles.tile(level, number))
    spots = [rng.randrange(peer_n) for _ in range(400)]
    prove_ours, prove_theirs = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        for index in spots:
            kept.proof(index, peer_n)
        prove_ours.append(len(spots) / (time.perf_counter() - start))
        start = time.perf_counter()
        for index in spots:
            peer.prove_inclusion(index + 1)
        prove_theirs.append(len(spots) / (time.perf_counter() - start))
    beside = f"{peer_n:,} leaves in memory, median of {rounds}"
    return [
        Row("log append", median(ours), "leaves/s", beside, "pymerkle", median(theirs), at_least=5),
        Row("inclusion proof", median(prove_ours), "proofs/s", beside, "pymerkle", median(prove_theirs), at_least=3),
        Row("inclusion proof from disk p50", median(single) * 1000, "ms", scale, at_most=1),
        Row("cold start", cold_s * 1000, "ms", scale, at_most=1000),
    ]
