"""Scans of labels: what is kept of one, and how little. No address is stored, a place only where the reader gave one, and coarsely.

A device is a hash with the key of the day, which is destroyed when the day is over: within a day two scans can be known as one device's,
afterwards nobody can tell whose they were, nor join one day's with the next.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from dataclasses import dataclass

from foundation.errors import BadInput

# A cell is a tenth of a degree: about 11 km, a town rather than a house.
CELLS_PER_DEGREE = 10
_EARTH_KM = 6371.0
_PLACE = re.compile(r"(-?[0-9]{1,3}(?:\.[0-9]{1,8})?),(-?[0-9]{1,3}(?:\.[0-9]{1,8})?)\Z")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A square of a tenth of a degree by its south-western corner, in tenths."""

    lat: int
    lon: int

    def __post_init__(self) -> None:
        if not (-900 <= self.lat < 900 and -1800 <= self.lon < 1800):
            raise BadInput(
                "this is no place on the earth", expected="latitude -90 to 90, longitude -180 to 180", got=f"{self.lat},{self.lon}"
            )

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of its middle."""
        return (self.lat + 0.5) / CELLS_PER_DEGREE, (self.lon + 0.5) / CELLS_PER_DEGREE

    @property
    def radius_km(self) -> float:
        """How far a point in the cell can be from its middle."""
        side = math.radians(0.5 / CELLS_PER_DEGREE) * _EARTH_KM
        nearest_equator = min(abs(self.lat), abs(self.lat + 1)) / CELLS_PER_DEGREE
        return math.hypot(side, side * math.cos(math.radians(nearest_equator)))


@dataclass(frozen=True, slots=True)
class Scan:
    """One opening of a trace page. `pack` is 0 where the address carried no serial."""

    code: str
    pack: int
    time_ms: int
    device: str
    cell: Cell | None = None


def cell_of(lat: float, lon: float) -> Cell:
    """Return the cell in which a place lies; what is finer is forgotten here."""
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise BadInput("this is no place on the earth", got=f"{lat},{lon}"[:40])
    return Cell(math.floor(lat * CELLS_PER_DEGREE), math.floor(lon * CELLS_PER_DEGREE))


def read_place(text: str) -> Cell | None:
    """Return the cell of `lat,lon` as an address carries it, None where it carries none that can be read."""
    found = _PLACE.match(text)
    try:
        return cell_of(float(found[1]), float(found[2])) if found else None
    except BadInput:
        return None


def least_km(a: Cell, b: Cell) -> float:
    """Return the least distance two points in two cells can have: that of the middles, less what the cells leave open."""
    (lat_a, lon_a), (lat_b, lon_b) = a.centre, b.centre
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    h = math.sin((phi_b - phi_a) / 2) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(math.radians(lon_b - lon_a) / 2) ** 2
    return max(0.0, 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, h))) - a.radius_km - b.radius_km)


def device_of(day_key: bytes, user_agent: str, address: str, cookie: str = "") -> str:
    """Return what one device is called for one day. The address goes in and is nowhere kept."""
    told = b"\x00".join(part.encode("utf-8", "replace") for part in (user_agent[:400], address, cookie[:64]))
    return hmac.new(day_key, b"suhe/device/v1\n" + told, hashlib.sha256).hexdigest()[:16]
