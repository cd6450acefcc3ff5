"""What is known for a condition: facts from prices, the analysis and the forecasts, each with its source, age and uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from foundation.clock import from_ms, market_day
from pricing.alerts.conditions import ALPS, CHANGE, FORECAST, IPA, LEVEL, SILENT, SPREAD, Condition
from pricing.alerts.rules import Fact, NoFact
from pricing.markets import currency_of

if TYPE_CHECKING:
    from pricing.analysis.service import Analysis
    from pricing.board import Point
    from pricing.forecast.service import Forecasts
    from pricing.service import Prices

# An older quote raises no alarm and ends none: it says nothing of today. The netback ranking draws the same line.
OLDEST_DAYS = 3
# A quote up to so many days older than asked for still stands for "so many days ago".
SLACK_DAYS = 5
# A forecast is made anew every week; after two it is no longer one of today.
OLDEST_FORECAST_DAYS = 14

KEPT_MS = 30 * 60_000

More = dict[str, str | float | int | None]


class Evidence:
    """Looks things up; a look changes nothing."""

    def __init__(self, prices: Prices, analysis: Analysis | None = None, forecasts: Forecasts | None = None) -> None:
        self._prices = prices
        self._analysis = analysis
        self._forecasts = forecasts
        self._kept: dict[Condition, tuple[object, int, Fact | NoFact]] = {}

    def look(self, condition: Condition, now_ms: int) -> Fact | NoFact:
        """Return what is known now, or why nothing is."""
        today = market_day(from_ms(now_ms))
        looks: dict[str, Callable[[], Fact | NoFact]] = {
            LEVEL: lambda: self._level(condition, today),
            CHANGE: lambda: self._change(condition, today),
            IPA: lambda: self._of_years(condition, today, now_ms, self._indicator),
            ALPS: lambda: self._of_years(condition, today, now_ms, self._indicator),
            SPREAD: lambda: self._of_years(condition, today, now_ms, self._spread),
            FORECAST: lambda: self._forecast(condition, today),
            SILENT: lambda: self._silent(condition, now_ms),
        }
        return looks[condition.kind]()

    def _of_years(self, c: Condition, today: date, now_ms: int, look: Callable[[Condition, date], Fact | NoFact]) -> Fact | NoFact:
        """Return what years of quotes say, kept while the newest quotes are the same: a look comes every few minutes, a quote once a day.

        A correction of an older day is seen within half an hour.
        """
        markets = [m for m in (c.market, c.other_market) if m]
        newest = [self._prices.series(c.product, m, today - timedelta(days=OLDEST_DAYS), today)[-1:] for m in markets]
        kept = self._kept.get(c)
        if kept is not None and kept[0] == (today, newest) and now_ms - kept[1] < KEPT_MS:
            return kept[2]
        found = look(c, today)
        self._kept[c] = ((today, newest), now_ms, found)
        return found

    def _points(self, c: Condition, today: date, days: int) -> list[Point]:
        return self._prices.series(c.product, c.market, today - timedelta(days=days), today)

    def _level(self, c: Condition, today: date) -> Fact | NoFact:
        points = self._points(c, today, OLDEST_DAYS)
        if not points:
            return NoFact("not-quoted")
        p = points[-1]
        return _fact_of(c, p, float(p.mid), float(p.low), float(p.high), p.quotes, "day")

    def _change(self, c: Condition, today: date) -> Fact | NoFact:
        points = self._points(c, today, OLDEST_DAYS + c.days + SLACK_DAYS)
        if not points or (today - points[-1].valid_date).days > OLDEST_DAYS:
            return NoFact("not-quoted")
        now = points[-1]
        # A source that took over from another is not compared with it.
        same = [p for p in points if p.source == now.source]
        then = [p for p in same if (now.valid_date - p.valid_date).days >= c.days]
        if not then or (now.valid_date - then[-1].valid_date).days > c.days + SLACK_DAYS:
            return NoFact("not-comparable")
        old = then[-1]
        between = [p for p in same if old.valid_date <= p.valid_date]
        usual = median(abs(100 * (b.mid / a.mid - 1)) for a, b in pairwise(between))
        more: More = {"now": now.mid, "then": old.mid, "then_day": old.valid_date.isoformat(), "usual_step": round(usual, 4)}
        low, high = 100 * (now.low / old.high - 1), 100 * (now.high / old.low - 1)
        return _fact_of(c, now, 100 * (now.mid / old.mid - 1), low, high, len(between), "change", more=more)

    def _indicator(self, c: Condition, today: date) -> Fact | NoFact:
        if self._analysis is None:
            return NoFact("not-watched")
        told = self._analysis.product(c.product, c.market, today)
        latest = told.latest
        if latest is None or latest.age_days > OLDEST_DAYS:
            return NoFact("not-quoted")
        found = told.ipa.fixed if c.kind == IPA else told.alps.value
        month = told.ipa.month if c.kind == IPA else told.alps.month
        if found.value is None or month is None:
            return NoFact(found.reason, found.n, found.need)
        more: More = {"month": f"{month:%Y-%m}"}
        if c.kind == IPA:
            more |= {"other_value": told.ipa.pca.value, "real": int(told.ipa.real), "alerts": told.ipa.alerts_fixed}
        else:
            more |= {"expected": told.alps.expected}
        return Fact(found.value, month.toordinal(), latest.source, latest.valid_date, latest.observed_ms, n=found.n, method=c.kind,
                    currency=_currency(c), more=more)  # fmt: skip

    def _spread(self, c: Condition, today: date) -> Fact | NoFact:
        if self._analysis is None:
            return NoFact("not-watched")
        # The limit of a spread's rule is what carrying a kilogram from the cheaper market to the dearer one costs.
        told = self._analysis.spread(c.product, c.market, c.other_market, round(c.limit), day=today)
        if told.spread.value is None or told.spread.end is None or told.band_log is None:
            return NoFact(told.spread.reason or "not-comparable", told.spread.n, told.spread.need)
        if (today - told.spread.end).days > OLDEST_DAYS:
            return NoFact("too-old")
        dearer, cheaper = (c.market, c.other_market) if told.spread.value >= 0 else (c.other_market, c.market)
        last = self._points(c, today, OLDEST_DAYS)[-1]
        more: More = {
            "dearer": dearer, "cheaper": cheaper, "usual": _per_cent(told.usual.value), "outside": told.outside.value,
            "half_life": told.half_life_weeks.value, "half_life_low": told.half_life_low, "half_life_high": told.half_life_high,
        }  # fmt: skip
        return Fact(100 * math.expm1(abs(told.spread.value)), told.spread.end.toordinal(), last.source, told.spread.end, last.observed_ms,
                    n=told.spread.n, method="spread", currency=_currency(c), limit=100 * math.expm1(told.band_log), more=more)  # fmt: skip

    def _forecast(self, c: Condition, today: date) -> Fact | NoFact:
        from pricing.forecast.nouns import NotEnoughHistory

        if self._forecasts is None:
            return NoFact("not-watched")
        found = self._forecasts.latest(c.product, c.market)
        if isinstance(found, NotEnoughHistory):
            return NoFact("not-enough-history", found.weeks_have, found.weeks_needed)
        point, skill = found.at(c.weeks), found.skill_at(c.weeks)
        if point is None or skill is None:
            return NoFact("not-enough-history", found.weeks_used)
        if (today - found.made_on).days > OLDEST_FORECAST_DAYS:
            return NoFact("too-old")
        more: More = {
            "week": point.week.isoformat(), "method": point.method, "p50": point.p50, "mase": round(skill.mase, 3),
            "mase_naive": round(skill.mase_naive, 3), "coverage": round(skill.coverage80, 3), "origins": skill.origins,
        }  # fmt: skip
        value = float({"p10": point.p10, "p50": point.p50, "p90": point.p90}[c.quantile])
        return Fact(value, found.last_week.toordinal(), found.source, found.made_on, found.made_ms, float(point.p10), float(point.p90),
                    found.weeks_used, "forecast", found.currency, more=more)  # fmt: skip

    def _silent(self, c: Condition, now_ms: int) -> Fact | NoFact:
        found = next((s for s in self._prices.sources() if s.id == c.source), None)
        # Days on which its markets are closed count for nothing: that is known where the source's calendar is.
        silent = next((s for s in self._prices.silent_sources(from_ms(now_ms)) if s.id == c.source), None)
        if found is None or (found.last_success_ms is None and silent is None):
            return NoFact("never-asked")
        since = found.last_success_ms if found.last_success_ms is not None else now_ms - (silent.silent_ms if silent else 0)
        more: More = {"state": found.state, "never": int(found.last_success_ms is None)}
        return Fact((now_ms - since) / 60_000, now_ms, c.source, None, since, n=found.rows_last, method="silent",
                    holds=silent is not None, more=more)  # fmt: skip


def _fact_of(c: Condition, p: Point, value: float, low: float, high: float, n: int, method: str, more: More | None = None) -> Fact:
    day = p.valid_date
    return Fact(value, day.toordinal(), p.source, day, p.observed_ms, low, high, n, method, _currency(c), more=more or {})


def _currency(c: Condition) -> str:
    return currency_of(c.market) or "CNY"


def _per_cent(log: float | None) -> float | None:
    return None if log is None else 100 * math.expm1(log)
