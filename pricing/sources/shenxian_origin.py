"""莘县瓜菜产地市场, the county's own origin market: prices at which growers sell, by grade and township.

GET /api/quotes?begin=YYYYMMDD&end=YYYYMMDD&page=N&size=M. Answer: {code: 0, msg, data: {total, rows: [{date: "20261123", product, grade,
town, min, max, unit}]}}. Prices are text in 元/斤; no middle price is given. A failed query has a code other than 0 with status 200.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, SourceChanged, first_keys, must_be_page, must_have, read_json

if TYPE_CHECKING:
    from datetime import date

MARKET = "shenxian"
PATH = "/api/quotes"
SIZE = 1000
KEYS = ("date", "product", "grade", "town", "min", "max", "unit")


class _Row(msgspec.Struct):
    date: str
    product: str
    grade: str
    town: str
    min: str
    max: str
    unit: str


class _Data(msgspec.Struct):
    total: int
    page: int
    rows: list[_Row]


class _Answer(msgspec.Struct):
    code: int
    msg: str = ""
    data: _Data | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def plan(window: Window) -> Iterable[Request]:
    """Return the first page of a closed window of days."""
    yield _request(window.start.strftime("%Y%m%d"), window.end.strftime("%Y%m%d"), 1)


def follow(request: Request, page: Page) -> list[Request]:
    """Return the next page while there is one."""
    assert request.params is not None
    if page.total is None or page.number * SIZE >= page.total:
        return []
    return [_request(request.params["begin"], request.params["end"], page.number + 1)]


def parse(body: bytes, asked: Request) -> Page:
    """Return the rows of one answer."""
    answer = read_json(_decode, body, "the Shenxian market", "code and data.rows")
    if answer.code != 0 or answer.data is None:
        raise SourceChanged("the Shenxian market refused the query", expected="code 0", got=f"code {answer.code} {answer.msg}"[:80])
    data = answer.data
    assert asked.params is not None
    must_be_page(data.page, asked.params["page"], "the Shenxian market")
    rows = [
        RawQuote(MARKET, x.product, _day(x.date), x.min, "", x.max, _unit(x.unit), "", x.grade, x.town, None, k)
        for k, x in enumerate(data.rows, (data.page - 1) * SIZE + 1)
    ]
    shape = first_keys(body) if rows else frozenset()
    if rows:
        must_have(shape, KEYS, "the Shenxian market")
    return Page(rows, data.total, shape, data.page, len(rows))


def _request(begin: str, end: str, page: int) -> Request:
    return Request(PATH, params={"begin": begin, "end": end, "page": str(page), "size": str(SIZE)})


@lru_cache(maxsize=64)
def _unit(text: str) -> str:
    return text.removeprefix("元/")


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a market day has no zone
    except ValueError as error:
        raise SourceChanged("the Shenxian market changed its dates", expected="YYYYMMDD", got=text[:40]) from error


SOURCE = Source(
    id="shenxian_origin",
    name_zh="莘县瓜菜产地行情",
    name_en="Shenxian origin prices",
    address="",
    licence="the county's own",
    permission="own",
    markets=(MARKET,),
    plan=plan,
    follow=follow,
    parse=parse,
    kind="origin",
    daily_bytes=20_000_000,
    covers_zh="莘县瓜菜，按等级和乡镇的产地价",
    covers_en="Shenxian fruit-vegetables at origin, by grade and township",
)
