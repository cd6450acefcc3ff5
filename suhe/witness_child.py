"""The demo's own witness: a child that watches this installation's log as another organisation would, over HTTP, with a key of its own.

It shows how witnessing works and catches a rewritten database. It proves nothing to an outsider, since whoever runs the log runs it too;
it is registered as ours, and every page that shows it says so.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sqlalchemy import Engine

from foundation.clock import Clock
from foundation.files import write_durably
from foundation.ports import free_port, port_is_free
from foundation.settings import Settings
from registry.service import Registry

NAME = "witness"
# Checkpoints come every ten seconds; a record of the demo is witnessed well within a minute.
EVERY_SECONDS = 10


def witness_folder(settings: Settings) -> Path:
    """Return the folder of the demo's witness: its key, its memory, its alarms."""
    return settings.data / "simulator" / "witness"


def register_witness(settings: Settings, engine: Engine, registry: Registry, clock: Clock) -> None:
    """Make the witness's keys where they are missing, and tell the log of it. A second call changes nothing."""
    from traceability.cosignatures import read_cosigner_key
    from traceability.witnessing import Witnessing

    folder = witness_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = read_cosigner_key(folder / "witness.key")
    known = Witnessing(engine, clock)
    if key.public not in [w.cosigner for w in known.known()]:
        known.add(key.public.vkey(), whole=True, ours=True)
    path = folder / "api.key"
    kept = path.read_text().strip() if path.exists() else ""
    if not kept or registry.check_api_key(kept) is None:
        write_durably(path, registry.make_api_key("demo witness", "witness").encode(), 0o600)


def witness_command(settings: Settings, log_url: str) -> tuple[list[str], dict[str, str]]:
    """Return the child's command and environment. Its port stays the same from start to start."""
    folder = witness_folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = witness_port(settings)
    port = kept if kept and port_is_free(kept) else free_port()
    write_durably(folder / "port.json", json.dumps({"port": port}).encode())
    where = folder.absolute()
    command = [
        sys.executable, "-m", "suhe.cli", "witness", "--log", log_url, "--key", str(where / "witness.key"), "--folder", str(where),
        "--every", str(EVERY_SECONDS), "--serve", str(port), "--full",
    ]  # fmt: skip
    return command, {"SUHE_WITNESS_API_KEY_FILE": str(where / "api.key")}


def witness_port(settings: Settings) -> int:
    """Return the port the demo's witness shows its state on, 0 where there is none."""
    try:
        return int(json.loads((witness_folder(settings) / "port.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
