"""Recalls: which recalls of a lot are open, and the indices that answer what a lot reaches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.add_column("lot", sa.Column("recalls", sa.Text(), server_default="", nullable=False))
    named = sa.text("recalls <> ''")
    op.create_index("ix_lot_recalled", "lot", ["id"], unique=False, sqlite_where=named, postgresql_where=named)
    kinds = sa.text("event_type IN ('recall', 'recall_lifted')")
    op.create_index("ix_event_recall", "event", ["log_index"], unique=False, sqlite_where=kinds, postgresql_where=kinds)
    op.drop_index(op.f("ix_lot_edge_child"), table_name="lot_edge")
    op.create_index(op.f("ix_lot_edge_child_lot_edge_parent"), "lot_edge", ["child", "parent"], unique=False)
