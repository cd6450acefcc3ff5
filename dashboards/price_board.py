"""The price board as the page shows it: products down, markets across, every cell with its change, age and source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from markupsafe import Markup

from dashboards.charts import dot_strip
from dashboards.i18n import Translate, name_of
from dashboards.price_words import Change, change_of, days_old, price_text
from dashboards.reasons import reason_text


@dataclass(frozen=True, slots=True)
class MarketHead:
    """A column of the board."""

    id: str
    name: str
    source: str
    source_id: str
    own: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One product in one market: the newest price that stands."""

    market: MarketHead
    price: str
    change: Change
    age: str
    age_days: int
    stale: bool
    why: str
    milli: int


@dataclass(frozen=True, slots=True)
class Others:
    """What the other markets say of a product: only prices as fresh as the board asks for, the lead's own left out."""

    markets: int
    low: str
    mid: str
    high: str
    strip: Markup


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One product across the markets, in the columns' order; None where a market does not quote it."""

    id: str
    name: str
    lead: Cell
    cells: tuple[Cell | None, ...]
    others: Others | None


@dataclass(frozen=True, slots=True)
class Board:
    """The whole board."""

    markets: tuple[MarketHead, ...]
    rows: tuple[ProductRow, ...]
    newest_ms: int
    up: int
    down: int
    flat: int
    stale: int


def board_of(
    rows: Sequence[Any], markets: Sequence[Any], sources: Sequence[Any], names: Mapping[str, str], county: str, lang: str, t: Translate
) -> Board:
    """Return the board of `rows`; the county's own markets come first, then those that quote the most products."""
    quoted: dict[str, int] = {}
    for row in rows:
        quoted[row.market] = quoted.get(row.market, 0) + 1
    by_id = {m.id: m for m in markets}
    health = {s.id: s for s in sources}
    order = sorted(quoted, key=lambda m: (not _own(by_id.get(m), county), -quoted[m], m))
    source_of = {row.market: row.source for row in rows}
    heads = {m: _head(m, by_id.get(m), health.get(source_of[m]), source_of[m], county, lang) for m in order}
    cells: dict[str, dict[str, Cell]] = {}
    for row in rows:
        cells.setdefault(row.product, {})[row.market] = _cell(row, heads[row.market], health.get(row.source), lang, t)
    table = []
    for product, by_market in cells.items():
        line = tuple(by_market.get(m) for m in order)
        lead = next(c for c in line if c is not None)
        name = names.get(product, product)
        table.append(ProductRow(product, name, lead, line, _others(name, lead, line, lang, t)))
    # A product the county itself sells stands above one that it only watches.
    table.sort(key=lambda r: (not r.lead.market.own, -sum(c is not None for c in r.cells)))
    moves = [c.change.direction for r in table for c in r.cells if c and not c.stale]
    return Board(
        tuple(heads[m] for m in order), tuple(table), max((r.observed_ms for r in rows), default=0),
        moves.count("up"), moves.count("down"), moves.count("flat"), sum(c.stale for r in table for c in r.cells if c),
    )  # fmt: skip


def _own(market: Any, county: str) -> bool:
    return market is not None and getattr(market, "county", None) == county


def _head(market_id: str, market: Any, source: Any, source_id: str, county: str, lang: str) -> MarketHead:
    return MarketHead(
        market_id,
        name_of(market, lang) if market is not None else market_id,
        name_of(source, lang) if source is not None else source_id,
        source_id,
        _own(market, county),
    )


def _cell(row: Any, head: MarketHead, source: Any, lang: str, t: Translate) -> Cell:
    why = reason_text(source.why, lang) if source is not None and row.stale else ""
    price = price_text(row.mid, lang)
    return Cell(head, price, change_of(row.change_pct), days_old(row.age_days, t), row.age_days, row.stale, why, row.mid)


def _others(name: str, lead: Cell, line: Sequence[Cell | None], lang: str, t: Translate) -> Others | None:
    """Return how the other markets' fresh prices lie beside the lead's; None where there is nothing to compare with."""
    fresh = [c.milli for c in line if c is not None and c is not lead and not c.stale]
    if not fresh:
        return None
    low, mid, high = (price_text(v, lang) for v in (min(fresh), median(fresh), max(fresh)))
    label = t("%(product)s：%(own)s；另外 %(n)s 个市场 %(low)s 到 %(high)s，中间 %(mid)s", product=name, own=lead.price, n=len(fresh),
              low=low, high=high, mid=mid)  # fmt: skip
    return Others(len(fresh), low, mid, high, dot_strip(fresh, None if lead.stale else lead.milli, label))
