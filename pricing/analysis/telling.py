"""From a series of days to all facts of a product in a market: pure, of one source, and of no later day than the one told of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

from pricing.analysis import alps, ipa, season
from pricing.analysis.book import of_one_source
from pricing.analysis.comparison import MONTH, WEEK, previous_period, previous_ten_days, span_of, year_on_year
from pricing.analysis.facts import AlpsNow, Comparison, Fact, IpaNow, Latest, LevelNow, ProductFacts, SeasonNow, SpreadFacts
from pricing.analysis.levels import Rule, levels
from pricing.analysis.months import monthly_prices
from pricing.analysis.spread import FEWEST_STEPS, coming_back, log_spread, outside, steps_of
from pricing.analysis.volatility import unchanged_share, volatility
from pricing.band import SeasonalBand
from pricing.board import Point
from pricing.weekly import weekly_prices

Prices = Sequence[tuple[date, float]]
# The day before is looked for in two weeks: a longer pause is no change from one day to the next.
_DAYS_BACK = 14
# A spread is judged over a year of days, its return over all the weeks given.
SPREAD_DAYS = 365
FEWEST_COMMON_DAYS = 30


def facts_of(
    product: str, market: str, day: date, points: Sequence[Point], *, rule: Rule | None = None, cpi: Mapping[date, float] | None = None,
    as_of_ms: int | None = None,
) -> ProductFacts:  # fmt: skip
    """Return the facts of `day` from the points up to it."""
    known = of_one_source([p for p in points if p.valid_date <= day])
    prices = [(p.valid_date, float(p.mid)) for p in known]
    weekly = weekly_prices(prices)
    monthly = monthly_prices(prices)
    return ProductFacts(
        product=product, market=market, day=day, as_of_ms=as_of_ms, latest=latest_of(known, day), day_change=_day_change(known),
        week=previous_period(prices, WEEK, "week"), ten_days=previous_ten_days(prices), month=previous_period(prices, MONTH, "month"),
        year_solar=year_on_year(prices, lunar=False), year_lunar=year_on_year(prices, lunar=True), season=season_now(prices, monthly),
        volatility=volatility(weekly), unchanged=unchanged_share(prices), ipa=ipa_now(monthly, cpi), alps=alps_now(monthly, day),
        level=level_now(rule, weekly, day), weekly=tuple(weekly),
    )  # fmt: skip


def latest_of(points: Sequence[Point], day: date) -> Latest | None:
    """Return the newest point with its age on `day`."""
    if not points:
        return None
    p = points[-1]
    return Latest(p.low, p.mid, p.high, p.valid_date, (day - p.valid_date).days, p.source, p.observed_ms, p.quotes)


def _day_change(points: Sequence[Point]) -> Comparison:
    if not points:
        return Comparison("day", Fact("day-change", None, 0, reason="not-quoted"), None, None)
    now = points[-1]
    as_span = span_of([(now.valid_date, float(now.mid))], now.valid_date, now.valid_date)
    if len(points) < 2 or (now.valid_date - points[-2].valid_date).days > _DAYS_BACK:
        return Comparison("day", Fact("day-change", None, 1, reason="not-enough-history", need=2), as_span, None)
    then = points[-2]
    before = span_of([(then.valid_date, float(then.mid))], then.valid_date, then.valid_date)
    if now.quotes != then.quotes:
        # Another number of grades was quoted: the mean of the day moved, no price need have.
        return Comparison("day", Fact("day-change", None, 2, reason="not-comparable"), as_span, before)
    change = 100.0 * (now.mid / then.mid - 1)
    return Comparison("day", Fact("day-change", change, 2, then.valid_date, now.valid_date), as_span, before)


def season_now(prices: Prices, monthly: Prices) -> SeasonNow:
    """Return the seasonal index and the band of the newest price's season."""
    found = season.seasonal_index(monthly)
    if found is None:
        index = Fact("seasonal-index", None, len(monthly), reason="not-enough-history", need=season.FEWEST_MONTHS)
    else:
        index = Fact("seasonal-index", found.of(prices[-1][0]), found.ratios, found.first, found.last)
    band = SeasonalBand((day, round(price)) for day, price in prices)
    usual = band.on(prices[-1][0]) if prices else None
    months: tuple[float | None, ...] = found.months if found else (None,) * 12
    if usual is None:
        over = Fact("seasonal-band", None, 0, reason="not-enough-history" if prices else "not-quoted")
        return SeasonNow(index, months, None, None, None, 0, over)
    over = Fact("seasonal-band", 100.0 * (prices[-1][1] / usual.mid - 1), usual.quotes, prices[0][0], prices[-1][0])
    return SeasonNow(index, months, usual.low, usual.mid, usual.high, usual.years, over)


def in_real_terms(monthly: Prices, cpi: Mapping[date, float] | None) -> tuple[Prices, bool]:
    """Return the months divided by the price index where it reaches the newest of them, and whether they were."""
    if cpi and monthly and monthly[-1][0] in cpi:
        return ipa.real_prices(monthly, cpi), True
    return monthly, False


