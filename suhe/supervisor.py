"""Keep children running: start, watch, restart with a growing pause, hold on request, end politely."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_SECONDS = 8.0
LONGEST_PAUSE = 10.0
# A child that lived this long is healthy: its next crash starts the pauses anew.
HEALTHY_SECONDS = 20.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One supervised process: how to start it, and what became of it."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restarts: int = 0
    next_start: float = 0.0
    pause: float = 0.5
    held: bool = False

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Children of one `suhe up`, with a state file that pages and `suhe doctor` read.

    A file `hold-NAME` in `control` keeps that child down: the way `suhe demo break broker` breaks it.
    """

    def __init__(self, state_file: Path, control: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state_file = state_file
        self._control = control
        self._monotonic = monotonic
        self._written = ""
        self.children: dict[str, Child] = {}

    def add(self, child: Child) -> None:
        """Add a child and start it now."""
        self.children[child.name] = child
        self._start(child)

    def tick(self) -> None:
        """Look at every child once: restart what ended, apply holds, write the state file when it changed."""
        now = self._monotonic()
        for child in self.children.values():
            child.held = (self._control / f"hold-{child.name}").exists()
            if child.held:
                if child.running and child.process is not None:
                    child.process.kill()
                continue
            if child.running:
                if now - child.started > HEALTHY_SECONDS:
                    child.pause = 0.5
                continue
            if child.next_start == 0.0:
                child.next_start = now + child.pause
                child.pause = min(child.pause * 2, LONGEST_PAUSE)
            if now >= child.next_start:
                child.restarts += 1
                self._start(child)
        self._write_state()

    def stop(self) -> None:
        """End all children, the last started first: SIGTERM, then SIGKILL after a while."""
        alive = [c for c in reversed(self.children.values()) if c.running]
        # The broker goes last, so that ingest can still acknowledge what it holds.
        for child in alive:
            if child.name != "broker" and child.process is not None:
                child.process.send_signal(signal.SIGTERM)
        deadline = self._monotonic() + STOP_SECONDS
        for child in alive:
            if child.name != "broker":
                _wait(child, deadline - self._monotonic())
        broker = self.children.get("broker")
        if broker is not None and broker.running and broker.process is not None:
            broker.process.send_signal(signal.SIGTERM)
            _wait(broker, 3.0)
        self._write_state()

    def _start(self, child: Child) -> None:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        with child.log.open("ab") as out:
            child.process = subprocess.Popen(
                list(child.command),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **child.env},
                # A session of its own: Ctrl-C reaches the supervisor alone, which then ends the children in order.
                start_new_session=True,
                preexec_fn=functools.partial(_die_with_parent, os.getpid()) if sys.platform == "linux" else None,
            )
        child.started = self._monotonic()
        child.next_start = 0.0

    def _write_state(self) -> None:
        state = {
            name: {"running": c.running, "pid": c.process.pid if c.process and c.running else None, "restarts": c.restarts, "held": c.held}
            for name, c in self.children.items()
        }
        text = json.dumps({"supervisor": os.getpid(), "children": state})
        if text != self._written:
            aside = self._state_file.with_suffix(".tmp")
            aside.write_text(text)
            aside.replace(self._state_file)
            self._written = text


def read_state(state_file: Path) -> dict[str, dict[str, object]]:
    """Return the children's states as last written, or nothing where no `suhe up` runs on this folder."""
    try:
        told = json.loads(state_file.read_text())
        os.kill(int(told["supervisor"]), 0)
    except (OSError, ValueError, KeyError):
        return {}
    children: dict[str, dict[str, object]] = told["children"]
    return children


def _wait(child: Child, seconds: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(max(seconds, 0.1))
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait(5)


def _die_with_parent(parent: int) -> None:
    # Without this a killed supervisor would leave a broker holding the port. Linux only; elsewhere the next start tells.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        # It died before the line above could ask to be told.
        os._exit(1)
