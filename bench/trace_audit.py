"""The fast audit of a whole log: every hash, chain, root and map computed again, without signatures."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from sqlalchemy import Connection, insert

from bench.report import Row
from bench.trace_house import House, make_house
from traceability import store
from traceability.lot_map import MapEntry
from traceability.map_tree import MapTree
from traceability.merkle import Frontier
from traceability.notes import Checkpoint, NoteSigner
from traceability.records import FIRST_PREV, Entry, Record, hash_body


def rows(*, quick: bool) -> list[Row]:
    """Measure the audit; making the log is not in the figure."""
    total, lots = (40_000, 4_000) if quick else (1_000_000, 100_000)
    with tempfile.TemporaryDirectory() as folder:
        house = make_house(Path(folder))
        write_log(house, total, lots, sealed_every=1000)
        start = time.perf_counter()
        report = house.trace.audit()
        took = time.perf_counter() - start
        assert report.ok and report.size == total, report
        house.close()
    scale = f"{total:,} events of {lots:,} lots, a checkpoint per 1,000, SQLite"
    if quick:
        per_million = took * 1_000_000 / total
        return [Row("audit", per_million, "s", f"per 1,000,000, measured on {scale}", at_most=60)]
    return [Row("audit", took, "s", scale, at_most=60)]


def write_log(house: House, total: int, lots: int, *, sealed_every: int) -> None:
    """Fill a log below the API, as capture would have, with bodies of an event's size; the author's signature is not made."""
    rng = random.Random(4)
    signer: NoteSigner = house.trace._signer
    heads: dict[str, tuple[int, bytes]] = {}
    tree, lot_map, moved = Frontier(), MapTree(), set[str]()
    note = "追肥一次，滴灌二十分钟，棚温二十六度，" * 6
    with house.engine.begin() as connection:
        for first in range(0, total, sealed_every):
            events, entries = [], []
            for at in range(first, min(first + sealed_every, total)):
                lot = f"urn:suhe:lot:371522:B{rng.randrange(lots)}"
                body = f'{{"n":{at},"lot":"{lot}","note":"{note}"}}'.encode()
                count, head = heads.get(lot, (0, FIRST_PREV))
                record = Record(body, (Entry(lot, count + 1, head),), hash_body(body), house.key_id, bytes(64), 1764000000000 + at)
                record_hash, leaf = record.hashes()
                heads[lot] = (count + 1, record_hash)
                moved.add(lot)
                tree.append(leaf)
                events.append({
                    "log_index": at, "event_id": f"urn:uuid:{at:036d}", "event_type": "plant", "event_time_ms": 0, "party": "coop",
                    "body": body, "body_hash": record.body_hash, "key_id": house.key_id, "signature": record.signature,
                    "record_time_ms": record.record_time_ms, "record_hash": record_hash, "leaf_hash": leaf,
                })  # fmt: skip
                entries.append({"lot": lot, "lot_seq": count + 1, "log_index": at, "prev": head})
            connection.execute(insert(store.event), events)
            connection.execute(insert(store.event_lot), entries)
            root = lot_map.put(MapEntry(lot, *heads[lot]) for lot in moved)
            moved.clear()
            _seal(connection, signer, tree, root, events[-1]["record_time_ms"])


def _seal(connection: Connection, signer: NoteSigner, tree: Frontier, map_root: bytes, time_ms: int) -> None:
    made = Checkpoint(signer.name, tree.size, tree.root(), time_ms, map_root)
    row = {"size": made.size, "root": made.root, "time_ms": time_ms, "note": signer.note(made), "map_root": map_root}
    connection.execute(insert(store.checkpoint), row)
