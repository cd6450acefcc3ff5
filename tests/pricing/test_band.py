"""The seasonal band is the middle half of earlier years' quotes in the same weeks, and of nothing later."""

from __future__ import annotations

from datetime import date, timedelta

from pricing.band import SeasonalBand

START = date(2023, 11, 24)
DAYS = [START + timedelta(days=k) for k in range(1096)]


def test_a_repeating_year_lies_inside_its_own_band() -> None:
    """Where every year is the same, the price of a day is between low and high, and the years are counted."""
    year = [(d, 3000 + 10 * abs(d.timetuple().tm_yday - 180)) for d in DAYS]
    band = SeasonalBand(year)
    assert band.years >= 2
    for day, mid in year[-300::7]:
        usual = band.on(day)
        assert usual is not None
        assert usual.low - 60 <= mid <= usual.high + 60
        assert usual.low <= usual.mid <= usual.high


def test_a_day_is_never_compared_with_its_own_or_a_later_year() -> None:
    """Ten times dearer this year leaves this year's band as it was."""
    plain = SeasonalBand((d, 2000) for d in DAYS)
    dear = SeasonalBand((d, 20000 if d > DAYS[-100] else 2000) for d in DAYS)
    assert dear.on(DAYS[-1]) == plain.on(DAYS[-1])
    assert dear.on(DAYS[-1]).mid == 2000  # type: ignore[union-attr]


def test_without_an_earlier_year_nothing_is_called_usual() -> None:
    """The first year has no band, nor has an empty series."""
    band = SeasonalBand((d, 2000) for d in DAYS[:300])
    assert band.years == 0
    assert band.on(DAYS[200]) is None
    assert SeasonalBand([]).on(DAYS[0]) is None
