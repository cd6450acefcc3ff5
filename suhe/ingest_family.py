"""`suhe ingest --workers N`: all workers of an installation, supervised, where `suhe up` does not run them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from foundation.errors import BadInput, Conflict
from foundation.settings import Settings
from ingest.claims import Claim
from ingest.topics import SHARDS
from suhe.supervisor import Child, Supervisor

_TICK_S = 0.25


def workers_of(settings: Settings, workers: int) -> list[Child]:
    """Return the workers as children, by number: each with its own shards, its own session and its own writer."""
    if not 1 <= workers <= len(SHARDS):
        raise BadInput("so many workers cannot share the shards", expected=f"1 to {len(SHARDS)}", got=str(workers))
    env = {"SUHE_DATA": str(settings.data.absolute()), "PYTHONUNBUFFERED": "1"}
    return [
        Child(
            f"ingest-{n}",
            [sys.executable, "-m", "suhe.cli", "ingest", "--worker", str(n), "--workers", str(workers)],
            settings.data / "logs" / f"ingest-{n}.log",
            env,
        )
        for n in range(workers)
    ]


def run_workers(settings: Settings, workers: int, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Run all workers until `stop` is set; one that ends comes back by itself. All have ended within ten seconds of the stop."""
    family = workers_of(settings, workers)
    try:
        claim = Claim(settings.readings_folder / ".workers.lock")
    except Conflict as error:
        raise Conflict(
            "this folder's ingest workers run already", got=str(settings.data), todo="stop them before you start others"
        ) from error
    control = settings.data / "control"
    control.mkdir(parents=True, exist_ok=True)
    supervisor = Supervisor(settings.data / "ingest-state.json", control)
    try:
        for child in family:
            supervisor.add(child)
        say(f"{workers} ingest workers; their logs are in {settings.data / 'logs'}")
        while not stop.wait(_TICK_S):
            supervisor.tick()
    finally:
        supervisor.stop()
        claim.release()
