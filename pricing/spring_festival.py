"""The day of Spring Festival, the first of the first lunar month in China's time, 2000 to 2050.

Source: the calendar rules of GB/T 33661-2017 (calculation and promulgation of the Chinese calendar); the tests compute every day anew
from the positions of moon and sun. Prices of greens move with this day and not with the solar year.
"""

from __future__ import annotations

from datetime import date, timedelta

from foundation.errors import BadInput

# One line a decade: month and day.
_DAYS = {
    2000: ((2, 5), (1, 24), (2, 12), (2, 1), (1, 22), (2, 9), (1, 29), (2, 18), (2, 7), (1, 26)),
    2010: ((2, 14), (2, 3), (1, 23), (2, 10), (1, 31), (2, 19), (2, 8), (1, 28), (2, 16), (2, 5)),
    2020: ((1, 25), (2, 12), (2, 1), (1, 22), (2, 10), (1, 29), (2, 17), (2, 6), (1, 26), (2, 13)),
    2030: ((2, 3), (1, 23), (2, 11), (1, 31), (2, 19), (2, 8), (1, 28), (2, 15), (2, 4), (1, 24)),
    2040: ((2, 12), (2, 1), (1, 22), (2, 10), (1, 30), (2, 17), (2, 6), (1, 26), (2, 14), (2, 2)),
    2050: ((1, 23),),
}
SPRING_FESTIVALS: dict[int, date] = {
    decade + k: date(decade + k, month, day) for decade, days in _DAYS.items() for k, (month, day) in enumerate(days)
}
# Markets close or quote little from the eve to the sixth day of the year. Source: the holidays the State Council announces each year.
CLOSED_FROM, CLOSED_TO = timedelta(days=-1), timedelta(days=5)


def spring_festival(year: int) -> date:
    """Return the day of Spring Festival in a solar year.

    Raises:
        BadInput: the year is outside the table.

    """
    if year not in SPRING_FESTIVALS:
        raise BadInput("the Spring Festival of this year is not in the table", expected="2000 to 2050", got=str(year))
    return SPRING_FESTIVALS[year]


def nearest_festival(day: date) -> date:
    """Return the Spring Festival nearest to a day; of two as near, the earlier."""
    near = [SPRING_FESTIVALS[y] for y in (day.year - 1, day.year, day.year + 1) if y in SPRING_FESTIVALS]
    if not near:
        raise BadInput("the Spring Festival of this year is not in the table", expected="2000 to 2050", got=str(day.year))
    return min(near, key=lambda f: (abs((day - f).days), f))


def same_distance_last_year(day: date) -> date:
    """Return the day a year ago that lay as many days from its Spring Festival as `day` from the one nearest to it."""
    festival = nearest_festival(day)
    return spring_festival(festival.year - 1) + (day - festival)


def closures() -> tuple[tuple[date, date], ...]:
    """Return (first, last) closed day of every Spring Festival of the table."""
    return tuple((f + CLOSED_FROM, f + CLOSED_TO) for f in SPRING_FESTIVALS.values())
