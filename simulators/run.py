"""The field simulator's process: sixty days of history through real gateways, then live readings, resumed after every stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from foundation.clock import Clock, SystemClock, to_ms
from simulators.driver import HISTORY_DAYS, SEED, FieldRun, Sender


def run_field(
    credentials: Mapping[str, str],
    host: str,
    port: int,
    protocol: int,
    data_folder: Path,
    stop_event: threading.Event,
    seed: int = SEED,
    history_days: int = HISTORY_DAYS,
    progress: Callable[[int, int], None] | None = None,
    clock: Clock | None = None,
    seeds: Mapping[str, str] | None = None,
) -> None:
    """Simulate the field through the gateways in `credentials` (id -> password) until `stop_event` is set.

    A gateway that has a seed (id -> hex) signs its messages.

    State, labels and `history.json` are kept under `data_folder/simulator`, spools under `data_folder/spool`. A folder begun with
    one seed goes on with it whatever `seed` says.
    """
    from ingest.gateway import Gateway

    spools = data_folder / "spool"
    spools.mkdir(parents=True, exist_ok=True)
    clock = clock or SystemClock()

    def open_sender(name: str) -> Sender:
        seed = bytes.fromhex(seeds[name]) if seeds and name in seeds else None
        return Gateway(name, credentials[name], host, port, spools / f"{name}.db", protocol=protocol, seed=seed)

    names, folder = sorted(credentials), data_folder / "simulator"
    run = FieldRun(names, open_sender, folder, to_ms(clock.now()), seed=seed, history_days=history_days, progress=progress)
    try:
        while not stop_event.is_set():
            pause = run.step(to_ms(clock.now()))
            if pause:
                stop_event.wait(pause)
    finally:
        run.close()
