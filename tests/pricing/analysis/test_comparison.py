"""环比 and 同比: which days are laid side by side, and when they are not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pricing.analysis.comparison import last_whole_third, previous_period, previous_ten_days, span_of, year_on_year
from pricing.spring_festival import SPRING_FESTIVALS

Days = list[tuple[date, float]]


def days(start: date, end: date, price: float = 3000.0) -> Days:
    """Return every day from `start` to `end` at one price."""
    return [(start + timedelta(days=k), price) for k in range((end - start).days + 1)]


def test_a_week_is_compared_with_the_seven_days_before_it() -> None:
    """The change is that of the medians, and both spans are told with the days quoted in them."""
    points = [(d, p) for d, p in days(date(2026, 11, 1), date(2026, 11, 21), 4000.0) if d.day != 18]
    points += [(d, p) for d, p in days(date(2026, 11, 22), date(2026, 11, 28), 4400.0)]
    points[-1] = (points[-1][0], 9999.0)
    found = previous_period(points, 7, "week")
    assert found.change_pct.value == pytest.approx(10.0)
    assert (found.now.start, found.now.end, found.now.quoted) == (date(2026, 11, 22), date(2026, 11, 28), 7)  # type: ignore[union-attr]
    assert (found.then.quoted, found.then.coverage) == (6, 6 / 7)  # type: ignore[union-attr]
    assert found.change_pct.n == 13


def test_spans_that_were_hardly_quoted_are_not_compared() -> None:
    """One day does not speak for a week, and none at all is no history."""
    one = [(date(2026, 11, 15), 4000.0), *days(date(2026, 11, 22), date(2026, 11, 28))]
    assert previous_period(one, 7, "week").change_pct.reason == "low-coverage"
    assert previous_period(one[1:], 7, "week").change_pct.reason == "not-enough-history"
    assert previous_period([], 7, "week").change_pct.reason == "not-quoted"


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        (date(2026, 3, 9), date(2026, 2, 21), date(2026, 2, 28)),
        (date(2026, 3, 10), date(2026, 3, 1), date(2026, 3, 10)),
        (date(2026, 3, 19), date(2026, 3, 1), date(2026, 3, 10)),
        (date(2026, 3, 20), date(2026, 3, 11), date(2026, 3, 20)),
        (date(2026, 3, 30), date(2026, 3, 11), date(2026, 3, 20)),
        (date(2026, 3, 31), date(2026, 3, 21), date(2026, 3, 31)),
        (date(2024, 2, 29), date(2024, 2, 21), date(2024, 2, 29)),
        (date(2026, 1, 5), date(2025, 12, 21), date(2025, 12, 31)),
    ],
)
def test_a_third_of_a_month_counts_when_it_is_over(day: date, start: date, end: date) -> None:
    """The newest whole 旬 ends on the 10th, the 20th or the month's last day."""
    assert last_whole_third(day) == (start, end)


def test_thirds_of_a_month_are_compared_in_their_order() -> None:
    """On the 25th, 11 to 20 stands against 1 to 10."""
    points = days(date(2026, 3, 1), date(2026, 3, 10), 2000.0) + days(date(2026, 3, 11), date(2026, 3, 25), 1500.0)
    found = previous_ten_days(points)
    assert found.change_pct.value == pytest.approx(-25.0)
    assert (found.now.end, found.then.start) == (date(2026, 3, 20), date(2026, 3, 1))  # type: ignore[union-attr]


def test_new_years_greens_are_compared_with_new_years_greens() -> None:
    """A price that doubles in the week before each festival did not move by the moon, and did by the sun."""
    points = [
        (day, 6000.0 if any(0 <= (f - day).days < 7 for f in SPRING_FESTIVALS.values()) else 3000.0)
        for day, _ in days(date(2024, 1, 1), date(2026, 2, 17))
    ]
    by_moon, by_sun = year_on_year(points, lunar=True), year_on_year(points, lunar=False)
    assert by_moon.change_pct.value == pytest.approx(0.0)
    assert by_sun.change_pct.value == pytest.approx(100.0)
    assert by_moon.then is not None and by_sun.then is not None
    assert by_moon.then.end == date(2025, 1, 29) and by_sun.then.end == date(2025, 2, 17)


def test_the_29th_of_february_stands_beside_the_28th() -> None:
    """A leap day has a day a year ago; a year outside the table of festivals has no lunar comparison."""
    found = year_on_year(days(date(2022, 1, 1), date(2024, 2, 29)), lunar=False)
    assert found.then is not None and found.then.end == date(2023, 2, 28)
    assert year_on_year(days(date(1998, 1, 1), date(1999, 6, 30)), lunar=True).change_pct.reason == "not-comparable"


def test_the_price_of_a_span_is_its_median() -> None:
    """Days outside do not count, and a span without a price has none."""
    points = [(date(2026, 1, d), float(p)) for d, p in ((1, 1), (2, 5), (3, 2), (4, 900))]
    assert span_of(points, date(2026, 1, 1), date(2026, 1, 3)).price == 2.0
    assert span_of(points, date(2026, 2, 1), date(2026, 2, 3)).price is None
