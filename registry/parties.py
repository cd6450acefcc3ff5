"""Counties and the organisations that work in them."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.ids import check_county, check_id
from registry.checks import check_both_names, check_name, check_place
from registry.roles import check_party_roles


@dataclass(frozen=True, slots=True)
class County:
    """A county by its six-digit GB/T 2260 code; `lat` and `lon` are where its map is centred."""

    code: str
    name_zh: str
    name_en: str
    lat: float
    lon: float

    def __post_init__(self) -> None:
        check_county(self.code)
        check_both_names(self.name_zh, self.name_en)
        check_place(self.lat, self.lon)


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation or a person in business, with every role it plays."""

    id: str
    county: str
    roles: tuple[str, ...]
    name_zh: str
    name_en: str
    address_zh: str = ""
    address_en: str = ""

    def __post_init__(self) -> None:
        check_id(self.id, "party id")
        check_county(self.county)
        check_party_roles(self.roles)
        check_both_names(self.name_zh, self.name_en)
        check_name(self.address_zh, "Chinese address", empty=True)
        check_name(self.address_en, "English address", empty=True)
