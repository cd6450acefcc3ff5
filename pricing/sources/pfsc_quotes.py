"""全国农产品批发市场价格信息系统 pfsc.agri.cn, quotes of every market: only with the operator's written permission, off by default.

POST /api/priceQuotationController/pageList?key=&order= with JSON {pageNum, pageSize, marketId, provinceCode, pid, varietyId} answers
{code: 200, content: {total, pages, list}} or {code: 0, data: {…}}; a row has marketId, marketName, varietyName, minimumPrice,
middlePrice, highestPrice, meteringUnit, reportTime, producePlace and more. Since 2026 the site asks for proof of being human or for
a token there. We bypass neither: the source is for an operator whom the site's owner let in, and for replay.

The chart /price_portal/index/getMarketReportPriceChart answers enciphered text. No key and no decoder is part of this program: an
operator who was given leave and a decoder passes it to `chart_source`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from pricing.quotes import RawQuote, Window
from pricing.source import Blocked, Page, Request, Source, SourceChanged, read_json
from pricing.sources.pfsc import Envelope, Number, day_of, opened

PATH = "/api/priceQuotationController/pageList"
CHART = "/price_portal/index/getMarketReportPriceChart"
SIZE = 500
WHO = "the price information system"
# The enterprise names the system goes by -> our market ids. A market that is not here is kept under the site's own number.
MARKET_IDS: dict[str, str] = {
    "北京新发地农副产品批发市场": "xinfadi",
    "山东寿光农产品物流园": "shouguang",
    "山东济南匡山农产品综合交易市场": "kuangshan",
    "江苏南京农副产品物流中心": "zhongcai",
    "江苏扬州联谊农副产品批发市场": "lianyi",
    "上海江桥批发市场": "jiangqiao",
    "湖北武汉白沙洲农副产品大市场": "baishazhou",
    "广东广州江南果菜批发市场": "jiangnan",
}
# What turns the chart's enciphered text into its JSON; whoever supplies one answers for having been allowed to.
Decoder = Callable[[str], bytes]


class _Row(msgspec.Struct, rename="camel"):
    market_id: str | int
    market_name: str
    variety_name: str
    minimum_price: Number
    middle_price: Number
    highest_price: Number
    metering_unit: str | None
    report_time: str
    produce_place: str | None = None


class _List(msgspec.Struct):
    total: int
    rows: list[_Row] = msgspec.field(name="list")


class _Chart(msgspec.Struct):
    date: str
    x: list[str]
    y: list[Number]


_decode = msgspec.json.Decoder(Envelope[_List]).decode
_envelope = msgspec.json.Decoder(Envelope[str]).decode
_chart = msgspec.json.Decoder(_Chart).decode


def plan(_window: Window) -> Iterable[Request]:
    """Return the first page of today's quotes of vegetables."""
    yield _request(1)


def follow(_request_made: Request, page: Page) -> list[Request]:
    """Return the next page while there is one."""
    return [_request(page.number + 1)] if page.total is not None and page.number * SIZE < page.total else []


def parse(body: bytes, asked: Request) -> Page:
    """Return the rows of one page. The middle price is the site's own word; a place of origin may be missing."""
    told = opened(read_json(_decode, body, WHO, "total and list of rows"))
    number = int((asked.json or {}).get("pageNum", 1))
    rows = [
        RawQuote(
            market_of(x.market_name, x.market_id), x.variety_name, day_of(x.report_time), _text(x.minimum_price), _text(x.middle_price),
            _text(x.highest_price), (x.metering_unit or "").removeprefix("元/"), origin=x.produce_place or "", row=k,
        )
        for k, x in enumerate(told.rows, (number - 1) * SIZE + 1)
    ]  # fmt: skip
    shape = frozenset(f.encode_name for f in msgspec.structs.fields(_Row)) if rows else frozenset()
    return Page(rows, told.total, shape, number, len(rows))


def market_of(name: str, site_id: str | int) -> str:
    """Return our id of a market, or one made of the site's number: such a market is on no board until somebody names it."""
    return MARKET_IDS.get(name.strip()) or f"pfsc-{site_id}"[:64]


def parse_chart(body: bytes, decode: Decoder, variety: str) -> Page:
    """Return one variety's quotes of today by market, in 元/公斤, given a decoder; null means that nobody quoted."""
    answer = read_json(_envelope, body, WHO, "an envelope with text")
    if answer.data is None and answer.content is None and answer.code in (0, 200):
        return Page((), 0, frozenset())
    plain = decode(opened(answer))
    told = read_json(_chart, plain, WHO, "date, x, y")
    if len(told.x) != len(told.y):
        raise SourceChanged(f"the chart of {WHO} does not fit", expected=f"{len(told.x)} prices", got=str(len(told.y)))
    rows = [
        RawQuote(market_of(name, name), variety, day_of(told.date), "", _text(price), "", "公斤", row=k)
        for k, (name, price) in enumerate(zip(told.x, told.y, strict=True), 1)
        if price is not None
    ]
    return Page(rows, None, frozenset(("date", "x", "y")), 1, len(told.x))


def chart_source(decode: Decoder | None, varieties: Mapping[str, str]) -> Source:
    """Return a source of the chart for an operator who may read it: `varieties` maps the site's numbers to names.

    Raises:
        Blocked: no decoder was given; there is none in this program.

    """
    if decode is None:
        raise Blocked("the chart is enciphered", expected="a decoder the site's owner let the operator use", got="none")
    given = decode

    def charts(_window: Window) -> Iterable[Request]:
        for number, name in varieties.items():
            yield Request(CHART, params={"marketIDs": "", "provinceCodes": "", "varietyID": number}, json={}, note=name)

    def read(body: bytes, asked: Request) -> Page:
        return parse_chart(body, given, asked.note)

    return Source(
        id="pfsc_chart", name_zh="全国农产品批发市场价格信息系统：行情图", name_en="National wholesale price system: chart",
        address="https://pfsc.agri.cn", licence=SOURCE.licence, permission="written", markets=SOURCE.markets, plan=charts, parse=read,
        answers="present", enabled=False, covers_zh="每个品种当天各市场的价格", covers_en="Each variety's price of today by market",
    )  # fmt: skip


def _request(number: int) -> Request:
    query = {"pageNum": number, "pageSize": SIZE, "marketId": "", "provinceCode": "", "pid": "AE", "varietyId": ""}
    return Request(PATH, params={"key": "", "order": ""}, json=query)


def _text(value: Number) -> str:
    return "" if value is None else str(value)


SOURCE = Source(
    id="pfsc_quotes",
    name_zh="全国农产品批发市场价格信息系统：各市场行情",
    name_en="National wholesale price system: quotes by market",
    address="https://pfsc.agri.cn",
    licence="none stated: internal use, not redistributed",
    permission="written",
    markets=tuple(MARKET_IDS.values()),
    plan=plan,
    follow=follow,
    parse=parse,
    answers="present",
    enabled=False,
    covers_zh="全国批发市场当天的蔬菜价格，要有对方书面同意",
    covers_en="Vegetables of today in wholesale markets all over the country, with the owner's written permission",
)
