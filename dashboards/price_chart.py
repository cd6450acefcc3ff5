"""One product's chart: markets, the usual of the season, what is likely to come; drawn here, and told as numbers for wide screens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from dashboards.board_view import prices_of
from dashboards.charts import Band, Fan, Line, LineChart
from dashboards.i18n import CHINESE, Translate
from dashboards.joining import listed
from dashboards.price_words import milli_per_unit, price_unit
from pricing.forecast.nouns import Forecast

if TYPE_CHECKING:
    from dashboards.services import Services

RANGES = {"3y": 1096, "1y": 366, "90d": 90}
# Enough to tell the change over a month where a market pauses for some days.
LATELY_DAYS = 45
GAP_DAYS = 10


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a chart of one product shows, in thousandths per kilogram: points per market, the lead market's band and forecast."""

    markets: tuple[str, ...]
    start: date
    today: date
    past: Mapping[str, Sequence[tuple[date, float]]]
    band: Band | None
    band_years: int
    forecast: Forecast | None


def drawn(services: Services, product: str, markets: Sequence[str], range_key: str, today: date) -> Drawn:
    """Return what the chart of a product in some markets shows; the first of them is the lead."""
    start = today - timedelta(days=RANGES[range_key])
    past = {m: prices_of(services, product, m, min(start, today - timedelta(days=LATELY_DAYS)), today) for m in markets}
    band, years = _band(services, product, markets[0], start, today)
    told = services.forecasts.latest(product, markets[0])
    forecast = told if isinstance(told, Forecast) and told.points[-1].week > today else None
    return Drawn(tuple(markets), start, today, past, band, years, forecast)


def fan_of(d: Drawn, label: str = "likely") -> Fan | None:
    """Return the forecast as a fan that opens at the last week it knows; none where there is no forecast."""
    if d.forecast is None:
        return None
    last = float(d.forecast.last_price)
    # A week stands at its middle, as its median does.
    middle = timedelta(days=3)
    opening = (d.forecast.last_week + middle, last, last, last)
    return Fan(label, [opening, *((p.week + middle, float(p.p10), float(p.p50), float(p.p90)) for p in d.forecast.points)])


def chart_of(d: Drawn, title: str, label: Mapping[str, str], lang: str, t: Translate, *, name: str = "price") -> LineChart:
    """Return the chart in the reader's unit, so that its axis is round in it."""
    per = milli_per_unit(lang)
    fan = fan_of(d)
    end = max(d.today, fan.points[-1][0]) if fan else d.today
    return LineChart(
        name, title,
        t("%(a)s 至 %(b)s，%(markets)s；下面有数字表。", a=d.start, b=d.today, markets=listed((label[m] for m in d.markets), lang)),
        d.start, end, [Line(label[m], [(day, v / per) for day, v in d.past[m]]) for m in d.markets],
        Band(d.band.label, _scaled(d.band.points, per)) if d.band else None, Fan(fan.label, _scaled(fan.points, per)) if fan else None,
        GAP_DAYS, lambda v: f"{v:.2f}", lambda day: t("%(m)s月", m=day.month) if lang == CHINESE else f"{day:%b}",
    )  # fmt: skip


def chart_numbers(d: Drawn, label: Mapping[str, str], lang: str, t: Translate) -> dict[str, Any]:
    """Return the same chart as numbers in the reader's unit, for a chart that answers the pointer."""
    per = milli_per_unit(lang)
    fan = fan_of(d)
    return {
        "unit": price_unit(lang), "start": d.start.isoformat(), "end": d.today.isoformat(), "gap_days": GAP_DAYS,
        "lines": [
            {"label": label[m], "points": [[day.isoformat(), round(v / per, 4)] for day, v in d.past[m] if day >= d.start]}
            for m in d.markets
        ],
        "band": _rounded(d.band.points, per) if d.band else [], "fan": _rounded(fan.points, per) if fan else [],
        "words": {"usual": t("往年同期中间一半"), "likely": t("十次里八次会落在")},
    }  # fmt: skip


def usual_now(d: Drawn) -> float | None:
    """Return the usual price of the time of year in which the lead market's last quote was made."""
    points = d.past[d.markets[0]]
    if d.band is None or not points:
        return None
    return min(d.band.points, key=lambda p: abs((p[0] - points[-1][0]).days))[2]


def _band(services: Services, product: str, market: str, start: date, end: date) -> tuple[Band | None, int]:
    """Return the usual range for the days shown, one point every few days and one at the end, and over how many years it was seen."""
    found = services.prices.seasonal_band(product, market)
    if found is None:
        return None, 0
    step = max(2, (end - start).days // 120)
    days = [*(start + timedelta(days=k) for k in range(0, (end - start).days, step)), end]
    points = [(d, float(b.low), float(b.mid), float(b.high)) for d in days if (b := found.on(d)) is not None]
    return (Band("usual", points), found.years) if len(points) > 1 else (None, 0)


def _scaled(points: Sequence[tuple[date, float, float, float]], per: int) -> list[tuple[date, float, float, float]]:
    return [(day, low / per, mid / per, high / per) for day, low, mid, high in points]


def _rounded(points: Sequence[tuple[date, float, float, float]], per: int) -> list[list[Any]]:
    return [[day.isoformat(), round(low / per, 4), round(mid / per, 4), round(high / per, 4)] for day, low, mid, high in points]
