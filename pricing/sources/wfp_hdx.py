"""The World Food Programme's food prices as the Humanitarian Data Exchange hands them out: one CSV file a country, monthly, CC BY-IGO.

Columns: date, admin1, admin2, market, market_id, latitude, longitude, category, commodity, commodity_id, unit, priceflag, pricetype,
currency, price, usdprice. In older files the second row holds HXL tags (#date, #adm1+name, …) and is no row. Copies in circulation pad
names and values with blanks. Dates lie on the 15th and mean the month.

`unit` is a weight (KG), an amount of it (90 KG, 50 LB, 500 G), or none at all (3 L, 30 pcs), which is refused. `priceflag` is actual,
aggregate (a mean over several reports) or both; a forecast is no quote and is left out. `pricetype` tells retail from wholesale. Flag
and type are kept in grade and spec, so that what is not alike never falls into one series. `usdprice` is converted by somebody else and
is not read.

The site redirects to a storage that is not its own, and the collector follows no redirects: the file is fetched by a person and read
with `suhe price source read`, or served by somebody near.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from functools import partial

from pricing.calendar import Calendar
from pricing.quotes import RawQuote, Window
from pricing.source import Blocked, Page, Request, Source, SourceChanged, iso_day, must_have

PATH = "/wfp_food_prices.csv"
COLUMNS = ("date", "market", "commodity", "unit", "priceflag", "pricetype", "currency", "price")
WHO = "the file of food prices"
_NOT_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)


def plan(_window: Window) -> Iterable[Request]:
    """Return the one file; it always holds everything."""
    yield Request(PATH)


def parse(body: bytes, _asked: Request) -> Page:
    """Return the quotes of a file."""
    text = body.decode("utf-8-sig", "replace")
    if not text.strip():
        raise Blocked(f"{WHO} is empty", expected="CSV", got="0 bytes")
    if text.lstrip()[:1] == "<":
        raise Blocked(f"{WHO} is a page", expected="CSV", got=text.strip()[:40])
    try:
        lines = list(csv.reader(io.StringIO(text)))
    except csv.Error as error:
        raise SourceChanged(f"{WHO} is no CSV", got=str(error)[:80]) from error
    head = [c.strip() for c in lines[0]]
    must_have(head, COLUMNS, WHO)
    place = {c: head.index(c) for c in (*COLUMNS, *(["market_id"] if "market_id" in head else []))}
    rows: list[RawQuote] = []
    for number, line in enumerate(lines[1:], 2):
        if not line or line[0].strip().startswith("#"):
            continue
        if len(line) != len(head):
            raise SourceChanged(f"a row of {WHO} has other columns", expected=str(len(head)), got=f"{len(line)} in row {number}")
        found = _quote({c: line[k].strip() for c, k in place.items()}, number)
        if found is not None:
            rows.append(found)
    return Page(rows, None, frozenset(head), 1, len(rows))


def _quote(told: dict[str, str], row: int) -> RawQuote | None:
    flags = sorted(f.strip() for f in told["priceflag"].split(","))
    if "forecast" in flags:
        return None
    if not _CURRENCY.match(told["currency"]):
        raise SourceChanged(f"{WHO} has no currency", expected="three letters", got=f"{told['currency'][:20]!r} in row {row}")
    market = f"wfp-{_NOT_ID.sub('-', told.get('market_id') or told['market'])}"[:64]
    grade = "" if flags == ["actual"] else "+".join(flags)
    return RawQuote(
        market, told["commodity"], _day(told["date"]), "", told["price"], "", told["unit"], told["pricetype"], grade, row=row,
        currency=told["currency"],
    )  # fmt: skip


_day = partial(iso_day, what=WHO, expected="YYYY-MM-15")


SOURCE = Source(
    id="wfp_hdx",
    name_zh="世界粮食计划署食品价格",
    name_en="WFP food prices (HDX)",
    address="",
    licence="CC BY-IGO",
    permission="none",
    markets=(),
    plan=plan,
    parse=parse,
    pause_seconds=5.0,
    calendar=Calendar(closures=()),
    answers="present",
    enabled=False,
    currency="USD",
    kind="mixed",
    covers_zh="各国市场每月食品价格，各自的货币；不进县里的看板",
    covers_en="Monthly food prices in markets of many countries, each in its own currency; never on a county's board",
)
