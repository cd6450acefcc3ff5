"""`suhe doctor`: what this machine offers, what this installation lacks, and what to do."""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foundation.files import find_program
from foundation.settings import Settings

# Releases whose queues drop silently or whose sessions break (mosquitto issues 2618, 2879).
_BAD_MOSQUITTO = {"2.0.12", "2.0.13", "2.0.14", "2.0.15", "2.0.16", "2.0.17", "2.0.18"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: fine or not, what was seen, what to do."""

    name: str
    fine: bool
    seen: str
    todo: str = ""


def run(settings: Settings, *, as_json: bool) -> None:
    """Print the findings; exit 1 where one is not fine."""
    findings = list(examine(settings))
    if as_json:
        print(json.dumps([f.__dict__ for f in findings], indent=2, ensure_ascii=False))
    else:
        for f in findings:
            print(f"{'ok  ' if f.fine else 'look'}  {f.name:<14} {f.seen}")
            if f.todo:
                print(f"      {'':<14} -> {f.todo}")
    if not all(f.fine for f in findings):
        sys.exit(1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what was found, the machine first."""
    yield Finding("python", sys.version_info >= (3, 11), platform.python_version())
    yield _broker(settings)
    yield _folder(settings.data)
    yield _keys(settings.keys_folder)
    yield _fsync(settings.data)
    yield _pages()
    yield _chain(settings)
    yield _server_store(settings)
    yield from _children(settings)
    yield from _notifications(settings)


def _broker(settings: Settings) -> Finding:
    if settings.mqtt_url.get_secret_value():
        return Finding("broker", True, "an outside broker (SUHE_MQTT_URL)")
    path = find_program("mosquitto")
    if not path:
        todo = "apt install mosquitto, or brew install mosquitto, for speed and MQTT v5"
        return Finding("broker", True, "amqtt (embedded, MQTT 3.1.1): nothing is lost, but it is slower", todo)
    said = subprocess.run([path, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout.split("\n")[0]
    number = said.rsplit(" ", 1)[-1]
    bad = number in _BAD_MOSQUITTO
    return Finding("broker", not bad, said or path, "this release drops queued messages or sessions: use another" if bad else "")


def _folder(data: Path) -> Finding:
    place = data if data.exists() else data.absolute().parent
    free = shutil.disk_usage(place).free
    writable = os.access(place, os.W_OK)
    todo = "" if writable and free > 2e9 else "give SUHE_DATA a writable folder with at least 2 GB free"
    return Finding("data folder", not todo, f"{data} ({free / 1e9:.1f} GB free{'' if writable else ', not writable'})", todo)


def _keys(folder: Path) -> Finding:
    if not folder.exists():
        return Finding("keys", True, "none yet")
    mode = stat.S_IMODE(folder.stat().st_mode)
    open_files = [p.name for p in folder.iterdir() if stat.S_IMODE(p.stat().st_mode) & 0o077]
    fine = mode == 0o700 and not open_files
    return Finding("keys", fine, f"{folder} ({mode:o})", "" if fine else f"chmod 700 {folder}; chmod 600 {folder}/*")


def _fsync(data: Path) -> Finding:
    place = data if data.exists() else data.absolute().parent
    if not os.access(place, os.W_OK):
        return Finding("fsync", False, "the data folder cannot be written")
    probe = place / f".fsync-{os.getpid()}"
    took = []
    try:
        with probe.open("wb") as out:
            for _ in range(5):
                out.write(b"x" * 4096)
                out.flush()
                begin = time.perf_counter()
                os.fsync(out.fileno())
                took.append(time.perf_counter() - begin)
    finally:
        probe.unlink(missing_ok=True)
    middle = sorted(took)[2] * 1000
    return Finding("fsync", True, f"{middle:.1f} ms (every acknowledgement waits for one)")


def _pages() -> Finding:
    import dashboards

    built = Path(dashboards.__file__).with_name("static") / "manifest.json"
    return Finding("page assets", built.exists(), "built" if built.exists() else "missing", "" if built.exists() else "make web")


def _chain(settings: Settings) -> Finding:
    from suhe.chain_child import anvil_path

    if settings.chain_url.get_secret_value():
        return Finding("chain anchor", True, "an outside chain (SUHE_CHAIN_URL); `suhe trace anchor status` tells how it is")
    if anvil_path():
        return Finding("chain anchor", True, "anvil, a development chain for demos: not an independent anchor")
    todo = "set SUHE_CHAIN_URL; for a demo, put anvil on the PATH or run `python simulators/chain/install.py`"
    return Finding("chain anchor", True, "no chain: the log is not anchored", todo)


def _server_store(settings: Settings) -> Finding:
    """Tell how the feed is; a server store is for boards, so having none is fine."""
    from foundation.clock import SystemClock, to_ms
    from ingest.catalog import Catalog
    from ingest.cursors import HOLD_MS, sink_states
    from suhe.victoria import sink_target, victoria_program

    target = sink_target(settings)
    if target is None and victoria_program():
        return Finding("server store", True, "VictoriaMetrics; `suhe up` starts it")
    if target is None:
        return Finding("server store", True, "none (VictoriaMetrics is not found, SUHE_SINK_URL is empty)")
    if not (settings.readings_folder / "catalog.db").exists():
        return Finding("server store", True, f"{target.name}: nothing to send yet")
    catalog, now = Catalog(settings.readings_folder), to_ms(SystemClock().now())
    state = next((s for s in sink_states(catalog) if s.sink == target.name), None)
    catalog.close()
    if state is None:
        return Finding("server store", True, f"{target.name}: nothing was sent yet")
    seen = f"{target.name}: {state.waiting:,} readings wait, the oldest {state.lag_seconds(now):.0f} s"
    if state.refused:
        seen += f"; {state.refused:,} were refused for good: {state.refused_why[:120]}"
    if state.problem:
        return Finding("server store", False, f"{seen}; {state.problem}", f"read {settings.data}/logs/sink.log; nothing is lost meanwhile")
    silent = now - state.seen_ms > HOLD_MS
    return Finding("server store", not silent, seen, "the feed was not heard of for a day: is `suhe sink` running?" if silent else "")


def _children(settings: Settings) -> Iterator[Finding]:
    from suhe.supervisor import read_state

    state = read_state(settings.data / "state.json")
    if not state:
        yield Finding("running", True, "no `suhe up` on this folder")
    for name, child in state.items():
        fine = bool(child["running"])
        seen = f"process {child['pid']}, restarted {child['restarts']} times" if fine else "down"
        yield Finding(name, fine, seen, "" if fine else f"suhe demo heal, or read {settings.data}/logs/{name}.log")


def _notifications(settings: Settings) -> Iterator[Finding]:
    """Tell how the outbox stands; nothing where there are no records yet."""
    from sqlalchemy.exc import SQLAlchemyError

    from foundation.clock import SystemClock
    from foundation.database import open_engine
    from foundation.notify_outbox import DEAD, WAITING, Outbox

    if not settings.database_url.get_secret_value() and not (settings.data / "records.db").exists():
        return
    try:
        counts = Outbox(open_engine(settings.records_url), SystemClock()).counts()
    except SQLAlchemyError:
        return  # a schema of before there were messages; `suhe up` brings it up to date
    seen = f"{counts[WAITING]} waiting, {counts[DEAD]} not delivered"
    yield Finding("messages", not counts[DEAD], seen, "suhe notify outbox --state dead says why" if counts[DEAD] else "")
