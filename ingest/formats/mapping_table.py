"""A mapping table as read: what stands where in the messages of a sender whose format nobody knows. Its file is `mapping_file.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ingest.formats.json_path import Path

BODIES = ("json", "number", "csv")
# A part of a topic with a name of its own.
PART = re.compile(r"\{([a-z][a-z0-9_]{0,30})\}", re.ASCII)
TIMES = ("ms", "s", "iso", "local", "none")


@dataclass(frozen=True, slots=True)
class MappedChannel:
    """One channel: where its value stands (no path: the whole body), its unit, and `value * scale + offset`.

    `where` are parts of the topic that must be these; `channel` may hold `{n}`, the index at `[*]` of the path.
    """

    channel: str
    path: Path | None
    unit: str | None
    scale: float
    offset: float
    where: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MappedTime:
    """Where the time stands and how it is written; `zone_ms` only where the table names one for local times."""

    format: str = "none"
    path: Path | None = None
    zone_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as read. `topic` is None where any will do; `device` a text with parts of the topic in braces, or a path in the record."""

    name: str
    body: str
    topic: re.Pattern[str] | None
    topic_text: str
    mqtt_filter: str
    device: str
    device_path: Path | None
    each: Path | None
    separator: str
    time: MappedTime
    expect: tuple[tuple[Path, Any], ...]
    channels: tuple[MappedChannel, ...]

    def device_of(self, parts: dict[str, str]) -> str:
        """Return the device's name made of parts of the topic, empty where the message has none of them."""
        return PART.sub(lambda found: parts.get(found.group(1), ""), self.device)
