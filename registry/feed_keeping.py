"""The use cases of feeds: say which messages are whose, and what a sender's names mean."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from sqlalchemy import Connection, delete, insert, update

from foundation.errors import Conflict, NotFound
from registry import feed_store, store
from registry.feeds import ChannelName, DeviceName, Feed, FeedBook, overlap
from registry.transactions import Transactions


class FeedKeeping(Transactions):
    """Feeds of foreign senders."""

    def add_feed(self, feed: Feed) -> Feed:
        """Register a feed of a known gateway.

        Raises:
            Conflict: a feed of this id is there, or another one takes some of the same messages.

        """
        with self._writing() as connection:
            store.must_exist(connection, store.GATEWAY, [feed.gateway], "feed")
            others = feed_store.read_book(connection).feeds
            for other in others:
                if other.id == feed.id:
                    raise Conflict("a feed of this id is registered already", got=feed.id, todo="choose another id, or remove it first")
                if feed.topic and other.topic and overlap(feed.topic, other.topic):
                    raise Conflict(
                        "another feed takes some of the same messages",
                        expected=f"a filter apart from {other.topic} of {other.id}",
                        got=feed.topic,
                    )
                if feed.station and (other.station, other.format) == (feed.station, feed.format):
                    raise Conflict("this station is another feed's", expected=other.id, got=feed.station)
            connection.execute(insert(feed_store.feed).values(feed_store.FEED.row(feed)))
        return feed

    def remove_feed(self, feed_id: str) -> None:
        """Take no more of a feed's messages; its names go with it, what it delivered stays."""
        with self._writing() as connection:
            _feed(connection, feed_id)
            feed_store.drop_feed(connection, feed_id)

    def set_feed_mapping(self, feed_id: str, mapping: str) -> Feed:
        """Replace the mapping of a feed; from the next message on it counts."""
        return self._change_feed(feed_id, mapping=mapping)

    def set_feed_secret(self, feed_id: str, secret: str) -> Feed:
        """Give a feed a secret its sender proves itself with in place of the gateway's password; an empty one takes it away."""
        return self._change_feed(feed_id, secret_hash=secret_hash(secret) if secret else "")

    def feeds(self, county: str | None = None) -> list[Feed]:
        """Return a county's feeds, or all."""
        with self._reading() as connection:
            here = None if county is None else {g.id for g in store.find(connection, store.GATEWAY, county=county)}
            return [f for f in store.find(connection, feed_store.FEED) if here is None or f.gateway in here]

    def feed(self, feed_id: str) -> Feed:
        """Return a feed by its id."""
        with self._reading() as connection:
            return _feed(connection, feed_id)

    def feed_of_secret(self, secret: str) -> Feed | None:
        """Return the feed whose secret this is. A station's password is no secret of this kind: it is short, and sent in the clear."""
        with self._reading() as connection:
            known = store.find(connection, feed_store.FEED, secret_hash=secret_hash(secret)) if secret else []
            return next((f for f in known if not f.station), None)

    def feed_book(self) -> FeedBook:
        """Return every feed with its names, for whoever is asked at every message."""
        with self._reading() as connection:
            return feed_store.read_book(connection)

    def name_device(self, name: DeviceName) -> None:
        """Say which device a sender's name means; it must stand behind the feed's gateway. What the name meant before is replaced."""
        with self._writing() as connection:
            _check_behind(connection, _feed(connection, name.feed), name.device)
            feed_store.put_device_name(connection, name)

    def name_channel(self, name: ChannelName) -> None:
        """Say what a sender's name of a channel means, of one device behind the feed's gateway or of all."""
        with self._writing() as connection:
            feed = _feed(connection, name.feed)
            if name.device:
                _check_behind(connection, feed, name.device)
            feed_store.put_channel_name(connection, name)

    def forget_device_name(self, feed_id: str, name: str) -> None:
        """Take a sender's name of a device away; messages under it are quarantined from then on."""
        columns = feed_store.feed_device.c
        with self._writing() as connection:
            gone = connection.execute(delete(feed_store.feed_device).where(columns.feed == feed_id, columns.name == name))
            if not gone.rowcount:
                raise NotFound("this feed has no such name of a device", got=f"{feed_id}: {name}"[:120])

    def forget_channel_name(self, feed_id: str, device: str, name: str) -> None:
        """Take what a sender's name of a channel means away; the format's own default counts from then on."""
        columns = feed_store.feed_channel.c
        with self._writing() as connection:
            same = (columns.feed == feed_id) & (columns.device == device) & (columns.name == name)
            if not connection.execute(delete(feed_store.feed_channel).where(same)).rowcount:
                raise NotFound("this feed has no such name of a channel", got=f"{feed_id}: {device} {name}"[:120])

    def _change_feed(self, feed_id: str, **changes: str) -> Feed:
        with self._writing() as connection:
            changed = replace(_feed(connection, feed_id), **changes)  # type: ignore[arg-type]
            connection.execute(update(feed_store.feed).where(feed_store.feed.c.id == feed_id).values(**changes))
        return changed


def secret_hash(secret: str) -> str:
    """Return what is kept of a feed's secret."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _feed(connection: Connection, feed_id: str) -> Feed:
    found = store.find_by_id(connection, feed_store.FEED, [feed_id])
    if feed_id not in found:
        raise NotFound("there is no such feed", got=repr(feed_id[:80]), todo="suhe feed list")
    return found[feed_id]


def _check_behind(connection: Connection, feed: Feed, device: str) -> None:
    found = store.must_exist(connection, store.DEVICE, [device], "name")[device]
    if found.gateway != feed.gateway:
        raise Conflict(
            "this device is another gateway's; a sender speaks only for devices behind its own",
            expected=f"a device of {feed.gateway}",
            got=f"{device} of {found.gateway}",
        )
