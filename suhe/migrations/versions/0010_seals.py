"""Sealed plot-days, and the keys gateways sign with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "gateway_key",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("must_sign", sa.Boolean(), nullable=False),
        sa.Column("registered_ms", sa.BigInteger(), nullable=False),
        sa.Column("retired_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_gateway_key_gateway_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_key")),
        sa.UniqueConstraint("public_key", name=op.f("uq_gateway_key_public_key")),
    )
    op.create_index(op.f("ix_gateway_key_gateway"), "gateway_key", ["gateway"], unique=False)
    op.create_table(
        "plot_day",
        sa.Column("log_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("plot", sa.String(length=64), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("log_index", name=op.f("pk_plot_day")),
    )
    op.create_index(op.f("ix_plot_day_plot_plot_day_day"), "plot_day", ["plot", "day"], unique=False)
    op.create_table(
        "sealing",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sealing")),
    )
