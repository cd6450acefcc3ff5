"""What a county's index is made of: items with weights, the markets they are priced in, the base, and how versions are joined.

A basket is data, one TOML file per county in `baskets/` (or in the installation's own folder, which goes before). Every weight says whose
figure it is and of which day, and whether it is only our assumption. A file keeps its former versions, oldest first: each later one names
the days on which it is joined to the one before.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.errors import BadInput
from foundation.ids import check_county, check_id
from pricing.analysis.facts import Weight
from pricing.quotes import MARKET_KINDS, Window

SHIPPED = Path(__file__).with_name("baskets")


@dataclass(frozen=True, slots=True)
class Basket:
    """One version of a county's basket. Prices of one kind of market only: wholesale and farm gate are never in one index."""

    id: str
    county: str
    kind: str
    base: Window
    markets: tuple[str, ...]
    items: tuple[Weight, ...]
    carry_days: int = 3
    link: Window | None = None

    def __post_init__(self) -> None:
        check_county(self.county)
        check_id(self.id, "basket id")
        if self.kind not in MARKET_KINDS:
            raise BadInput("there is no such kind of market", expected=", ".join(MARKET_KINDS), got=self.kind)
        if not self.items or not self.markets or len({w.product for w in self.items}) != len(self.items):
            raise BadInput("a basket has markets, and items each of which is named once", got=self.id)
        for w in self.items:
            if w.percent <= 0 or not w.source:
                raise BadInput("a weight is above 0 and says whose figure it is", got=f"{self.id}: {w.product}")
        if abs(sum(w.percent for w in self.items) - 100) > 0.01:
            raise BadInput("the weights of a basket make 100 %", got=f"{self.id}: {sum(w.percent for w in self.items):g}")
        if self.carry_days < 0:
            raise BadInput("a quote is carried for 0 days or more", got=f"{self.id}: {self.carry_days}")


def read_baskets(path: Path) -> list[Basket]:
    """Return the versions of a county's basket, oldest first.

    Raises:
        BadInput: the file cannot be read, or a version is incomplete or contradicts itself.

    """
    with path.open("rb") as file:
        try:
            found = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise BadInput("this basket cannot be read", got=f"{path.name}: {error}") from None
    try:
        baskets = [_basket(found["county"], entry) for entry in found["basket"]]
    except (KeyError, TypeError) as error:
        raise BadInput("this basket is incomplete", got=f"{path.name}: {error}") from None
    for number, b in enumerate(baskets):
        if (b.link is None) != (number == 0):
            raise BadInput("every version but the first names the days on which it is joined", got=b.id)
    if len({b.id for b in baskets}) != len(baskets):
        raise BadInput("two versions of a basket have one id", got=path.name)
    return baskets


def _basket(county: str, entry: Mapping[str, Any]) -> Basket:
    fields = dict(entry)
    base = Window(fields.pop("base_start"), fields.pop("base_end"))
    link = Window(fields.pop("link_start"), fields.pop("link_end")) if "link_start" in fields else None
    shared = {k: fields.pop(k) for k in ("source", "date", "own") if k in fields}
    items = tuple(Weight(**{**shared, **w}) for w in fields.pop("item"))
    return Basket(county=county, base=base, link=link, items=items, markets=tuple(fields.pop("markets")), **fields)
