"""Outlines of plots: one GeoJSON Polygon (RFC 7946), outer ring only, small enough for a phone's map."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from foundation.errors import BadInput
from registry.checks import check_place

MAX_CORNERS = 500
MAX_CHARACTERS = 40_000
_METRES_PER_DEGREE = 111_320.0


def check_outline(text: str) -> str:
    """Return the outline in one canonical spelling.

    Raises:
        BadInput: no JSON, no Polygon, holes, an open ring, a corner off the Earth, fewer than 3 or more than 500 corners, a ring
            that crosses itself or encloses nothing.

    """
    ring = ring_of(text)
    return json.dumps({"type": "Polygon", "coordinates": [[list(corner) for corner in ring]]}, separators=(",", ":"))


def ring_of(text: str) -> list[tuple[float, float]]:
    """Return the ring of a GeoJSON Polygon as (longitude, latitude) corners, first and last the same."""
    if len(text) > MAX_CHARACTERS:
        raise BadInput("this outline is too long", expected=f"at most {MAX_CHARACTERS} characters", got=str(len(text)))
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_outline("text that is not JSON") from error
    if not isinstance(told, dict) or told.get("type") != "Polygon" or not isinstance(told.get("coordinates"), list):
        raise _no_outline("something else than a Polygon")
    if len(told["coordinates"]) != 1 or not isinstance(told["coordinates"][0], list):
        raise _no_outline(f"{len(told['coordinates'])} rings")
    ring = [_corner(c) for c in told["coordinates"][0]]
    if not 4 <= len(ring) <= MAX_CORNERS + 1:
        raise _no_outline(f"a ring of {len(ring)} positions")
    if ring[0] != ring[-1]:
        raise _no_outline("a ring that does not end where it begins")
    if len(set(ring)) != len(ring) - 1 or _crosses_itself(ring):
        raise _no_outline("a ring that crosses or touches itself")
    if area_square_metres(ring) < 1.0:
        raise _no_outline("a ring around less than a square metre")
    return ring


def area_square_metres(ring: Sequence[tuple[float, float]]) -> float:
    """Return the area within a ring of (longitude, latitude), on a plane laid at its first corner: right to 0.1 % for a plot."""
    lon0, lat0 = ring[0]
    across = _METRES_PER_DEGREE * math.cos(math.radians(lat0))
    flat = [((lon - lon0) * across, (lat - lat0) * _METRES_PER_DEGREE) for lon, lat in ring]
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(flat))) / 2


def _corner(told: Any) -> tuple[float, float]:
    if not isinstance(told, list) or len(told) not in (2, 3) or not all(type(v) in (int, float) for v in told):
        raise _no_outline("a position that is no pair of numbers")
    lon, lat = float(told[0]), float(told[1])
    check_place(lat, lon)
    return lon, lat


def _crosses_itself(ring: Sequence[tuple[float, float]]) -> bool:
    sides = list(pairwise(ring))
    last = len(sides) - 1
    for i, (a, b) in enumerate(sides):
        for j in range(i + 2, len(sides)):
            if i == 0 and j == last:
                continue  # the first and last side meet where the ring closes
            c, d = sides[j]
            if _turn(a, b, c) * _turn(a, b, d) <= 0 and _turn(c, d, a) * _turn(c, d, b) <= 0 and _boxes_meet(a, b, c, d):
                return True
    return False


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> int:
    value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return (value > 0) - (value < 0)


def _boxes_meet(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]) -> bool:
    return all(max(min(a[k], b[k]), min(c[k], d[k])) <= min(max(a[k], b[k]), max(c[k], d[k])) for k in (0, 1))


def _no_outline(got: str) -> BadInput:
    return BadInput("this outline cannot be used", expected=f"a GeoJSON Polygon of one closed ring, 3 to {MAX_CORNERS} corners", got=got)
