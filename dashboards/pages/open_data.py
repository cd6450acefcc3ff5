"""The page of open data: what there is and on what terms, how to ask for it, and how to cite it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.i18n import CHINESE, Translate, name_of
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.reasons import terms_text
from foundation.clock import market_day

if TYPE_CHECKING:
    from dashboards.services import Services


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source as the page shows it; `licence_word` is empty where the licence has no other name than its own."""

    id: str
    name: str
    open: bool
    licence: str
    licence_word: str
    series: int


def router(services: Services) -> APIRouter:
    """Return the route of the page; it is public, as what it describes is."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/open-data")
    def open_data(request: Request) -> Response:
        base = str(request.base_url).rstrip("/")
        return render(request, "open_data.html", **open_data_context(services, base, lang_of(request), gettext_of(request)))

    return pages


def open_data_context(services: Services, base: str, lang: str, t: Translate) -> dict[str, Any]:
    """Return everything the page's template shows."""
    today = market_day(services.clock.now())
    rows = source_rows(services, lang)
    opened = [s for s in rows if s.open]
    product = next(iter(services.prices.products_quoted()), "tomato")
    county = next((c.code for c in services.registry.counties()), "371522")
    ask = f"{base}/api/v1/quotes?"
    start = today - timedelta(days=30)
    source, licence = (opened[0].id, opened[0].licence) if opened else ("…", "…")
    return {
        "sources": rows,
        "summary": t("%(n)s 个来源，其中 %(open)s 个可以转发。", n=len(rows), open=len(opened)),
        "examples": [
            (t("一种产品，一页一页地取："), f'curl "{ask}product={product}&limit=100"'),
            (t("一个县自己的市场，最近三十天，给表格软件用："), f'curl -o quotes.csv "{ask}county={county}&start={start}&format=csv"'),
            (t("全部，给分析软件用："), f'curl -o quotes.parquet "{ask}format=parquet"'),
            (t("当时知道的是什么："), f'curl "{ask}product={product}&as_of={today - timedelta(days=7)}"'),
            (t("没有变就不必再取（304）："), f'curl -i -H \'If-None-Match: W/"…"\' "{ask}product={product}"'),
            (t("在分析程序里："), f'from pricing import frame\n\ndays = frame("{product}", start="{start}", where="{base}")'),
        ],
        "asked": asked_words(t),
        "columns": column_words(t),
        "citation": f"{base}\nsource: {source}\nlicence: {licence}\nmarket days: {start} to {today}\nas_of: {today}",
    }


def source_rows(services: Services, lang: str) -> list[SourceRow]:
    """Return the sources, those that may be passed on first."""
    terms = services.prices.open_data.terms(demo=services.demo).values()
    rows = []
    for s in terms:
        word = terms_text(s.licence, lang)
        known = lang != CHINESE or word != s.licence
        rows.append(SourceRow(s.source, name_of(s, lang), s.open, s.licence, word if known else "", s.series))
    return sorted(rows, key=lambda r: (not r.open, r.id))


def asked_words(t: Translate) -> list[tuple[str, str]]:
    """Return what may be asked for, with what it means."""
    return [
        ("product, market, source", t("一个或几个编号；不写就是全部")),
        ("county", t("一个县自己的市场，六位代码")),
        ("start, end", t("市场日，从这一天起，到那一天之前")),
        ("as_of", t("按当时知道的回答：日期（那天北京时间结束时）、时间或毫秒")),
        ("format", t("一页一页（json），或者一次给全的表格")),
        ("limit, after", t("一页最多多少行；从上一页给的地方接着")),
    ]


def column_words(t: Translate) -> list[tuple[str, str]]:
    """Return the columns of an answer, with what they mean."""
    return [
        ("product, variety", t("我们的编号；空的是我们不认识的名字")),
        ("market, county, kind", t("市场；县自己的市场写县；产地、批发或零售")),
        ("source, licence, raw", t("谁说的，按什么许可，读出它的原始回答在哪里")),
        ("name, spec, grade, origin", t("来源自己的叫法")),
        ("valid_date, ordinal", t("哪一天的价；同名几个价时的序号")),
        ("low_, mid_, high_milli_per_kg", t("每公斤千分之几元，整数：2345 就是 2.345 元/公斤、1.1725 元/斤")),
        ("currency", t("币种，三个字母")),
        ("mid_kind", t("中间价是最低最高的中点、来源说的，还是只有一个价")),
        ("volume_kg", t("成交量，公斤；来源没说就空着")),
        ("raw_price, raw_unit", t("来源写的原样")),
        ("observed_at, run_id", t("第一次看到这个数的时间，和那次采集")),
    ]