def ipa_now(monthly: Prices, cpi: Mapping[date, float] | None) -> IpaNow:
    """Return FAO's indicator of the newest month; real where the price index reaches that month, else nominal."""
    series, real = in_real_terms(monthly, cpi)
    anomalies = ipa.as_it_went(series)
    gamma = ipa.gamma_pca(anomalies)
    now = anomalies[-1] if anomalies else None
    fixed = now.ipa(ipa.GAMMA_SDG) if now else None
    pca = now.ipa(gamma) if now and gamma is not None else None
    with_sdg = ipa.counts(anomalies, ipa.GAMMA_SDG)
    with_pca = ipa.counts(anomalies, gamma) if gamma is not None else {}
    years = len({m for m, _ in series if m.month == now.month.month}) if now else 0

    def fact(value: float | None) -> Fact:
        if value is None or now is None:
            return Fact("ipa", None, years, reason="not-enough-history", need=ipa.FEWEST_YEARS + 1)
        return Fact("ipa", value, years, series[0][0], now.month)

    return IpaNow(
        now.month if now else None, fact(fixed), fact(pca), gamma, ipa.state_of(fixed), ipa.state_of(pca), with_sdg.get("alert", 0),
        with_sdg.get("watch", 0), with_pca.get("alert", 0), with_pca.get("watch", 0), real,
    )  # fmt: skip


def alps_now(monthly: Prices, day: date) -> AlpsNow:
    """Return WFP's indicator of the newest month, where the series may be judged at all."""
    if not alps.may_enter(monthly, day):
        return AlpsNow(None, Fact("alps", None, len(monthly), reason="not-enough-history", need=12 * alps.FEWEST_YEARS), "unknown", None, 0)
    found = alps.fit(monthly)
    if found is None:
        return AlpsNow(None, Fact("alps", None, len(monthly), reason="no-variation"), "unknown", None, 0)
    fact = Fact("alps", found.value, found.n, monthly[0][0], found.month)
    return AlpsNow(found.month, fact, alps.state_of(found.value), found.expected, found.parameters)


def level_now(rule: Rule | None, weekly: Prices, day: date) -> LevelNow:
    """Return the level after the last week that is over; a running week may still change and rings no bell."""
    if rule is None:
        return LevelNow(0, "", Fact("level", None, 0, reason="no-thresholds"), None, 0, "", None)
    over = whole_weeks(weekly, day)
    if not over:
        return LevelNow(0, rule.side, Fact("level", None, 0, reason="not-quoted"), None, 0, rule.reference, rule.reference_milli)
    now = levels(rule, over)[-1]
    weeks = (now.monday - now.since).days // 7 + 1 if now.since else 0
    fact = Fact("level", now.ratio, len(over), over[0][0], now.monday + timedelta(days=6))
    return LevelNow(now.level, rule.side, fact, now.since, weeks, rule.reference, rule.reference_milli)


def whole_weeks(weekly: Prices, day: date) -> list[tuple[date, float]]:
    """Return the weeks that are over on `day`; a Sunday ends its week."""
    return [(monday, price) for monday, price in weekly if monday + timedelta(days=6) <= day]


def spread_facts(
    product: str, a: str, b: str, day: date, pa: Sequence[tuple[date, float]], pb: Sequence[tuple[date, float]], cost: int | None
) -> SpreadFacts:
    """Return the spread of two markets from their days up to `day`."""
    recent_a, recent_b = ([p for p in points if (day - p[0]).days < SPREAD_DAYS] for points in (pa, pb))
    spreads = log_spread(recent_a, recent_b)
    n = len(spreads)
    if n < FEWEST_COMMON_DAYS:
        now = usual = Fact("spread", None, n, reason="not-enough-history", need=FEWEST_COMMON_DAYS)
    else:
        now = Fact("spread", spreads[-1][1], n, spreads[-1][0], spreads[-1][0])
        usual = Fact("spread", median(s for _, s in spreads), n, spreads[0][0], spreads[-1][0])
    share = Fact("spread", None, n, reason="not-enough-history" if n < FEWEST_COMMON_DAYS else "no-thresholds")
    beyond = outside(recent_a, recent_b, cost) if cost is not None else []
    band = None
    if cost is not None and n >= FEWEST_COMMON_DAYS:
        share = Fact("spread", sum(out for _, out in beyond) / n, n, spreads[0][0], spreads[-1][0])
        cheaper = {m: dict(points) for m, points in ((a, recent_a), (b, recent_b))}
        band = math.log1p(cost / median(min(cheaper[a][d], cheaper[b][d]) for d, _ in spreads))
    weekly = log_spread(weekly_prices(pa), weekly_prices(pb))
    back = coming_back(weekly)
    if back is None:
        steps = len(steps_of(weekly))
        reason = "not-enough-history" if steps < FEWEST_STEPS else "no-variation"
        rho = half = Fact("half-life", None, steps, reason=reason, need=FEWEST_STEPS)
    else:
        rho = Fact("half-life", back.rho, back.n, weekly[0][0], weekly[-1][0])
        half = Fact("half-life", back.half_life, back.n, weekly[0][0], weekly[-1][0], "" if back.half_life is not None else "no-return")
    return SpreadFacts(
        product, a, b, day, now, usual, cost, band, share, beyond[-1][1] if beyond else None, half,
        back.half_life_low if back else None, back.half_life_high if back else None, rho,
    )  # fmt: skip
