"""How far two places are by road, and where that figure comes from.

Without a road network the distance is the great circle times a detour factor that falls with length: 1.18 for trunk roads, up to 1.35
next door (measured detour indices are 1.3 inside Chinese cities and near 1.18 on trunk routes). A county with its own matrix hands it in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from foundation.errors import BadInput
from logistics.places import Place

EARTH_KM = 6371.0088
TRUNK_DETOUR, NEAR_DETOUR, NEAR_KM = 1.18, 0.17, 60.0
METHOD = "great circle × (1.18 + 0.17·exp(−d/60 km))"


class Distances(Protocol):
    """Road distances with their provenance."""

    @property
    def method(self) -> str:
        """How these distances came about."""
        ...

    def metres(self, a: Place, b: Place) -> int:
        """Return the metres by road from `a` to `b`."""
        ...


@dataclass(frozen=True, slots=True)
class Tortuous:
    """Distances estimated from coordinates."""

    method: str = METHOD

    def metres(self, a: Place, b: Place) -> int:
        """Return the estimated metres by road."""
        return round(road_km(a, b) * 1000)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Distances somebody measured: metres by (place id, place id), one way; a missing pair is an error, never a guess."""

    method: str
    known: Mapping[tuple[str, str], int]

    def metres(self, a: Place, b: Place) -> int:
        """Return the metres of the table."""
        if a.id == b.id:
            return 0
        found = self.known.get((a.id, b.id))
        if found is None:
            raise BadInput("the distance table lacks a pair", got=f"{a.id} to {b.id}", todo="complete the table or leave it out")
        return found


def great_circle_km(a: Place, b: Place) -> float:
    """Return the great-circle distance in kilometres (haversine, mean earth radius)."""
    la, lb = math.radians(a.lat), math.radians(b.lat)
    h = math.sin((lb - la) / 2) ** 2 + math.cos(la) * math.cos(lb) * math.sin(math.radians(b.lon - a.lon) / 2) ** 2
    return 2 * EARTH_KM * math.asin(min(1.0, math.sqrt(h)))


def road_km(a: Place, b: Place) -> float:
    """Return the estimated kilometres by road between two places."""
    d = great_circle_km(a, b)
    return d * (TRUNK_DETOUR + NEAR_DETOUR * math.exp(-d / NEAR_KM))


def way_metres(distances: Distances, way: Sequence[Place]) -> int:
    """Return the metres of a way through several places."""
    return sum(distances.metres(a, b) for a, b in itertools.pairwise(way))
