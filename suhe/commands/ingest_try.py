"""`suhe ingest try`: one message through a decoder, shown to a person; nothing is stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.errors import BadInput

if TYPE_CHECKING:
    from ingest.formats.decoded import Decoded, Observed
    from ingest.formats.mapping_table import Table


def run(mapping: str, payload: str, format_name: str, topic: str, zone: str, *, as_json: bool) -> None:
    """Print the readings one message would make, what is skipped and why."""
    import json
    import time

    from ingest.formats.catalog import format_named
    from ingest.formats.decoded import Context
    from ingest.formats.mapping_file import load_table, zone_ms

    decoder = format_named(format_name).decoder()
    table = load_table(mapping) if mapping else None
    received = int(time.time() * 1000)
    body = _read(payload)
    told = decoder(topic, body, Context(received, zone_ms(zone), table))
    skipped = [*told.skipped, *_clashes(format_name, told), *(_unnamed(table, body) if table is not None else [])]
    if as_json:
        readings = [_shown(format_name, o) for o in told.observed]
        number = {"stream": told.number.stream, "number": told.number.number} if told.number else None
        answer = {"format": format_name, "readings": readings, "number": number, "identity": told.identity, "skipped": skipped}
        print(json.dumps(answer | {"facts": told.facts}, ensure_ascii=False, indent=2))
        return
    for line in _table(format_name, told):
        print(line)
    for why in skipped:
        print(f"skipped: {why}")
    for name, value in told.facts.items():
        print(f"beside:  {name} = {value}")
    if told.number:
        print(f"number:  {told.number.number}" + (f" of {told.number.stream}" if told.number.stream else ""))
    print(f"{len(told.observed)} readings; nothing was stored")


def _shown(format_name: str, o: Observed) -> dict[str, Any]:
    from ingest.formats.names import meaning

    meant = meaning(format_name, o.channel)
    ours = meant.channel if meant else None
    value = o.value * meant.scale + meant.offset if meant and not o.unit else o.value
    unit = o.unit or (meant.unit if meant else None)
    return {
        "device": o.device, "name": o.channel, "channel": ours, "time": _time(o.t_ms), "value": value, "unit": unit,
        "historical": o.historical,
    }  # fmt: skip


def _table(format_name: str, told: Decoded) -> list[str]:
    rows = [("device", "their name", "our channel", "time (UTC)", "value", "unit")]
    for o in told.observed:
        s = _shown(format_name, o)
        value = f"{s['value']:.10g}"
        rows.append(
            (s["device"] or "(the sender)", s["name"], s["channel"] or "- name it", s["time"] or "on arrival", value, s["unit"] or "-")
        )
    widths = [min(40, max(len(r[i]) for r in rows)) for i in range(6)]
    return ["  ".join(f"{cell:<{w}}" for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows] if told.observed else []


def _time(t_ms: int | None) -> str | None:
    from datetime import UTC, datetime

    if t_ms is None:
        return None
    return datetime.fromtimestamp(t_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") + (f".{t_ms % 1000:03d}" if t_ms % 1000 else "")


def _clashes(format_name: str, told: Decoded) -> list[str]:
    """Say which names would be one channel at one time: the later would count as a correction of the earlier."""
    from ingest.formats.names import meaning

    seen: dict[tuple[str, str, int | None], str] = {}
    found = []
    for o in told.observed:
        meant = meaning(format_name, o.channel)
        key = (o.device, meant.channel if meant else o.channel, o.t_ms)
        if key in seen:
            found.append(f"{o.channel}: the same channel and time as {seen[key]}; name one of them otherwise")
        seen.setdefault(key, o.channel)
    return found


def _unnamed(table: Table, body: bytes) -> list[str]:
    """Say which numbers of a JSON message the table does not mention."""
    from ingest.formats.json_text import flatten, read_json

    if table.body != "json":
        return []
    values: list[tuple[str, float]] = []
    flatten(read_json(body), "", values, [])
    paths = [p for c in table.channels if c.path is not None for p in [c.path]]
    paths += [p for p in (table.time.path, table.device_path) if p is not None]
    ends = tuple(".".join(str(s) for s in p.steps[p.every + 1 :]) for p in paths)
    return [f"{name}: a number the table does not mention" for name, _ in values[:200] if not any(_ends(name, e) for e in ends)][:20]


def _ends(name: str, end: str) -> bool:
    return not end or name == end or name.endswith("." + end)


def _read(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    file = Path(payload)
    if not payload or not file.exists() or file.is_dir():
        raise BadInput(
            "there is no such file", expected="a file with one message as it came, or - for standard input", got=payload or "nothing"
        )
    return file.read_bytes()
