"""The demo's season: writes itself through the public API, as the apps of growers, inspectors and shops would.

First everything that happened until now, recorded now (the log says so honestly), in batches; then a round of accelerated events, one
every 25 seconds, and whatever the calendar brings. What exists is asked of the API, every event's id comes from the seed, and the log
keeps each event once: a simulator that is killed goes on where it was.
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
from simulators.season_bodies import Told, envelope
from simulators.season_plan import live, season
from simulators.timegrid import day_of

SEED = 522
SLOT_MS = 25_000
SLOTS = 5
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

    def run(self) -> None:
        began = self._patiently(self._began)
        if began is None:
            return
        self._write_due(began, tell=True)
        while not self._stop.wait(_LOOK_S):
            self._write_round(began)
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
            self._tell(len(waiting), len(waiting))
            self._log.info("the season is written", events=len(waiting))

    def _write_round(self, began: int) -> None:
        """Write the accelerated events whose time has come. A round is sent from its first event: what is recorded stays as it is."""
        now_ms = to_ms(self._clock.now())
        due = [t for t in live(self._seed, began, day_of(now_ms), now_ms // (SLOTS * SLOT_MS), SLOT_MS, SLOTS) if t.time_ms <= now_ms]
        if due and due[-1].key not in self._written:
            self._send([t for t in due if t.key not in self._written])

    def _send(self, told: Sequence[Told]) -> bool:
        """Hand in events; where the batch is refused, one by one, so that one bad event costs only what hangs on it."""
        envelopes = [envelope(t.body(self._seed), self._keys[t.party]) for t in told]
        answer = self._patiently(lambda: self._post("/api/v1/events/batch", {"events": envelopes}))
        if answer is None:
            return False
        if answer.status_code >= 400:
            self._log.warning("a batch was refused", status=answer.status_code, why=answer.text[:300])
            for one, sealed in zip(told, envelopes, strict=True):
                answer = self._patiently(lambda sealed=sealed: self._post("/api/v1/events", sealed))  # type: ignore[misc]
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

    def _tell(self, done: int, total: int) -> None:
        if self._progress is None:
            return
        self._progress.parent.mkdir(parents=True, exist_ok=True)
        write_durably(self._progress, json.dumps({"complete": done == total, "done": done, "total": total}).encode())
