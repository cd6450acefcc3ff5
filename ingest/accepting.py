"""Readings that come over HTTP: messages of our own protocol, line protocol, foreign senders, and what waited in quarantine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foundation.clock import Clock, to_ms
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.claiming import MOST_AT_ONCE, take_again
from ingest.claims import claim_free_writer
from ingest.foreign import Feeds, Taken
from ingest.intake import Directory, Intake
from ingest.lines_in import Lines, Written
from ingest.payloads import NO_NUMBER, Ack, Refused
from ingest.quarantine import Entry, HeldMessage, counted, discard, entries, messages_of
from ingest.signatures import GatewayKeys
from ingest.topics import up_topic
from ingest.writer import Writer
from registry.feeds import Feed

WEB_WRITER = "web"


class Accepting:
    """What a sender that proved who it is gives us, and what is taken out of quarantine; a part of `service.Readings`.

    On return everything is on disk: it writes with a writer of its own, opened at the first message.
    """

    def __init__(self, folder: Path, clock: Clock, directory: Directory, keys: GatewayKeys | None, feeds: Feeds | None) -> None:
        self._folder = folder
        self._clock = clock
        self._directory = directory
        self._keys = keys
        self._feeds = feeds
        self._web: Writer | None = None
        self._lines = Lines()
        self._lock = threading.Lock()

    @property
    def _catalog(self) -> Catalog:
        raise NotImplementedError

    def accept(self, gateway: str, body: bytes) -> Ack:
        """Take one message of a gateway that proved who it is; on return it is on disk, or refused with a reason."""
        with self._stored() as (intake, batch):
            intake.take(up_topic(gateway), body, to_ms(self._clock.now()), batch)
        # A body without a readable sequence number has no acknowledgement: there is nothing to name, but the reason is told.
        return batch.acks().get(gateway) or Ack(1, [], [Refused(NO_NUMBER, batch.dead[0][3])])

    def accept_foreign(self, feed: Feed, topic: str, body: bytes) -> Taken:
        """Take one message of a foreign sender that proved who it is; on return what can be stored is on disk, the rest in quarantine."""
        with self._stored() as (intake, batch):
            return intake.foreign.take(feed, topic, body, to_ms(self._clock.now()), batch)

    def take_again(self, entry: int, *, at_receipt: bool = False) -> tuple[int, int]:
        """Take what waits under a name in quarantine again; return how many readings were stored and how many messages wait again.

        `at_receipt`: they are filed under when they were received.
        """
        stored = held = 0
        for found in self.quarantine(entry):
            messages = messages_of(self._catalog, entry)
            for at in range(0, len(messages), MOST_AT_ONCE):
                with self._stored() as (intake, batch):
                    for message in messages[at : at + MOST_AT_ONCE]:
                        take_again(intake, found, message, batch, at_receipt=at_receipt)
                stored, held = stored + len(batch), held + len(batch.held)
        return stored, held

    def discard_quarantined(self, entry: int) -> int:
        """Throw away what waits under a name in quarantine; return how many messages there were."""
        with self._catalog.transaction() as db:
            return discard(db, entry)

    def accept_lines(self, gateway: str, body: bytes, precision: str) -> Written:
        """Take line protocol of a gateway that proved who it is; on return every line that is in order is on disk.

        `precision` is the unit of its times: ns, us, ms or s. Raises BadInput where nothing of it can be read.
        """
        with self._stored() as (intake, batch):
            return self._lines.take(intake, gateway, body, precision, to_ms(self._clock.now()), batch)

    def quarantine(self, entry: int | None = None) -> list[Entry]:
        """Return the names in quarantine, or the one of this number, the one heard of last first; how to claim one: see Claims."""
        return entries(self._catalog) if entry is None else entries(self._catalog, "id = ?", (entry,))

    def quarantined_messages(self, entry: int, limit: int = 20) -> list[HeldMessage]:
        """Return the oldest messages kept for a name in quarantine."""
        return messages_of(self._catalog, entry, limit)

    def quarantine_bounds(self) -> tuple[int, int]:
        """Return how many names found no room in quarantine, their messages are dead letters; and how many messages went for newer ones."""
        return counted(self._catalog)

    def close_writer(self) -> None:
        """Close the writer's files and give its name up; the next message opens it again."""
        with self._lock:
            if self._web is not None:
                self._web.close()
                self._web = None

    @contextmanager
    def _stored(self) -> Iterator[tuple[Intake, Batch]]:
        """Hold the writer while a block fills a batch: after it the batch is on disk, or nothing of it is taken for known."""
        batch = Batch()
        with self._lock:
            writer = self._web or self._open_writer()
            writer.intake.refresh()
            try:
                yield writer.intake, batch
                writer.flush(batch)
            except BaseException:
                writer.intake.forget(batch)
                raise

    def _open_writer(self) -> Writer:
        # Several web processes may share a folder: each takes a name that no other holds.
        name, claim = claim_free_writer(self._folder, WEB_WRITER)
        self._web = Writer(self._folder, name, self._directory, claim, self._keys, self._feeds)
        return self._web
