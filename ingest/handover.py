"""What another number of workers leaves behind at the broker is taken, so that changing it loses nothing.

1. A worker keeps the filters of shards that are not its own any more until the session of the new owner has them; until then both are
   sent the same, and the ledger knows a repeat.
2. Worker 0 takes what the sessions of former workers still hold: it connects as each of them, stores and acknowledges all of it, and once
   every shard is with its owner and a marker has come through behind the last message, ends that session for good. Segments the former
   worker wrote and never named in the catalogue are adopted on the way.

A former worker that still runs, here or started by hand, is left alone: its writer's name is taken.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from foundation.clock import Clock, to_ms
from foundation.errors import Conflict
from foundation.log import get_logger
from ingest.catalog import Catalog
from ingest.claims import Claim, claim_writer
from ingest.keeper import Keeper
from ingest.mqtt_sessions import client_of, covered, held, hold, owner_of, stranded
from ingest.receiver import Message, SocketReceiver
from ingest.topics import PREFIX, SHARDS, up_filter
from ingest.writer import Writer

LOOK_S = 1.0
# A filter that is no shard's and nobody else's has no new owner to wait for.
UNOWNED_S = 60.0
# Where the marker is not let through (a rule of the broker), silence of this length counts as the end.
SILENCE_S = 5.0

Connect = Callable[[str, Sequence[str]], SocketReceiver]


class Handover(threading.Thread):
    """One worker's part in a change of the number of workers.

    `connect` opens a session by client id and filters, `open_writer` a writer by its name.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        broker: str,
        worker: int,
        workers: int,
        connect: Connect,
        open_writer: Callable[[str, Claim], Writer],
        stop: threading.Event,
    ) -> None:
        super().__init__(name="handover", daemon=True)
        self._folder, self._clock, self._broker, self._worker, self._workers = folder, clock, broker, worker, workers
        self._connect, self._open_writer, self._ending = connect, open_writer, stop
        self._client = client_of(worker)
        self._catalog = Catalog(folder)
        self._lock = threading.Lock()
        self._receiver: SocketReceiver | None = None
        self._wanted: set[str] = set()
        self._unwanted: set[str] = set()
        self._since = 0.0
        self._log = get_logger(__name__)

    def connected(self, receiver: SocketReceiver, wanted: Collection[str]) -> None:
        """Note what this worker's session is subscribed to now: what it asked for, and what it may have from before."""
        known = held(self._catalog, self._broker).get(self._client)
        before = {up_filter(shard) for shard in SHARDS} if known is None and receiver.session_present else known or set()
        with self._lock:
            self._receiver, self._since = receiver, time.monotonic()
            self._wanted, self._unwanted = set(wanted), before - set(wanted)
            hold(self._catalog, self._client, self._broker, self._wanted | self._unwanted, self._now())

    def changed(self, wanted: Collection[str]) -> None:
        """Note that this worker's session is subscribed to other feeds now."""
        with self._lock:
            self._wanted = set(wanted)
            self._unwanted -= self._wanted
            hold(self._catalog, self._client, self._broker, self._wanted | self._unwanted, self._now())

    def run(self) -> None:
        """Look every second until told to stop; trouble is told and tried again, it does not end the worker."""
        tried: dict[int, float] = {}
        while not self._ending.wait(LOOK_S):
            try:
                self._release()
                if self._worker == 0:
                    for number in stranded(self._catalog, self._broker, self._workers):
                        if time.monotonic() >= tried.get(number, 0.0):
                            tried[number] = time.monotonic() + 30.0
                            self._take_over(number)
            except Exception as error:  # noqa: BLE001 - the worker goes on; what is left at the broker stays there
                self._log.warning("what former workers left could not be taken yet", why=f"{type(error).__name__}: {error}"[:300])
        self._catalog.close()

    def _release(self) -> None:
        with self._lock:
            if not self._unwanted or self._receiver is None:
                return
            known = held(self._catalog, self._broker)
            others = set[str]().union(*(f for c, f in known.items() if c != self._client and f))
            old = time.monotonic() - self._since > UNOWNED_S
            ready = {
                f for f in self._unwanted if f in known.get(owner_of(f, self._workers) or "", others if owner_of(f, 1) is None else ())
            }
            ready |= {f for f in self._unwanted if old and owner_of(f, 1) is None}
            if ready:
                self._receiver.unsubscribe(sorted(ready))
                self._unwanted -= ready
                hold(self._catalog, self._client, self._broker, self._wanted | self._unwanted, self._now())

    def _take_over(self, number: int) -> None:
        """Take all that a former worker's session holds, and end it."""
        try:
            claim = claim_writer(self._folder, str(number))
        except Conflict:
            return  # it lives
        writer = self._open_writer(str(number), claim)
        keeper = Keeper(writer)
        keeper.start()
        try:
            receiver = self._connect(client_of(number), [_marker(number)])
            ending = _Ending(receiver, _marker(number))
            taken = 0
            try:
                taken = self._drain(ending, held(self._catalog, self._broker).get(client_of(number), set()), writer, keeper)
            finally:
                keeper.finish()
                receiver.close(forget=ending.over)
            if ending.over:
                hold(self._catalog, client_of(number), self._broker, (), self._now())
                self._log.info("a former worker's session is taken over", worker=number, messages=taken)
        finally:
            keeper.finish()
            writer.close()

    def _drain(self, ending: _Ending, filters: Collection[str], writer: Writer, keeper: Keeper) -> int:
        from ingest.worker import Loop

        loop = Loop(ending, writer.intake, keeper, self._clock)
        asked, begin = 0.0, time.monotonic()
        try:
            while not self._ending.is_set() and not ending.over:
                loop.step()
                now = time.monotonic()
                if not ending.receiver.session_present:
                    ending.over = True
                elif not ending.asked and now >= asked:
                    asked = now + LOOK_S
                    # A feed that was taken away meanwhile has no new listener to wait for.
                    feeds = filters if now - begin < UNOWNED_S else ()
                    if covered(self._catalog, self._broker, self._workers, feeds):
                        ending.ask()
                elif ending.asked and now - ending.heard > SILENCE_S:
                    ending.over = True
        finally:
            loop.hand_over()
        return ending.taken

    def _now(self) -> int:
        return to_ms(self._clock.now())


