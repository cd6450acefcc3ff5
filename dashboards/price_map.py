"""One product's price in every market, on a schematic map: markets near their coordinates, each with its price and how far it is from ours.

There is no background map, as in `field_map`; a market without a known place stands in the table only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboards.field_map import Sheet, places, text_width
from dashboards.price_board import Cell, ProductRow
from dashboards.price_words import Change, change_of
from logistics.places import Place

WIDE, TALL = Sheet("wide", 960, 420), Sheet("tall", 350, 500)
SHEETS = (WIDE, TALL)
_PAD = 8


@dataclass(frozen=True, slots=True)
class Spot:
    """One market on the map. `against` is the difference from the lead market's price, not a change over time."""

    name: str
    price: str
    against: Change
    age: str
    stale: bool
    own: bool
    x: int
    y: int
    half: int


@dataclass(frozen=True, slots=True)
class PriceMap:
    """A drawing for one sheet; the template makes SVG of it."""

    sheet: Sheet
    spots: tuple[Spot, ...]


def price_map(row: ProductRow, where: Mapping[str, Place], short: Mapping[str, str], sheet: Sheet) -> PriceMap:
    """Return a product's markets on a sheet; `short` are the markets' names as they fit on a map."""
    cells = [c for c in row.cells if c is not None and c.market.id in where]
    label = {c.market.id: short.get(c.market.id, c.market.name) for c in cells}
    against = {c.market.id: _against(c, row.lead) for c in cells}
    text = {c.market.id: max((label[c.market.id], f"{c.price} {against[c.market.id].text}"), key=text_width) for c in cells}
    at = places([where[c.market.id] for c in cells], text, dict.fromkeys(text, 1), sheet)
    return PriceMap(
        sheet,
        tuple(
            Spot(
                label[m], c.price, against[m], c.age if c.stale else "", c.stale, c is row.lead, *at[m],
                round(text_width(text[m]) / 2 + _PAD),
            )
            for c in cells for m in (c.market.id,)
        ),
    )  # fmt: skip


def short_market_names(names: Mapping[str, str]) -> dict[str, str]:
    """Return market names without what stands behind a comma: Zhongcai, Nanjing -> Zhongcai."""
    return {key: name.split(",")[0].strip() for key, name in names.items()}


def _against(cell: Cell, lead: Cell) -> Change:
    """Return how far a price is from the lead's; nothing for the lead itself and where one of the two is stale."""
    if cell is lead or cell.stale or lead.stale or not lead.milli:
        return change_of(None)
    return change_of(100.0 * (cell.milli / lead.milli - 1))


def own_first(rows: Sequence[ProductRow], wanted: str) -> ProductRow | None:
    """Return the row of the product that is asked for, else the first one quoted in more than one place."""
    for row in rows:
        if row.id == wanted:
            return row
    return next((r for r in rows if sum(c is not None for c in r.cells) > 1), None)
