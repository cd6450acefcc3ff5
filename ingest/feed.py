"""The feed of one server store: what is new in the files goes out as line protocol, and goes out again where it may have been lost.

A 204 of VictoriaMetrics is not durable: killed within seconds it forgets what it answered for. So the place that is kept lags at least a
minute behind what was sent, and sending goes back to it when this process starts anew, when the server did, or when a write failed.

What is sent is never a row as it was received but what counts for that series and time now, whichever file it stands in. So the order
of files, of writers and of repeats does not matter: the server ends with what our own history shows.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from foundation.clock import Clock, to_ms
from foundation.errors import SuheError
from foundation.log import get_logger
from ingest.catalog import Catalog
from ingest.cursors import Cursor, Place, sink_states
from ingest.history import History
from ingest.lines import health_lines
from ingest.reading import Counts, GatewayState
from ingest.sending import Sender, Store
from ingest.sinks import Server, Target

# So many rows of segments are looked up at once: one question to the files for many small segments.
STEP_ROWS = 50_000
LOOK_S = 1.0
COMMIT_S = 5.0
HEALTH_S = 10.0
RETRY_S, LONGEST_RETRY_S = 0.5, 30.0
SETTLE_S = 1.2
# Writing a whole series anew for one corrected value is dear: many corrections are mended together.
MEND_S = 60.0


def feed(folder: Path, target: Target, clock: Clock, *, lag_s: float, stop: threading.Event) -> None:
    """Feed a server store until `stop` is set; raise Conflict where another process already does."""
    from ingest.claims import Claim
    from ingest.service import Readings as Service

    claim = Claim(folder / f".sink-{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.lock")
    server = Server(target)
    made = Feed(folder, server, clock, lag_s=lag_s, readings=Service(folder, clock, _Nobody()))
    get_logger(__name__).info("feeding", sink=target.name)
    try:
        made.run(stop)
    finally:
        made.close()
        server.close()
        claim.release()


class _Nobody:
    """A directory for a service that is only asked."""

    def gateway_county(self, gateway_id: str) -> str | None:  # noqa: ARG002
        return None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:  # noqa: ARG002
        return False


class Readings(Protocol):
    """What the health lines are made of, see `service.Readings`."""

    def gateways(self) -> list[GatewayState]:
        """Return what is known of every gateway."""
        ...

    def counts(self) -> Counts:
        """Return the store in numbers."""
        ...


@dataclass
class Sent:
    """How far the sending is, and the places on the way with the time of their 204, oldest first.

    `revised` are series of which another value for some time was sent before. While there are any, no further place is noted.
    """

    place: Place
    reached: deque[tuple[float, Place]] = field(default_factory=deque)
    revised: set[int] = field(default_factory=set)


class Feed:
    """Feeds one server store from one folder. One thread."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        clock: Clock,
        *,
        lag_s: float,
        readings: Readings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._folder, self._store, self._clock = folder, store, clock
        self._lag_s, self._readings, self._monotonic = lag_s, readings, monotonic
        self._sleep = sleep
        self._catalog = Catalog(folder)
        self._history = History(folder, self._catalog)
        self._cursor = Cursor(self._catalog, store.target.name, self._now_ms())
        self._sender = Sender(store, self._catalog, self._history, self._cursor, self._now_ms)
        self._sent = Sent(self._cursor.confirmed())
        self._starts: set[float | None] = set()
        self._failed = True
        self._mend_at = 0.0
        self._told = ""
        self._log = get_logger(__name__)

    def close(self) -> None:
        """Close the catalogue. Nothing is committed: what was sent within the lag is sent again next time."""
        self._catalog.close()

    def run(self, stop: threading.Event) -> None:
        """Feed until `stop` is set; a server that does not answer or refuses us is asked again with a growing pause."""
        pause, commit, health = RETRY_S, 0.0, 0.0
        while not stop.is_set():
            try:
                more = self.step()
                if self._monotonic() >= commit:
                    self.commit()
                    commit = self._monotonic() + COMMIT_S
                if self._readings is not None and self._monotonic() >= health:
                    self.send_health(self._readings)
                    health = self._monotonic() + HEALTH_S
                if self._told:
                    self._log.info("the server store takes readings again", sink=self._store.target.name)
                pause, self._told = RETRY_S, ""
                if not more:
                    stop.wait(LOOK_S)
            except SuheError as error:
                self._failed = True
                if error.explain() != self._told:
                    self._told = error.explain()
                    self._log.warning("the server store does not take readings; trying again", why=self._told)
                    self._cursor.commit(self._cursor.confirmed(), self._sent.place, self._now_ms(), self._told)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_RETRY_S)

    def step(self) -> bool:
        """Send the next files and tell whether there were any; raise Unavailable where the server cannot take them now."""
        import duckdb

        if self._failed:
            self._look_at_server()
        place = self._sent.place
        segments = self._cursor.segments(place, STEP_ROWS)
        missed = self._cursor.missed(place)
        if missed is not None:
            day = self._cursor.next_day(place)
            names, kind = ([day.name] if day else []), "daily"
            reached = replace(place, daily=day.number) if day else replace(place, filled=missed)
        else:
            names, kind = [one.name for one in segments], "segments"
            reached = replace(place, arrived=segments[-1].number) if segments else place
        try:
            # A server that is new to us was never sent an earlier word than the one that counts.
            new = missed is not None and not place.arrived
            blocks = self._history.answers([self._folder / kind / name for name in names]) if names else iter(())
            revised = self._sender.send(blocks)
            self._sent.revised |= set() if new else revised
        except (duckdb.IOException, FileNotFoundError):
            # A compaction came between the list and the file. What it left half removed is noted, and the list is made anew, at once
            # where that changes it.
            gone = [one for one in segments if kind == "segments" and not (self._folder / kind / one.name).exists()]
            for one in gone:
                self._cursor.gone(one.name, one.number)
            return bool(gone)
        if reached != place:
            self._sent.place = reached
            if not self._sent.revised:
                self._sent.reached.append((self._monotonic(), reached))
        return reached != place

    def commit(self) -> None:
        """Keep the newest place whose 204 is at least the lag old; where the server started anew meanwhile, go back instead."""
        self._look_at_server()
        self._sender.forget_names()
        if self._sent.revised and self._monotonic() >= self._mend_at:
            self._sender.mend(self._sent.revised)
            self._sent.revised.clear()
            self._sent.reached.append((self._monotonic(), self._sent.place))
            self._mend_at = self._monotonic() + MEND_S
        confirmed, due = self._cursor.confirmed(), self._monotonic() - self._lag_s
        while self._sent.reached and self._sent.reached[0][0] <= due:
            confirmed = self._sent.reached.popleft()[1]
        self._cursor.commit(confirmed, self._sent.place, self._now_ms())

    def send_health(self, readings: Readings) -> None:
        """Write how ingest and this sink are, with the time of now."""
        now = self._now_ms()
        state = next(s for s in sink_states(self._catalog) if s.sink == self._store.target.name)
        self._store.write(health_lines(readings.gateways(), readings.counts(), state.lag_seconds(now), state.waiting, now))

    def _look_at_server(self) -> None:
        """Go back to the confirmed place where the server may have lost what it was sent since.

        A process that started anew has a start nobody has seen. One that was seen before is another process behind the same address.
        """
        started = self._store.started()
        if self._failed or started not in self._starts:
            if started is not None and started not in self._starts:
                # It tells whole seconds. What is sent from here on is sent when that second is over, so the next process's start differs.
                self._sleep(SETTLE_S)
            self._sent = Sent(self._cursor.confirmed())
            self._starts.add(started)
            self._failed = False

    def _now_ms(self) -> int:
        return to_ms(self._clock.now())
