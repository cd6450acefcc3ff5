"""Scans of labels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "scan",
        sa.Column("code", sa.String(length=17), nullable=False),
        sa.Column("pack", sa.BigInteger(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(length=16), nullable=False),
        sa.Column("cell_lat", sa.BigInteger(), nullable=True),
        sa.Column("cell_lon", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code", "pack", "time_ms", "device", name=op.f("pk_scan")),
    )
    op.create_index(op.f("ix_scan_time_ms"), "scan", ["time_ms"], unique=False)
    op.create_table(
        "scan_state",
        sa.Column("code", sa.String(length=17), nullable=False),
        sa.Column("pack", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("scans", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", "pack", name=op.f("pk_scan_state")),
    )
    op.create_table(
        "scan_unknown",
        sa.Column("code", sa.String(length=17), nullable=False),
        sa.Column("slot_ms", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", "slot_ms", name=op.f("pk_scan_unknown")),
    )
    op.create_table(
        "scan_anomaly",
        sa.Column("code", sa.String(length=17), nullable=False),
        sa.Column("pack", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("county", sa.String(length=6), nullable=False),
        sa.Column("lot", sa.String(length=140), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", "pack", "rule", name=op.f("pk_scan_anomaly")),
    )
    op.create_index(op.f("ix_scan_anomaly_county_scan_anomaly_last_ms"), "scan_anomaly", ["county", "last_ms"], unique=False)
    op.create_table(
        "label_run",
        sa.Column("code", sa.String(length=17), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("printed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("code", "first", name=op.f("pk_label_run")),
    )
