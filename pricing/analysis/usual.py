"""What is unusual today: five questions to a product's days, each with its own measure of how far is far.

- level: the county's own warning level is reached.
- ipa, alps: FAO's or WFP's indicator calls the month abnormal.
- band: the price lies outside the fences of its season (Tukey's rule, in logs): 1.5 times the middle half's width beyond it, 3 times
  where fewer than five earlier years make the band. The band itself holds only half of all days: lying outside it is nothing special.
- move: the week moved by more than two usual weekly deviations.
- spread: the own market lies three robust deviations from its usual distance to another.

The score is how many times the limit was reached, so that the questions can be ranked against each other; a level scores by its number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median

from pricing.analysis import alps, ipa
from pricing.analysis.comparison import WEEK, previous_period
from pricing.analysis.facts import Fact, Unusual
from pricing.analysis.levels import Rule
from pricing.analysis.months import monthly_prices
from pricing.analysis.spread import log_spread
from pricing.analysis.telling import Prices, alps_now, in_real_terms, level_now
from pricing.analysis.volatility import WEEKS_A_YEAR, volatility
from pricing.band import SeasonalBand
from pricing.board import Point
from pricing.weekly import monday_of, weekly_prices

# Tukey's inner and outer fence; of few years the band is too narrow, and the outer one is meant.
FENCE, FAR_FENCE, FEW_YEARS = 1.5, 3.0, 5
DEVIATIONS = 2.0
ROBUST_DEVIATIONS = 3.0
# The median absolute deviation of a normal law is 0.6745 of its deviation.
MAD_TO_SD = 1.4826
# An older price says nothing about today.
OLD_DAYS = 3
# Narrower than this, prices that hardly ever move would make every change unusual.
LEAST_BAND, LEAST_SD = 0.05, 0.02
FEWEST_WEEKS = 26
FEWEST_YEARS = 2
# What the county sells itself is looked at first.
OWN_MARKET = 1.25


@dataclass(frozen=True, slots=True)
class Past:
    """What the weeks before this one say of a product in a market; it changes once a week, or when the past is corrected."""

    monday: date
    weekly: tuple[tuple[date, float], ...]
    monthly: tuple[tuple[date, float], ...]
    volatility: Fact
    low: int | None
    high: int | None
    years: int
    band: Fact


def past_of(points: Sequence[Point], day: date) -> Past:
    """Return what is known of the weeks before that of `day`."""
    monday = monday_of(day)
    prices = [(p.valid_date, float(p.mid)) for p in points if p.valid_date < monday]
    weekly = weekly_prices(prices)
    band = SeasonalBand((d, round(p)) for d, p in prices)
    usual = band.on(day)
    if usual is None or usual.years < FEWEST_YEARS:
        fact = Fact("seasonal-band", None, usual.quotes if usual else 0, reason="not-enough-history")
    else:
        fact = Fact("seasonal-band", float(usual.mid), usual.quotes, prices[0][0], prices[-1][0])
    low, high = (usual.low, usual.high) if usual and fact.value is not None else (None, None)
    return Past(monday, tuple(weekly), tuple(monthly_prices(prices)), volatility(weekly), low, high, usual.years if usual else 0, fact)


def unusual_of(
    product: str, market: str, day: date, points: Sequence[Point], past: Past, *, rule: Rule | None = None,
    cpi: Mapping[date, float] | None = None,
) -> Iterator[Unusual]:  # fmt: skip
    """Yield what is unusual about one product in one market on `day`."""
    now = points[-1]
    age = (day - now.valid_date).days
    if age > OLD_DAYS:
        return
    told = _Teller(product, market, now, age)
    recent = [(p.valid_date, float(p.mid)) for p in points[-80:]]
    monthly = _with_running_month(past.monthly, recent)
    yield from _level(told, rule, past.weekly, recent, day)
    yield from _ipa(told, monthly, cpi)
    yield from _alps(told, monthly, day)
    yield from _band(told, past)
    yield from _move(told, recent, past.volatility)


def unusual_spread(
    product: str, own: str, other: str, day: date, points: Mapping[str, Sequence[Point]], past: Mapping[str, Past]
) -> Iterator[Unusual]:
    """Yield the spread of the own market to another where it is far from its usual one."""
    a, b = points[own][-1], points[other][-1]
    age = (day - min(a.valid_date, b.valid_date)).days
    since = past[own].monday - timedelta(weeks=WEEKS_A_YEAR)
    weekly = log_spread(*([w for w in past[m].weekly[-WEEKS_A_YEAR:] if w[0] >= since] for m in (own, other)))
    if age > OLD_DAYS or len(weekly) < FEWEST_WEEKS:
        return
    usual = median(s for _, s in weekly)
    sd = max(LEAST_SD, MAD_TO_SD * median(abs(s - usual) for _, s in weekly))
    off = math.log(a.mid / b.mid) - usual
    score = abs(off) / (ROBUST_DEVIATIONS * sd)
    if score >= 1:
        fact = Fact("spread", _percent(off), len(weekly), weekly[0][0], weekly[-1][0])
        reach = ROBUST_DEVIATIONS * sd
        yield _Teller(product, own, a, (day - a.valid_date).days).tell(
            "spread", off > 0, score, _percent(off), _percent(-reach), _percent(reach), fact, other=other
        )


def ranked(found: Sequence[Unusual], own: set[str]) -> list[Unusual]:
    """Return one entry for each product and direction, the gravest first; other markets unusual in that direction stand in `also`.

    What the county sells itself counts a quarter more, and speaks for the others; of one market the highest score speaks.
    """
    groups: dict[tuple[str, bool], list[Unusual]] = defaultdict(list)
    for u in found:
        groups[(u.product, u.up)].append(u)
    told = []
    for of in groups.values():
        of.sort(key=lambda u: (u.market not in own, -u.score, u.market, u.other_market))
        others = dict.fromkeys(u.market for u in of[1:] if u.market != of[0].market)
        told.append(replace(of[0], also=tuple(others)))
    return sorted(told, key=lambda u: (-u.score * (OWN_MARKET if u.market in own else 1.0), u.product, u.kind, u.market))


@dataclass(frozen=True, slots=True)
class _Teller:
    product: str
    market: str
    now: Point
    age: int

    def tell(
        self, kind: str, up: bool, score: float, value: float, low: float | None, high: float | None, fact: Fact, state: str = "",
        other: str = "",
    ) -> Unusual:  # fmt: skip
        n = self.now
        return Unusual(
            kind, self.product, self.market, up, score, value, low, high, fact, n.mid, n.valid_date, self.age, n.source, state, other
        )


def _level(told: _Teller, rule: Rule | None, weekly: Prices, recent: Prices, day: date) -> Iterator[Unusual]:
    if rule is None:
        return
    # On a Sunday the running week is over too.
    running = [w for w in weekly_prices(recent) if w[0] >= monday_of(day)]
    found = level_now(rule, [*weekly, *running], day)
    if found.level and found.ratio.value is not None:
        mildest = max(s.level for s in rule.steps)
        bound = next(s.bound for s in rule.steps if s.level == found.level)
        low, high = (bound, None) if rule.side == "low" else (None, bound)
        score = 1.0 + (mildest - found.level)
        yield told.tell("level", rule.side == "high", score, found.ratio.value, low, high, found.ratio, str(found.level))


def _ipa(told: _Teller, monthly: Prices, cpi: Mapping[date, float] | None) -> Iterator[Unusual]:
    newest = ipa.newest(in_real_terms(monthly, cpi)[0])
    value = newest.ipa(ipa.GAMMA_SDG) if newest else None
    if newest is not None and value is not None and abs(value) >= ipa.ALERT:
        years = sum(m.month == newest.month.month for m, _ in monthly)
        fact = Fact("ipa", value, years, monthly[0][0], newest.month)
        yield told.tell("ipa", value > 0, abs(value) / ipa.ALERT, value, -ipa.ALERT, ipa.ALERT, fact, ipa.state_of(value))


def _alps(told: _Teller, monthly: Prices, day: date) -> Iterator[Unusual]:
    found = alps_now(monthly, day)
    if found.value.value is not None and found.value.value >= alps.ALERT:
        yield told.tell("alps", True, found.value.value / alps.ALERT, found.value.value, None, alps.ALERT, found.value, found.state)


def _band(told: _Teller, past: Past) -> Iterator[Unusual]:
    if past.low is None or past.high is None or past.band.value is None:
        return
    width = max(LEAST_BAND, math.log(past.high / past.low))
    above, below = math.log(told.now.mid / past.high), math.log(past.low / told.now.mid)
    reach = width * (FENCE if past.years >= FEW_YEARS else FAR_FENCE)
    score = max(above, below) / reach
    if score >= 1:
        over = 100.0 * (told.now.mid / past.band.value - 1)
        low = 100.0 * (past.low * math.exp(-reach) / past.band.value - 1)
        high = 100.0 * (past.high * math.exp(reach) / past.band.value - 1)
        yield told.tell("band", above > 0, score, over, low, high, past.band)


def _move(told: _Teller, recent: Prices, usual: Fact) -> Iterator[Unusual]:
    week = previous_period(recent, WEEK, "week").change_pct
    if week.value is None or usual.value is None:
        return
    limit = DEVIATIONS * max(LEAST_SD, usual.value / math.sqrt(WEEKS_A_YEAR))
    score = abs(math.log1p(week.value / 100)) / limit
    if score >= 1:
        fact = Fact("volatility", week.value, usual.n, usual.start, usual.end)
        yield told.tell("move", week.value > 0, score, week.value, _percent(-limit), _percent(limit), fact)


def _with_running_month(monthly: Prices, recent: Prices) -> list[tuple[date, float]]:
    """Return the months with the newest two made anew from the last days, which the past does not hold."""
    if not recent:
        return list(monthly)
    first = recent[-1][0].replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    made = monthly_prices([p for p in recent if p[0] >= before])
    return [m for m in monthly if m[0] < before] + made


def _percent(log: float) -> float:
    return 100.0 * math.expm1(log)
