"""Forecasts as they are made, kept and held against what came."""

from __future__ import annotations

import random
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.api.forecasts import router
from foundation.clock import FixedClock
from pricing.forecast import outlook
from pricing.forecast.nouns import COMBINED, HORIZONS, NAIVE, WEEKS_NEEDED, Forecast, NotEnoughHistory
from pricing.forecast.service import Forecasts
from pricing.service import Prices
from tests.pricing.forecast.kit import FIRST, after, quote


def wander(weeks: int, seed: int = 1) -> list[int]:
    """Return a price that goes its way."""
    dice, price, found = random.Random(seed), 3000.0, []
    for _ in range(weeks):
        price *= 1 + dice.gauss(0, 0.06)
        found.append(round(price))
    return found


@pytest.fixture
def forecasts(lite_prices: Prices, clock: FixedClock) -> Forecasts:
    """Return forecasts on an empty database, the clock on the Monday after 80 weeks."""
    clock.instant = after(80)
    return Forecasts(lite_prices.engine, clock, lite_prices)


def test_a_forecast_is_made_once_and_told_as_it_was_made(prices: Prices, clock: FixedClock) -> None:
    """The newest forecast speaks of the twelve weeks after the last complete one, and nothing is made anew where nothing changed."""
    clock.instant = after(80)
    forecasts = Forecasts(prices.engine, clock, prices)
    mids = wander(80)
    quote(prices, "tomato", "xinfadi", mids)
    assert (forecasts.make_all(30), forecasts.make_all(30)) == (1, 0)
    found = forecasts.latest("tomato", "xinfadi")
    assert isinstance(found, Forecast)
    assert (found.last_week, found.last_price, found.weeks_used) == (FIRST + timedelta(weeks=79), mids[-1], 80)
    assert tuple(p.horizon_weeks for p in found.points) == HORIZONS
    assert found.currency == "CNY"
    assert all(s.origins >= 20 for s in found.skill)
    # Where naive wins, naive is what is shown, to the price.
    for point, skill in zip(found.points, found.skill, strict=True):
        assert point.method == (COMBINED if skill.mase < skill.mase_naive else NAIVE)
        assert point.method == COMBINED or point.p50 == mids[-1]
    day = found.last_week + timedelta(weeks=4, days=3)
    at = forecasts.quantiles_at("tomato", "xinfadi", day)
    fourth = found.at(4)
    assert at is not None and fourth is not None and (at.p10, at.p50, at.p90) == (fourth.p10, fourth.p50, fourth.p90)
    assert forecasts.quantiles_at("tomato", "xinfadi", found.last_week + timedelta(weeks=13)) is None


def test_too_little_history_is_said_with_numbers(forecasts: Forecasts, lite_prices: Prices) -> None:
    """Ten weeks make no forecast: there are ten, and so many it takes; of what nobody quoted there are none."""
    quote(lite_prices, "garlic", "xinfadi", wander(10), first=FIRST + timedelta(weeks=70))
    assert forecasts.make_all(30) == 0
    assert forecasts.latest("garlic", "xinfadi") == NotEnoughHistory(10, WEEKS_NEEDED)
    assert forecasts.latest("lotus-root", "xinfadi") == NotEnoughHistory(0, WEEKS_NEEDED)


def test_a_forecast_is_held_against_what_came(forecasts: Forecasts, lite_prices: Prices, clock: FixedClock) -> None:
    """Weeks later the record tells what was said, what naive would have said and what came; a silent week is left out."""
    mids: list[int | None] = [*wander(84)]
    mids[81] = None
    quote(lite_prices, "tomato", "xinfadi", mids[:80])
    forecasts.make_all(30)
    first = forecasts.latest("tomato", "xinfadi")
    quote(lite_prices, "tomato", "xinfadi", mids[80:], first=FIRST + timedelta(weeks=80))
    clock.instant = after(84)
    assert forecasts.make_all(30) == 1
    record = forecasts.track_record("tomato", "xinfadi")
    assert [(p.horizon_weeks, p.came) for p in record.points] == [(1, mids[80]), (3, mids[82]), (4, mids[83])]
    assert isinstance(first, Forecast)
    assert all(p.naive == mids[79] and p.p50 == getattr(first.at(p.horizon_weeks), "p50", None) for p in record.points)
    share = record.inside_share(1)
    assert share in (0.0, 1.0) and record.inside_share(2) is None


