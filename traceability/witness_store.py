"""Tables of the witnesses this log knows, what they cosigned and what alarms reached us, and the few queries on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, Connection, PrimaryKeyConstraint, Row, Table, delete, func, insert, select, update

from foundation.database import metadata
from traceability.column_types import Lines, Whole, Words
from traceability.cosignatures import MOST_NAME, Cosigner, read_cosigner

witness = Table(
    "witness",
    metadata,
    Column("name", Words(MOST_NAME), primary_key=True),
    Column("vkey", Lines, nullable=False),
    Column("added_ms", Whole, nullable=False),
    Column("whole", Boolean, nullable=False),
    Column("ours", Boolean, nullable=False),
)

cosignature = Table(
    "cosignature",
    metadata,
    Column("size", Whole, nullable=False),
    Column("witness", Words(MOST_NAME), nullable=False),
    Column("key_hash", Words(8), nullable=False),
    Column("time_s", Whole, nullable=False),
    Column("line", Lines, nullable=False),
    Column("received_ms", Whole, nullable=False),
    PrimaryKeyConstraint("size", "witness"),
)

witness_alarm = Table(
    "witness_alarm",
    metadata,
    Column("digest", Words(64), primary_key=True),
    Column("received_ms", Whole, nullable=False),
    Column("kind", Words(20), nullable=False),
    Column("proof", Lines, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness this log knows. `whole`: it recomputes the maps too. `ours`: the operator runs it himself, so it is not independent."""

    cosigner: Cosigner
    added_ms: int
    whole: bool = False
    ours: bool = False

    @property
    def name(self) -> str:
        """The name it signs with."""
        return self.cosigner.name


@dataclass(frozen=True, slots=True)
class CosignatureRow:
    """A cosignature as it is kept."""

    size: int
    witness: str
    key_hash: str
    time_s: int
    line: str
    received_ms: int


def witnesses(connection: Connection) -> list[Witness]:
    """Return the known witnesses, the oldest first."""
    return [_witness(row) for row in connection.execute(select(witness).order_by(witness.c.added_ms, witness.c.name))]


def add(connection: Connection, one: Witness) -> None:
    """Keep a witness."""
    row = {"name": one.name, "vkey": one.cosigner.vkey(), "added_ms": one.added_ms, "whole": one.whole, "ours": one.ours}
    connection.execute(insert(witness), row)


def remove(connection: Connection, name: str) -> bool:
    """Forget a witness; what it cosigned stays, and is shown again if the same key comes back."""
    return bool(connection.execute(delete(witness).where(witness.c.name == name)).rowcount)


def keep(connection: Connection, row: CosignatureRow) -> bool:
    """Keep a cosignature where it is the witness's latest on that checkpoint; tell whether it was."""
    c = cosignature.c
    here = (c.size == row.size) & (c.witness == row.witness)
    values = {"key_hash": row.key_hash, "time_s": row.time_s, "line": row.line, "received_ms": row.received_ms}
    known = connection.execute(select(c.key_hash, c.time_s).where(here)).first()
    if known is None:
        connection.execute(insert(cosignature), {"size": row.size, "witness": row.witness, **values})
        return True
    if known.key_hash == row.key_hash and known.time_s >= row.time_s:
        return False
    connection.execute(update(cosignature).where(here).values(**values))
    return True


def at_sizes(connection: Connection, sizes: Iterable[int]) -> list[CosignatureRow]:
    """Return the cosignatures on these checkpoints, by size and name."""
    c = cosignature.c
    query = select(cosignature).where(c.size.in_(list(sizes))).order_by(c.size, c.witness)
    return [CosignatureRow(**row._mapping) for row in connection.execute(query)]


def first_covering(connection: Connection, size: int, name: str, key_hash: str) -> CosignatureRow | None:
    """Return a witness's cosignature on its smallest checkpoint of at least `size` records."""
    return _one(connection, name, key_hash, size, newest=False)


def latest_of(connection: Connection, name: str, key_hash: str) -> CosignatureRow | None:
    """Return a witness's cosignature on its largest checkpoint."""
    return _one(connection, name, key_hash, 0, newest=True)


def _one(connection: Connection, name: str, key_hash: str, least: int, *, newest: bool) -> CosignatureRow | None:
    c = cosignature.c
    query = select(cosignature).where(c.size >= least, c.witness == name, c.key_hash == key_hash)
    row = connection.execute(query.order_by(c.size.desc() if newest else c.size).limit(1)).first()
    return None if row is None else CosignatureRow(**row._mapping)


def keep_alarm(connection: Connection, digest: str, kind: str, proof: str, now_ms: int) -> bool:
    """Keep a proof that this log forked; tell whether it was new."""
    if connection.execute(select(func.count()).select_from(witness_alarm).where(witness_alarm.c.digest == digest)).scalar():
        return False
    connection.execute(insert(witness_alarm), {"digest": digest, "received_ms": now_ms, "kind": kind, "proof": proof})
    return True


def alarms(connection: Connection) -> list[tuple[int, str, str]]:
    """Return (received, kind, proof) of every alarm, the latest first."""
    query = select(witness_alarm).order_by(witness_alarm.c.received_ms.desc(), witness_alarm.c.digest)
    return [(row.received_ms, row.kind, row.proof) for row in connection.execute(query)]


def _witness(row: Row[tuple[object, ...]]) -> Witness:
    return Witness(read_cosigner(row.vkey), row.added_ms, bool(row.whole), bool(row.ours))
