"""Taiwan's wholesale markets (AMIS, open data of its agriculture ministry): prices with traded volume, in TWD per kilogram.

GET /api/v1/AgriProductsTransType/?Start_time=115.11.01&End_time=115.11.30&TcType=N04&MarketCode=109 answers {RS: "OK", Next, Data:
[{TransDate, CropCode, CropName, MarketCode, MarketName, Upper_Price, Middle_Price, Lower_Price, Avg_Price, Trans_Quantity}]}. Years are
those of the Republic of China: 115 is 2026. TcType N04 is vegetables.

Two habits. No answer holds more than 1,000 rows, and nothing says that rows are missing: such an answer is left out whole and its
days are asked for again in halves, one market at a time. A market that rested is one row named 休市 with prices of nought: the day
is known to be closed, not missing. Avg_Price is the mean weighted by volume and is the middle price here; the price of middling
quality is not kept.

The older export, {data: [{交易日期, 作物代號, 作物名稱, 市場代號, 上價, 中價, 下價, 平均價, 交易量}]}, is read too, from a file.
It holds cut flowers, whose codes are two letters and three digits and whose prices are per bunch: they are refused as what they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from pricing.markets import TAIWAN
from pricing.quotes import RawQuote, Window
from pricing.source import Page, Request, Source, SourceChanged, first_keys, must_have, read_json

PATH = "/api/v1/AgriProductsTransType/"
MOST_ROWS = 1000
WHO = "the AMIS interface"
KEYS = ("TransDate", "CropCode", "CropName", "MarketCode", "Upper_Price", "Lower_Price", "Avg_Price", "Trans_Quantity")
REST = "休市"
# The site's code of a market -> our id. A code that is not here makes an id of its own.
MARKET_IDS: dict[str, str] = {code: f"tw-{code}" for code in TAIWAN}
_ROC = re.compile(r"(\d{2,3})\.(\d{2})\.(\d{2})\Z", re.ASCII)
_FLOWER = re.compile(r"[A-Z]{2}[0-9]{3}\Z", re.ASCII)


class _Row(msgspec.Struct, rename={
    "day": "TransDate", "code": "CropCode", "name": "CropName", "market": "MarketCode", "upper": "Upper_Price", "lower": "Lower_Price",
    "mean": "Avg_Price", "quantity": "Trans_Quantity",
}):  # fmt: skip
    day: str
    code: str | None
    name: str | None
    market: str
    upper: float
    lower: float
    mean: float
    quantity: float


class _Old(msgspec.Struct, rename={
    "day": "交易日期", "code": "作物代號", "name": "作物名稱", "market": "市場代號", "upper": "上價", "lower": "下價", "mean": "平均價",
    "quantity": "交易量",
}):  # fmt: skip
    day: str
    code: str | None
    name: str | None
    market: str
    upper: float
    lower: float
    mean: float
    quantity: float


class _Answer(msgspec.Struct, rename={"state": "RS", "more": "Next", "rows": "Data"}):
    state: str
    rows: list[_Row]
    more: bool = False


class _Export(msgspec.Struct):
    data: list[_Old]


_decode = msgspec.json.Decoder(_Answer).decode
_decode_export = msgspec.json.Decoder(_Export).decode


def plan(window: Window) -> Iterable[Request]:
    """Return one request per market for a closed window of days: asked for all at once, a single day is more than the cap."""
    for code in MARKET_IDS:
        yield _request(code, window.start, window.end)


def follow(request: Request, page: Page) -> list[Request]:
    """Return the two halves of the days of an answer that was capped."""
    if not page.capped:
        return []
    code, start, end = _asked(request)
    middle = start + timedelta(days=(end - start).days // 2)
    return [_request(code, start, middle), _request(code, middle + timedelta(days=1), end)]


def parse(body: bytes, asked: Request) -> Page:
    """Return the rows of one answer, or of the older export; none of an answer that was capped and can be asked for in parts.

    Raises:
        SourceChanged: also where one market's single day is more than the site gives at once: there is nothing left to halve.

    """
    if '"交易日期"'.encode() in body[:2000]:
        return _page(read_json(_decode_export, body, WHO, "data with 交易日期, 作物代號 and prices").data, frozenset())
    answer = read_json(_decode, body, WHO, "RS, Next, Data of rows")
    if answer.state != "OK":
        raise SourceChanged(f"{WHO} refused the query", expected="RS OK", got=answer.state[:40])
    if asked.params and (answer.more or len(answer.rows) >= MOST_ROWS):
        code, start, end = _asked(asked)
        if start == end:
            raise SourceChanged(f"{WHO} holds rows back", expected=f"fewer than {MOST_ROWS} rows a market and day", got=f"{code} {start}")
        return Page((), None, first_keys(body), capped=True)
    shape = first_keys(body) if answer.rows else frozenset()
    if answer.rows:
        must_have(shape, KEYS, WHO)
    return _page(answer.rows, shape)


def roc_date(day: date) -> str:
    """Return a day as the site writes it: 2026-11-23 is 115.11.23."""
    return f"{day.year - 1911}.{day.month:02d}.{day.day:02d}"


def _page(told: Sequence[_Row | _Old], shape: frozenset[str]) -> Page:
    rows: list[RawQuote] = []
    closed: list[tuple[str, date]] = []
    for x in told:
        market, name, day = MARKET_IDS.get(x.market, f"tw-{x.market}"[:64]), (x.name or "").strip(), _day(x.day)
        if name == REST:
            closed.append((market, day))
            continue
        unit = "把" if x.code is not None and _FLOWER.match(x.code) else "公斤"
        low, mean, high = (f"{v:.2f}" for v in (x.lower, x.mean, x.upper))
        rows.append(RawQuote(market, name, day, low, mean, high, unit, volume_kg=round(x.quantity), row=len(rows) + 1))
    return Page(rows, None, shape, 1, len(told), closed=closed)


def _request(code: str, start: date, end: date) -> Request:
    asked = {"Start_time": roc_date(start), "End_time": roc_date(end), "TcType": "N04", "CropName": "", "MarketCode": code}
    return Request(PATH, params=asked, market=MARKET_IDS[code])


def _asked(request: Request) -> tuple[str, date, date]:
    params = request.params or {}
    return params["MarketCode"], _day(params["Start_time"]), _day(params["End_time"])


@lru_cache(maxsize=4096)
def _day(text: str) -> date:
    found = _ROC.match(text)
    try:
        if found is not None:
            return date(int(found[1]) + 1911, int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise SourceChanged(f"{WHO} changed its dates", expected="such as 115.11.23", got=text[:40])


SOURCE = Source(
    id="amis",
    name_zh="台湾农产品批发市场交易行情",
    name_en="Taiwan wholesale markets (AMIS)",
    address="https://data.moa.gov.tw",
    licence="Open Government Data License, version 1.0 (Taiwan)",
    permission="none",
    markets=tuple(MARKET_IDS.values()),
    plan=plan,
    follow=follow,
    parse=parse,
    longest_window_days=31,
    enabled=False,
    currency="TWD",
    covers_zh="台湾各批发市场的蔬菜，有交易量；新台币，不进县里的看板",
    covers_en="Vegetables in Taiwan's wholesale markets, with volume; in TWD, never on a county's board",
)
