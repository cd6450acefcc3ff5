"""The demo's season: writes itself through the public API, as the apps of growers, inspectors and shops would.

First everything that happened until now, recorded now (the log says so honestly), in batches; then a round of accelerated events, one
every 25 seconds and the receipt when the truck has arrived, and whatever the calendar brings. What exists is asked of the API, every
event's id comes from the seed, and the log keeps each event once: a simulator that is killed goes on where it was.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from foundation.clock import Clock, to_ms
from foundation.files import write_durably
from foundation.log import get_logger
from simulators.season_bodies import Told, sealed
from simulators.season_plan import LIVE_LEG_MS, live, season
from simulators.timegrid import day_of

SEED = 522
SLOT_MS = 25_000
SLOTS = 5
# So many rounds are under way at a time: a round ends when its truck arrives, long after the next ones began.
OPEN_ROUNDS = -(-(LIVE_LEG_MS + SLOTS * SLOT_MS) // (SLOTS * SLOT_MS)) + 1
_BATCH = 250
_LOOK_S = 1.0
_RETRY_S = 0.5


def run_season(
    *,
    credentials: Mapping[str, Any],
    base_url: str,
    stop_event: threading.Event,
    clock: Clock,
    data_folder: Path | None = None,
    seed: int = SEED,
    client: httpx.Client | None = None,
) -> None:
    """Write the season until `stop_event` is set. `credentials` are those in `keys/demo.json`.

    Progress is told in `data_folder/simulator/season.json`, where a folder is given.
    """
    headers = {"authorization": f"Bearer {credentials['api_key']}"}
    with client or httpx.Client(base_url=base_url, headers=headers, timeout=60) as http:
        if client is not None:
            http.headers.update(headers)
        _Season(http, credentials["author_keys"], stop_event, clock, seed, data_folder).run()


class _Season:
    def __init__(
        self, http: httpx.Client, keys: Mapping[str, Any], stop: threading.Event, clock: Clock, seed: int, data_folder: Path | None
    ) -> None:
        self._http, self._keys, self._stop, self._clock, self._seed = http, keys, stop, clock, seed
        self._progress = data_folder / "simulator" / "season.json" if data_folder else None
        self._log = get_logger(__name__)
        self._written: set[str] = set()
        self._open = _kept_rounds(self._progress)

    def run(self) -> None:
        began = self._patiently(self._began)
        if began is None:
            return
        self._write_due(began, tell=True)
        while not self._stop.wait(_LOOK_S):
            self._write_rounds(began)
            self._write_due(began, tell=False)

    def _write_due(self, began: int, *, tell: bool) -> None:
        """Write what the calendar brought until now, in order."""
        now_ms = to_ms(self._clock.now())
        due = [t for t in season(self._seed, began, day_of(now_ms)) if t.time_ms <= now_ms]
        waiting = [t for t in due if t.key not in self._written]
        for k in range(0, len(waiting), _BATCH):
            if tell:
                self._tell(k, len(waiting))
            if self._stop.is_set() or not self._send(waiting[k : k + _BATCH]):
                return
        if tell:
            self._tell(len(waiting), len(waiting), began)
            self._log.info("the season is written", events=len(waiting))

    def _write_rounds(self, began: int) -> None:
        """Write the accelerated events whose time has come, the oldest round first.

        A round is sent from its first event: what is recorded stays as it is. One that had begun before a stop is written to its end,
        so that no truck stays on the road for ever.
        """
        now_ms, length = to_ms(self._clock.now()), SLOTS * SLOT_MS
        groups = {*self._open, *range(now_ms // length - OPEN_ROUNDS + 1, now_ms // length + 1)}
        for group in sorted(groups):
            told = live(self._seed, began, day_of(group * length), group, SLOT_MS, SLOTS)
            waiting = [t for t in told if t.time_ms <= now_ms and t.key not in self._written]
            if waiting and group not in self._open:
                self._open.add(group)
                _keep_rounds(self._progress, self._open)
            if waiting and not self._send(waiting):
                return
            if told and told[-1].key in self._written and group in self._open:
                self._open.discard(group)
                _keep_rounds(self._progress, self._open)

    def _send(self, told: Sequence[Told]) -> bool:
        """Hand in events; where the batch is refused, one by one, so that one bad event costs only what hangs on it."""
        envelopes = [sealed(t.body(self._seed), self._keys[t.party]) for t in told]
        answer = self._patiently(lambda: self._post("/api/v1/events/batch", {"events": envelopes}))
        if answer is None:
            return False
        if answer.status_code >= 400:
            self._log.warning("a batch was refused", status=answer.status_code, why=answer.text[:300])
            for one, signed in zip(told, envelopes, strict=True):
                answer = self._patiently(lambda signed=signed: self._post("/api/v1/events", signed))  # type: ignore[misc]
                if answer is None:
                    return False
                if answer.status_code >= 400:
                    self._log.warning("an event was refused", key=one.key, status=answer.status_code, why=answer.text[:300])
        self._written.update(t.key for t in told)
        return True

    def _post(self, path: str, body: Any) -> httpx.Response:
        answer = self._http.post(path, json=body)
        if answer.status_code >= 500 or answer.status_code == 429:
            raise httpx.HTTPError(f"the API answers {answer.status_code}")
        return answer

    def _began(self) -> int:
        """Return the day on which the season began to be written: that of the oldest lot's first record, else today."""
        oldest, after = "", ""
        while True:
            answer = self._http.get("/api/v1/lots", params={"limit": 500, **({"after": after} if after else {})})
            answer.raise_for_status()
            page = answer.json()
            oldest = page["items"][-1]["id"] if page["items"] else oldest
            after = page["next"]
            if not after:
                break
        if not oldest:
            return day_of(to_ms(self._clock.now()))
        answer = self._http.get(f"/api/v1/lots/{oldest}")
        answer.raise_for_status()
        return day_of(int(answer.json()["events"][0]["record_time_ms"]))

    def _patiently(self, call: Callable[[], Any]) -> Any:
        """Return what `call` returns, trying again while the API does not answer; None once told to stop."""
        quiet = False
        while not self._stop.is_set():
            try:
                return call()
            except httpx.HTTPError as error:
                if not quiet:
                    self._log.info("waiting for the API", why=str(error)[:200])
                quiet = True
                self._stop.wait(_RETRY_S)
        return None

    def _tell(self, done: int, total: int, began: int | None = None) -> None:
        if self._progress is None:
            return
        self._progress.parent.mkdir(parents=True, exist_ok=True)
        # The first day is told so that the trucks drive the same season.
        told = {"complete": done == total, "done": done, "total": total, **({} if began is None else {"began": began})}
        write_durably(self._progress, json.dumps(told).encode())


def _kept_rounds(progress: Path | None) -> set[int]:
    """Return the rounds that had begun and not ended when the simulator was stopped."""
    try:
        return set(json.loads(progress.with_name("season-rounds.json").read_text())) if progress else set()
    except (OSError, ValueError):
        return set()


def _keep_rounds(progress: Path | None, rounds: set[int]) -> None:
    if progress is not None:
        progress.parent.mkdir(parents=True, exist_ok=True)
        write_durably(progress.with_name("season-rounds.json"), json.dumps(sorted(rounds)).encode())
