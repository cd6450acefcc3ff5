"""Whether this installation is ready, check by check, each with a sentence a person can act on."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.clock import to_ms
from ingest.writability import Writability
from suhe.chain_child import NAME
from suhe.supervisor import read_state
from suhe.witness_child import NAME as WITNESS

if TYPE_CHECKING:
    from suhe.bootstrap import Services

LEAST_FREE_SHARE = 0.02


def readiness(services: Services) -> dict[str, tuple[bool, str]]:
    """Return name -> (holds, detail). Each check looks at state others wrote; none waits for a server, one a second for a lock."""
    data = services.settings.data
    checks = {
        "records": _records(services),
        "children": _children(data),
        "disk": _disk(data),
        "readings": _store(services.settings.readings_folder).now(),
        "messages": _messages(services),
        "log": _log(services),
        "anchor": _anchor(services),
    }
    if services.demo:
        checks["history"] = _history(data)
        checks["season"] = _progress(data / "simulator" / "season.json", "lots")
        checks["prices"] = _progress(data / "simulator" / "prices.json", "price history")
    return checks


def _records(services: Services) -> tuple[bool, str]:
    try:
        return True, f"{len(services.registry.counties())} counties"
    except Exception as error:  # noqa: BLE001 - a check reports, it never raises
        return False, f"the records' database does not answer: {type(error).__name__}"


@functools.cache
def _store(folder: Path) -> Writability:
    return Writability(folder)


def _children(data: Path) -> tuple[bool, str]:
    state = read_state(data / "state.json")
    # Without the demo's chain or witness nothing is lost and nothing waits: see `_anchor`.
    down = [name for name, child in state.items() if not child["running"] and name not in (NAME, WITNESS)]
    if down:
        return False, "not running: " + ", ".join(down)
    return True, f"{len(state)} running" if state else "not supervised"


def _disk(data: Path) -> tuple[bool, str]:
    usage = shutil.disk_usage(data)
    share = usage.free / usage.total
    return share > LEAST_FREE_SHARE, f"{share:.0%} free"


def _messages(services: Services) -> tuple[bool, str]:
    """What is missing in words. It always holds: gateways keep what is missing, and only they can send it."""
    dropped = [f"{d.broker} threw {d.total:,} away" if d.told else f"{d.broker} does not tell drops" for d in services.readings.drops()[:1]]
    return True, "; ".join([f"{services.readings.missing():,} messages missing", *dropped])


def _log(services: Services) -> tuple[bool, str]:
    checkpoint = services.trace.latest_checkpoint()
    if checkpoint is None:
        return not services.demo, "no checkpoint yet"
    age = (to_ms(services.clock.now()) - checkpoint.time_ms) // 1000
    return True, f"checkpoint of {checkpoint.size} records, {age} s old"


def _anchor(services: Services) -> tuple[bool, str]:
    """Anchoring in words. It always holds: what is not anchored yet is kept and shown as such, so an installation is ready without."""
    try:
        status = services.anchors.status()
    except Exception as error:  # noqa: BLE001 - a check reports, it never raises
        return True, f"not known: {type(error).__name__}"
    anchored = f"size {status.newest.size} of {status.log_size} anchored" if status.newest else "nothing anchored"
    return True, f"{status.in_words}; {anchored}"


def _history(data: Path) -> tuple[bool, str]:
    told = read_progress(data / "simulator" / "history.json")
    if not told:
        return False, "history has not begun"
    return bool(told.get("complete")), f"{told.get('acknowledged', 0):,} of {told.get('total', 0):,} readings acknowledged"


def _progress(path: Path, what: str) -> tuple[bool, str]:
    told = read_progress(path)
    if not told:
        return False, f"{what}: not begun"
    return bool(told.get("complete")), f"{what}: {told.get('done', 0):,} of {told.get('total', 0):,}"


def read_progress(path: Path) -> dict[str, Any]:
    """Return a progress file's content, or an empty dict where there is none yet."""
    try:
        told: dict[str, Any] = json.loads(path.read_text())
        return told
    except (OSError, ValueError):
        return {}
