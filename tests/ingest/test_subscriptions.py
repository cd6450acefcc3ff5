"""Which worker listens to what: every feed to one worker, new ones as they come."""

from __future__ import annotations

from foundation.ids import shard_of
from ingest.subscriptions import Subscriptions
from ingest.topics import SHARDS, up_filter
from registry.feeds import Feed, FeedBook, overlap


class Book:
    """Feeds that are changed by hand."""

    def __init__(self, feeds: tuple[Feed, ...]) -> None:
        self.book = FeedBook(feeds)

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return the book."""
        return self.book


FEEDS = tuple(Feed(f"feed-{n}", f"gw-{n}", "chirpstack-v4", f"application/{n}/#") for n in range(20))


def test_workers_share_feeds_by_their_gateways_shards_and_nothing_twice() -> None:
    """Every filter is one worker's, and no two of all filters take the same topic."""
    book = Book((*FEEDS, Feed("station", "gw-1", "sl651", station="0012345678")))
    each = [Subscriptions(book, SHARDS[n::3]).begin()[0] for n in range(3)]
    every = [f for filters in each for f in filters]
    assert sorted(every) == sorted([*(f.topic for f in FEEDS), *(up_filter(s) for s in SHARDS)])
    assert all(f.topic in each[SHARDS.index(shard_of(f.gateway)) % 3] for f in FEEDS)
    assert not any(overlap(a, b) for k, a in enumerate(every) for b in every[k + 1 :])


def test_a_change_tells_what_is_new_and_what_is_over() -> None:
    """Only the difference is told, once; a new connection leaves what is another worker's."""
    book = Book(FEEDS[:2])
    mine = Subscriptions(book, SHARDS)
    mine.begin()
    assert mine.changes() == ([], [])
    book.book = FeedBook(FEEDS[1:3])
    assert mine.changes() == ([FEEDS[2].topic], [FEEDS[0].topic]) and mine.changes() == ([], [])
    other = Subscriptions(book, SHARDS.replace(shard_of(FEEDS[1].gateway), ""))
    assert FEEDS[1].topic in other.begin()[1] and other.begin(leave=False)[1] == []
