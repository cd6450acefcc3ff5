"""Bases and the fields, greenhouses and ponds in them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from foundation.errors import BadInput
from foundation.ids import check_county, check_id
from foundation.units import hectares_from_mu
from registry.checks import check_both_names, check_place
from registry.outline import check_outline

PLOT_KINDS = ("field", "greenhouse", "pond")
MAX_AREA_MU = 100_000.0


@dataclass(frozen=True, slots=True)
class Base:
    """A production base: a place run by one party, with one or more plots."""

    id: str
    county: str
    party: str
    name_zh: str
    name_en: str
    lat: float
    lon: float

    def __post_init__(self) -> None:
        check_id(self.id, "base id")
        check_county(self.county)
        check_id(self.party, "party id")
        check_both_names(self.name_zh, self.name_en)
        check_place(self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Plot:
    """A field, greenhouse or pond of a base, by a point and, where it was surveyed, an outline (GeoJSON Polygon as text).

    The area is the one on the contract, in mu; it is not computed from the outline, which is often drawn by hand.
    """

    id: str
    base: str
    kind: str
    name_zh: str
    name_en: str
    area_mu: float
    lat: float
    lon: float
    outline: str | None = None

    def __post_init__(self) -> None:
        check_id(self.id, "plot id")
        check_id(self.base, "base id")
        if self.kind not in PLOT_KINDS:
            raise BadInput("there is no such kind of plot", expected=", ".join(PLOT_KINDS), got=repr(self.kind[:40]))
        check_both_names(self.name_zh, self.name_en)
        if not (math.isfinite(self.area_mu) and 0 < self.area_mu <= MAX_AREA_MU):
            raise BadInput("this is no area of a plot", expected=f"more than 0, at most {MAX_AREA_MU:.0f} mu", got=str(self.area_mu))
        check_place(self.lat, self.lon)
        if self.outline is not None:
            object.__setattr__(self, "outline", check_outline(self.outline))

    @property
    def area_hectares(self) -> float:
        """The area in hectares; 15 mu are one hectare."""
        return hectares_from_mu(self.area_mu)
