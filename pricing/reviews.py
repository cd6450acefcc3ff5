"""What persons decided about batches in quarantine: one row each, never changed."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Integer, Table, Text, insert, select

from foundation.database import metadata
from foundation.errors import Conflict
from pricing import store

assert store.price_run is not None

price_review = Table(
    "price_review", metadata,
    Column("run_id", Integer, ForeignKey("price_run.id"), primary_key=True),
    Column("decision", Text, nullable=False),  # accepted, left
    Column("decided_by", Text, nullable=False),
    Column("decided_ms", BigInteger, nullable=False),
)  # fmt: skip


def decide(connection: Connection, run_id: int, decision: str, by: str, now_ms: int) -> None:
    """Keep what a person decided; the first decision stands."""
    before = connection.execute(select(price_review).where(price_review.c.run_id == run_id)).first()
    if before is not None:
        raise Conflict("this batch is decided", got=f"{before.decision} by {before.decided_by}")
    connection.execute(insert(price_review).values(run_id=run_id, decision=decision, decided_by=by, decided_ms=now_ms))
