"""Tables of the chain anchor: contracts, what was handed to them, and how anchoring is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, Row, Table, UniqueConstraint, func, insert, select, update

from foundation.database import metadata
from traceability.anchor import DROPPED, LOST, NONE, Anchor, Contract
from traceability.column_types import Bytes, Lines, Whole, Words
from traceability.merkle import HASH_BYTES

contract = Table(
    "anchor_contract",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("chain_id", Whole, nullable=False),
    Column("genesis", Bytes(HASH_BYTES), nullable=False),
    Column("address", Words(42), nullable=False),
    Column("development", Boolean, nullable=False),
    Column("tx_hash", Words(66), nullable=False),
    Column("made_ms", Whole, nullable=False),
    Column("block_number", Whole),
    Column("gone_ms", Whole),
    Column("gone_why", Lines, nullable=False),
    UniqueConstraint("chain_id", "genesis", "address"),
)

anchor = Table(
    "anchor",
    metadata,
    Column("contract_id", Whole, primary_key=True, autoincrement=False),
    Column("size", Whole, primary_key=True, autoincrement=False),
    Column("root", Bytes(HASH_BYTES), nullable=False),
    Column("tx_hash", Words(66), nullable=False),
    Column("state", Words(10), nullable=False),
    Column("sent_ms", Whole, nullable=False),
    Column("tries", Whole, nullable=False),
    Column("block_number", Whole),
    Column("block_hash", Words(66)),
    Column("block_ms", Whole),
)

state = Table(
    "anchor_state",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("condition", Words(20), nullable=False),
    Column("since_ms", Whole, nullable=False),
    Column("detail", Lines, nullable=False),
    Column("looked_ms", Whole, nullable=False),
    Column("reached_ms", Whole, nullable=False),
    Column("height", Whole, nullable=False),
    Column("contract_id", Whole),
)

_ONLY = 1


def contracts(connection: Connection) -> list[Contract]:
    """Return every contract that was ever ours, the newest first."""
    rows = connection.execute(select(contract).order_by(contract.c.id.desc()))
    return [Contract(**row._mapping) for row in rows]


def add_contract(connection: Connection, **values: Any) -> int:
    """Store a contract and return its number."""
    result = connection.execute(insert(contract).values(gone_ms=None, gone_why="", **values))
    assert result.inserted_primary_key is not None
    return int(result.inserted_primary_key[0])


def change_contract(connection: Connection, contract_id: int, **values: Any) -> None:
    """Change what is known of a contract."""
    connection.execute(update(contract).where(contract.c.id == contract_id).values(**values))


def anchors(connection: Connection, contract_id: int, *, states: Sequence[str] = (), limit: int | None = None) -> list[Anchor]:
    """Return a contract's anchors, the largest first."""
    query = select(anchor).where(anchor.c.contract_id == contract_id).order_by(anchor.c.size.desc()).limit(limit)
    if states:
        query = query.where(anchor.c.state.in_(states))
    return [_anchor(row) for row in connection.execute(query)]


def recent(connection: Connection, limit: int) -> list[Anchor]:
    """Return anchors of all contracts, the newest first."""
    query = select(anchor).order_by(anchor.c.sent_ms.desc(), anchor.c.size.desc()).limit(limit)
    return [_anchor(row) for row in connection.execute(query)]


def oldest_covering(connection: Connection, contract_id: int, size: int, states: Sequence[str]) -> Anchor | None:
    """Return a contract's smallest anchor in one of these states that covers `size` records."""
    query = select(anchor).where(anchor.c.contract_id == contract_id, anchor.c.size >= size, anchor.c.state.in_(states))
    row = connection.execute(query.order_by(anchor.c.size).limit(1)).first()
    return _anchor(row) if row else None


def lost_covering(connection: Connection, size: int) -> Anchor | None:
    """Return the newest anchor that covered `size` records and went with its chain."""
    query = select(anchor).where(anchor.c.state == LOST, anchor.c.size >= size).order_by(anchor.c.contract_id.desc(), anchor.c.size)
    row = connection.execute(query.limit(1)).first()
    return _anchor(row) if row else None


def put(connection: Connection, one: Anchor) -> None:
    """Store an anchor or what became of it."""
    values = {name: getattr(one, name) for name in anchor.c.keys()}  # noqa: SIM118 - the names of a table's columns
    here = (anchor.c.contract_id == one.contract_id) & (anchor.c.size == one.size)
    if not connection.execute(update(anchor).where(here).values(values)).rowcount:
        connection.execute(insert(anchor).values(values))


def lose_all(connection: Connection, contract_id: int, *, lost: bool) -> None:
    """Mark what a contract holds as lost with its chain; or, where the chain came back, as to be looked at again."""
    here = (anchor.c.contract_id == contract_id) & (anchor.c.state.not_in((DROPPED, LOST)) if lost else anchor.c.state == LOST)
    connection.execute(update(anchor).where(here).values(state=LOST if lost else "mined"))


def count_lost(connection: Connection) -> int:
    """Return how many anchors went with their chains."""
    return int(connection.execute(select(func.count()).select_from(anchor).where(anchor.c.state == LOST)).scalar() or 0)


def read_state(connection: Connection) -> dict[str, Any]:
    """Return how anchoring was at the last look."""
    row = connection.execute(select(state)).first()
    if row is None:
        return {"condition": NONE, "since_ms": 0, "detail": "", "looked_ms": 0, "reached_ms": 0, "height": 0, "contract_id": None}
    return {name: value for name, value in row._mapping.items() if name != "id"}


def write_state(connection: Connection, **values: Any) -> None:
    """Store how anchoring is."""
    if not connection.execute(update(state).where(state.c.id == _ONLY).values(**values)).rowcount:
        connection.execute(insert(state).values(id=_ONLY, **values))


def _anchor(row: Row[Any]) -> Anchor:
    return Anchor(**row._mapping)
