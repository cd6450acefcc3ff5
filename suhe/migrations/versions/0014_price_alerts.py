"""Rules of price alerts, what they raised and to whom it was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("tried_ms", sa.BigInteger(), nullable=True),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("claimed_until_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("message_id", "channel", name=op.f("uq_outbox_message_id_channel")),
    )
    op.create_index("ix_outbox_state_channel_due", "outbox", ["state", "channel", "due_ms"], unique=False)

    op.create_table(
        "price_alert_rule",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=False),
        sa.Column("channels", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("persist", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("digest", sa.Integer(), nullable=True),
        sa.Column("made_ms", sa.BigInteger(), nullable=False),
        sa.Column("removed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_alert_rule")),
    )
    op.create_index("ix_price_alert_rule_county", "price_alert_rule", ["county"], unique=False)

    op.create_table(
        "price_alert",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("county", sa.Text(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("raised_fact", sa.Text(), nullable=False),
        sa.Column("cleared_ms", sa.BigInteger(), nullable=True),
        sa.Column("cleared_fact", sa.Text(), nullable=False),
        sa.Column("acked_ms", sa.BigInteger(), nullable=True),
        sa.Column("acked_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["price_alert_rule.id"], name=op.f("fk_price_alert_rule_id_price_alert_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_alert")),
    )
    op.create_index("ix_price_alert_county_raised", "price_alert", ["county", "raised_ms"], unique=False)
    op.create_index(
        "uq_price_alert_open",
        "price_alert",
        ["rule_id"],
        unique=True,
        sqlite_where=sa.text("cleared_ms IS NULL"),
        postgresql_where=sa.text("cleared_ms IS NULL"),
    )

    op.create_table(
        "price_alert_state",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("stamp", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("alarm", sa.Boolean(), nullable=False),
        sa.Column("acked", sa.Boolean(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=False),
        sa.Column("alarm_id", sa.Text(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["rule_id"], ["price_alert_rule.id"], name=op.f("fk_price_alert_state_rule_id_price_alert_rule")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_price_alert_state")),
    )
    op.create_table(
        "price_alert_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("alarm_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("told_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["alarm_id"], ["price_alert.id"], name=op.f("fk_price_alert_event_alarm_id_price_alert")),
        sa.ForeignKeyConstraint(["rule_id"], ["price_alert_rule.id"], name=op.f("fk_price_alert_event_rule_id_price_alert_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_alert_event")),
    )
    op.create_index("ix_price_alert_event_due", "price_alert_event", ["told_ms", "due_ms"], unique=False)
