"""Foreign senders: feeds, and what their names of devices and channels mean."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step; steps only go forward."""
    op.create_table(
        "feed",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("gateway", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=32), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("station", sa.String(length=32), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("zone_ms", sa.BigInteger(), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"], name=op.f("fk_feed_gateway_gateway")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed")),
    )
    op.create_index(op.f("ix_feed_gateway"), "feed", ["gateway"])
    op.create_table(
        "feed_device",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["device.id"], name=op.f("fk_feed_device_device_device")),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name=op.f("fk_feed_device_feed_feed"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed", "name", name=op.f("pk_feed_device")),
    )
    op.create_index(op.f("ix_feed_device_device"), "feed_device", ["device"])
    op.create_table(
        "feed_channel",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(length=128), nullable=True),
        sa.Column("scale", sa.Float(), nullable=False),
        sa.Column("offset", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feed.id"], name=op.f("fk_feed_channel_feed_feed"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("feed", "device", "name", name=op.f("pk_feed_channel")),
    )
