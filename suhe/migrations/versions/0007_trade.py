"""The operator's table of limits; samples, tests and certificates are events and need no table."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "residue_limit",
        sa.Column("edition", sa.String(60), nullable=False),
        sa.Column("analyte", sa.String(60), nullable=False),
        sa.Column("product", sa.String(64), nullable=False),
        sa.Column("from_day", sa.String(10), nullable=False),
        sa.Column("to_day", sa.String(10), nullable=False),
        sa.Column("value", sa.String(30), nullable=False),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("source", sa.String(300), nullable=False),
        sa.Column("checked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("edition", "analyte", "product", name=op.f("pk_residue_limit")),
    )
