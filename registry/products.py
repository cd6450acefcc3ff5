"""Products and their varieties: what is grown, traced, priced and moved."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput
from foundation.ids import check_id
from registry.checks import check_both_names

# How long a product keeps in the store usual for it: days, one to three weeks, a month or more.
SHELF_LIFE_CLASSES = ("short", "medium", "long")
UNITS = ("kg", "piece")


@dataclass(frozen=True, slots=True)
class Variety:
    """A variety of a product, under its own id."""

    id: str
    name_zh: str
    name_en: str

    def __post_init__(self) -> None:
        check_id(self.id, "variety id")
        check_both_names(self.name_zh, self.name_en)


@dataclass(frozen=True, slots=True)
class Product:
    """A product, the unit its quantities are counted in, and its varieties."""

    id: str
    name_zh: str
    name_en: str
    unit: str
    shelf_life_class: str
    varieties: tuple[Variety, ...] = ()

    def __post_init__(self) -> None:
        check_id(self.id, "product id")
        check_both_names(self.name_zh, self.name_en)
        if self.unit not in UNITS:
            raise BadInput("products are not counted in this unit", expected=", ".join(UNITS), got=repr(self.unit[:40]))
        if self.shelf_life_class not in SHELF_LIFE_CLASSES:
            raise BadInput(
                "there is no such shelf-life class", expected=", ".join(SHELF_LIFE_CLASSES), got=repr(self.shelf_life_class[:40])
            )
        if len({v.id for v in self.varieties}) != len(self.varieties):
            raise BadInput("a variety is named twice", got=self.id)
