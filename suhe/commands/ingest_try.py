"""`suhe ingest try`: one message through a decoder, shown to a person."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from foundation.errors import BadInput


def run(mapping: str, payload: Path, format_name: str, topic: str, *, as_json: bool) -> None:
    """Print what one message would become."""
    import json
    import time

    from ingest.formats.catalog import format_named
    from ingest.formats.decoded import Context
    from ingest.formats.mapping_file import load_table

    decoder = format_named(format_name).decoder()
    context = Context(int(time.time() * 1000), mapping=load_table(mapping) if mapping else None)
    told = decoder(topic, _read(payload), context)
    if as_json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(told), ensure_ascii=False, indent=2))
        return
    for line in _lines(format_name, told):
        print(line)


def _lines(format_name: str, told: Any) -> list[str]:
    from ingest.formats.names import meaning

    lines = []
    for o in told.observed:
        meant = meaning(format_name, o.channel)
        lines.append(f"{o.device or '(sender)':<24} {o.channel:<24} {o.value:>12g} {o.unit or '':<8} {meant.channel if meant else '-'}")
    return lines + [f"skipped  {why}" for why in told.skipped]


def _read(payload: Path) -> bytes:
    if str(payload) == "-":
        return sys.stdin.buffer.read()
    if not payload.exists() or payload.is_dir():
        raise BadInput("there is no such file", expected="a file with one message", got=str(payload))
    return payload.read_bytes()
