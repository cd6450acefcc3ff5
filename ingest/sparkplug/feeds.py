"""A worker's Sparkplug feeds: a host for each, what came of their messages as parts of the batch, and the word that a host is there.

Only who listens all the time can be a host: a message by itself tells aliases and no names. What waits for a birth is in quarantine, on
disk before it is acknowledged, and comes back from there after a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from foundation.ids import shard_of
from foundation.log import get_logger
from ingest.catalog import Catalog
from ingest.formats.sparkplug import explained, state_body, state_topic
from ingest.quarantine import BIRTH, Held, entries, messages_of
from ingest.receiver import Presence
from ingest.runs import Noted
from ingest.sparkplug.host import WAITS_FOR_BIRTH, Host, Taken, Understood, key_of
from ingest.sparkplug.node import Held as Waiting
from ingest.topics import SHARDS
from registry.feeds import Feed

if TYPE_CHECKING:
    from ingest.batch import Batch
    from ingest.foreign import Foreign

FORMAT = "sparkplug-b"
TICK_S = 0.5
# Somebody else says in our name that we are away: contradicted, but not in a circle.
CONTRADICT_S = 1.0


class _State(msgspec.Struct):
    """What stands at a host's STATE topic."""

    online: bool


class SparkplugFeeds:
    """The hosts of one worker. The intake's thread uses it."""

    def __init__(self, foreign: Foreign, catalog: Catalog, host_id: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._foreign, self._catalog, self._monotonic = foreign, catalog, monotonic
        self._state_topic = state_topic(host_id)
        self._here = b""
        self._hosts: dict[str, Host] = {}
        self._tick_at = self._contradict_at = 0.0
        self._reread: set[str] = set()
        self._log = get_logger(__name__)

    def presence(self, now_ms: int) -> Presence:
        """Return what a connection begun now says of this host: birth and will carry one time, as the specification wants."""
        from foundation.clock import SystemClock, to_ms

        self._here = state_body(True, now_ms)
        gone = state_body(False, now_ms)
        return Presence(self._state_topic, self._here, gone, lambda: state_body(False, to_ms(SystemClock().now())))

    def take(self, feed: Feed, topic: str, body: bytes, received_ms: int, batch: Batch) -> tuple[int, int, list[str]]:
        """Take a message of a feed; return how many values were stored, how many wait, and what was refused. Raises BadInput."""
        return self._apply(feed, self._host(feed).take(topic, body, received_ms, self._monotonic()), received_ms, batch)

    def take_state(self, topic: str, body: bytes, batch: Batch) -> None:
        """Contradict a word that this host is away, left by an earlier connection of its own; states of others are theirs."""
        if topic != self._state_topic or not self._here or self._monotonic() < self._contradict_at:
            return
        try:
            online = msgspec.json.decode(body, type=_State).online
        except msgspec.DecodeError:
            online = False
        if not online:
            self._contradict_at = self._monotonic() + CONTRADICT_S
            batch.commands.append((topic, self._here, 1, True))

    def tick(self, now_ms: int, batch: Batch) -> None:
        """Let time pass for every host; called often, does something twice a second."""
        now = self._monotonic()
        if now < self._tick_at:
            return
        self._tick_at = now + TICK_S
        for feed_id, host in list(self._hosts.items()):
            feed = self._foreign.feed(feed_id)
            if feed is None or feed.format != FORMAT:
                del self._hosts[feed_id]
                continue
            if feed_id in self._reread:
                self._reread.discard(feed_id)
                self._restore(feed, host)
            self._apply(feed, host.tick(now, now_ms), now_ms, batch)

    def _host(self, feed: Feed) -> Host:
        host = self._hosts.get(feed.id)
        if host is None:
            host = self._hosts[feed.id] = Host()
            self._restore(feed, host)
        return host

    def _restore(self, feed: Feed, host: Host) -> None:
        for entry in entries(self._catalog, "kind = ? AND feed = ?", (BIRTH, feed.id)):
            host.restore(
                Waiting(key_of(m.topic, m.body), m.topic, m.body, m.received_ms, WAITS_FOR_BIRTH)
                for m in messages_of(self._catalog, entry.id)
            )

    def _apply(self, feed: Feed, taken: Taken, received_ms: int, batch: Batch) -> tuple[int, int, list[str]]:
        stored = waiting = 0
        refused: list[str] = []
        if taken.number is not None:
            batch.noted.append(Noted(feed.gateway, taken.number, received_ms, taken.began, resends=False))
        for one in taken.understood:
            found = self._foreign.take_observed(feed, one.observed, one.topic, _kept(one), one.received_ms, batch)
            stored, waiting, refused = stored + found.stored, waiting + found.quarantined, refused + found.refused
        for held in taken.held:
            batch.held.append(Held(BIRTH, feed.id, feed.gateway, _node(held.topic), held.topic, held.body, held.received_ms))
            waiting += 1
        batch.settled += [(feed.id, bytes.fromhex(key)) for key in taken.settled]
        for held in taken.refused:
            refused.append(held.why)
            batch.dead.append((held.received_ms, feed.gateway, held.topic[:200], held.why, held.body))
        if taken.commands:
            batch.counts[f"rebirths asked:{feed.gateway}"] = batch.counts.get(f"rebirths asked:{feed.gateway}", 0) + len(taken.commands)
            batch.commands += [(topic, body, 0, False) for topic, body in taken.commands]
        batch.lives += [(feed.gateway, life.device, life.online, life.at_ms) for life in taken.lives]
        for lost in taken.lost:
            self._log.warning("messages of an edge node are lost", node=lost.stream, first=lost.first, count=lost.count)
        if taken.reread:
            self._reread.add(feed.id)
        return stored, waiting, refused


def host_of(worker: str) -> str:
    """Return the host id a worker answers to: what an edge node calls its primary host."""
    return f"suhe-{worker}"


def host_for(gateway: str, workers: int) -> str:
    """Return the host id of the worker that has a gateway's shard."""
    return host_of(str(SHARDS.index(shard_of(gateway)) % workers))


def _kept(one: Understood) -> bytes:
    """Return the message as it can be kept: where it tells aliases, with the names, datatypes and units of its birth in their place."""
    return one.body if one.complete else explained(one.observed, one.body)


def _node(topic: str) -> str:
    return topic.split("/")[3]
