"""Collecting prices: what a host answered, how much was asked of it, and when it is left alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "price_host",
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("next_ms", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("robots", sa.Text(), nullable=True),
        sa.Column("robots_ms", sa.BigInteger(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_price_host")),
    )
    op.create_table(
        "price_answer",
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("modified", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request", name=op.f("pk_price_answer")),
    )
    op.create_index(op.f("ix_price_answer_told_ms"), "price_answer", ["told_ms"], unique=False)
    op.create_table(
        "price_day",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("units", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", name=op.f("pk_price_day")),
    )
    op.create_table(
        "price_review",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["price_run.id"], name=op.f("fk_price_review_run_id_price_run")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_price_review")),
    )
    op.create_table(
        "schedule_job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("times", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_job")),
    )
    op.add_column("price_payload", sa.Column("request", sa.Text(), nullable=True))
    op.add_column("price_run", sa.Column("fence", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("price_run", sa.Column("findings", sa.Text(), nullable=False, server_default="[]"))
    # A run that was at work when the program was replaced is over.
    op.execute("UPDATE price_run SET state = 'failed', why = 'the run ended in the middle' WHERE state = 'running'")
    op.create_index(
        "ix_price_run_quarantined", "price_run", ["source", "id"], unique=False,
        sqlite_where=sa.text("state = 'quarantined'"), postgresql_where=sa.text("state = 'quarantined'"),
    )  # fmt: skip
    op.create_index(
        "uq_price_run_at_work", "price_run", ["source", "window_start", "window_end"], unique=True,
        sqlite_where=sa.text("state = 'running'"), postgresql_where=sa.text("state = 'running'"),
    )  # fmt: skip
