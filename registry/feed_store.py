"""The tables of feeds and of their senders' names, and how they are read and written."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Float, ForeignKey, PrimaryKeyConstraint, String, Table, Text, delete, insert, select

from foundation.database import metadata
from registry.feeds import ChannelName, DeviceName, Feed, FeedBook
from registry.store import Kind

feed = Table(
    "feed", metadata, Column("id", String(64), primary_key=True),
    Column("gateway", String(64), ForeignKey("gateway.id"), nullable=False, index=True), Column("format", String(32), nullable=False),
    Column("topic", Text, nullable=False), Column("station", String(32), nullable=False), Column("mapping", Text, nullable=False),
    Column("zone_ms", BigInteger, nullable=False), Column("secret_hash", String(64), nullable=False),
)  # fmt: skip
feed_device = Table(
    "feed_device", metadata, Column("feed", String(64), ForeignKey("feed.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(128), nullable=False), Column("device", String(64), ForeignKey("device.id"), nullable=False, index=True),
    PrimaryKeyConstraint("feed", "name"),
)  # fmt: skip
feed_channel = Table(
    "feed_channel", metadata, Column("feed", String(64), ForeignKey("feed.id", ondelete="CASCADE"), nullable=False),
    Column("device", String(64), nullable=False), Column("name", String(128), nullable=False),
    Column("channel", String(64), nullable=False), Column("unit", String(128)), Column("scale", Float, nullable=False),
    Column("offset", Float, nullable=False), PrimaryKeyConstraint("feed", "device", "name"),
)  # fmt: skip

FEED = Kind(Feed, feed, "feed")
_DEVICE_NAME = Kind(DeviceName, feed_device, "device name", key="name")
_CHANNEL_NAME = Kind(ChannelName, feed_channel, "channel name", key="name")


def read_book(connection: Connection) -> FeedBook:
    """Return every feed with its names."""
    columns = feed_device.c.feed, feed_device.c.name
    return FeedBook(
        tuple(FEED.read(row) for row in connection.execute(select(feed).order_by(feed.c.id)).mappings()),
        tuple(_DEVICE_NAME.read(row) for row in connection.execute(select(feed_device).order_by(*columns)).mappings()),
        tuple(
            _CHANNEL_NAME.read(row)
            for row in connection.execute(
                select(feed_channel).order_by(feed_channel.c.feed, feed_channel.c.device, feed_channel.c.name)
            ).mappings()
        ),
    )


def put_device_name(connection: Connection, name: DeviceName) -> None:
    """Write a device's name in place of what the same name meant before."""
    columns = feed_device.c
    connection.execute(delete(feed_device).where(columns.feed == name.feed, columns.name == name.name))
    connection.execute(insert(feed_device).values(_DEVICE_NAME.row(name)))


def put_channel_name(connection: Connection, name: ChannelName) -> None:
    """Write a channel's name in place of what the same name meant before."""
    columns = feed_channel.c
    same = (columns.feed == name.feed) & (columns.device == name.device) & (columns.name == name.name)
    connection.execute(delete(feed_channel).where(same))
    connection.execute(insert(feed_channel).values(_CHANNEL_NAME.row(name)))


def drop_feed(connection: Connection, feed_id: str) -> None:
    """Remove a feed with its names."""
    connection.execute(delete(feed_device).where(feed_device.c.feed == feed_id))
    connection.execute(delete(feed_channel).where(feed_channel.c.feed == feed_id))
    connection.execute(delete(feed).where(feed.c.id == feed_id))
