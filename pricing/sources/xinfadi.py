"""北京新发地 Xinfadi, Beijing: the largest wholesale market of the north.

POST /getPriceData.html, form-encoded: limit, current, pubDateStartTime, pubDateEndTime (YYYY/MM/DD), prodPcatid, prodCatid, prodName.
Answer: {count, limit, current, list: [{id, prodName, prodCatid, prodCat, prodPcatid, prodPcat, lowPrice, avgPrice, highPrice, place,
specInfo, unitInfo, pubDate}]}.

What one must know: the unit is 元/斤, `unitInfo` says 斤; prices are text; `avgPrice` is (low + high) / 2, not a weighted mean; `place` is
one-character province codes glued together (冀京蒙) or empty; paging is newest first and moves while one pages, so windows of days are
closed and page 1 is read again where the list grew; too many requests are answered with 200 and an empty body, not 429.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import msgspec

from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, first_keys, iso_day, must_be_page, must_have, read_json

MARKET = "xinfadi"
PATH = "/getPriceData.html"
LIMIT = 500
AGAIN = "again"
KEYS = ("prodName", "lowPrice", "avgPrice", "highPrice", "place", "specInfo", "unitInfo", "pubDate")


class _Item(msgspec.Struct, rename="camel"):
    prod_name: str
    low_price: str
    avg_price: str
    high_price: str
    place: str
    spec_info: str
    unit_info: str
    pub_date: str


class _Answer(msgspec.Struct):
    count: int
    current: int
    limit: int
    items: list[_Item] = msgspec.field(name="list")


_decode = msgspec.json.Decoder(_Answer).decode


def plan(window: Window) -> Iterable[Request]:
    """Return the first page of a closed window of days."""
    yield _request(window.start.strftime("%Y/%m/%d"), window.end.strftime("%Y/%m/%d"), 1)


def follow(request: Request, page: Page) -> list[Request]:
    """Return the next page while there is one, and page 1 once more where the list grew while it was read.

    The newest rows come first, so what is published in between pushes every row down: rows come twice, and are found as copies later,
    while the new ones stand on a page that was read before.
    """
    if page.total is None or request.note == AGAIN:
        return []
    asked = request.form or {}
    begun_with = request.note or str(page.total)
    if page.number * LIMIT < page.total:
        return [_request(asked["pubDateStartTime"], asked["pubDateEndTime"], page.number + 1, begun_with)]
    if page.total > int(begun_with):
        return [_request(asked["pubDateStartTime"], asked["pubDateEndTime"], 1, AGAIN)]
    return []


def parse(body: bytes, asked: Request) -> Page:
    """Return the rows of one answer."""
    answer = read_json(_decode, body, "Xinfadi", "count, current, limit and list of rows")
    assert asked.form is not None
    must_be_page(answer.current, asked.form["current"], "Xinfadi")
    rows = [
        RawQuote(
            MARKET, x.prod_name, _day(x.pub_date), x.low_price, x.avg_price, x.high_price, x.unit_info, x.spec_info, "", x.place, None, k
        )
        for k, x in enumerate(answer.items, (answer.current - 1) * answer.limit + 1)
    ]  # fmt: skip
    shape = first_keys(body) if rows else frozenset()
    if rows:
        must_have(shape, KEYS, "Xinfadi")
    return Page(rows, answer.count, shape, answer.current, len(rows))


def _request(start: str, end: str, current: int, note: str = "") -> Request:
    form = {
        "limit": str(LIMIT), "current": str(current), "pubDateStartTime": start, "pubDateEndTime": end,
        "prodPcatid": "", "prodCatid": "", "prodName": "",
    }  # fmt: skip
    return Request(PATH, form=form, note=note)


_day = partial(iso_day, what="Xinfadi", expected="YYYY-MM-DD 00:00:00")


SOURCE = Source(
    id="xinfadi",
    name_zh="北京新发地行情",
    name_en="Xinfadi price page",
    address="http://www.xinfadi.com.cn",
    licence="none stated: internal use, not redistributed",
    permission="none",
    markets=(MARKET,),
    plan=plan,
    follow=follow,
    parse=parse,
    covers_zh="北京新发地的批发价：蔬菜、水果、肉禽蛋、水产、粮油",
    covers_en="Wholesale prices at Xinfadi, Beijing: vegetables, fruit, meat, fish, grain",
)
