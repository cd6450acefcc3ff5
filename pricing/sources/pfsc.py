"""全国农产品批发市场价格信息系统 pfsc.agri.cn, its plain interfaces: the official indices, and the day's national averages.

All three take POST only (a GET is 405) and need a JSON body, an empty object at least. Two envelopes are in use: {code: 200, message,
content} and {code: 0, data}; a wrong name is answered code 500 inside a 200. A firewall in front refuses programs that do not say
who they are.

/price_portal/pi-info-day/getPortalPiInfoDay -> [{publishDate, agriculture, grainAndOil, vegetableBasket}], about a month of days.
/price_portal/pi-info-day/getIndexByLevel    -> [[{indexType, indexValue, publishDate}]], every index by its code.
/price_portal/index/growthRanking            -> {date[], codes[], names[], avgPrice[], lastAvgPrice[], meteringUnit[]}, parallel.

An index is no price and becomes an IndexPoint. The averages are over markets the site does not name: they are kept under the market
`national`, which is a reference and stands on no board. What the site says is always about now, so no past is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Generic, TypeVar

import msgspec

from foundation.errors import BadInput
from pricing.calendar import SPRING_FESTIVAL, WORKDAYS, Calendar
from pricing.indices import IndexPoint
from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, SourceChanged, iso_day, read_json

MARKET = "national"
DAYS = "/price_portal/pi-info-day/getPortalPiInfoDay"
LEVELS = "/price_portal/pi-info-day/getIndexByLevel"
RANKING = "/price_portal/index/growthRanking"
WHO = "the price information system"
# The three of the daily series -> their codes among the indices by level.
DAILY_CODES = {"agriculture": "A", "grainAndOil": "AJ", "vegetableBasket": "AX"}
Number = float | str | None
T = TypeVar("T")


class Envelope(msgspec.Struct, Generic[T]):
    """Either of the two envelopes; what one calls `content` the other calls `data`."""

    code: int
    message: str | None = None
    msg: str | None = None
    content: T | None = None
    data: T | None = None


class _Day(msgspec.Struct, rename="camel"):
    publish_date: str
    agriculture: Number
    grain_and_oil: Number
    vegetable_basket: Number


class _Level(msgspec.Struct, rename="camel"):
    index_type: str
    index_value: Number
    publish_date: str


class _Ranking(msgspec.Struct, rename="camel"):
    date: list[str]
    codes: list[str]
    names: list[str]
    avg_price: list[Number]
    metering_unit: list[str | None]


_days = msgspec.json.Decoder(Envelope[list[_Day]]).decode
_levels = msgspec.json.Decoder(Envelope[list[list[_Level]]]).decode
_ranking = msgspec.json.Decoder(Envelope[_Ranking]).decode


def plan(_window: Window) -> Iterable[Request]:
    """Return the three questions; none of them takes a day."""
    for path in (DAYS, LEVELS, RANKING):
        yield Request(path, json={})


def parse(body: bytes, asked: Request) -> Page:
    """Return the points of an index, or the averages of the ranking, depending on what was asked."""
    if asked.path == RANKING:
        return _averages(opened(read_json(_ranking, body, WHO, "date, codes, names, avgPrice, meteringUnit")))
    points = parse_index(body, asked)
    return Page((), None, frozenset(), 1, len(points), points)


def parse_index(body: bytes, asked: Request) -> list[IndexPoint]:
    """Return the points of one of the two answers about indices; a day without a value has no point."""
    found: list[IndexPoint | None] = []
    if asked.path == DAYS:
        for told in opened(read_json(_days, body, WHO, "publishDate, agriculture, grainAndOil, vegetableBasket")):
            values = (told.agriculture, told.grain_and_oil, told.vegetable_basket)
            found += [_point(code, told.publish_date, v) for code, v in zip(DAILY_CODES.values(), values, strict=True)]
    else:
        levels = opened(read_json(_levels, body, WHO, "indexType, indexValue, publishDate"))
        found += [_point(told.index_type, told.publish_date, told.index_value) for group in levels for told in group]
    return [p for p in found if p is not None]


def opened(answer: Envelope[T]) -> T:
    """Return what an envelope holds; raise SourceChanged for an error inside a 200."""
    inside = answer.content if answer.content is not None else answer.data
    if answer.code not in (0, 200) or inside is None:
        said = f"code {answer.code} {answer.message or answer.msg or ''}"[:80].strip()
        raise SourceChanged(f"{WHO} refused the query", expected="code 200 with content, or code 0 with data", got=said)
    return inside


def _averages(told: _Ranking) -> Page:
    columns: tuple[Sequence[object], ...] = (told.date, told.codes, told.names, told.avg_price, told.metering_unit)
    if len({len(c) for c in columns}) > 1:
        raise SourceChanged(f"the ranking of {WHO} does not fit", expected="columns of one length", got=str([len(c) for c in columns]))
    rows = [
        RawQuote(MARKET, name, day_of(told.date[k]), "", str(price), "", (told.metering_unit[k] or "").removeprefix("元/"), row=k + 1)
        for k, (name, price) in enumerate(zip(told.names, told.avg_price, strict=True))
        if price is not None
    ]
    return Page(rows, None, frozenset(_Ranking.__struct_encode_fields__), 1, len(told.names))


def _point(code: str, day: str, value: Number) -> IndexPoint | None:
    if value is None or value == "":
        return None
    try:
        return IndexPoint(code, day_of(day), int(Decimal(str(value)) * 1000), str(value))
    except (InvalidOperation, BadInput, OverflowError) as error:
        raise SourceChanged(f"an index of {WHO} cannot be read", expected="a code and a number", got=f"{code} {value}"[:60]) from error


def day_of(text: str) -> date:
    """Return a day of the system; a time after it is left out."""
    return iso_day(text, WHO)


SOURCE = Source(
    id="pfsc",
    name_zh="全国农产品批发市场价格信息系统：指数与全国均价",
    name_en="National wholesale price system: indices and averages",
    address="https://pfsc.agri.cn",
    licence="none stated: internal use, not redistributed",
    permission="none",
    markets=(MARKET,),
    plan=plan,
    parse=parse,
    calendar=Calendar(WORKDAYS, SPRING_FESTIVAL),
    answers="present",
    daily_bytes=5_000_000,
    covers_zh="农产品批发价格200指数和分项指数，部分品种的全国均价",
    covers_en="The wholesale price index 200 and its parts, and national averages of some products",
)
