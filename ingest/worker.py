"""One ingest worker: receive, decode, flag, segment fsynced, MQTT acknowledgement, application acknowledgement. In that order.

A message that cannot be read is kept as a dead letter and never stops the loop. A store that cannot be written acknowledges nothing:
the broker and the gateways hold on to what they have.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foundation.clock import Clock, SystemClock
from foundation.errors import BadInput, Unavailable
from foundation.log import get_logger
from ingest.compaction import Compactor
from ingest.payloads import Ack, Refused, encode_ack, ranges
from ingest.receiver import Receiver, SocketReceiver
from ingest.topics import ack_topic, parse_topic, up_filter
from ingest.writer import Batch, Directory, Writer, settle

FLUSH_READINGS = 5_000
FLUSH_S = 0.1
# Half the broker's window: one batch is being written while the next fills.
FLUSH_MESSAGES = 5_000
FLUSH_BYTES = 16_000_000
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
    protocol: int = 5,
    compact_seconds: float = 3600.0,
    stop: threading.Event,
    clock: Clock | None = None,
) -> None:
    """Run until `stop` is set: connect, take messages, reconnect with a growing pause. `protocol` is 5, or 4 for MQTT 3.1.1."""
    log = get_logger(__name__)
    clock = clock or SystemClock()
    writer = Writer(folder, worker_id, directory, clock)
    # The first worker compacts for all: two compactors on one store would only wait for each other.
    compactor = Compactor(folder, clock, compact_seconds, MOST_SEGMENTS, stop) if worker_id == "0" else None
    if compactor is not None:
        compactor.start()
    pause = RETRY_S
    try:
        while not stop.is_set():
            try:
                receiver = _connect(protocol, host, port, f"ingest-{worker_id}", username, password, [up_filter(s) for s in shards])
            except Unavailable as error:
                log.warning("waiting for the broker", why=error.explain())
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_RETRY_S)
                continue
            pause = RETRY_S
            log.info("receiving", worker=worker_id, shards=shards)
            try:
                Worker(receiver, writer).run(stop)
            except Unavailable as error:
                log.warning("connection lost", why=error.explain())
            finally:
                receiver.close()
    finally:
        if compactor is not None:
            compactor.join()
        writer.close()


class Worker:
    """The loop between one connection and one writer."""

    def __init__(self, receiver: Receiver, writer: Writer) -> None:
        self._receiver = receiver
        self._writer = writer
        self._since: float | None = None
        self._begin()

    def run(self, stop: threading.Event) -> None:
        """Take messages until `stop` is set or the connection is lost (Unavailable); what is taken is flushed in both cases."""
        try:
            while not stop.is_set():
                self.step()
            self._flush()
        except Unavailable:
            # Acknowledgements cannot be sent any more, but what was taken is kept: its redelivery is a duplicate.
            self._write()
            raise

    def step(self) -> None:
        """Wait shortly for messages, take them, and flush when a batch is full or old enough."""
        waiting = FLUSH_S if self._since is None else max(self._since + FLUSH_S - time.monotonic(), 0.0)
        for message in self._receiver.poll(waiting):
            if self._since is None:
                self._since = time.monotonic()
            self._take(message.topic, message.body)
            if message.token is not None:
                self._tokens.append(message.token)
            self._bytes += len(message.body)
            if self._full():
                self._flush()
        if self._since is not None and time.monotonic() - self._since >= FLUSH_S:
            self._flush()

    def _take(self, topic: str, body: bytes) -> None:
        try:
            gateway = parse_topic(topic).gateway
        except BadInput as error:
            self._writer.bury(self._batch, topic, error.explain(), body)
            return
        self._writer.take(self._batch, gateway, body, topic)

    def _full(self) -> bool:
        return len(self._batch) >= FLUSH_READINGS or len(self._tokens) >= FLUSH_MESSAGES or self._bytes >= FLUSH_BYTES

    def _flush(self) -> None:
        batch, tokens = self._batch, self._tokens
        self._write()
        self._receiver.acknowledge(tokens)
        for gateway, settled, refused in settle(batch):
            ack = Ack(1, ranges(settled), [Refused(seq, why) for seq, why in refused])
            self._receiver.publish(ack_topic(gateway), encode_ack(ack))

    def _write(self) -> None:
        batch = self._batch
        self._begin()
        try:
            self._writer.flush(batch)
        except BaseException:
            self._writer.forget(batch)
            raise

    def _begin(self) -> None:
        self._batch = Batch()
        self._tokens: list[Any] = []
        self._bytes = 0
        self._since = None


def _connect(protocol: int, host: str, port: int, client_id: str, username: str, password: str, filters: Sequence[str]) -> Receiver:
    if protocol == 5:
        return SocketReceiver(host, port, client_id, username, password, filters)
    from ingest.receiver_paho import PahoReceiver

    return PahoReceiver(host, port, client_id, username, password, filters)
