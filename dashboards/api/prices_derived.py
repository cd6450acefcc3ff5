"""What is computed from quotes, over HTTP: quartiles over markets, the newest price of each, a county's index.

Every answer names the source it rests on and how much of it there is; where there is too little it says so and gives no number.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.prices import FIRST_DAY, LAST_DAY, LONGEST_DAYS, PointEntry
from dashboards.api.prices_open import answer_tag, is_known, sees_everything
from foundation.clock import market_day
from foundation.errors import BadInput
from foundation.ids import check_county
from pricing.open_rows import as_of_ms

if TYPE_CHECKING:
    from dashboards.services import Services


# The median of fewer markets would pass on what a closed source said of one.
FEWEST_MARKETS = 3


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class DayQuartilesEntry(_FromRow):
    """The middle half of the markets of a day, thousandths of the currency per kilogram."""

    valid_date: date
    low: int = Field(description="A quarter of the markets is at or below it")
    mid: int = Field(description="The median")
    high: int = Field(description="A quarter of the markets is at or above it")
    markets: int


class QuartilesEntry(BaseModel):
    """A product's quartiles over the markets of one kind, currency and source."""

    product: str
    kind: str
    currency: str
    source: str = Field(description="Empty where no source quotes it")
    items: list[DayQuartilesEntry]
    next: None = None
    left_out: int = Field(description="Days left out for the public: fewer than three markets of a source that may not be passed on")


class LatestEntry(PointEntry):
    """The newest market day of one market."""

    market: str
    age_days: int


class LatestPage(BaseModel):
    """The newest market day of every market."""

    items: list[LatestEntry]
    next: None = None
    left_out: int = Field(description="Markets left out for the public: their source may not be passed on")


class IndexPointEntry(_FromRow):
    """The index on one day: the weight was quoted that day, carried from a few days before, or imputed."""

    day: date
    value: float | None = Field(description="None where less than 70 % of the weight was quoted")
    raw: float | None = Field(description="As computed, also where it is not shown")
    coverage: float
    carried: float
    imputed: float


class WeightEntry(_FromRow):
    """One item of the basket and whose figure its weight is."""

    product: str
    percent: float
    source: str
    date: date
    own: bool
    group: str


class LinkEntry(_FromRow):
    """Where one version of the basket was joined to the next."""

    day: date
    old: str
    new: str
    factor: float
    overlap_days: int


class SpanEntry(_FromRow):
    """Days, both ends included."""

    start: date
    end: date


class IndexEntry(_FromRow):
    """A county's own basket index; no official index is reproduced by it."""

    county: str
    basket: str
    base: SpanEntry
    markets: tuple[str, ...]
    weights: tuple[WeightEntry, ...]
    links: tuple[LinkEntry, ...]
    as_of_ms: int | None
    reason: str = Field(description="Why there is no index; empty where there is one")
    points: tuple[IndexPointEntry, ...]


Start = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="First market day")]
End = Annotated[date, Query(ge=FIRST_DAY, le=LAST_DAY, description="The day after the last one")]
Kind = Literal["origin", "wholesale", "retail"]


def router(services: Services) -> APIRouter:
    """Return the routes of what is computed."""
    routes = APIRouter(prefix="/api/v1", tags=["open data"], responses={304: {"description": "Nothing changed"}})
    prices = services.prices

    @routes.get("/prices/quartiles", response_model=QuartilesEntry)
    def quartiles(
        request: Request, response: Response, product: str, start: Start, end: End, kind: Kind = "wholesale",
        currency: Annotated[str, Query(pattern="^[A-Z]{3}$")] = "CNY", source: str | None = None,
    ) -> Any:  # fmt: skip
        """Return the median and the middle half of the markets day by day in [start, end), over the markets one source quotes.

        Without `source` the one with the most market days is taken; kinds, currencies and sources are never put together.
        """
        last = _last(start, end)
        if _same(request, response):
            return response
        found = prices.large.quartiles(product, start, last, kind=kind, currency=currency, source=source)
        fewest = 0 if found.source not in _closed(request) else FEWEST_MARKETS
        days = [DayQuartilesEntry.model_validate(d) for d in found.days if d.markets >= fewest]
        left_out = len(found.days) - len(days)
        return QuartilesEntry(product=product, kind=kind, currency=currency, source=found.source, items=days, left_out=left_out)

    @routes.get("/prices/latest", response_model=LatestPage)
    def latest(
        request: Request, response: Response, product: str, day: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)] = None
    ) -> Any:
        """Return the newest price of a product in every market, none after `day` (default today)."""
        day = day or market_day(services.clock.now())
        if _same(request, response, str(day)):
            return response
        found, closed = prices.large.latest(product, day), _closed(request)
        items = [
            LatestEntry(market=m, age_days=(day - p.valid_date).days, **PointEntry.model_validate(p).model_dump())
            for m, p in found.items() if p.source not in closed
        ]  # fmt: skip
        return LatestPage(items=items, left_out=len(found) - len(items))

    @routes.get("/index", response_model=IndexEntry)
    def index(
        request: Request, response: Response, county: str, start: Start, end: End,
        as_of: Annotated[str | None, Query(max_length=40)] = None, version: Annotated[str | None, Query(max_length=64)] = None,
    ) -> Any:  # fmt: skip
        """Return a county's basket index in [start, end) with its basket, base and links; versions chained, or one by itself."""
        last, moment = _last(start, end), as_of_ms(as_of)
        if _same(request, response):
            return response
        return IndexEntry.model_validate(services.analysis.index(check_county(county), start, last, moment, version=version))

    def _closed(request: Request) -> set[str]:
        """Return the sources whose single quotes this reader may not have."""
        terms = {} if sees_everything(request) else prices.open_data.terms(demo=services.demo)
        return {s for s, t in terms.items() if not t.open}

    def _same(request: Request, response: Response, more: str = "") -> bool:
        """Put the tag on an answer; True where the reader has it already."""
        asked = f"{request.url.path}?{request.url.query}|{more}|{sees_everything(request)}"
        tag = answer_tag(prices.open_data.stamp(), asked)
        response.headers.update({"etag": tag, "cache-control": "no-cache", "vary": "Authorization, Cookie"})
        response.status_code = 304 if is_known(request, tag) else response.status_code
        return response.status_code == 304

    return routes


def _last(start: date, end: date) -> date:
    if not start < end:
        raise BadInput("this range of days is empty", expected="start before end; the end is left out", got=f"{start}..{end}")
    if (end - start).days > LONGEST_DAYS:
        raise BadInput("this range of days is too long", expected=f"at most {LONGEST_DAYS} days", got=f"{(end - start).days} days")
    return end - timedelta(days=1)
