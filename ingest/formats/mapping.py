"""A county's own table for senders of no known format: topic pattern, JSON path, unit, scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded


def load_mapping(name_or_path: str | Path) -> Any:
    """Return the table of a file, or the packaged one of that name; raise BadInput naming the key that is wrong."""
    return read_mapping(Path(name_or_path).read_text("utf-8"), str(name_or_path))


def read_mapping(text: str, name: str = "mapping") -> Any:
    """Return the table a TOML text is; raise BadInput naming the key that is wrong and what was expected."""
    raise BadInput("mapping tables are not taken yet", got=f"{name}, {len(text)} characters")


def decode(topic: str, body: bytes, context: Context) -> Decoded:
    """Return what `context.mapping` finds in a message."""
    raise BadInput("mapping tables are not taken yet", got=f"{topic[:60]}, {len(body)} bytes, {context.received_ms}")
