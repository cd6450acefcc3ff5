"""Tables of scans: the scans themselves for a while, the first-scan state, what was tried in vain, what was found strange."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, Index, PrimaryKeyConstraint, Table, Text, delete, func, insert, select, update

from foundation.database import metadata
from traceability.column_types import Whole, Words
from traceability.scan_rules import Anomaly
from traceability.scans import Cell, Scan

scan = Table(
    "scan",
    metadata,
    Column("code", Words(17), nullable=False),
    Column("pack", Whole, nullable=False),
    Column("time_ms", Whole, nullable=False),
    Column("device", Words(16), nullable=False),
    Column("cell_lat", Whole),
    Column("cell_lon", Whole),
    PrimaryKeyConstraint("code", "pack", "time_ms", "device"),
    Index(None, "time_ms"),
)

scan_state = Table(
    "scan_state",
    metadata,
    Column("code", Words(17), nullable=False),
    Column("pack", Whole, nullable=False),
    Column("first_ms", Whole, nullable=False),
    Column("last_ms", Whole, nullable=False),
    Column("scans", Whole, nullable=False),
    PrimaryKeyConstraint("code", "pack"),
)

scan_unknown = Table(
    "scan_unknown",
    metadata,
    Column("code", Words(17), nullable=False),
    Column("slot_ms", Whole, nullable=False),
    Column("tries", Whole, nullable=False),
    PrimaryKeyConstraint("code", "slot_ms"),
)

scan_anomaly = Table(
    "scan_anomaly",
    metadata,
    Column("code", Words(17), nullable=False),
    Column("pack", Whole, nullable=False),
    Column("rule", Words(20), nullable=False),
    Column("county", Words(6), nullable=False),
    Column("lot", Words(140), nullable=False),
    Column("first_ms", Whole, nullable=False),
    Column("last_ms", Whole, nullable=False),
    Column("evidence", Text, nullable=False),
    PrimaryKeyConstraint("code", "pack", "rule"),
    Index(None, "county", "last_ms"),
)

label_run = Table(
    "label_run",
    metadata,
    Column("code", Words(17), nullable=False),
    Column("first", Whole, nullable=False),
    Column("count", Whole, nullable=False),
    Column("printed_ms", Whole, nullable=False),
    PrimaryKeyConstraint("code", "first"),
)


@dataclass(frozen=True, slots=True)
class State:
    """How often a pack (or, with pack 0, a lot's label without serials) was scanned, and when first and last."""

    first_ms: int
    last_ms: int
    scans: int


@dataclass(frozen=True, slots=True)
class Found:
    """An anomaly with the lot it is about; without code and lot it is about codes that do not exist."""

    code: str
    county: str
    lot: str
    anomaly: Anomaly


def state_of(connection: Connection, code: str, pack: int) -> State | None:
    """Return the first-scan state, None where nobody scanned yet."""
    row = connection.execute(select(scan_state).where(scan_state.c.code == code, scan_state.c.pack == pack)).first()
    return State(row.first_ms, row.last_ms, row.scans) if row else None


def add_scan(connection: Connection, one: Scan) -> None:
    """Keep a scan and count it."""
    cell = one.cell
    row = {"code": one.code, "pack": one.pack, "time_ms": one.time_ms, "device": one.device,
           "cell_lat": cell.lat if cell else None, "cell_lon": cell.lon if cell else None}  # fmt: skip
    connection.execute(insert(scan), row)
    here = (scan_state.c.code == one.code) & (scan_state.c.pack == one.pack)
    more = update(scan_state).where(here).values(scans=scan_state.c.scans + 1, last_ms=one.time_ms)
    if not connection.execute(more).rowcount:
        first = {"code": one.code, "pack": one.pack, "first_ms": one.time_ms, "last_ms": one.time_ms, "scans": 1}
        connection.execute(insert(scan_state), first)


def seen_since(connection: Connection, one: Scan, since_ms: int) -> bool:
    """Whether this device opened this page after a time."""
    t = scan.c
    query = select(t.time_ms).where(t.code == one.code, t.pack == one.pack, t.time_ms > since_ms, t.device == one.device).limit(1)
    return connection.execute(query).first() is not None


def scans_of(connection: Connection, code: str, since_ms: int, pack: int | None = None, most: int = 2000) -> list[Scan]:
    """Return the latest scans of a code, or of one pack of it."""
    query = select(scan).where(scan.c.code == code, scan.c.time_ms >= since_ms)
    if pack is not None:
        query = query.where(scan.c.pack == pack)
    rows = connection.execute(query.order_by(scan.c.time_ms.desc()).limit(most))
    return [Scan(r.code, r.pack, r.time_ms, r.device, None if r.cell_lat is None else Cell(r.cell_lat, r.cell_lon)) for r in rows]


def count_unknown(connection: Connection, code: str, slot_ms: int, tries: int) -> None:
    """Count tries with a serial that was never given out; code "" for codes that do not exist."""
    here = (scan_unknown.c.code == code) & (scan_unknown.c.slot_ms == slot_ms)
    if not connection.execute(update(scan_unknown).where(here).values(tries=scan_unknown.c.tries + tries)).rowcount:
        connection.execute(insert(scan_unknown), {"code": code, "slot_ms": slot_ms, "tries": tries})


def unknown_counts(connection: Connection, code: str, since_ms: int) -> dict[int, int]:
    """Return ten minutes -> tries."""
    t = scan_unknown.c
    return {r.slot_ms: r.tries for r in connection.execute(select(scan_unknown).where(t.code == code, t.slot_ms >= since_ms))}


def keep_anomaly(connection: Connection, code: str, county: str, lot: str, found: Anomaly) -> None:
    """Keep the latest state of what a rule found on a pack; when it began stays."""
    t = scan_anomaly.c
    here = (t.code == code) & (t.pack == found.pack) & (t.rule == found.rule)
    evidence = json.dumps(found.evidence, sort_keys=True)
    changed = update(scan_anomaly).where(here).values(last_ms=found.last_ms, evidence=evidence)
    if not connection.execute(changed).rowcount:
        row = {"code": code, "pack": found.pack, "rule": found.rule, "county": county, "lot": lot, "first_ms": found.first_ms,
               "last_ms": found.last_ms, "evidence": evidence}  # fmt: skip
        connection.execute(insert(scan_anomaly), row)


def anomalies(connection: Connection, counties: Sequence[str] | None, limit: int) -> list[Found]:
    """Return what was found strange, the latest first; of some counties (and of no county), or of all."""
    query = select(scan_anomaly).order_by(scan_anomaly.c.last_ms.desc(), scan_anomaly.c.code, scan_anomaly.c.pack).limit(limit)
    if counties is not None:
        query = query.where(scan_anomaly.c.county.in_([*counties, ""]))
    return [
        Found(r.code, r.county, r.lot, Anomaly(r.rule, r.pack, r.first_ms, r.last_ms, json.loads(r.evidence)))
        for r in connection.execute(query)
    ]


def scanned(connection: Connection, since_ms: int) -> tuple[int, int]:
    """Return how many scans are kept since a time, and how many of them say where."""
    row = connection.execute(select(func.count(), func.count(scan.c.cell_lat)).where(scan.c.time_ms >= since_ms)).one()
    return int(row[0]), int(row[1])


def take_packs(connection: Connection, code: str, count: int, now_ms: int) -> int:
    """Note a run of labels and return the number of its first pack."""
    last = connection.execute(select(func.max(label_run.c.first + label_run.c.count)).where(label_run.c.code == code)).scalar() or 1
    connection.execute(insert(label_run), {"code": code, "first": last, "count": count, "printed_ms": now_ms})
    return int(last)


def purge(connection: Connection, before_ms: int) -> int:
    """Delete scans and counts of before a time; first-scan states and anomalies, which name nobody, stay."""
    connection.execute(delete(scan_unknown).where(scan_unknown.c.slot_ms < before_ms))
    return int(connection.execute(delete(scan).where(scan.c.time_ms < before_ms)).rowcount)


def codes_of(connection: Connection, codes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return code -> lot and county."""
    from traceability.store import chunks, lot

    found = {}
    for some in chunks(codes):
        for row in connection.execute(select(lot.c.code, lot.c.id, lot.c.county).where(lot.c.code.in_(some))):
            found[str(row.code)] = (str(row.id), str(row.county))
    return found
