"""环比 and 同比: a span of days against an earlier span, both shown with how many of their days were quoted.

The price of a span is the median of its days' middle prices, as of a week (`pricing/weekly.py`). 环比 compares neighbouring spans; 同比
the same days of last year, once by the solar calendar and once by the distance from Spring Festival, because the greens of New Year's
week must be compared with those of last New Year's week, which may lie 20 days earlier or later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date, timedelta
from statistics import median

from foundation.errors import BadInput
from pricing.analysis.facts import Comparison, Fact, Span
from pricing.spring_festival import same_distance_last_year

WEEK, MONTH = 7, 30
# Fewer quoted days than this share of a span do not speak for it: two days of a week, eight of a month.
LEAST_COVERAGE = 0.25

Points = Sequence[tuple[date, float]]


def span_of(points: Points, start: date, end: date) -> Span:
    """Return a span with the median of the prices in it; `points` are in order of time."""
    first = bisect_left(points, start, key=lambda p: p[0])
    last = bisect_right(points, end, key=lambda p: p[0])
    prices = [price for _, price in points[first:last]]
    return Span(start, end, len(prices), float(median(prices)) if prices else None)


def compare(kind: str, method: str, now: Span, then: Span) -> Comparison:
    """Return the change from `then` to `now` in per cent, or the reason why the two cannot be compared."""
    n = now.quoted + then.quoted
    if now.price is None or then.price is None:
        return Comparison(kind, Fact(method, None, n, reason="not-enough-history" if then.price is None else "not-quoted"), now, then)
    if min(now.coverage, then.coverage) < LEAST_COVERAGE:
        return Comparison(kind, Fact(method, None, n, reason="low-coverage"), now, then)
    return Comparison(kind, Fact(method, 100.0 * (now.price / then.price - 1), n, then.start, now.end), now, then)


def previous_period(points: Points, days: int, kind: str) -> Comparison:
    """Return 环比 of the last `days` days up to the newest quote against as many before them."""
    if not points:
        return _nothing(kind, "period")
    end = points[-1][0]
    now = span_of(points, end - timedelta(days=days - 1), end)
    return compare(kind, "period", now, span_of(points, now.start - timedelta(days=days), now.start - timedelta(days=1)))


def previous_ten_days(points: Points) -> Comparison:
    """Return 旬环比: the last whole third of a month up to the newest quote against the third before it."""
    if not points:
        return _nothing("ten-days", "period")
    start, end = last_whole_third(points[-1][0])
    before = last_whole_third(start - timedelta(days=1))
    return compare("ten-days", "period", span_of(points, start, end), span_of(points, *before))


def last_whole_third(day: date) -> tuple[date, date]:
    """Return the first and last day of the newest 旬 (1–10, 11–20, 21 to the month's end) that is over on `day`."""
    if day.day >= 20 and (day + timedelta(days=1)).month == day.month:
        return date(day.year, day.month, 11), date(day.year, day.month, 20)
    if 10 <= day.day < 20:
        return date(day.year, day.month, 1), date(day.year, day.month, 10)
    if day.day < 10:
        end = day.replace(day=1) - timedelta(days=1)
        return end.replace(day=21), end
    return day.replace(day=21), day


def year_on_year(points: Points, *, lunar: bool) -> Comparison:
    """Return 同比 of the last 7 days up to the newest quote: by the solar calendar, or by the distance from Spring Festival."""
    kind = "year-lunar" if lunar else "year-solar"
    if not points:
        return _nothing(kind, kind)
    end = points[-1][0]
    try:
        then_end = same_distance_last_year(end) if lunar else _year_before(end)
    except BadInput:  # a year outside the table of festivals
        return Comparison(kind, Fact(kind, None, 0, reason="not-comparable"), None, None)
    week = timedelta(days=WEEK - 1)
    return compare(kind, kind, span_of(points, end - week, end), span_of(points, then_end - week, then_end))


def _year_before(day: date) -> date:
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def _nothing(kind: str, method: str) -> Comparison:
    return Comparison(kind, Fact(method, None, 0, reason="not-quoted"), None, None)
