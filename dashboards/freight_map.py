"""The freight map: bases of the county near their coordinates, markets along the right or lower edge, a line for each trip.

Schematic on purpose: a market five hundred kilometres away and a base next door do not fit one scale, and no map of others is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.field_map import Placed, Sheet, places, short_names, text_width
from logistics.freight.model import Trip

# The lines of trips differ by dash as well as by colour; the table names each by its number.
LOOKS = 6
_MARKET = 150
_EDGE = 4


@dataclass(frozen=True)
class TripLine:
    """One trip on the map: its number, its look, its points, and where its number stands."""

    number: int
    look: int
    points: str
    at: tuple[int, int]


@dataclass(frozen=True)
class MarketMark:
    """A market on the map; its name hangs from `anchor` at `text_x` of the mark, so that it stays on the sheet."""

    name: str
    x: int
    y: int
    anchor: str
    text_x: int


@dataclass(frozen=True)
class FreightMap:
    """A drawing for one sheet; the template makes SVG of it."""

    sheet: Sheet
    bases: tuple[tuple[str, int, int, bool], ...]
    markets: tuple[MarketMark, ...]
    lines: tuple[TripLine, ...]


def freight_map(
    trips: Sequence[Trip], bases: Sequence[Placed], names: Mapping[str, str], markets: Mapping[str, str], sheet: Sheet
) -> FreightMap:
    """Return the map of a plan's trips on a sheet; `names` and `markets` are in the reader's language."""
    tall = sheet.height > sheet.width
    inner = Sheet(sheet.name, sheet.width if tall else sheet.width - _MARKET, sheet.height - 90 if tall else sheet.height)
    short = short_names(names)
    at = places(bases, short, dict.fromkeys(names, 1), inner)
    used = list(dict.fromkeys(t.market for t in trips))
    where: dict[str, tuple[int, int]] = {}
    for k, market in enumerate(used, 1):
        share = k / (len(used) + 1)
        # Side by side on a narrow sheet, two long names would run into each other: every second one stands a line lower.
        where[market] = (
            (round(sheet.width * share), sheet.height - 54 + 22 * (k % 2)) if tall else (sheet.width - 74, round(sheet.height * share))
        )
    lines = []
    for n, trip in enumerate(trips, 1):
        way = [at[s.base] for s in trip.stops if s.base in at] + [where[trip.market]]
        if len(way) > 1:
            lines.append(TripLine(n, (n - 1) % LOOKS, " ".join(f"{x},{y}" for x, y in way), way[0]))
    served = {s.base for t in trips for s in t.stops}
    return FreightMap(
        sheet,
        tuple((short[b.id], *at[b.id], b.id in served) for b in bases if b.id in at),
        tuple(_mark(markets.get(m, m), *where[m], sheet) for m in used),
        tuple(lines),
    )


def _mark(name: str, x: int, y: int, sheet: Sheet) -> MarketMark:
    """Return a market's mark; a name too long to be centred ends or begins at the sheet's edge."""
    half = math.ceil(text_width(name) / 2)
    if x + half > sheet.width:
        return MarketMark(name, x, y, "end", sheet.width - _EDGE - x)
    if x - half < 0:
        return MarketMark(name, x, y, "start", _EDGE - x)
    return MarketMark(name, x, y, "middle", 0)
