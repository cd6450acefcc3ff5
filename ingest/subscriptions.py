"""Which topics a worker listens to: every gateway of its shards, and the feeds of foreign senders whose gateways are in them.

Workers' filters do not overlap, and no two feeds' filters do: every message comes to one worker, once, without shared subscriptions.
"""

from __future__ import annotations

from collections.abc import Iterable

from foundation.ids import shard_of
from ingest.foreign import Feeds
from ingest.topics import SHARDS, up_filter
from registry.feeds import Feed


class Subscriptions:
    """The filters of one worker as they should be, and as they were when last asked."""

    def __init__(self, feeds: Feeds, shards: str) -> None:
        self._feeds = feeds
        self.shards = shards
        self._book: object = None
        self._wanted: frozenset[str] = frozenset()

    @property
    def wanted(self) -> frozenset[str]:
        """The filters as they were when last asked."""
        return self._wanted

    def has(self, format_name: str) -> bool:
        """Tell whether one of this worker's feeds is in a format."""
        return any(f.topic and f.format == format_name and shard_of(f.gateway) in self.shards for f in self._feeds.feeds().feeds)

    def begin(self, *, leave: bool = True) -> tuple[list[str], list[str]]:
        """Return what a new connection subscribes to, and what its session may still have from another time and shall not.

        Without `leave` somebody else looks after the latter.
        """
        book = self._feeds.feeds()
        self._book, self._wanted = book, self._of(book.feeds)
        theirs = {up_filter(s) for s in SHARDS} | {f.topic for f in book.feeds if f.topic}
        return sorted(self._wanted), sorted(theirs - self._wanted) if leave else []

    def changes(self) -> tuple[list[str], list[str]]:
        """Return what is to be added and what taken away since the last call; nothing where no feed changed."""
        book = self._feeds.feeds()
        if book is self._book:
            return [], []
        self._book, former, self._wanted = book, self._wanted, self._of(book.feeds)
        return sorted(self._wanted - former), sorted(former - self._wanted)

    def _of(self, feeds: Iterable[Feed]) -> frozenset[str]:
        mine = {f.topic for f in feeds if f.topic and shard_of(f.gateway) in self.shards}
        return frozenset(mine | {up_filter(s) for s in self.shards})
