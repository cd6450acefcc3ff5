"""The price board of a county, and one product's prices over time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.charts import Band, Line, LineChart, line_chart, sparkline
from dashboards.i18n import CHINESE, Translate, name_of
from dashboards.joining import clauses, listed, named
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.price_board import board_of
from dashboards.price_words import (
    Change,
    change_of,
    change_since,
    days_old,
    milli_per_unit,
    price_text,
    price_unit,
    sentence,
    story,
    sureness_text,
)
from dashboards.reasons import reason_text, state_text
from foundation.clock import SHANGHAI, from_ms, market_day
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

RANGES = {"3y": 1096, "1y": 366, "90d": 90}
MOST_MARKETS = 4
SPARK_DAYS = 60
# Enough to tell the change over a month where a market pauses for some days.
LATELY_DAYS = 45


def router(services: Services) -> APIRouter:
    """Return the routes of the price pages."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/c/{county}/prices")
    def board(request: Request, county: str) -> Response:
        return render(request, "prices.html", **board_context(services, county, lang_of(request), gettext_of(request)))

    @pages.get("/c/{county}/prices/{product}.csv")
    def download(county: str, product: str, m: Annotated[list[str] | None, Query()] = None) -> Response:
        services.registry.county(county)
        # Only a known product's id, which is plain ASCII, may stand in the file's name.
        services.registry.product(product)
        unknown = set(m or ()) - {known.id for known in services.prices.markets()}
        if unknown:
            raise NotFound("there is no such market", got=", ".join(sorted(unknown))[:80])
        text = csv_text(services, product, m or [r.market for r in services.prices.board(county, None) if r.product == product])
        headers = {"content-disposition": f'attachment; filename="suhe-{county}-{product}.csv"'}
        return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)

    @pages.get("/c/{county}/prices/{product}")
    def product_page(
        request: Request,
        county: str,
        product: str,
        m: Annotated[list[str] | None, Query()] = None,
        range: str = "1y",  # noqa: A002 - the address's word
    ) -> Response:
        context = product_context(services, county, product, m or [], range, lang_of(request), gettext_of(request))
        return render(request, "product.html", **context)

    return pages


