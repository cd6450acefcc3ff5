"""The schematic map: bases at their coordinates, as far apart as their names need; ponds, greenhouses and stations as marks.

There is no background map: every packaged county outline has a doubtful origin, and a sheet of marks reads well without one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

MARK_STEP = 22
_HIGH = 44
_EDGE = 30


class Placed(Protocol):
    """Something with coordinates: a base, or a site of a page."""

    @property
    def id(self) -> str:
        """Its id."""
        ...

    @property
    def lat(self) -> float:
        """Degrees north."""
        ...

    @property
    def lon(self) -> float:
        """Degrees east."""
        ...


@dataclass(frozen=True)
class Sheet:
    """The size of a map; one for desktops and one for phones, so that names stay readable on both."""

    name: str
    width: int
    height: int


WIDE, TALL = Sheet("wide", 960, 400), Sheet("tall", 350, 560)
SHEETS = (WIDE, TALL)


@dataclass(frozen=True)
class Mark:
    """A pond, a greenhouse, a field or a base's own station, in its state."""

    id: str
    kind: str
    state: str
    title: str
    x: int = 0


def row_of(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return the marks side by side around zero."""
    left = -(len(marks) - 1) * MARK_STEP // 2
    return tuple(Mark(m.id, m.kind, m.state, m.title, left + k * MARK_STEP) for k, m in enumerate(marks))


def places(bases: Sequence[Placed], names: Mapping[str, str], marks: Mapping[str, int], sheet: Sheet) -> dict[str, tuple[int, int]]:
    """Return the middle of each base's block on the sheet: near its coordinates, inside the sheet, not on another block."""
    if not bases:
        return {}
    west, east = min(b.lon for b in bases), max(b.lon for b in bases)
    south, north = min(b.lat for b in bases), max(b.lat for b in bases)
    placed: dict[str, tuple[int, int]] = {}
    taken: list[tuple[float, float, float]] = []
    for b in sorted(bases, key=lambda b: (-b.lat, b.id)):
        half = max(text_width(names[b.id]), marks[b.id] * MARK_STEP) / 2 + 12
        x = half + (b.lon - west) / ((east - west) or 1.0) * (sheet.width - 2 * half)
        y = _EDGE + (north - b.lat) / ((north - south) or 1.0) * (sheet.height - 2 * _EDGE)
        x, y = _free(x, y, half, taken, sheet)
        taken.append((x, y, half))
        placed[b.id] = (round(x), round(y))
    return placed


def short_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names without what all of them end in: 燕店蔬菜基地, 王奉蔬菜基地 -> 燕店, 王奉."""
    ending = _common_ending(list(names.values()))
    if ending.isascii() and " " in ending:
        ending = ending[ending.index(" ") :]
    elif ending.isascii():
        ending = ""
    if len(names) < 2 or any(len(n) - len(ending) < 2 for n in names.values()):
        return dict(names)
    return {key: n.removesuffix(ending) for key, n in names.items()}


def _common_ending(words: Sequence[str]) -> str:
    shortest = min(words, key=len, default="")
    return next((shortest[k:] for k in range(len(shortest)) if all(w.endswith(shortest[k:]) for w in words)), "")


def _free(x: float, y: float, half: float, taken: Sequence[tuple[float, float, float]], sheet: Sheet) -> tuple[float, float]:
    """Return the nearest place to (x, y) where a block of this width covers no other; (x, y) itself on a full sheet."""
    for dx, dy in _steps():
        nx, ny = x + dx, y + dy
        if not (half <= nx <= sheet.width - half and _EDGE <= ny <= sheet.height - _EDGE):
            continue
        if all(abs(nx - ox) >= half + other or abs(ny - oy) >= _HIGH for ox, oy, other in taken):
            return nx, ny
    return x, y


@cache
def _steps() -> list[tuple[float, float]]:
    """Return where else to try, the nearest first; up and down counts more, for rows are read across."""
    steps = [(dx * 18.0, dy * 11.0) for dx in range(-20, 21) for dy in range(-46, 47)]
    return sorted(steps, key=lambda s: (s[0] ** 2 + (1.6 * s[1]) ** 2, s))


def text_width(text: str) -> float:
    """Return roughly how wide 14-pixel text is."""
    return sum(14.5 if unicodedata.east_asian_width(c) in "WF" else 7.8 for c in text)
