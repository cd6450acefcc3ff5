"""The demo's own chain: anvil as a child where it is found, and at which address any process of the installation finds it.

Its accounts are none: the one that pays is our own key, which anvil is asked to give money. It proves nothing to an outsider, since
whoever runs it can rewrite it; every page that shows it says so.
"""

from __future__ import annotations

import json
from pathlib import Path

from foundation.files import find_program, write_durably
from foundation.ports import free_port, port_is_free
from foundation.settings import Settings

NAME = "chain"
# Where `npm ci` in simulators/chain puts the program itself. Its wrapper would be left behind as an orphan when killed.
_PACKAGES = Path(__file__).resolve().parents[1] / "simulators" / "chain" / "node_modules" / "@foundry-rs"


def anvil_path() -> str | None:
    """Return the path of the native anvil, or None."""
    return find_program("anvil", *sorted(_PACKAGES.glob("anvil-*/bin")))


def prepare_chain(settings: Settings, *, demo: bool) -> list[str] | None:
    """Return the command of the demo's chain; None where none is to be started. Its port stays the same from start to start."""
    binary = anvil_path() if demo and not settings.chain_url.get_secret_value() else None
    folder = settings.data / NAME
    if binary is None:
        (folder / "chain.json").unlink(missing_ok=True)
        return None
    folder.mkdir(parents=True, exist_ok=True)
    kept = _kept_port(settings)
    port = kept if kept and port_is_free(kept) else free_port()
    write_durably(folder / "chain.json", json.dumps({"port": port}).encode())
    state = folder.absolute() / "state.json"
    return [
        binary, "--host", "127.0.0.1", "--port", str(port), "--accounts", "0", "--quiet",
        # Saved every two seconds: what a kill takes is younger than that, and is anchored anew.
        "--state", str(state), "--state-interval", "2",
    ]  # fmt: skip


def chain_url(settings: Settings) -> str:
    """Return the address of the chain to anchor on: the configured one, else the demo's own child, else nothing."""
    port = _kept_port(settings)
    return settings.chain_url.get_secret_value() or (f"http://127.0.0.1:{port}" if port else "")


def _kept_port(settings: Settings) -> int:
    try:
        return int(json.loads((settings.data / NAME / "chain.json").read_text())["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