def board_context(services: Services, county: str, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the board's template shows."""
    place = services.registry.county(county)
    names = {p.id: name_of(p, lang) for p in services.registry.products()}
    sources = services.prices.sources()
    board = board_of(services.prices.board(county, None), services.prices.markets(), sources, names, county, lang, t)
    today = market_day(services.clock.now())
    sparks = {}
    for row in board.rows:
        points = _points(services.prices.series(row.id, row.lead.market.id, today - timedelta(days=SPARK_DAYS), today))
        label = t("%(product)s在%(market)s近 60 天的走势", product=row.name, market=row.lead.market.name)
        sparks[row.id] = sparkline(points, label, days=SPARK_DAYS)
    shown = {m.source_id for m in board.markets}
    return {
        "county": county, "county_name": name_of(place, lang), "board": board, "sparks": sparks, "unit": price_unit(lang),
        "newest": _when(board.newest_ms),
        "troubled": [
            {"name": name_of(s, lang), "what": clauses((state_text(s.state, t), reason_text(s.why, lang)), lang)}
            for s in sources if s.id in shown and s.state not in ("ok", "never")
        ],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class NowRow:
    """One market's present quote in the table under the chart."""

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


def product_context(
    services: Services, county: str, product: str, wanted: Sequence[str], range_key: str, lang: str, t: Translate
) -> dict[str, Any]:
    """Return everything the product page's template shows.

    Raises:
        NotFound: the product is not known, or nobody has ever quoted it.
    """
    place, thing = services.registry.county(county), services.registry.product(product)
    range_key = range_key if range_key in RANGES else "1y"
    today = market_day(services.clock.now())
    rows = [r for r in services.prices.board(county, None) if r.product == product]
    if not rows:
        raise NotFound("nobody quotes this product", got=product, todo="choose one from the price board")
    markets = {m.id: m for m in services.prices.markets()}
    sources = {s.id: s for s in services.prices.sources()}
    order = {m: k for k, m in enumerate(markets)}
    rows.sort(key=lambda r: (getattr(markets.get(r.market), "county", None) != county, order.get(r.market, len(order)), r.market))
    quoting = [r.market for r in rows]
    chosen = [m for m in wanted if m in quoting][:MOST_MARKETS] or quoting[: min(2, len(quoting))]
    label = {m: name_of(markets[m], lang) if m in markets else m for m in quoting}
    start = today - timedelta(days=RANGES[range_key])
    lately = today - timedelta(days=LATELY_DAYS)
    past = {m: _points(services.prices.series(product, m, min(start, lately) if m in chosen else lately, today)) for m in quoting}
    band, band_years = _band(services, product, chosen[0], start, today)
    name = name_of(thing, lang)
    told = story(past[chosen[0]], _usual(band, past[chosen[0]]), [change_since(past[m], 7) for m in quoting if m != chosen[0]])
    # The axis is round in the reader's unit, not in ours.
    per = milli_per_unit(lang)
    chart = LineChart(
        "price", t("%(product)s的价格", product=name),
        t("%(a)s 至 %(b)s，%(markets)s；下面有数字表。", a=start, b=today, markets=listed((label[m] for m in chosen), lang)),
        start, today, [Line(label[m], [(d, v / per) for d, v in past[m]]) for m in chosen],
        Band(band.label, [(d, low / per, mid / per, high / per) for d, low, mid, high in band.points]) if band else None,
        value_text=lambda v: f"{v:.2f}", month_text=lambda d: t("%(m)s月", m=d.month) if lang == CHINESE else f"{d:%b}",
    )  # fmt: skip
    return {
        "county": county, "county_name": name_of(place, lang), "product_name": name, "unit": price_unit(lang),
        "sentence": sentence(told, name, label[chosen[0]], today, lang, t) if told else "",
        "sureness": sureness_text(told, lang, t) if told else "",
        "notices": [_stale_text(r, label[r.market], sources.get(r.source), lang, t) for r in rows if r.stale],
        "ranges": [("3y", t("3 年")), ("1y", t("1 年")), ("90d", t("90 天"))], "range": range_key,
        "choices": [{"id": m, "name": label[m]} for m in quoting], "chosen": chosen,
        "chart": line_chart(chart), "chart_title": chart.title, "legend": [label[m] for m in chosen],
        "band_text": _band_text(band_years, label[chosen[0]], t) if band else "",
        "chart_note": t("没有报价的日子断开，不连线。图上的点都是真实报价。"),
        "now": [_now_row(r, past[r.market], label, sources, today, lang, t) for r in rows],
        "table": _table([past[m] for m in chosen], start, range_key, lang),
        "table_step": {"3y": t("每月最后一次报价"), "1y": t("每周最后一次报价"), "90d": t("每一天")}[range_key],
        "csv": f"/c/{county}/prices/{product}.csv?" + "&".join(f"m={m}" for m in chosen),
    }  # fmt: skip


def csv_text(services: Services, product: str, markets: Iterable[str]) -> str:
    """Return every current quote of a product in the markets as CSV, prices in yuan per kilogram."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["product", "market", "valid_date", "low_cny_per_kg", "mid_cny_per_kg", "high_cny_per_kg", "observed_at_utc", "source"])
    for market in markets:
        for q in services.prices.series(product, market, date(2000, 1, 1), market_day(services.clock.now())):
            observed = from_ms(q.observed_ms).isoformat(timespec="seconds")
            prices = [f"{v / 1000:.3f}" if v is not None else "" for v in (q.low, q.mid, q.high)]
            writer.writerow([product, market, q.valid_date, *prices, observed, q.source])
    return out.getvalue()


def _band(services: Services, product: str, market: str, start: date, end: date) -> tuple[Band | None, int]:
    """Return the usual range for the days shown, one point every few days and one at the end, and over how many years it was seen."""
    found = services.prices.seasonal_band(product, market)
    if found is None:
        return None, 0
    step = max(2, (end - start).days // 120)
    days = [*(start + timedelta(days=k) for k in range(0, (end - start).days, step)), end]
    points = [(d, float(b.low), float(b.mid), float(b.high)) for d in days if (b := found.on(d)) is not None]
    return (Band("usual", points), found.years) if len(points) > 1 else (None, 0)


def _usual(band: Band | None, points: Sequence[tuple[date, float]]) -> float | None:
    """Return the usual price of the time of year in which the last quote was made."""
    if band is None or not points:
        return None
    return min(band.points, key=lambda p: abs((p[0] - points[-1][0]).days))[2]


def _band_text(years: int, market: str, t: Translate) -> str:
    return t("%(market)s往年同期（%(n)s 年，中间一半的报价）", market=market, n=years)


def _points(quotes: Iterable[Any]) -> list[tuple[date, float]]:
    return [(q.valid_date, float(q.mid)) for q in quotes]


def _now_row(row: Any, points: Sequence[tuple[date, float]], label: dict[str, str], sources: dict[str, Any], today: date, lang: str,
             t: Translate) -> NowRow:  # fmt: skip
    bounds = f"{price_text(row.low, lang)}–{price_text(row.high, lang)}" if row.low is not None and row.high is not None else "–"
    source = sources.get(row.source)
    return NowRow(
        label[row.market], price_text(row.mid, lang), bounds, change_of(row.change_pct), change_of(change_since(points, 7)),
        change_of(change_since(points, 30)), row.valid_date, days_old((today - row.valid_date).days, t), row.stale,
        name_of(source, lang) if source is not None else row.source,
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


def _when(ms: int) -> str:
    return f"{from_ms(ms).astimezone(SHANGHAI):%Y-%m-%d %H:%M}" if ms else "–"
