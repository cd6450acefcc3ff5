"""The breakfast board in words: first what is unusual today, then every product with its change and the other markets, then a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from dashboards.analysis_words import UnusualLine, unusual_line
from dashboards.charts import sparkline
from dashboards.i18n import Translate, name_of
from dashboards.joining import clauses
from dashboards.price_board import board_of
from dashboards.price_map import SHEETS, own_first, price_map, short_market_names
from dashboards.price_words import price_unit
from dashboards.reasons import reason_text, state_text
from foundation.clock import SHANGHAI, from_ms, market_day
from logistics.places import MARKET_PLACES
from pricing.analysis.facts import Unusual

if TYPE_CHECKING:
    from dashboards.services import Services

SPARK_DAYS = 60
# What fits on a phone before the table of today's prices begins.
MOST_UNUSUAL = 5
OLDEST_DAYS = 3


def board_context(services: Services, county: str, on_map: str, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the board's template shows; `on_map` is the product whose markets are drawn on the map."""
    place = services.registry.county(county)
    names = {p.id: name_of(p, lang) for p in services.registry.products()}
    sources = services.prices.sources()
    markets = services.prices.markets()
    board = board_of(services.prices.board(county, None), markets, sources, names, county, lang, t)
    today = market_day(services.clock.now())
    sparks = {}
    for row in board.rows:
        points = prices_of(services, row.id, row.lead.market.id, today - timedelta(days=SPARK_DAYS), today)
        label = t("%(product)s在%(market)s近 60 天的走势", product=row.name, market=row.lead.market.name)
        sparks[row.id] = sparkline(points, label, days=SPARK_DAYS)
    shown = {m.source_id for m in board.markets}
    found = services.analysis.unusual(county)
    unusual = unusual_lines(found, county, names, {m.id: name_of(m, lang) for m in markets}, {s.id: name_of(s, lang) for s in sources},
                            lang, t)  # fmt: skip
    # Without an earlier year of any product, silence about the unusual would be a claim nobody checked.
    judged = any(services.prices.seasonal_band(r.id, r.lead.market.id) for r in board.rows[:3])
    mapped = own_first(board.rows, on_map)
    short = short_market_names({m.id: name_of(m, lang) for m in markets})
    return {
        "county": county, "county_name": name_of(place, lang), "board": board, "sparks": sparks, "unit": price_unit(lang),
        "newest": when_text(board.newest_ms),
        "troubled": [
            {"name": name_of(s, lang), "what": clauses((state_text(s.state, t), reason_text(s.why, lang)), lang)}
            for s in sources if s.id in shown and s.state not in ("ok", "never")
        ],
        "unusual": unusual[:MOST_UNUSUAL], "unusual_more": max(0, len(unusual) - MOST_UNUSUAL),
        "unusual_none": "" if unusual or not judged else t("没有：价格都在往年同期和近来的波动之内。"),
        "unjudged": "" if judged else t("历史还不够，说不出什么是寻常。"),
        "mapped": mapped,
        "maps": [price_map(mapped, MARKET_PLACES, short, sheet) for sheet in SHEETS] if mapped else [],
        "map_choices": [(r.id, r.name) for r in board.rows if sum(c is not None for c in r.cells) > 1],
    }  # fmt: skip


def unusual_lines(
    found: Sequence[Unusual], county: str, products: Mapping[str, str], markets: Mapping[str, str], sources: Mapping[str, str], lang: str,
    t: Translate,
) -> list[UnusualLine]:  # fmt: skip
    """Return a line for each product with something unusual, the gravest first; a price older than three days is history and left out."""
    return [
        unusual_line(
            u, products.get(u.product, u.product), markets.get(u.market, u.market), sources.get(u.source, u.source),
            markets.get(u.other_market, u.other_market), f"/c/{county}/prices/{u.product}?m={u.market}", lang, t,
        )
        for u in found
        if u.age_days <= OLDEST_DAYS
    ]  # fmt: skip


def prices_of(services: Services, product: str, market: str, start: date, end: date) -> list[tuple[date, float]]:
    """Return (day, middle price in thousandths per kilogram) of a product in a market, both ends included."""
    return [(q.valid_date, float(q.mid)) for q in services.prices.series(product, market, start, end)]


def when_text(ms: int) -> str:
    """Return an instant as Shanghai's wall clock to the minute."""
    return f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if ms else "–"
