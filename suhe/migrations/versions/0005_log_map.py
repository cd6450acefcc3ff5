"""The map of subjects, witnesses and their cosignatures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    _map()
    _witnesses()


def _witnesses() -> None:
    op.create_table(
        "witness",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("ours", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_witness")),
    )
    op.create_table(
        "cosignature",
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.String(length=120), nullable=False),
        sa.Column("key_hash", sa.String(length=8), nullable=False),
        sa.Column("time_s", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_cosignature")),
    )
    op.create_table(
        "witness_alarm",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_witness_alarm")),
    )


def _map() -> None:
    op.add_column("checkpoint", sa.Column("map_root", sa.LargeBinary(), nullable=True))
    op.create_table(
        "map_node",
        sa.Column("place", sa.LargeBinary(length=40), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_map_node")),
    )
    op.create_table(
        "map_past",
        sa.Column("place", sa.LargeBinary(length=40), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=140), nullable=False),
        sa.PrimaryKeyConstraint("place", "until", name=op.f("pk_map_past")),
    )
    op.create_index(op.f("ix_map_past_until"), "map_past", ["until"], unique=False)
    logged = sa.text("event_type = 'key_registered'")
    op.create_index("ix_event_key", "event", ["log_index"], unique=False, sqlite_where=logged, postgresql_where=logged)
