"""Time: milliseconds and back, the market's day, a clock that stands still."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.clock import SHANGHAI, FixedClock, SystemClock, from_ms, market_day, to_ms


@given(st.integers(-2_000_000_000_000, 250_000_000_000_000))
def test_milliseconds_go_both_ways(ms: int) -> None:
    """A time in ms is the same after it was a datetime, before 1970 too."""
    assert to_ms(from_ms(ms)) == ms


@given(st.integers(-2_000_000_000_000, 4_000_000_000_000), st.integers(-14, 14))
def test_the_zone_of_a_datetime_does_not_matter(ms: int, hours: int) -> None:
    """The same instant told in two zones is the same number."""
    assert to_ms(from_ms(ms).astimezone(timezone(timedelta(hours=hours)))) == ms


def test_a_naive_datetime_is_refused() -> None:
    """A time without its zone is a fault of the program, and said so."""
    with pytest.raises(ValueError, match="aware"):
        to_ms(datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_market_day_begins_at_sixteen_utc() -> None:
    """A quote of 23:59 in Shanghai and one of 00:00 belong to two days."""
    assert market_day(datetime(2026, 5, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 5, 1)
    assert market_day(datetime(2026, 5, 1, 16, 0, 0, tzinfo=UTC)) == date(2026, 5, 2)
    assert market_day(datetime(2026, 5, 2, tzinfo=SHANGHAI)) == date(2026, 5, 2)


def test_clocks_tell_aware_utc() -> None:
    """The machine's clock is aware; the fixed one moves only when told."""
    assert SystemClock().now().utcoffset() == timedelta(0)
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(minutes=3))
    assert clock.now() == clock.now() == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)


@pytest.mark.parametrize("ms", [-(2**63), -62_135_596_800_001, 253_402_300_800_000, 2**63 - 1])
def test_a_number_that_is_no_time_is_shown_as_the_nearest_one(ms: int) -> None:
    """A stored number beyond any calendar, which only a broken or altered record holds, never stops a page from being drawn."""
    assert from_ms(ms).year in (1, 9999)
    assert from_ms(ms).astimezone(SHANGHAI).year in (1, 9999)
    assert from_ms(ms).astimezone(timezone(timedelta(hours=-14))).year in (1, 9999)
