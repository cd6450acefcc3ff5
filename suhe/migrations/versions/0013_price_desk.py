"""Quotes set aside for a person, prices taken by telephone, saved mappings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "quote_aside",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("valid_date", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("mid", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("mid_kind", sa.Text(), nullable=False),
        sa.Column("volume_kg", sa.BigInteger(), nullable=True),
        sa.Column("raw_price", sa.Text(), nullable=False),
        sa.Column("raw_unit", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("aside_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["price_series.id"], name=op.f("fk_quote_aside_series_id_price_series")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_aside")),
        sa.UniqueConstraint("series_id", "valid_date", "low", "mid", "high", name=op.f("uq_quote_aside_series_id_valid_date_low_mid_high")),
    )
    op.create_index("ix_quote_aside_state", "quote_aside", ["state", "valid_date"], unique=False)
    op.create_table(
        "quote_aside_decision",
        sa.Column("aside_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decider", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["aside_id"], ["quote_aside.id"], name=op.f("fk_quote_aside_decision_aside_id_quote_aside")),
        sa.PrimaryKeyConstraint("aside_id", "number", name=op.f("pk_quote_aside_decision")),
    )
    op.create_table(
        "price_spoken",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("corrects", sa.Integer(), nullable=True),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("valid_date", sa.Date(), nullable=False),
        sa.Column("ordinal", sa.SmallInteger(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("mid", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("mid_kind", sa.Text(), nullable=False),
        sa.Column("raw_price", sa.Text(), nullable=False),
        sa.Column("teller", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("spoken_ms", sa.BigInteger(), nullable=False),
        sa.Column("aside_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["aside_id"], ["quote_aside.id"], name=op.f("fk_price_spoken_aside_id_quote_aside")),
        sa.ForeignKeyConstraint(["corrects"], ["price_spoken.id"], name=op.f("fk_price_spoken_corrects_price_spoken")),
        sa.ForeignKeyConstraint(["series_id"], ["price_series.id"], name=op.f("fk_price_spoken_series_id_price_series")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_spoken")),
        sa.UniqueConstraint("token", name=op.f("uq_price_spoken_token")),
    )
    op.create_index("ix_price_spoken_county_spoken", "price_spoken", ["county", "spoken_ms"], unique=False)
    op.create_table(
        "price_mapping",
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("county", "name", "version", name=op.f("pk_price_mapping")),
    )
