"""The second half of a worker: batches made durable, then acknowledged, in a thread of its own, so that receiving goes on meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from typing import Protocol

from foundation.errors import Unavailable
from foundation.log import get_logger
from ingest.batch import Batch
from ingest.payloads import encode_ack
from ingest.receiver import Receiver
from ingest.topics import ack_topic

RETRY_S = 0.5
LONGEST_RETRY_S = 5.0
# A flush takes some ten milliseconds; one of this length is worth a line, because gateways see it as latency.
SLOW_S = 2.0
# After this long without a batch there is time for what was put off.
IDLE_S = 0.1


class Store(Protocol):
    """What makes a batch durable."""

    def flush(self, batch: Batch) -> None:
        """Return when the batch is on disk; after an error the same batch may be given again."""
        ...

    def settle(self) -> None:
        """Do what was put off while there was more to do."""
        ...


class Keeper(threading.Thread):
    """Writes one batch while one waits; no more, so that a slow disk slows the receiving down and memory stays bounded."""

    def __init__(self, store: Store) -> None:
        super().__init__(name="keeper", daemon=True)
        self._store = store
        self._waiting: queue.Queue[tuple[Batch, Receiver] | None] = queue.Queue(maxsize=1)
        self._busy = False
        self._giving_up = threading.Event()
        self._log = get_logger(__name__)

    @property
    def ready(self) -> bool:
        """Whether a batch put now is written at once."""
        return not self._busy and self._waiting.empty()

    def put(self, batch: Batch, receiver: Receiver) -> None:
        """Hand a batch over, waiting while another waits; raise RuntimeError where the keeper has ended, so that its process ends too."""
        while True:
            if not self.is_alive():
                raise RuntimeError("the keeper has ended; the worker must start anew")
            try:
                self._waiting.put((batch, receiver), timeout=1.0)
                return
            except queue.Full:
                continue

    def finish(self, seconds: float = 8.0) -> None:
        """Write what was handed over and end; a store that still refuses after `seconds` is given up, unacknowledged."""
        if not self.is_alive():
            return
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            self._giving_up.set()
        self.join(seconds)
        self._giving_up.set()
        self.join(seconds)

    def run(self) -> None:
        """Write and acknowledge until told to finish."""
        while True:
            try:
                given = self._waiting.get(timeout=IDLE_S)
            except queue.Empty:
                self._settle()
                continue
            if given is None:
                return
            self._busy = True
            if not self._keep(given[0]):
                return
            self._answer(*given)
            self._busy = False

    def _keep(self, batch: Batch) -> bool:
        """Flush until it succeeds: while the store cannot be written nothing is acknowledged and nothing is thrown away."""
        pause = RETRY_S
        while True:
            begin = time.monotonic()
            try:
                self._store.flush(batch)
                took = time.monotonic() - begin
                if took > SLOW_S:
                    self._log.warning("the store is slow", seconds=round(took, 2), readings=len(batch))
                return True
            except Exception as error:  # noqa: BLE001 - whatever the reason, the batch is not on disk
                self._log.error("the store cannot be written; trying again", why=f"{type(error).__name__}: {error}", readings=len(batch))
            if self._giving_up.wait(pause):
                return False
            pause = min(pause * 2, LONGEST_RETRY_S)

    def _settle(self) -> None:
        try:
            self._store.settle()
        except Exception as error:  # noqa: BLE001 - it is tried again, and nothing acknowledged depends on it
            self._log.error("the store cannot be written; trying again", why=f"{type(error).__name__}: {error}")

    def _answer(self, batch: Batch, receiver: Receiver) -> None:
        try:
            receiver.acknowledge(batch.tokens)
            now_ms = time.time_ns() // 1_000_000
            for gateway, ack in batch.acks().items():
                receiver.publish(ack_topic(gateway), encode_ack(ack, now_ms))
            for topic, body, qos, retain in batch.commands:
                receiver.publish(topic, body, qos=qos, retain=retain)
        except Unavailable as error:
            # The broker sends these messages again, and the gateways ask again: they are known then.
            self._log.warning("acknowledgements found nobody", why=error.explain())
