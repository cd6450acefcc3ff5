"""One run of the field simulator, step by step: what is due now, what of the past comes next, what is on record.

The driver is one thread that never blocks long: each step looks at the control files, sends what is due now, and otherwise puts one
day of the past into the spool of the gateway that is furthest behind, as long as that spool is nearly empty.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from foundation.files import write_durably
from foundation.log import get_logger
from ingest.payloads import ReadingIn
from simulators.control import cut_gateways
from simulators.faults import labels
from simulators.field import Field
from simulators.live import TURN_MS, Live
from simulators.past import days_between, nominal, readings_of_day
from simulators.progress import Progress, Window, load_progress
from simulators.timegrid import DAY_MS, STEP_MS, day_of

SEED = 371522
HISTORY_DAYS = 60
LONGEST_BACKFILL_DAYS = 30
# Messages a gateway may have waiting before more of the past is put behind them: the spool stays small and live readings prompt.
MOST_WAITING = 4
_LOOK_AT_CONTROL_MS = 500
_SAVE_MS = 500
_PAUSE_S = 0.02


class Sender(Protocol):
    """What the simulator uses of the gateway SDK; a sender that was never started spools all the same."""

    def start(self) -> None:
        """Connect and go on connecting."""
        ...

    def stop(self) -> None:
        """Leave the network and close the spool; what is in it stays."""
        ...

    def send_many(self, messages: list[list[ReadingIn]]) -> list[int]:
        """Spool messages durably and return their sequence numbers."""
        ...

    def pending(self) -> int:
        """Return how many messages are not acknowledged yet."""
        ...


class FieldRun:
    """One run of the simulator. `step` does the next piece of work and says how long nothing will be due."""

    def __init__(
        self,
        names: Sequence[str],
        open_sender: Callable[[str], Sender],
        folder: Path,
        now_ms: int,
        *,
        seed: int = SEED,
        history_days: int = HISTORY_DAYS,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._open, self._folder, self._tell = open_sender, folder, progress
        self._gateways = {name: open_sender(name) for name in names}
        self._log = get_logger(__name__)
        known = load_progress(folder / "field.json")
        self.field = Field(known.seed if known else seed)
        self._devices = {g: self.field.world.devices_of(g) for g in names}
        self._live = {g: Live(self.field, devices) for g, devices in self._devices.items()}
        self._connected: set[str] = set()
        self._control_at = self._save_at = 0
        self._told = (-1, -1)
        self.progress = self._go_on(known, now_ms) if known else self._begin(now_ms, seed, history_days)
        self.progress.save(self._state_path)
        self._write_history()

    def step(self, now_ms: int) -> float:
        """Do the next piece of work; return the seconds until there may be more, 0 where there is some now."""
        if now_ms >= self._control_at:
            self._control_at = now_ms + _LOOK_AT_CONTROL_MS
            self._obey(cut_gateways(self._folder))
        tick = now_ms - now_ms % TURN_MS
        if tick > self.progress.live_until_ms:
            self._send_live(tick)
        sent = self._send_past()
        if sent is None or now_ms >= self._save_at:
            self._save_at = now_ms + _SAVE_MS
            self._look_at_acknowledgements()
        if sent:
            return 0.0
        if sent is False:
            return _PAUSE_S
        next_tick = tick + TURN_MS - now_ms
        return max(0.001, min(next_tick, _LOOK_AT_CONTROL_MS) / 1000)

    def close(self) -> None:
        """Leave the network and save the state; spools keep what was not acknowledged."""
        stops = [threading.Thread(target=gateway.stop) for gateway in self._gateways.values()]
        for thread in stops:
            thread.start()
        for thread in stops:
            thread.join(2.5)
        self._connected.clear()
        self.progress.save(self._state_path)

    @property
    def _state_path(self) -> Path:
        return self._folder / "field.json"

    def _begin(self, now_ms: int, seed: int, history_days: int) -> Progress:
        """Return the state of a new field: history ends at the last full ten minutes, live readings begin there."""
        until = now_ms - now_ms % STEP_MS
        after = until - history_days * DAY_MS
        total = sum(nominal(devices, after, until) for devices in self._devices.values())
        window = Window(after, until, history=True)
        return Progress(seed, [window], live_since_ms=until, live_until_ms=until, history_total=total)

    def _go_on(self, known: Progress, now_ms: int) -> Progress:
        """Return the state after a stop: what was held back leaves now, what was missed becomes a window, live goes on from there."""
        for name, live in self._live.items():
            held = live.leaving(
                known.live_until_ms,
                known.live_until_ms + DAY_MS,
                observed_after_ms=known.live_since_ms,
                observed_until_ms=known.live_until_ms,
            )
            messages = [m for part in held for m in part.messages()]
            known.note_sent(name, self._gateways[name].send_many(messages) if messages else [], [len(m) for m in messages], history=False)
        resume = now_ms - now_ms % STEP_MS
        if resume > known.live_until_ms:
            after = max(known.live_until_ms, resume - LONGEST_BACKFILL_DAYS * DAY_MS)
            known.windows.insert(0, Window(after, resume, history=False))
            known.live_until_ms = resume
        known.live_since_ms = known.live_until_ms
        return known

    def _obey(self, cut: frozenset[str]) -> None:
        for name in self._gateways:
            if name in cut and name in self._connected:
                # The same box without its network: its spool is opened again, and nothing of it is sent.
                self._gateways[name].stop()
                self._gateways[name] = self._open(name)
                self._connected.discard(name)
                self._log.info("gateway cut off", gateway=name)
            elif name not in cut and name not in self._connected:
                self._gateways[name].start()
                self._connected.add(name)

    def _send_live(self, tick_ms: int) -> None:
        """Send what left the devices since the last tick. The state is saved first: a reading may be missed by a kill, never changed."""
        state, after = self.progress, self.progress.live_until_ms
        state.live_until_ms = tick_ms
        state.save(self._state_path)
        self._label(day_of(tick_ms))
        for name, live in self._live.items():
            parts = live.leaving(after, tick_ms, observed_after_ms=state.live_since_ms)
            messages = [m for part in parts for m in part.messages()]
            if messages:
                state.note_sent(name, self._gateways[name].send_many(messages), [len(m) for m in messages], history=False)

    def _send_past(self) -> bool | None:
        """Put one more day into a spool: True if one was, False if every spool is full enough, None if nothing is left to send."""
        state, blocked = self.progress, False
        for window in state.windows:
            days = days_between(window.after_ms, window.until_ms)
            behind = sorted((window.done.get(g, 0), g) for g in self._gateways if window.done.get(g, 0) < len(days))
            for done, name in behind:
                gateway = self._gateways[name]
                if gateway.pending() >= MOST_WAITING:
                    blocked = True
                    continue
                self._label(days[done])
                box = readings_of_day(self.field, self._devices[name], days[done], window.after_ms, window.until_ms)
                messages = box.messages()
                sequences = gateway.send_many(messages) if messages else []
                state.note_sent(name, sequences, [len(m) for m in messages], history=window.history)
                window.done[name] = done + 1
                return True
        if blocked:
            return False
        state.windows = [w for w in state.windows if w.history and not state.history_complete]
        return None

    def _look_at_acknowledgements(self) -> None:
        state = self.progress
        if state.history_complete and not state.windows:
            return
        for name, gateway in self._gateways.items():
            state.note_pending(name, gateway.pending())
        sending = any(w.history and self._unfinished(w) for w in state.windows)
        if not sending and not any(state.unacknowledged.values()) and not state.history_complete:
            state.history_complete = True
            state.history_total = state.history_sent
            self._log.info("history is in", readings=state.history_sent)
        state.save(self._state_path)
        self._write_history()

    def _unfinished(self, window: Window) -> bool:
        days = len(days_between(window.after_ms, window.until_ms))
        return any(window.done.get(g, 0) < days for g in self._gateways)

    def _write_history(self) -> None:
        state = self.progress
        now = (state.acknowledged(), state.history_total)
        told = {"complete": state.history_complete, "acknowledged": now[0], "total": now[1], "sent": state.history_sent}
        write_durably(self._folder / "history.json", json.dumps(told).encode())
        if self._tell and now != self._told:
            self._tell(*now)
        self._told = now

    def _label(self, day: int) -> None:
        """Write the planted faults of a day once, beside the readings they spoil."""
        if day in self.progress.labelled_days:
            return
        folder = self._folder / "labels"
        folder.mkdir(exist_ok=True)
        date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
        text = "".join(line + "\n" for line in labels(self.field.dice, self.field.world.devices, day))
        write_durably(folder / f"{date.isoformat()}.jsonl", text.encode())
        self.progress.labelled_days.append(day)
