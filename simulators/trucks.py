"""The trucks' process: recorders of refrigerated trucks through real gateways, and their carriers' signed summaries over HTTP.

Everything a truck records follows from the seed, the season and the time, so one number says how far it has come: what was recorded
until then is in the spools. A stop is made good at the next start, as a real tracker sends what it kept. Only a broken cooling is not
planned: it is switched on and off by a file.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from foundation.clock import Clock, SystemClock, to_ms
from foundation.files import write_durably
from foundation.log import get_logger
from ingest.payloads import ReadingIn
from simulators import season
from simulators.carrier import Carrier
from simulators.control import broken_reefers
from simulators.driver import Sender
from simulators.fleet import fleet
from simulators.season_plan import RECORDED_DAYS, live, live_trip, trips
from simulators.timegrid import DAY_MS, day_of, start_of
from simulators.trips import Trip, ride

_LOOK_S = 1.0
_SIGN_EVERY = 5
_MOST_READINGS = 1_500
# With its cooling broken the hold warms this much a second (an accelerated minute), at most so far; mended it comes back by this share.
WARMS_C, WARMEST_C, COOLS = 0.09, 16.0, 0.06
# Rounds older than this are not driven any more; the season does not write them either.
_ROUNDS_MS = season.OPEN_ROUNDS * season.SLOTS * season.SLOT_MS


class TruckRun:
    """One run of the trucks. `step` sends what left them since the last step."""

    def __init__(self, open_sender: Callable[[str], Sender], folder: Path, began: int, *, seed: int = season.SEED) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._began, self._seed, self._open_sender = folder, began, seed, open_sender
        self._senders: dict[str, Sender] = {}
        self._excess: dict[str, float] = {}
        self._labelled: set[str] = set()
        # Every box is switched on at first: a spool may hold what was recorded before a stop.
        for truck in fleet().trucks:
            self._sender(truck.id)
        self._until = self._load(start_of(began) - RECORDED_DAYS * DAY_MS)

    def step(self, now_ms: int) -> list[Trip]:
        """Send what left the trucks until now; return the trips under way."""
        after, broken = self._until, broken_reefers(self._folder)
        under_way: list[Trip] = []
        rows: dict[str, list[ReadingIn]] = {}
        for trip in self._trips(after, now_ms):
            if trip.departs_ms <= now_ms < trip.arrives_ms:
                under_way.append(trip)
            self._label(trip)
            excess = self._excess_of(trip.truck, after, now_ms, broken=trip.truck in broken)
            for recorded in ride(self._seed, trip).recorded(after, now_ms, excess):
                rows.setdefault(trip.truck, []).extend(
                    ReadingIn(d=trip.truck, c=c, t=recorded.t_ms, x=x) for c, x in recorded.values.items()
                )
        for truck, readings in rows.items():
            self._sender(truck).send_many([readings[k : k + _MOST_READINGS] for k in range(0, len(readings), _MOST_READINGS)])
        self._until = now_ms
        write_durably(self._folder / "trucks.json", json.dumps({"until_ms": now_ms}).encode())
        told = [{"truck": t.truck, "since_ms": t.departs_ms, "until_ms": t.arrives_ms, "fast": t.fast} for t in under_way]
        write_durably(self._folder / "trucks-under-way.json", json.dumps(told).encode())
        self._park({t.truck for t in under_way})
        return under_way

    def waiting(self, truck: str) -> int:
        """Return how many messages of a truck are not acknowledged yet."""
        sender = self._senders.get(truck)
        return sender.pending() if sender else 0

    def close(self) -> None:
        """Leave the network; spools keep what was not acknowledged."""
        stops = [threading.Thread(target=sender.stop) for sender in self._senders.values()]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join(2.5)
        self._senders.clear()

    def _trips(self, after_ms: int, now_ms: int) -> Iterator[Trip]:
        """Yield the trips of which something may leave the trucks in (after, now]; what was held back leaves within hours."""
        since = after_ms - DAY_MS
        yield from (t for t in trips(self._seed, self._began, day_of(now_ms)) if t.arrives_ms > since and t.departs_ms <= now_ms)
        length = season.SLOTS * season.SLOT_MS
        for group in range((now_ms - 2 * _ROUNDS_MS) // length, now_ms // length + 1):
            told = live(self._seed, self._began, day_of(group * length), group, season.SLOT_MS, season.SLOTS)
            trip = live_trip(told)
            if trip is not None and trip.departs_ms <= now_ms:
                yield trip

    def _excess_of(self, truck: str, after_ms: int, now_ms: int, *, broken: bool) -> float:
        seconds = min(30.0, (now_ms - after_ms) / 1000)
        before = self._excess.get(truck, 0.0)
        now = min(WARMEST_C, before + WARMS_C * seconds) if broken else before * max(0.0, 1 - COOLS * seconds)
        self._excess[truck] = now
        return now if now > 0.05 else 0.0

    def _sender(self, truck: str) -> Sender:
        if truck not in self._senders:
            self._senders[truck] = self._open_sender(truck)
            self._senders[truck].start()
        return self._senders[truck]

    def _park(self, on_the_road: set[str]) -> None:
        """Switch off the box of a truck that stands in its depot and has nothing more to send."""
        for truck in [t for t in self._senders if t not in on_the_road and self._senders[t].pending() == 0]:
            self._senders.pop(truck).stop()

    def _label(self, trip: Trip) -> None:
        """Write what is planted in a trip once, beside the other labels."""
        if trip.key in self._labelled:
            return
        self._labelled.add(trip.key)
        folder = self._folder / "labels" / "trucks"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{trip.key.replace(':', '-')}.jsonl"
        if not path.exists():
            write_durably(path, "".join(p.label() + "\n" for p in ride(self._seed, trip).planted).encode())

    def _load(self, first_ms: int) -> int:
        try:
            return int(json.loads((self._folder / "trucks.json").read_text())["until_ms"])
        except (OSError, ValueError, KeyError):
            return first_ms


def run_trucks(
    credentials: Mapping[str, Any],
    host: str,
    port: int,
    protocol: int,
    base_url: str,
    data_folder: Path,
    stop_event: threading.Event,
    *,
    clock: Clock | None = None,
    client: httpx.Client | None = None,
) -> None:
    """Drive the trucks until `stop_event` is set. `credentials` are those in `keys/demo.json`.

    State and labels are kept under `data_folder/simulator`, spools under `data_folder/spool`.
    """
    from ingest.gateway import Gateway

    clock, spools, folder = clock or SystemClock(), data_folder / "spool", data_folder / "simulator"
    spools.mkdir(parents=True, exist_ok=True)
    gateways = {t.id: t.gateway for t in fleet().trucks}

    def open_sender(truck: str) -> Sender:
        name = gateways[truck]
        told = credentials.get("gateway_seeds", {}).get(name)
        seed = bytes.fromhex(told) if told else None
        return Gateway(name, credentials["trucks"][name], host, port, spools / f"{name}.db", protocol=protocol, seed=seed)

    began = _season_began(folder, stop_event)
    if began is None:
        return
    run = TruckRun(open_sender, folder, began)
    headers = {"authorization": f"Bearer {credentials['api_key']}"}
    with client or httpx.Client(base_url=base_url, timeout=60) as http:
        http.headers.update(headers)
        carrier = Carrier(http, credentials["author_keys"], run.waiting)
        turn = 0
        try:
            while True:
                run.step(to_ms(clock.now()))
                if turn % _SIGN_EVERY == 0:
                    carrier.sign_due()
                turn += 1
                if stop_event.wait(_LOOK_S):
                    return
        finally:
            run.close()


def _season_began(folder: Path, stop_event: threading.Event) -> int | None:
    """Return the day on which the season began, as it tells once its past is written; None once told to stop."""
    log, quiet = get_logger(__name__), False
    while not stop_event.is_set():
        try:
            return int(json.loads((folder / "season.json").read_text())["began"])
        except (OSError, ValueError, KeyError):
            if not quiet:
                log.info("waiting for the season")
            quiet = True
        stop_event.wait(0.5)
    return None
