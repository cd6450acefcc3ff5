"""`suhe ingest try`: one message through a decoder, shown to a person; nothing is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.errors import BadInput

if TYPE_CHECKING:
    from ingest.trying import Trial


def run(mapping: str, payload: str, format_name: str, topic: str, zone: str, *, as_json: bool) -> None:
    """Print the readings one message would make, what is skipped and why."""
    import json
    import time
    from dataclasses import asdict

    from ingest.formats.mapping_file import load_table, zone_ms
    from ingest.trying import try_message

    table = load_table(mapping) if mapping else None
    told = try_message(format_name, topic, _read(payload), int(time.time() * 1000), zone_ms(zone), table)
    if as_json:
        number = {"stream": told.number.stream, "number": told.number.number} if told.number else None
        answer = {
            "format": format_name, "readings": [asdict(r) | {"time": _time(r.t_ms)} for r in told.readings], "number": number,
            "identity": told.identity, "skipped": told.skipped, "facts": told.facts,
        }  # fmt: skip
        print(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    for line in _table(told.readings):
        print(line)
    for why in told.skipped:
        print(f"skipped: {why}")
    for name, value in told.facts.items():
        print(f"beside:  {name} = {value}")
    if told.number:
        print(f"number:  {told.number.number}" + (f" of {told.number.stream}" if told.number.stream else ""))
    print(f"{len(told.readings)} readings; nothing was stored")


def _table(readings: tuple[Trial, ...]) -> list[str]:
    rows = [("device", "their name", "channel", "time (UTC)", "value", "unit", "")]
    for r in readings:
        known = "" if r.well_known else "under its own name"
        when = _time(r.t_ms) or "on arrival"
        rows.append((r.device or "(the sender)", r.name, r.channel, when, f"{r.value:.10g}", r.unit or "-", known))
    widths = [min(40, max(len(row[i]) for row in rows)) for i in range(len(rows[0]))]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows] if readings else []


def _time(t_ms: int | None) -> str | None:
    from datetime import UTC, datetime

    if t_ms is None:
        return None
    return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") + (f".{t_ms % 1000:03d}" if t_ms % 1000 else "")


def _read(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    file = Path(payload)
    if not payload or not file.exists() or file.is_dir():
        raise BadInput(
            "there is no such file", expected="a file with one message as it came, or - for standard input", got=payload or "nothing"
        )
    return file.read_bytes()
