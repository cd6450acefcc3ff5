"""The cold chain: legs, what their readings amount to, and how far the log was read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "cold_leg",
        sa.Column("id", sa.String(length=45), nullable=False),
        sa.Column("county", sa.String(length=6), nullable=False),
        sa.Column("from_party", sa.String(length=64), nullable=False),
        sa.Column("to_party", sa.String(length=64), nullable=False),
        sa.Column("carrier", sa.String(length=64), nullable=False),
        sa.Column("recorder", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("product", sa.String(length=64), nullable=False),
        sa.Column("departs_ms", sa.BigInteger(), nullable=False),
        sa.Column("arrives_ms", sa.BigInteger(), nullable=True),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("class", sa.String(length=20), nullable=False),
        sa.Column("low_c", sa.Float(), nullable=True),
        sa.Column("high_c", sa.Float(), nullable=True),
        sa.Column("delay_s", sa.Integer(), nullable=False),
        sa.Column("gap_s", sa.Integer(), nullable=False),
        sa.Column("hysteresis_c", sa.Float(), nullable=False),
        sa.Column("pace", sa.Integer(), nullable=False),
        sa.Column("summary", sa.String(length=45), nullable=False),
        sa.Column("judged", sa.Text(), nullable=False),
        sa.Column("judged_ms", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cold_leg")),
    )
    op.create_index(op.f("ix_cold_leg_county_cold_leg_departs_ms"), "cold_leg", ["county", "departs_ms"], unique=False)
    op.create_index(op.f("ix_cold_leg_settled"), "cold_leg", ["settled"], unique=False)
    op.create_table(
        "cold_leg_lot",
        sa.Column("leg", sa.String(length=45), nullable=False),
        sa.Column("lot", sa.String(length=140), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("leg", "lot", name=op.f("pk_cold_leg_lot")),
    )
    op.create_index(op.f("ix_cold_leg_lot_lot"), "cold_leg_lot", ["lot"], unique=False)
    op.create_table(
        "cold_cursor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cold_cursor")),
    )
