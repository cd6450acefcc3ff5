"""Forecasts over HTTP: the newest of a product in a market as it was made, and how good those given before were. Public like the board."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from foundation.clock import market_day
from pricing.forecast.nouns import NotEnoughHistory

if TYPE_CHECKING:
    from dashboards.services import Services


class _FromRow(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ForecastWeek(BaseModel):
    """One week ahead. Prices are thousandths of the currency per kilogram."""

    horizon_weeks: int
    week: date = Field(description="The week's Monday")
    p10: int
    p50: int
    p90: int
    method: str = Field(description="`combination`, or `naive` (last week's price) where the combination did no better")
    mase: float = Field(description="Of the combination, by rolling origin in this series")
    mase_naive: float
    coverage80: float = Field(description="Share of past weeks that fell between P10 and P90")
    origins: int


class ForecastAnswer(BaseModel):
    """A forecast as it was made, or why there is none: `weeks_needed` is set and `weeks` empty."""

    product: str
    market: str
    currency: str | None = None
    source: str | None = None
    made_ms: int | None = None
    last_week: date | None = Field(default=None, description="The last complete week it was made from, its Monday")
    last_price: int | None = None
    age_days: int | None = Field(default=None, description="Days since it was made")
    weeks_used: int
    weeks_needed: int | None = None
    weeks: list[ForecastWeek]


class PastWeek(_FromRow):
    """One week that was forecast and has come."""

    made_on: date
    horizon_weeks: int
    week: date
    p10: int
    p50: int
    p90: int
    naive: int
    came: int
    method: str
    inside: bool


class TrackAnswer(BaseModel):
    """Every forecast that has come due, and by horizon how many fell inside and the error over naive's."""

    items: list[PastWeek]
    inside: dict[int, float]
    error_against_naive: dict[int, float]
    next: None = None


def router(services: Services) -> APIRouter:
    """Return the routes of forecasts."""
    routes = APIRouter(prefix="/api/v1/prices/forecast", tags=["prices"])

    @routes.get("")
    def newest(product: str = Query(max_length=64), market: str = Query(max_length=64)) -> ForecastAnswer:
        """Return the newest forecast of a product in a market, with its skill against naive; too little history is an answer too."""
        found = services.forecasts.latest(product, market)
        if isinstance(found, NotEnoughHistory):
            return ForecastAnswer(product=product, market=market, weeks_used=found.weeks_have, weeks_needed=found.weeks_needed, weeks=[])
        weeks = [
            ForecastWeek(
                horizon_weeks=p.horizon_weeks, week=p.week, p10=p.p10, p50=p.p50, p90=p.p90, method=p.method, mase=s.mase,
                mase_naive=s.mase_naive, coverage80=s.coverage80, origins=s.origins,
            )
            for p, s in zip(found.points, found.skill, strict=True)
        ]  # fmt: skip
        return ForecastAnswer(
            product=product, market=market, currency=found.currency, source=found.source, made_ms=found.made_ms, last_week=found.last_week,
            last_price=found.last_price, age_days=(market_day(services.clock.now()) - found.made_on).days, weeks_used=found.weeks_used,
            weeks=weeks,
        )  # fmt: skip

    @routes.get("/track")
    def track(product: str = Query(max_length=64), market: str = Query(max_length=64)) -> TrackAnswer:
        """Return what was forecast and what came."""
        record = services.forecasts.track_record(product, market)
        horizons = sorted({p.horizon_weeks for p in record.points})
        inside = {h: share for h in horizons if (share := record.inside_share(h)) is not None}
        errors = {h: ratio for h in horizons if (ratio := record.error_against_naive(h)) is not None}
        return TrackAnswer(items=[PastWeek.model_validate(p) for p in record.points], inside=inside, error_against_naive=errors)

    return routes
