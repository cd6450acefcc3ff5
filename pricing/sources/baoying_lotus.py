"""宝应莲藕市场, the county's own lotus-root market: fresh root by grade, sprouts, other water vegetables, processed goods.

GET /hangqing.html?from=YYYY-MM-DD&to=YYYY-MM-DD answers a page for people with one table, class `hq`, whose head row is
品名 规格 等级 最低价 平均价 最高价 单位 日期, and a line 共 N 条. Dates are written 2026年11月23日. Fresh goods are in 元/公斤;
盐渍藕 is quoted in 元/吨 with thousands separators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from html import unescape

from pricing.quotes import RawQuote, Window
from pricing.source import Blocked, Page, Request, Source, SourceChanged

MARKET = "baoying"
PATH = "/hangqing.html"
COLUMNS = ("品名", "规格", "等级", "最低价", "平均价", "最高价", "单位", "日期")

_TABLE = re.compile(r'<table class="hq">(.*?)</table>', re.S)
_ROW = re.compile(r"<tr>(.*?)</tr>", re.S)
_CELL = re.compile(r"<t[dh]>(.*?)</t[dh]>", re.S)
_TOTAL = re.compile(r"共\s*(\d+)\s*条")
_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日\Z")


def plan(window: Window) -> Iterable[Request]:
    """Return the one request of a closed window of days."""
    yield Request(PATH, params={"from": window.start.isoformat(), "to": window.end.isoformat()})


def parse(body: bytes, _asked: Request) -> Page:
    """Return the rows of the page's table."""
    text = body.decode("utf-8-sig", "replace")
    if not text.strip():
        raise Blocked("the Baoying market answered 200 with an empty body", expected="a page with a table", got="0 bytes")
    table = _TABLE.search(text)
    total = _TOTAL.search(text)
    if table is None or total is None:
        raise Blocked("the Baoying market answered another page", expected='a table of class "hq" and 共 N 条', got=text[:60].strip())
    lines = [[unescape(c).strip() for c in _CELL.findall(row)] for row in _ROW.findall(table[1])]
    if not lines or tuple(lines[0]) != COLUMNS:
        raise SourceChanged(
            "the Baoying market changed its table", expected=" ".join(COLUMNS), got=" ".join(lines[0] if lines else [])[:120]
        )
    rows = []
    for k, line in enumerate(lines[1:], 1):
        if len(line) != len(COLUMNS):
            raise SourceChanged("a row of the Baoying market has other columns", expected=str(len(COLUMNS)), got=str(len(line)))
        name, spec, grade, low, mid, high, unit, day = line
        rows.append(RawQuote(MARKET, name, _day(day), low, mid, high, unit.removeprefix("元/"), spec, grade, "", None, k))
    return Page(rows, int(total[1]), frozenset(COLUMNS), 1, len(rows))


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    found = _DATE.match(text)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise SourceChanged("the Baoying market changed its dates", expected="such as 2026年11月23日", got=text[:40])


SOURCE = Source(
    id="baoying_lotus",
    name_zh="宝应莲藕行情",
    name_en="Baoying lotus-root prices",
    address="",
    licence="the county's own",
    permission="own",
    markets=(MARKET,),
    plan=plan,
    parse=parse,
    kind="origin",
    daily_bytes=20_000_000,
    covers_zh="鲜藕、藕带、藕制品和其他水生蔬菜的产地价",
    covers_en="Lotus root, sprouts, processed goods and other water vegetables at origin",
)
