"""Weekly prices are medians of what was quoted, and nothing else."""

from __future__ import annotations

from datetime import date

from pricing.weekly import monday_of, weekly_prices


def test_a_week_is_the_median_of_its_days_and_a_silent_week_is_absent() -> None:
    """One spike does not move a week, Sunday belongs to the week before Monday, and nothing is filled in."""
    found = weekly_prices(
        [
            (date(2026, 11, 22), 9.0),
            (date(2026, 11, 16), 4.0),
            (date(2026, 11, 17), 4.0),
            (date(2026, 11, 30), 5.0),
            (date(2026, 12, 1), 6.0),
        ]
    )
    assert found == [(date(2026, 11, 16), 4.0), (date(2026, 11, 30), 5.5)]
    assert monday_of(date(2026, 11, 22)) == date(2026, 11, 16)
