"""A product's page in words and numbers: what it costs where, what is usual, what is likely, and how each number came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from dashboards.analysis_words import fact_rows
from dashboards.board_view import prices_of
from dashboards.charts import line_chart
from dashboards.forecast_words import forecast_lines, forecast_words, track_words
from dashboards.i18n import Translate, name_of
from dashboards.joining import named
from dashboards.price_chart import LATELY_DAYS, RANGES, Drawn, chart_of, drawn, usual_now
from dashboards.price_note_words import note_text
from dashboards.price_words import (
    Change,
    change_of,
    change_since,
    days_old,
    price_text,
    price_unit,
    sentence,
    story,
    sureness_text,
)
from dashboards.product_sections import best_netbacks, spreads
from dashboards.reasons import reason_text
from foundation.clock import market_day
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services
    from pricing.board import BoardRow

MOST_MARKETS = 4
SHOWN_HORIZONS = (1, 4, 12)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a product a reader wants to see: the county's rows of it, the markets chosen, the range, and everybody's names."""

    county: str
    product: str
    name: str
    rows: tuple[BoardRow, ...]
    chosen: tuple[str, ...]
    range_key: str
    today: date
    label: Mapping[str, str]
    sources: Mapping[str, Any]


def asked(services: Services, county: str, product: str, wanted: Sequence[str], range_key: str, lang: str) -> Asked:
    """Return what a reader wants to see, within what there is.

    Raises:
        NotFound: the county or the product is not known, or nobody quotes the product.

    """
    services.registry.county(county)
    thing = services.registry.product(product)
    rows = [r for r in services.prices.board(county, None) if r.product == product]
    if not rows:
        raise NotFound("nobody quotes this product", got=product, todo="choose one from the price board")
    markets = {m.id: m for m in services.prices.markets()}
    order = {m: k for k, m in enumerate(markets)}
    rows.sort(key=lambda r: (getattr(markets.get(r.market), "county", None) != county, order.get(r.market, len(order)), r.market))
    quoting = [r.market for r in rows]
    chosen = [m for m in wanted if m in quoting][:MOST_MARKETS] or quoting[: min(2, len(quoting))]
    label = {m: name_of(markets[m], lang) if m in markets else m for m in quoting}
    return Asked(
        county, product, name_of(thing, lang), tuple(rows), tuple(chosen), range_key if range_key in RANGES else "1y",
        market_day(services.clock.now()), label, {s.id: s for s in services.prices.sources()},
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NowRow:
    """One market's present quote in the table under the chart; `url` leads to what the site really said."""

    market: str
    price: str
    low_high: str
    change: Change
    week: Change
    month: Change
    day: date
    age: str
    stale: bool
    source: str
    url: str


def product_context(services: Services, a: Asked, public_url: str, lang: str, t: Translate, *, signed_in: bool) -> dict[str, Any]:
    """Return everything the product page's template shows; where to sell is for those who are signed in, as its own page is."""
    d = drawn(services, a.product, a.chosen, a.range_key, a.today)
    lately = a.today - timedelta(days=LATELY_DAYS)
    past = {r.market: d.past.get(r.market) or prices_of(services, a.product, r.market, lately, a.today) for r in a.rows}
    lead = a.chosen[0]
    told = story(past[lead], usual_now(d), [change_since(past[r.market], 7) for r in a.rows if r.market != lead])
    chart = chart_of(d, t("%(product)s的价格", product=a.name), a.label, lang, t)
    forecast = d.forecast or services.forecasts.latest(a.product, lead)
    base, netbacks = best_netbacks(services, a, lang) if signed_in else ("", [])
    query = "&".join([f"range={a.range_key}", *(f"m={m}" for m in a.chosen)])
    return {
        "county": a.county, "county_name": name_of(services.registry.county(a.county), lang), "product": a.product, "product_name": a.name,
        "unit": price_unit(lang),
        "sentence": sentence(told, a.name, a.label[lead], a.today, lang, t) if told else "",
        "sureness": sureness_text(told, lang, t) if told else "",
        "notices": [_stale_text(r, a.label[r.market], a.sources.get(r.source), lang, t) for r in a.rows if r.stale],
        "ranges": [("3y", t("3 年")), ("1y", t("1 年")), ("90d", t("90 天"))], "range": a.range_key,
        "choices": [{"id": r.market, "name": a.label[r.market]} for r in a.rows], "chosen": a.chosen,
        "chart": line_chart(chart), "chart_title": chart.title, "legend": [a.label[m] for m in a.chosen],
        "band_text": _band_text(d, a.label[lead], t),
        "fan_text": t("%(market)s的预测：十次里八次会落在这里", market=a.label[lead]) if d.forecast else "",
        "chart_note": t("没有报价的日子断开，不连线。图上的点都是真实报价。"), "query": query,
        "now": [_now_row(a, r, past[r.market], lang, t) for r in a.rows],
        "table": _table([d.past[m] for m in a.chosen], d.start, a.range_key, lang),
        "table_step": {"3y": t("每月最后一次报价"), "1y": t("每周最后一次报价"), "90d": t("每一天")}[a.range_key],
        "notes": [note_text(n, lang, t) for n in services.desk.notes(a.product, lead)],
        "facts": fact_rows(services.analysis.product(a.product, lead), lang, t),
        "ahead": [x for x in forecast_lines(d.forecast, lang, t) if x.weeks in SHOWN_HORIZONS] if d.forecast else [],
        "ahead_words": forecast_words(forecast, a.today, lang, t),
        "track": track_words(services.forecasts.track_record(a.product, lead), lang, t),
        "alert_url": f"/c/{a.county}/price-alerts?kind=level&product={a.product}&market={lead}#add" if signed_in else "",
        "spreads": spreads(services, a, lang, t), "sell_base": base, "netbacks": netbacks,
        "embed_code": f'<img src="{public_url}/embed/prices/{a.product}.svg?county={a.county}&{query}&lang={lang}" alt="{chart.title}">',
        "csv": f"/c/{a.county}/prices/{a.product}.csv?" + "&".join(f"m={m}" for m in a.chosen),
    }  # fmt: skip


def _band_text(d: Drawn, market: str, t: Translate) -> str:
    return t("%(market)s往年同期（%(n)s 年，中间一半的报价）", market=market, n=d.band_years) if d.band else ""


def _now_row(a: Asked, row: BoardRow, points: Sequence[tuple[date, float]], lang: str, t: Translate) -> NowRow:
    source = a.sources.get(row.source)
    return NowRow(
        a.label[row.market], price_text(row.mid, lang), f"{price_text(row.low, lang)}–{price_text(row.high, lang)}",
        change_of(row.change_pct), change_of(change_since(points, 7)), change_of(change_since(points, 30)), row.valid_date,
        days_old((a.today - row.valid_date).days, t), row.stale, name_of(source, lang) if source is not None else row.source,
        f"/c/{a.county}/prices/{a.product}/{row.market}/{row.valid_date}",
    )  # fmt: skip


def _table(series: Sequence[Sequence[tuple[date, float]]], start: date, range_key: str, lang: str) -> list[tuple[str, list[str]]]:
    """Return (day, one price per series), newest first: the last quote of each month, week or day."""
    last: dict[tuple[int, ...], dict[int, tuple[date, float]]] = {}
    for k, points in enumerate(series):
        for day, value in points:
            if day >= start:
                last.setdefault(_period(day, range_key), {})[k] = (day, value)
    rows = []
    for period in sorted(last, reverse=True):
        found = last[period]
        rows.append(
            (str(max(d for d, _ in found.values())), [price_text(found[k][1], lang) if k in found else "–" for k in range(len(series))])
        )
    return rows


def _period(day: date, range_key: str) -> tuple[int, ...]:
    return {"3y": (day.year, day.month), "1y": day.isocalendar()[:2]}.get(range_key, (day.toordinal(),))


def _stale_text(row: Any, market: str, source: Any, lang: str, t: Translate) -> str:
    stopped = t("%(market)s的报价停在 %(day)s", market=market, day=row.valid_date)
    return named(stopped, reason_text(source.why, lang), lang) if source is not None and source.why else stopped
