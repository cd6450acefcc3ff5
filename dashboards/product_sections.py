"""The parts of a product's page under its chart: the spread to other markets, and what is left at the farm gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.i18n import Translate, name_of
from dashboards.price_words import change_of, price_text
from foundation.errors import SuheError

if TYPE_CHECKING:
    from dashboards.product_view import Asked
    from dashboards.services import Services
    from pricing.analysis.facts import Fact, SpreadFacts

# A full truck: what it costs to bring a price from one market to another is asked for whole trucks.
TRANSFER_KG = 10_000
SELL_KG = 1500
SHOWN_NETBACKS = 3


@dataclass(frozen=True, slots=True)
class SpreadRow:
    """The lead market against another one."""

    market: str
    now: str
    usual: str
    transfer: str
    outside: str
    half_life: str
    days: int
    open_gap: bool


@dataclass(frozen=True, slots=True)
class SellLine:
    """What is left at the farm gate in one market."""

    market: str
    netback: str
    span: str
    age: str


def spreads(services: Services, a: Asked, lang: str, t: Translate) -> list[SpreadRow]:
    """Return the lead market against every other one that quotes the product."""
    lead, found = a.chosen[0], []
    for row in a.rows:
        if row.market != lead:
            cost = services.logistics.selling.transfer_cost_milli(a.product, lead, row.market, TRANSFER_KG)
            s = services.analysis.spread(a.product, row.market, lead, cost)
            found.append(_spread(s, a.label[row.market], cost, lang, t))
    return found


def _spread(s: SpreadFacts, market: str, cost: int | None, lang: str, t: Translate) -> SpreadRow:
    return SpreadRow(
        market, _percent(s.spread), _percent(s.usual), price_text(cost, lang) if cost is not None else "–",
        f"{s.outside.value:.0%}" if s.outside.value is not None else "–", _half_life(s, t), s.outside.n, bool(s.outside_now),
    )  # fmt: skip


def _percent(fact: Fact) -> str:
    """Return a log spread as per cent; nothing where there is none."""
    import math

    return change_of(100 * math.expm1(fact.value)).text if fact.value is not None else "–"


def _half_life(s: SpreadFacts, t: Translate) -> str:
    if s.half_life_weeks.value is None:
        return t("看不出回归")
    low = f"{s.half_life_low:.1f}" if s.half_life_low is not None else "?"
    high = f"{s.half_life_high:.1f}" if s.half_life_high is not None else "∞"
    return t("%(n)s 周（%(low)s–%(high)s）", n=f"{s.half_life_weeks.value:.1f}", low=low, high=high)


def best_netbacks(services: Services, a: Asked, lang: str) -> tuple[str, list[SellLine]]:
    """Return a base of the county and the best markets for a small truck's load from it; nothing where none can be ranked."""
    growing = {p.base for p in services.registry.plots(county=a.county)}
    base = next((b for b in services.registry.bases(a.county) if b.id in growing), None)
    if base is None:
        return "", []
    try:
        ranking = services.logistics.selling.where_to_sell(a.product, base.id, SELL_KG)
    except SuheError:
        return "", []
    return name_of(base, lang), [
        SellLine(
            a.label.get(n.quoted.market, n.quoted.market), price_text(n.mid, lang), f"{price_text(n.low, lang)}–{price_text(n.high, lang)}",
            str(n.quoted.valid_date),
        )
        for n in ranking.ranked[:SHOWN_NETBACKS]
    ]  # fmt: skip