def test_a_price_nobody_quotes_is_not_forecast_anew(forecasts: Forecasts, lite_prices: Prices, clock: FixedClock) -> None:
    """Five silent weeks: what was said stands with its age, nothing new is said; told to stop, nothing is begun or half kept."""
    quote(lite_prices, "tomato", "xinfadi", wander(80))
    asked = iter([False, False, True])
    assert forecasts.make_all(30, stopped=lambda: True) == forecasts.make_market("xinfadi", stopped=lambda: next(asked)) == 0
    assert forecasts.make_all(30) == 1
    said = forecasts.latest("tomato", "xinfadi")
    quote(lite_prices, "tomato", "xinfadi", [9000], first=FIRST - timedelta(weeks=1))
    clock.instant = after(85)
    assert forecasts.make_all(30) == 0
    assert forecasts.latest("tomato", "xinfadi") == said


def test_what_has_too_few_outcomes_is_looked_at_once(forecasts: Forecasts, lite_prices: Prices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A history with its weeks and no horizon worth printing makes no forecast, and is not gone through again until it changes."""
    tries: list[int] = []
    monkeypatch.setattr(outlook, "FEWEST_ORIGINS", 1000)
    monkeypatch.setattr(outlook, "replay", lambda ready, h, real=outlook.replay: tries.append(h) or real(ready, h))
    quote(lite_prices, "tomato", "xinfadi", wander(80))
    assert (forecasts.make_all(30), forecasts.make_all(30)) == (0, 0)
    assert len(tries) == 12
    assert forecasts.latest("tomato", "xinfadi") == NotEnoughHistory(80, WEEKS_NEEDED)


def test_two_sources_of_a_market_are_never_one_history(forecasts: Forecasts, lite_prices: Prices) -> None:
    """The source that speaks now is followed; what another said before is not joined to it."""
    quote(lite_prices, "tomato", "xinfadi", wander(70))
    quote(lite_prices, "tomato", "xinfadi", wander(10, seed=2), first=FIRST + timedelta(weeks=70), source="ncpscxx")
    assert forecasts.make_all(30) == 0
    assert forecasts.latest("tomato", "xinfadi") == NotEnoughHistory(10, WEEKS_NEEDED)


def test_the_api_tells_a_forecast_with_what_it_is_worth(forecasts: Forecasts, lite_prices: Prices, clock: FixedClock) -> None:
    """Quantiles, both MASE and age; too little history is an answer; what came due stands beside what was said."""
    app = FastAPI()
    app.include_router(router(SimpleNamespace(forecasts=forecasts, clock=clock)))  # type: ignore[arg-type]
    quote(lite_prices, "tomato", "xinfadi", wander(82)[:80])
    forecasts.make_all(30)
    with TestClient(app) as client:
        asked = {"product": "tomato", "market": "xinfadi"}
        told = client.get("/api/v1/prices/forecast", params=asked).json()
        assert (told["weeks_used"], told["weeks_needed"], told["age_days"], len(told["weeks"])) == (80, None, 0, 12)
        assert set(told["weeks"][0]) >= {"p10", "p50", "p90", "method", "mase", "mase_naive", "coverage80", "origins"}
        none = client.get("/api/v1/prices/forecast", params={**asked, "product": "garlic"}).json()
        assert (none["weeks_used"], none["weeks_needed"], none["weeks"]) == (0, WEEKS_NEEDED, [])
        quote(lite_prices, "tomato", "xinfadi", wander(82)[80:], first=FIRST + timedelta(weeks=80))
        clock.instant = after(82)
        track = client.get("/api/v1/prices/forecast/track", params=asked).json()
        assert [(p["horizon_weeks"], p["came"]) for p in track["items"]] == [(1, wander(82)[80]), (2, wander(82)[81])]
        assert set(track["inside"]) == {"1", "2"}
