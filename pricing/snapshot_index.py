"""A basket's daily index out of the snapshot's file, and the base it stands on; the rule itself is `snapshot_rules.index_days`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from foundation.errors import BadInput
from pricing.markets import MARKETS
from pricing.quotes import Window
from pricing.snapshot import IndexDay
from pricing.snapshot_file import OpenSnapshot
from pricing.snapshot_records import MarketDay
from pricing.snapshot_rules import LogPrice, judged

# The base: mean logarithm of each market of each product. Products are read in their order, which is the order of the file.
_BASE = """
SELECT p, m, avg(ln(mid)) AS log FROM points
WHERE p IN ({products}) AND m IN ({markets}) AND s = {source} AND day BETWEEN ? AND ? GROUP BY p, m
"""
_INDEX = """
WITH base AS ({base}), relative AS (
  SELECT p, day, exp(avg(ln(mid) - log)) AS r FROM points JOIN base USING (p, m)
  WHERE p IN ({products}) AND m IN ({markets}) AND s = {source} AND day BETWEEN ? AND ? {rest} GROUP BY p, day),
weight AS (SELECT * FROM (VALUES {weights}) AS t(p, w))
SELECT day, sum(w * r) / sum(w), sum(w), count(*) FROM relative JOIN weight USING (p) GROUP BY day ORDER BY day
"""


@dataclass(frozen=True, slots=True)
class Basket:
    """Products with their weights, over the markets of one kind and currency that one source quotes."""

    weights: Mapping[str, float]
    source: str
    kind: str = "wholesale"
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if not self.weights or not all(w > 0 and math.isfinite(w) for w in self.weights.values()):
            raise BadInput("a basket has products with weights above 0", got=str(dict(self.weights))[:120])

    def has(self, day: MarketDay) -> bool:
        """Tell whether a market day counts."""
        return day.product in self.weights and day.point.source == self.source and is_market(day.market, self.kind, self.currency)


def is_market(market: str, kind: str, currency: str) -> bool:
    """Tell whether a market is a real one of a kind and currency; a national average is none."""
    known = MARKETS.get(market)
    return known is not None and not known.reference and (known.kind, known.currency) == (kind, currency)


def logs(basket: Basket, days: Iterable[MarketDay]) -> list[LogPrice]:
    """Return the logarithms of the market days that count."""
    return [(d.product, d.market, d.point.source, d.point.valid_date, math.log(d.point.mid)) for d in days if basket.has(d)]


def index_of_file(opened: OpenSnapshot, basket: Basket, base: Window, start: date, end: date, rest: str) -> list[IndexDay]:
    """Return the days of the index the file holds, without those `rest` leaves out."""
    words = _words(opened, basket)
    if words is None:
        return []
    query = _INDEX.format(base=_BASE.format(**words), rest=rest, **words)
    whole = math.fsum(basket.weights.values())
    rows = opened.ask(query, [base.start, base.end, start, end])
    return [judged(day, 100 * value, weight / whole, n) for day, value, weight, n in rows]


def base_of_file(opened: OpenSnapshot, basket: Basket, base: Window) -> dict[tuple[str, str, str], float]:
    """Return the mean logarithm of the base period of each (product, market, source) of the file."""
    words = _words(opened, basket)
    if words is None:
        return {}
    names = {p: product for product, p in opened.products.items()}
    rows = opened.ask(_BASE.format(**words), [base.start, base.end])
    return {(names[p], opened.markets[m], basket.source): log for p, m, log in rows}


def _words(opened: OpenSnapshot, basket: Basket) -> dict[str, str] | None:
    """Return the numbers of the file that stand for a basket's names, None where it knows none of them."""
    products = {p: basket.weights[name] for name, p in opened.products.items() if name in basket.weights}
    markets = [
        m for m, (kind, currency, comparable) in opened.kinds.items() if comparable and (kind, currency) == (basket.kind, basket.currency)
    ]
    source = next((s for s, name in opened.sources.items() if name == basket.source), None)
    if not products or not markets or source is None:
        return None
    return {
        "products": ", ".join(map(str, sorted(products))),
        "markets": ", ".join(map(str, sorted(markets))),
        "source": str(source),
        "weights": ", ".join(f"({p}, {float(w)!r}::DOUBLE)" for p, w in sorted(products.items())),
    }
