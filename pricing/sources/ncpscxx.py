"""重点农产品市场信息平台 ncpscxx.moa.gov.cn: one middle price per product, day and market, for many markets.

POST /product/homeWholesalePrice/selectWholesalePrice, form: startTime, endTime (yyyymmdd), productId, productClass1Code, productClass2Code,
marketName, province, timetype=r. Answer: {code, data: {codes: [product names], names: ["2024年12月17日", ...], values: [[...]]}}, a matrix
product x date in which a gap is null. No unit is told: prices are in 元/公斤. The answer does not repeat which market was asked,
so one request names one market, and our id of it travels with the request. Spells of 502 are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import msgspec

from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, SourceChanged, read_json

PATH = "/product/homeWholesalePrice/selectWholesalePrice"
UNIT = "公斤"
# Our market id -> the enterprise name the site goes by.
MARKET_NAMES: dict[str, str] = {
    "shouguang": "山东寿光农产品物流园",
    "kuangshan": "山东济南匡山农产品综合交易市场",
    "zhongcai": "江苏南京农副产品物流中心",
    "lianyi": "江苏扬州联谊农副产品批发市场",
    "jiangqiao": "上海江桥批发市场",
    "baishazhou": "湖北武汉白沙洲农副产品大市场",
}
_DATE = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日\Z")


class _Data(msgspec.Struct):
    codes: list[str]
    names: list[str]
    values: list[list[float | str | None]]


class _Answer(msgspec.Struct):
    data: _Data


_decode = msgspec.json.Decoder(_Answer).decode


def plan(window: Window) -> Iterable[Request]:
    """Return one request per market for a closed window of days."""
    for market, name in MARKET_NAMES.items():
        form = {
            "startTime": window.start.strftime("%Y%m%d"), "endTime": window.end.strftime("%Y%m%d"), "productId": "",
            "productClass1Code": "AE", "productClass2Code": "", "marketName": name, "province": "", "timetype": "r",
        }  # fmt: skip
        yield Request(PATH, form=form, market=market)


def parse(body: bytes, asked: Request) -> Page:
    """Return the cells of one market's matrix that hold a price."""
    data = read_json(_decode, body, "the platform", "data with codes, names, values").data
    if len(data.values) != len(data.codes) or any(len(line) != len(data.names) for line in data.values):
        raise SourceChanged("the platform's matrix does not fit its heads", expected=f"{len(data.codes)} x {len(data.names)}")
    days = [_day(text) for text in data.names]
    rows: list[RawQuote] = []
    for name, line in zip(data.codes, data.values, strict=True):
        for day, value in zip(days, line, strict=True):
            if value is not None:
                rows.append(RawQuote(asked.market, name, day, "", str(value), "", UNIT, "", "", "", None, len(rows) + 1))
    return Page(rows, None, frozenset(("codes", "names", "values")), 1, len(rows))


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    found = _DATE.match(text)
    try:
        if found is not None:
            return date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise SourceChanged("the platform changed its dates", expected="such as 2024年12月17日", got=text[:40])


SOURCE = Source(
    id="ncpscxx",
    name_zh="重点农产品市场信息平台",
    name_en="Ministry's key markets platform",
    address="https://ncpscxx.moa.gov.cn",
    licence="none stated: internal use, not redistributed",
    permission="none",
    markets=tuple(MARKET_NAMES),
    plan=plan,
    parse=parse,
    covers_zh="重点批发市场的蔬菜批发价，每个品种每天一个中间价",
    covers_en="Vegetables in the key wholesale markets, one middle price a product and day",
)
