"""The operator's limits in the database; the shipped sample stands in until something is imported."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import Boolean, Column, Connection, PrimaryKeyConstraint, String, Table, delete, insert, select

from foundation.database import metadata
from traceability.events import TraceEvent
from traceability.limits import Limit, Limits, sample_limits

residue_limit = Table(
    "residue_limit",
    metadata,
    Column("edition", String(60), nullable=False),
    Column("analyte", String(60), nullable=False),
    Column("product", String(64), nullable=False),
    Column("from_day", String(10), nullable=False),
    Column("to_day", String(10), nullable=False),
    Column("value", String(30), nullable=False),
    Column("unit", String(20), nullable=False),
    Column("source", String(300), nullable=False),
    Column("checked", Boolean, nullable=False),
    PrimaryKeyConstraint("edition", "analyte", "product"),
)


def read_table(connection: Connection) -> Limits:
    """Return the limits in force here: those imported, else the sample."""
    rows = connection.execute(
        select(residue_limit).order_by(residue_limit.c.edition, residue_limit.c.analyte, residue_limit.c.product)
    ).all()
    if not rows:
        return Limits(sample_limits())
    return Limits(
        Limit(
            r.edition, date.fromisoformat(r.from_day), date.fromisoformat(r.to_day) if r.to_day else None, r.analyte, r.product,
            Decimal(r.value), r.unit, r.source, r.checked,
        )
        for r in rows
    )  # fmt: skip


def import_limits(connection: Connection, limits: list[Limit]) -> None:
    """Keep limits; each edition the list names is replaced whole."""
    connection.execute(delete(residue_limit).where(residue_limit.c.edition.in_({x.edition for x in limits})))
    rows = [
        {"edition": x.edition, "analyte": x.analyte, "product": x.product, "from_day": str(x.from_day), "to_day": str(x.to_day or ""),
         "value": str(x.value), "unit": x.unit, "source": x.source, "checked": x.checked}
        for x in limits
    ]  # fmt: skip
    if rows:
        connection.execute(insert(residue_limit), rows)


def limits_for(connection: Connection, event: TraceEvent, product: str) -> tuple[Limits, str] | None:
    """Return the limits for a judgement on a lot of this product, None for any other event."""
    return (read_table(connection), product) if event.kind.name == "judge" else None
