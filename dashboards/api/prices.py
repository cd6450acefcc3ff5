"""Prices over HTTP: the board, the series, the usual for the season, the markets and the health of the sources.

Prices are public as the price board is; how the sources are is for those who signed in. Every number comes with its source and age.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import READERS, After, Limit, next_page, require
from foundation.clock import from_ms, to_ms
from foundation.errors import BadInput
from foundation.ids import check_county
from pricing.markets import currency_of

if TYPE_CHECKING:
    from dashboards.services import Services
    from pricing.board import Point

LONGEST_DAYS = 20 * 366
CSV_COLUMNS = (
    "product",
    "market",
    "valid_date",
    "low_milli_per_kg",
    "mid_milli_per_kg",
    "high_milli_per_kg",
    "observed_at",
    "source",
    "quotes",
)


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class BoardEntry(_FromRow):
    """One product in one market. Prices are thousandths of CNY per kilogram: 2345 is 2.345 元/公斤, 1.1725 元/斤."""

    product: str
    market: str
    low: int
    mid: int
    high: int
    valid_date: date = Field(description="The market day the price is of")
    observed_ms: int = Field(description="When this value was first seen, ms UTC")
    age_days: int
    change_pct: float | None = Field(description="Against the quoted day before, over the series quoted on both")
    previous: int | None
    previous_date: date | None
    source: str
    stale: bool = Field(description="Older than a day, or its source failed or was not believed the last time")
    quotes: int


class PointEntry(_FromRow):
    """One market day."""

    valid_date: date
    low: int
    mid: int
    high: int
    observed_ms: int
    source: str
    quotes: int


class BandEntry(_FromRow):
    """The middle half of the quotes of the same weeks in earlier years."""

    day: date
    low: int
    mid: int
    high: int
    quotes: int
    years: int


class MarketEntry(_FromRow):
    """A market."""

    id: str
    name_zh: str
    name_en: str
    kind: str
    county: str | None


class SourceEntry(_FromRow):
    """How one source is."""

    id: str
    name_zh: str
    name_en: str
    state: Literal["ok", "stale", "quarantined", "failing", "never"]
    why: str
    last_success_ms: int | None
    last_attempt_ms: int | None
    next_run_ms: int | None
    rows_last: int
    quarantined: int
    licence: str
    permission: str
    markets: tuple[str, ...]
    newest_day: date | None = Field(description="The newest market day it told")
    period_ms: int | None
    breaker: Literal["closed", "open", "half-open"] = Field(description="Open: its host is left alone after failures")
    rests_until_ms: int | None
    bytes_today: int
    daily_bytes: int | None
    robots: str = Field(description="unasked, allows, or the line of robots.txt that forbids us something")


class Board(BaseModel):
    """A board: every entry in one page."""

    items: list[BoardEntry]
    next: None = None


class Points(BaseModel):
    """A page of market days, the currency their prices are thousandths of (per kilogram), and the cursor of the next page."""

    items: list[PointEntry]
    currency: str = Field(description="ISO 4217; a market's own, so that nobody takes another money for yuan")
    next: str | None


class Bands(BaseModel):
    """The seasonal band day by day."""

    items: list[BandEntry]
    next: None = None


class Markets(BaseModel):
    """All markets."""

    items: list[MarketEntry]
    next: None = None


class Sources(BaseModel):
    """All sources."""

    items: list[SourceEntry]
    next: None = None


# No market quoted online before; bounds also keep days and times within what a calendar and the database can hold.
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2200, 1, 1)
LAST_MS = to_ms(datetime(2200, 1, 1, tzinfo=UTC))

Start = Annotated[date, Query(description="First market day")]
End = Annotated[date, Query(description="The day after the last one")]


def router(services: Services) -> APIRouter:
    """Return the routes of prices."""
    routes = APIRouter(prefix="/api/v1/prices", tags=["prices"])
    prices = services.prices

    @routes.get("/board")
    def board(county: str | None = None, day: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)] = None) -> Board:
        """Return the newest price of every product in a county's own markets and the national ones, as of a market day."""
        rows = prices.board(check_county(county) if county is not None else None, day)
        return Board(items=[BoardEntry.model_validate(r) for r in rows])

    @routes.get("/series", response_model=Points, responses={200: {"content": {"text/csv": {}}}})
    def series(
        request: Request,
        response: Response,
        product: str,
        market: str,
        start: Start,
        end: End,
        as_of_ms: Annotated[int | None, Query(ge=0, le=LAST_MS, description="Answer as it was known then, ms UTC")] = None,
        output: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
        limit: Limit = 500,
        after: After = None,
    ) -> Points | Response:
        """Return the market days of one product in one market in [start, end), oldest first. CSV comes whole, without pages."""
        _check(start, end)
        last = end - timedelta(days=1)
        # A cursor at or behind the last day has nothing after it.
        first = start if after is None else max(start, min(_cursor(after), last) + timedelta(days=1))
        found = prices.series(product, market, first, last, as_of_ms=as_of_ms) if first <= last else []
        if output == "csv":
            return _csv(product, market, found)
        page = found[:limit]
        cursor = page[-1].valid_date.isoformat() if len(found) > limit else None
        next_page(request, response, cursor)
        return Points(items=[PointEntry.model_validate(p) for p in page], currency=currency_of(market) or "CNY", next=cursor)

    @routes.get("/band")
    def band(product: str, market: str, start: Start, end: End) -> Bands:
        """Return what is usual on each day of [start, end): nothing for a day that has no earlier years."""
        _check(start, end)
        usual = prices.seasonal_band(product, market)
        days = [start + timedelta(days=k) for k in range((end - start).days)] if usual is not None else []
        found = [(d, p) for d in days if usual is not None and (p := usual.on(d)) is not None]
        return Bands(items=[BandEntry(day=d, low=p.low, mid=p.mid, high=p.high, quotes=p.quotes, years=p.years) for d, p in found])

    @routes.get("/markets")
    def markets() -> Markets:
        """Return every market."""
        return Markets(items=[MarketEntry.model_validate(m) for m in prices.markets()])

    @routes.get("/sources", dependencies=[Depends(require(*READERS))])
    def sources() -> Sources:
        """Return how every source is: last success, what it said wrong, its terms."""
        return Sources(items=[SourceEntry.model_validate(s) for s in prices.sources()])

    return routes


def _check(start: date, end: date) -> None:
    if not start < end:
        raise BadInput("this range of days is empty", expected="start before end; the end is left out", got=f"{start}..{end}")
    if (end - start).days > LONGEST_DAYS:
        raise BadInput("this range of days is too long", expected=f"at most {LONGEST_DAYS} days", got=f"{(end - start).days} days")


def _cursor(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("this cursor cannot be read", expected="the `next` of the page before", got=text[:40]) from error


def _csv(product: str, market: str, found: Sequence[Point]) -> Response:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_COLUMNS)
    for p in found:
        observed = from_ms(p.observed_ms).isoformat(timespec="milliseconds")
        writer.writerow([product, market, p.valid_date, p.low, p.mid, p.high, observed, p.source, p.quotes])
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8")
