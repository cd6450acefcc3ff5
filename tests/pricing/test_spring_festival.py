"""The table of Spring Festivals against moon and sun, and what is reckoned from it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from foundation.errors import BadInput
from pricing.spring_festival import SPRING_FESTIVALS, closures, nearest_festival, same_distance_last_year, spring_festival
from tests.pricing.moon_and_sun import new_year


def test_every_day_of_the_table_comes_out_of_moon_and_sun() -> None:
    """All 51 days agree with an independent computation, the year 2034 after the disputed leap month of 2033 among them."""
    assert list(SPRING_FESTIVALS) == list(range(2000, 2051))
    assert {year: new_year(year) for year in SPRING_FESTIVALS} == SPRING_FESTIVALS
    assert spring_festival(2034) == date(2034, 2, 19)


def test_a_day_is_laid_beside_the_day_as_far_from_last_years_festival() -> None:
    """The eve is compared with the eve, wherever the two lie in the solar year."""
    assert same_distance_last_year(date(2026, 2, 16)) == date(2025, 1, 28)
    assert same_distance_last_year(date(2026, 3, 1)) == date(2025, 1, 29) + timedelta(days=12)
    assert nearest_festival(date(2025, 11, 23)) == date(2026, 2, 17)
    for day in (date(2025, 7, 1) + timedelta(days=k) for k in range(366)):
        assert 353 <= (day - same_distance_last_year(day)).days <= 385


def test_closures_run_from_the_eve_to_the_sixth_day_and_years_outside_the_table_are_refused() -> None:
    """The closure of 2026 is 16 to 22 February; 2051 is not guessed."""
    assert (date(2026, 2, 16), date(2026, 2, 22)) in closures()
    with pytest.raises(BadInput, match="2000 to 2050"):
        spring_festival(2051)
