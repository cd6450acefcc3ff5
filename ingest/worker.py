"""One ingest worker: receive, decode, flag, segment fsynced, MQTT acknowledgement, application acknowledgement. In that order.

A message that cannot be read is kept as a dead letter and never stops the loop. A store that cannot be written acknowledges nothing:
the broker and the gateways hold on to what they have.
"""

from __future__ import annotations

import gc
import ssl
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from foundation.clock import Clock, SystemClock, to_ms
from foundation.errors import Unavailable
from foundation.log import get_logger
from ingest.batch import Batch
from ingest.broker.facts import BrokerWatch, broker_name
from ingest.claiming import reclaim
from ingest.claims import Claim
from ingest.compaction import Compactor
from ingest.foreign import Feeds, NoFeeds
from ingest.handover import Handover
from ingest.intake import Directory, Intake
from ingest.keeper import Keeper
from ingest.mqtt_sessions import client_of
from ingest.receiver import Message, Presence, Receiver, SocketReceiver
from ingest.signatures import GatewayKeys
from ingest.sparkplug.feeds import FORMAT, SparkplugFeeds, host_of
from ingest.subscriptions import Subscriptions
from ingest.topics import STATE_FILTER
from ingest.writer import Writer

FLUSH_READINGS = 5_000
# While the keeper is busy, or was a moment ago, a batch goes on filling, so that what a flush costs is shared by more.
MOST_READINGS = 20_000
APART_S = 0.02
# A batch waits for company, but briefly, and not at all where the last flush is long enough ago; the bound is for when the keeper is busy.
GATHER_S = 0.01
EVERY_S = 0.05
# Where so many have come already, more will: then a flush is for many.
WORTHWHILE = 1_000
FLUSH_S = 0.1
# Half the broker's window: one batch is being written while the next fills.
FLUSH_MESSAGES = 5000
FLUSH_BYTES = 16_000_000
# Messages decoded together: enough that one call costs little, few enough that what they become stays in the processor's cache.
AT_ONCE = 500
# While a batch is open, messages are let gather this long: one wake-up for many is what broker and worker both save on. Longer while few
# come; a broker that waits for room in the socket would not be helped.
NAP_S = 0.002
LONG_NAP_S = 0.01
FEW = 100
GC_OBJECTS = 50_000
# New and changed feeds are looked for this often.
LOOK_S = 1.0
# What waits in quarantine under a name that was given meanwhile is looked for this often.
RECLAIM_S = 2.0
# The table of newest values is written at most this often; between, a busy worker has better things to do.
LATEST_S = 0.5
RETRY_S = 0.5
LONGEST_RETRY_S = 5.0
# Between hourly compactions, this many small files are too many to query well.
MOST_SEGMENTS = 256


def run_worker(
    *,
    host: str,
    port: int,
    username: str,
    password: str,
    worker_id: str,
    shards: str,
    folder: Path,
    directory: Directory,
    keys: GatewayKeys | None = None,
    feeds: Feeds | None = None,
    protocol: int = 5,
    compact_seconds: float = 3600.0,
    workers: int = 0,
    tls: ssl.SSLContext | None = None,
    stop: threading.Event,
    clock: Clock | None = None,
) -> None:
    """Run until `stop` is set: connect, take messages, reconnect with a growing pause. `protocol` is 5, or 4 for MQTT 3.1.1.

    With `workers`, the number of all, what another number of workers left at the broker is taken, see `handover`; without it this
    worker drops what is not its own at once.
    """
    log = get_logger(__name__)
    clock = clock or SystemClock()
    # Messages come and go by thousands, and none is part of a cycle: looking for cycles after every 700 would only cost.
    gc.set_threshold(GC_OBJECTS)
    writer = Writer(folder, worker_id, directory, latest_s=LATEST_S, keys=keys, feeds=feeds)
    keeper = Keeper(writer)
    keeper.start()
    # The first worker compacts for all: two compactors on one store would only wait for each other.
    compactor = Compactor(folder, clock, compact_seconds, MOST_SEGMENTS, stop) if worker_id == "0" else None
    if compactor is not None:
        compactor.start()
        BrokerWatch(folder, clock, host, port, username, password, protocol, stop, tls).start()
    handover = None
    if workers and protocol == 5:

        def connect(client: str, filters: Sequence[str]) -> SocketReceiver:
            return SocketReceiver(host, port, client, username, password, filters, tls=tls)

        def open_writer(name: str, claim: Claim) -> Writer:
            return Writer(folder, name, directory, claim, keys, feeds)

        handover = Handover(folder, clock, broker_name(host, port), int(worker_id), workers, connect, open_writer, stop)
        handover.start()
    subscriptions = Subscriptions(feeds or NoFeeds(), shards)
    sparkplug = writer.intake.foreign.sparkplug = SparkplugFeeds(writer.intake.foreign, writer.catalog, host_of(worker_id))
    pause = RETRY_S
    try:
        while not stop.is_set():
            try:
                presence = sparkplug.presence(to_ms(clock.now())) if subscriptions.has(FORMAT) else None
                filters = subscriptions.begin(leave=handover is None)
                receiver = _connect(protocol, host, port, client_of(worker_id), username, password, *filters, presence, tls)
                if handover is not None and isinstance(receiver, SocketReceiver):
                    handover.connected(receiver, subscriptions.wanted)
            except Unavailable as error:
                log.warning("waiting for the broker", why=error.explain())
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_RETRY_S)
                continue
            pause = RETRY_S
            log.info("receiving", worker=worker_id, shards=shards)
            loop = Loop(receiver, writer.intake, keeper, clock, subscriptions, handover, present=presence is not None)
            try:
                loop.run(stop)
            except Unavailable as error:
                log.warning("connection lost", why=error.explain())
            finally:
                # What was taken is kept even where its acknowledgement finds nobody: its redelivery is then a duplicate.
                loop.hand_over()
                if stop.is_set():
                    keeper.finish()
                receiver.close()
    finally:
        keeper.finish()
        if compactor is not None:
            compactor.join()
        if handover is not None:
            handover.join()
        writer.close()


