"""One message tried: which readings it would make, what of it is skipped, and why. Nothing is stored, nobody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.errors import BadInput
from ingest.channels import CHANNELS
from ingest.formats.catalog import format_named
from ingest.formats.decoded import SHANGHAI_MS, Context, Decoded, Numbered
from ingest.formats.json_text import flatten, read_json
from ingest.formats.names import meaning, stored_as
from ingest.units import conversion, unit_code

if TYPE_CHECKING:
    from ingest.formats.mapping_table import Table

_MOST_UNNAMED = 20


@dataclass(frozen=True, slots=True)
class Trial:
    """One value: the sender's device and name, and what it would be here. `t_ms` is None where the time of arrival counts."""

    device: str
    name: str
    channel: str
    t_ms: int | None
    value: float
    unit: str
    historical: bool
    well_known: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What a message would become as long as nobody gave its names another meaning."""

    readings: tuple[Trial, ...]
    skipped: tuple[str, ...]
    facts: Mapping[str, Any]
    number: Numbered | None
    identity: str


def try_message(
    format_name: str, topic: str, body: bytes, received_ms: int, zone_ms: int = SHANGHAI_MS, table: Table | None = None
) -> Tried:
    """Return what one message would become; raise BadInput where it is damaged or none of the format."""
    told = format_named(format_name).decoder()(topic, body, Context(received_ms, zone_ms, table))
    skipped = list(told.skipped)
    readings = tuple(_readings(format_name, told, skipped))
    if table is not None and table.body == "json":
        skipped += _unnamed(table, body)
    return Tried(readings, tuple(skipped), told.facts, told.number, told.identity)


def _readings(format_name: str, told: Decoded, skipped: list[str]) -> list[Trial]:
    given: dict[tuple[str, str], str] = {}
    seen: set[tuple[str, str, int | None]] = set()
    found = []
    for o in told.observed:
        usual = meaning(format_name, o.channel)
        own = usual is not None and given.setdefault((o.device, usual.channel), o.channel) != o.channel
        channel, scale, shift, unit = stored_as(format_name, o.channel, o.unit, own_name=own)
        wanted = CHANNELS[channel].unit if channel in CHANNELS else (unit_code(unit) or unit if unit else "")
        try:
            factor, offset = conversion(unit, wanted) if unit else (1.0, 0.0)
        except BadInput as error:
            skipped.append(f"{o.channel}: {error.explain()}")
            continue
        if (o.device, channel, o.t_ms) in seen:
            skipped.append(f"{o.channel}: the message says it twice for one time; the later value would count as a correction")
        seen.add((o.device, channel, o.t_ms))
        value = (o.value * scale + shift) * factor + offset
        found.append(Trial(o.device, o.channel, channel, o.t_ms, value, wanted, o.historical, usual is not None and not own))
    return found


def _unnamed(table: Table, body: bytes) -> list[str]:
    """Say which numbers of a JSON message the table does not mention."""
    values: list[tuple[str, float]] = []
    flatten(read_json(body), "", values, [])
    paths = [c.path for c in table.channels if c.path is not None]
    paths += [p for p in (table.time.path, table.device_path) if p is not None]
    ends = [".".join(str(s) for s in p.steps[p.every + 1 :]) for p in paths]
    found = [name for name, _ in values[:1000] if not any(not e or name == e or name.endswith(f".{e}") for e in ends)]
    return [f"{name}: a number the table does not mention" for name in found[:_MOST_UNNAMED]]
