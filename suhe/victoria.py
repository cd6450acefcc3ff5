"""Our own VictoriaMetrics: a server store for boards and queries of others, started where it is found. Nothing relies on it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from foundation.files import find_program, write_durably
from foundation.ports import free_port, port_is_free
from foundation.settings import Settings
from ingest.sinks import Target

PROGRAMS = ("victoria-metrics", "victoria-metrics-prod", "victoriametrics")


def victoria_program() -> str | None:
    """Return the path of the program under any of its names, or None."""
    return next((path for path in map(find_program, PROGRAMS) if path), None)


def prepare_victoria(settings: Settings) -> Target | None:
    """Return our own VictoriaMetrics, or None where it is not found or another server store is set.

    Its port stays the same from start to start. Its name is made with its folder, so that an emptied one is fed everything anew.
    """
    if settings.sink_url or victoria_program() is None:
        return None
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    kept = own_victoria(settings)
    port = int(kept.url.rsplit(":", 1)[1]) if kept else 0
    if not port or not port_is_free(port):
        port = free_port()
    name = kept.name if kept else f"victoria-metrics-{secrets.token_hex(4)}"
    write_durably(folder / "suhe.json", json.dumps({"name": name, "port": port}).encode())
    return Target(name, f"http://127.0.0.1:{port}")


def own_victoria(settings: Settings) -> Target | None:
    """Return our own VictoriaMetrics as last prepared, or None."""
    try:
        told = json.loads((_folder(settings) / "suhe.json").read_text())
        return Target(str(told["name"]), f"http://127.0.0.1:{int(told['port'])}")
    except (OSError, ValueError, KeyError):
        return None


def victoria_command(settings: Settings, target: Target) -> list[str]:
    """Return the command line of the child."""
    return [
        *_gently(),
        str(victoria_program()),
        f"-httpListenAddr={target.url.removeprefix('http://')}",
        f"-storageDataPath={_folder(settings).absolute()}",
        "-retentionPeriod=100y",
        # A county's machine runs much else, and the default is three fifths of all memory.
        "-memory.allowedPercent=10",
        # Without this a reading that was sent twice is there twice.
        "-dedup.minScrapeInterval=1ms",
        # A query hides the newest 30 s by default, which looks like a stopped sensor.
        "-search.latencyOffset=1s",
        "-loggerLevel=WARN",
    ]


def sink_target(settings: Settings) -> Target | None:
    """Return the server store of this installation, for any process of it, or None."""
    if not settings.sink_url:
        return own_victoria(settings) if victoria_program() else None
    parts = urlsplit(settings.sink_url)
    # Without what may be a password: the name is shown and stands in the catalogue.
    name = f"{parts.hostname}:{parts.port or parts.scheme}{parts.path} {settings.sink_org}/{settings.sink_bucket}"
    return Target(name, settings.sink_url, settings.sink_token.get_secret_value(), settings.sink_org, settings.sink_bucket)


def _gently() -> list[str]:
    # Readings and pages go first: the server store may lag, they may not.
    path = find_program("nice")
    return [path, "-n", "10"] if path else []


def _folder(settings: Settings) -> Path:
    return settings.data / "victoria-metrics"