class Loop:
    """Fills batches from one connection and hands them to the keeper, which writes one while the next fills."""

    def __init__(
        self,
        receiver: Receiver,
        intake: Intake,
        keeper: Keeper,
        clock: Clock,
        subscriptions: Subscriptions | None = None,
        handover: Handover | None = None,
        *,
        present: bool = False,
    ) -> None:
        self._present = present
        self._receiver = receiver
        self._intake = intake
        self._keeper = keeper
        self._clock = clock
        self._batch = Batch()
        self._since: float | None = None
        self._handed = 0.0
        # Messages received and not yet taken: few at a time cost more.
        self._waiting: list[Message] = []
        self._many = False
        self._subscriptions = subscriptions
        self._handover = handover
        self._look_at = self._reclaim_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Take messages until `stop` is set; raise Unavailable where the connection is lost."""
        while not stop.is_set():
            self.step()
            if self._subscriptions is not None and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_S
                if not self._present and self._subscriptions.has(FORMAT):
                    raise Unavailable("a Sparkplug feed came: its nodes are told at a new connection that a host is there")
                add, drop = self._subscriptions.changes()
                if add or drop:
                    self._receiver.change(add, drop)
                    if self._handover is not None:
                        self._handover.changed(self._subscriptions.wanted)
            if self._subscriptions is not None and time.monotonic() >= self._reclaim_at:
                self._reclaim_at = time.monotonic() + RECLAIM_S
                self._intake.refresh()
                reclaim(self._intake, self._batch, self._subscriptions.shards)
            if self._intake.foreign.sparkplug is not None:
                self._intake.foreign.sparkplug.tick(to_ms(self._clock.now()), self._batch)
            if self._since is None and not self._batch.empty:
                self._since = time.monotonic()

    def step(self) -> None:
        """Wait shortly for messages, take them, and hand the batch over when it is full or old enough."""
        waiting = FLUSH_S
        if self._since is not None:
            left = self._due() - time.monotonic()
            time.sleep(min(NAP_S if self._many else LONG_NAP_S, max(left, NAP_S)))
            waiting = max(self._due() - time.monotonic(), 0.0)
        messages = self._receiver.poll(waiting)
        self._many = len(messages) >= FEW
        if messages:
            if self._since is None:
                self._since = time.monotonic()
                self._intake.refresh()
            self._waiting.extend(messages)
        late = self._since is not None and self._keeper.ready and time.monotonic() >= self._due()
        if len(self._waiting) >= AT_ONCE or (late and self._waiting):
            self._take()
        if late and self._since is not None:
            self.hand_over()

    def hand_over(self) -> None:
        """Give the open batch to the keeper, waiting for room, and begin a new one."""
        if self._waiting:
            self._take()
        if not self._batch.empty:
            self._keeper.put(self._batch, self._receiver)
            self._batch = Batch()
            self._handed = time.monotonic()
        self._since = None

    def _due(self) -> float:
        """Return when the open batch is to be handed over."""
        since = self._since or 0.0
        every = EVERY_S if len(self._batch) < WORTHWHILE else FLUSH_S
        return max(since + GATHER_S, min(self._handed + every, since + FLUSH_S))

    @property
    def _full(self) -> bool:
        batch = self._batch
        hurry = self._keeper.ready and time.monotonic() - self._handed >= APART_S
        if len(batch) >= (FLUSH_READINGS if hurry else MOST_READINGS):
            return True
        return len(batch.tokens) >= FLUSH_MESSAGES or batch.size >= FLUSH_BYTES

    def _take(self) -> None:
        now = to_ms(self._clock.now())
        messages, self._waiting = self._waiting, []
        for at in range(0, len(messages), AT_ONCE):
            part, batch = messages[at : at + AT_ONCE], self._batch
            self._intake.take_many(part, now, batch)
            batch.tokens += [token for _, _, token in part if token is not None]
            if self._full:
                self.hand_over()
                self._since = time.monotonic()
                self._intake.refresh()


def _connect(
    protocol: int,
    host: str,
    port: int,
    client_id: str,
    username: str,
    password: str,
    wanted: Sequence[str],
    unwanted: Sequence[str],
    presence: Presence | None,
    tls: ssl.SSLContext | None,
) -> Receiver:
    if client_id == client_of(0):
        # The first worker hears for all how gateways say they are.
        wanted = [*wanted, STATE_FILTER]
    if protocol == 5:
        return SocketReceiver(host, port, client_id, username, password, wanted, unwanted, presence=presence, tls=tls)
    from ingest.receiver_paho import PahoReceiver

    return PahoReceiver(host, port, client_id, username, password, wanted, presence)
