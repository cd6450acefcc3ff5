"""A log served on loopback, and witnesses of it: what tests of witnesses share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import uvicorn
from fastapi import FastAPI

from dashboards.api import log_tiles, trace, witnesses
from dashboards.problems import install
from foundation.clock import FixedClock
from foundation.ports import free_port
from registry.people import Caller
from tests.traceability.kit import NOW, Kit, make_kit
from tests.waiting import wait_until
from traceability.cosignatures import read_cosigner_key
from traceability.witness_log import HttpLog
from traceability.witness_program import WitnessProgram
from traceability.witness_state import WitnessState

API_KEY = "suhe_test-witness"


class ServedLog:
    """The log's own routes over a kit's trace, on a real port. `trace` may be exchanged: another view behind the same address."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        registry = SimpleNamespace(check_api_key=lambda key: Caller("w", "witness") if key == API_KEY else None, who=lambda _: None)
        services: Any = SimpleNamespace(trace=kit.trace, registry=registry, demo=False)
        app = FastAPI(openapi_url=None)
        app.state.services, app.state.public_only = services, False
        install(app)
        for module in (log_tiles, witnesses, trace):
            app.include_router(module.router(services))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="warning", timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> ServedLog:
        self._thread.start()
        wait_until(lambda: self._server.started, what="the log is served")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)


def sqlite_kit(folder: Path) -> Kit:
    """Return a kit on SQLite in a folder of its own; a second one in another folder with the same log key is another view of one log."""
    folder.mkdir(parents=True, exist_ok=True)
    return make_kit(f"sqlite:///{folder / 'records.db'}", folder)


def witness(url: str, folder: Path, *, whole: bool = False) -> WitnessProgram:
    """Return a witness with its memory and key in `folder`; made again on the same folder it goes on where it was."""
    key = read_cosigner_key(folder / "witness.key", f"witness.example/{folder.name}")
    made = WitnessProgram(WitnessState(folder), key, HttpLog(url, API_KEY), FixedClock(NOW), whole=whole)
    made.pin()
    return made


def start_witness(url: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start `suhe witness` as its own process."""
    command = [sys.executable, "-m", "suhe.cli", "witness", "--log", url, "--key", str(folder / "witness.key"), "--folder", str(folder)]
    env = {**os.environ, "SUHE_WITNESS_API_KEY": API_KEY}
    return subprocess.Popen([*command, "--every", "1", *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env)
