"""Forecasts as they were made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "price_forecast",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("market", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_week", sa.Date(), nullable=False),
        sa.Column("last_price", sa.Integer(), nullable=False),
        sa.Column("weeks_used", sa.Integer(), nullable=False),
        sa.Column("weeks_absent", sa.Integer(), nullable=False),
        sa.Column("weeks_hash", sa.Text(), nullable=False),
    )
    op.create_index("price_forecast_pair", "price_forecast", ["product", "market", "made_ms"])
    op.create_table(
        "price_forecast_point",
        sa.Column("forecast_id", sa.Integer(), sa.ForeignKey("price_forecast.id"), primary_key=True),
        sa.Column("horizon", sa.SmallInteger(), primary_key=True),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("p10", sa.Integer(), nullable=False),
        sa.Column("p50", sa.Integer(), nullable=False),
        sa.Column("p90", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("mase", sa.Float(), nullable=False),
        sa.Column("mase_naive", sa.Float(), nullable=False),
        sa.Column("coverage", sa.Float(), nullable=False),
        sa.Column("origins", sa.Integer(), nullable=False),
        sqlite_with_rowid=False,
    )