class _Ending:
    """A receiver that looks out for a marker of its own: when it comes, everything that was there before it has come."""

    def __init__(self, receiver: SocketReceiver, marker: str) -> None:
        self.receiver, self._marker = receiver, marker
        self.asked = self.over = False
        self.heard = time.monotonic()
        self.taken = 0

    def ask(self) -> None:
        """Send the marker; from now on it, or silence, is the end."""
        self.asked, self.heard = True, time.monotonic()
        self.receiver.publish(self._marker, b"", qos=1)

    def poll(self, seconds: float) -> Sequence[Message]:
        """See `Receiver.poll`; the marker is no message."""
        found = self.receiver.poll(seconds)
        if not found:
            return found
        self.heard = time.monotonic()
        marks = [m for m in found if m[0] == self._marker]
        if marks:
            self.receiver.acknowledge([token for _, _, token in marks if token is not None])
            self.over = self.over or self.asked
            found = [m for m in found if m[0] != self._marker]
        self.taken += len(found)
        return found

    def acknowledge(self, tokens: Sequence[Any]) -> None:
        """See `Receiver.acknowledge`."""
        self.receiver.acknowledge(tokens)

    def publish(self, topic: str, body: bytes, *, qos: int = 0, retain: bool = False) -> None:
        """See `Receiver.publish`."""
        self.receiver.publish(topic, body, qos=qos, retain=retain)

    def change(self, add: Sequence[str], drop: Sequence[str]) -> None:
        """See `Receiver.change`."""
        self.receiver.change(add, drop)

    def close(self) -> None:
        """See `Receiver.close`."""
        self.receiver.close()


def _marker(number: int) -> str:
    # A shard that no gateway has, under the names ingest may write to.
    return f"{PREFIX}/x/{client_of(number)}/up"
