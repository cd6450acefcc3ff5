"""What is known for a condition: facts from prices, the analysis and the forecasts, each with its source, age and uncertainty."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from foundation.clock import from_ms, market_day
from pricing.alerts.conditions import CHANGE, LEVEL, SILENT, Condition
from pricing.alerts.rules import Fact, NoFact

if TYPE_CHECKING:
    from pricing.board import Point
    from pricing.service import Prices

# An older quote raises no alarm and ends none: it says nothing of today. The netback ranking draws the same line.
OLDEST_DAYS = 3
# A quote up to so many days older than asked for still stands for "so many days ago".
SLACK_DAYS = 5
TROUBLED = frozenset({"stale", "quarantined", "failing"})


class Evidence:
    """Looks things up; a look changes nothing."""

    def __init__(self, prices: Prices, analysis: Any = None, forecasts: Any = None) -> None:
        self._prices = prices
        self._analysis = analysis
        self._forecasts = forecasts

    def look(self, condition: Condition, now_ms: int) -> Fact | NoFact:
        """Return what is known now, or why nothing is."""
        if condition.kind == LEVEL:
            return self._level(condition, market_day(from_ms(now_ms)))
        if condition.kind == CHANGE:
            return self._change(condition, market_day(from_ms(now_ms)))
        if condition.kind == SILENT:
            return self._silent(condition, now_ms)
        return NoFact("not-watched")

    def _points(self, c: Condition, today: date, days: int) -> list[Point]:
        return self._prices.series(c.product, c.market, today - timedelta(days=days), today)

    def _level(self, c: Condition, today: date) -> Fact | NoFact:
        points = self._points(c, today, OLDEST_DAYS)
        if not points:
            return NoFact("not-quoted")
        p = points[-1]
        return Fact(float(p.mid), p.valid_date.toordinal(), p.source, p.valid_date, p.observed_ms, float(p.low), float(p.high), p.quotes,
                    "day")  # fmt: skip

    def _change(self, c: Condition, today: date) -> Fact | NoFact:
        points = self._points(c, today, OLDEST_DAYS + c.days + SLACK_DAYS)
        if not points or (today - points[-1].valid_date).days > OLDEST_DAYS:
            return NoFact("not-quoted")
        now = points[-1]
        # A source that took over from another is not compared with it.
        then = [p for p in points if p.source == now.source and (now.valid_date - p.valid_date).days >= c.days]
        if not then or (now.valid_date - then[-1].valid_date).days > c.days + SLACK_DAYS:
            return NoFact("not-comparable")
        old = then[-1]
        between = [p for p in points if p.source == now.source and old.valid_date <= p.valid_date]
        steps = [abs(100 * (b.mid / a.mid - 1)) for a, b in pairwise(between)]
        usual = median(steps) if steps else 0.0
        more: dict[str, str | float | int | None] = {
            "now": now.mid, "then": old.mid, "then_day": old.valid_date.isoformat(), "usual_step": round(usual, 4),
        }  # fmt: skip
        return Fact(100 * (now.mid / old.mid - 1), now.valid_date.toordinal(), now.source, now.valid_date, now.observed_ms,
                    100 * (now.low / old.high - 1), 100 * (now.high / old.low - 1), len(between), "change", more=more)  # fmt: skip

    def _silent(self, c: Condition, now_ms: int) -> Fact | NoFact:
        found = next((s for s in self._prices.sources() if s.id == c.source), None)
        if found is None or found.state == "never" or found.last_success_ms is None:
            return NoFact("never-asked")
        minutes = (now_ms - found.last_success_ms) / 60_000
        return Fact(minutes, now_ms, found.id, None, found.last_success_ms, n=found.rows_last, method="silent",
                    holds=found.state in TROUBLED, more={"state": found.state})  # fmt: skip
