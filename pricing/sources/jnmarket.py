"""广州江南果菜批发市场 www.jnmarket.net, the south's big market for vegetables and fruit.

GET /api/dailypricelist?pageNum&pageSize&kind&params[beginTime]&params[endTime] answers {code: 200, total, rows: [{productName,
provenanceName, topPrice, minimumPrice, averagePrice, standard, weight, kind, priceDate, tradingVolume}]}; kind 1 is vegetables, 2 is
fruit. Prices are text. No unit is told: without `standard` a price is per 公斤 (so its level says, compared with other markets); where
`standard` names a pack, such as 泡沫箱, the price is per pack, and only with its `weight` in kilograms does it become a price per
kilogram: without, the row is refused. In which unit `tradingVolume` counts is not documented, so it is not taken for a weight.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, SourceChanged, first_keys, iso_day, must_have, read_json

MARKET = "jiangnan"
PATH = "/api/dailypricelist"
SIZE = 2000
KINDS = {"1": "vegetables", "2": "fruit"}
KEYS = ("productName", "provenanceName", "topPrice", "minimumPrice", "averagePrice", "standard", "weight", "priceDate")
UNIT = "公斤"
# What `standard` says where the price is per weight after all.
_WEIGHTS = frozenset(("", "公斤", "千克", "kg", "KG", "散装"))


class _Row(msgspec.Struct, rename="camel"):
    product_name: str
    provenance_name: str | None
    top_price: str | None
    minimum_price: str | None
    average_price: str | None
    standard: str | None
    weight: str | float | None
    price_date: str


class _Answer(msgspec.Struct):
    total: int
    rows: list[_Row]
    code: int = 200
    msg: str = ""


_decode = msgspec.json.Decoder(_Answer).decode


def plan(window: Window) -> Iterable[Request]:
    """Return the first page of vegetables and of fruit of a closed window of days."""
    for kind in KINDS:
        yield _request(window.start.isoformat(), window.end.isoformat(), kind, 1)


def follow(request: Request, page: Page) -> list[Request]:
    """Return the next page while there is one."""
    if page.total is None or page.number * SIZE >= page.total or not page.counted:
        return []
    asked = request.params or {}
    return [_request(asked["params[beginTime]"], asked["params[endTime]"], asked["kind"], page.number + 1)]


def parse(body: bytes, asked: Request) -> Page:
    """Return the rows of one answer."""
    answer = read_json(_decode, body, "the Jiangnan market", "total and rows")
    if answer.code != 200:
        raise SourceChanged("the Jiangnan market refused the query", expected="code 200", got=f"code {answer.code} {answer.msg}"[:80])
    number = int((asked.params or {}).get("pageNum", "1"))
    rows = [_quote(x, k) for k, x in enumerate(answer.rows, (number - 1) * SIZE + 1)]
    shape = first_keys(body) if rows else frozenset()
    if rows:
        must_have(shape, KEYS, "the Jiangnan market")
    return Page(rows, answer.total, shape, number, len(rows))


def _quote(x: _Row, row: int) -> RawQuote:
    standard = (x.standard or "").strip()
    weight = "" if x.weight is None else str(x.weight).strip()
    unit, pack = (UNIT, "") if standard in _WEIGHTS else (standard, weight)
    low, mid, high = (t or "" for t in (x.minimum_price, x.average_price, x.top_price))
    return RawQuote(
        MARKET, x.product_name, _day(x.price_date), low, mid, high, unit, spec=standard, origin=x.provenance_name or "", row=row, pack=pack
    )


def _request(begin: str, end: str, kind: str, number: int) -> Request:
    asked = {"pageNum": str(number), "pageSize": str(SIZE), "kind": kind, "productName": ""}
    return Request(PATH, params={**asked, "params[beginTime]": begin, "params[endTime]": end})


_day = partial(iso_day, what="the Jiangnan market")


SOURCE = Source(
    id="jnmarket",
    name_zh="广州江南市场行情",
    name_en="Jiangnan market, Guangzhou",
    address="https://www.jnmarket.net",
    licence="none stated: internal use, not redistributed",
    permission="none",
    markets=(MARKET,),
    plan=plan,
    follow=follow,
    parse=parse,
    covers_zh="广州江南市场的蔬菜和水果批发价，按产地",
    covers_en="Vegetables and fruit at Jiangnan, Guangzhou, wholesale, by place of origin",
)
