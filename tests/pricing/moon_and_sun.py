"""Where moon and sun stand, after Meeus, Astronomical Algorithms, 2nd edition, chapters 25 and 49; and the Chinese year made of them.

Good to a few minutes for 2000 to 2050, which is enough: no new moon of a first month lies nearer to midnight in China.
"""

from __future__ import annotations

import math
from datetime import date, timedelta

# Terrestrial time runs ahead of UTC by 64 to 93 s in these years; China's time is eight hours ahead of UTC.
_CHINA = 8 / 24 - 75 / 86_400
_J2000 = 2_451_545.0


def new_moon(k: int) -> float:
    """Return the Julian day (terrestrial time) of the k-th new moon after that of 2000-01-06."""
    t = k / 1236.85
    day = 2_451_550.09766 + 29.530588861 * k + 0.00015437 * t * t
    e = 1 - 0.002516 * t
    sun = math.radians(2.5534 + 29.10535670 * k)
    moon = math.radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    latitude = math.radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    node = math.radians(124.7746 - 1.56375588 * k)
    terms = (
        (-0.40720, moon), (0.17241 * e, sun), (0.01608, 2 * moon), (0.01039, 2 * latitude), (0.00739 * e, moon - sun),
        (-0.00514 * e, moon + sun), (0.00208 * e * e, 2 * sun), (-0.00111, moon - 2 * latitude), (-0.00057, moon + 2 * latitude),
        (0.00056 * e, 2 * moon + sun), (-0.00042, 3 * moon), (0.00042 * e, sun + 2 * latitude), (0.00038 * e, sun - 2 * latitude),
        (-0.00024 * e, 2 * moon - sun), (-0.00017, node),
    )  # fmt: skip
    return day + sum(size * math.sin(angle) for size, angle in terms)


def sun_longitude(day: float) -> float:
    """Return the sun's apparent longitude in degrees at a Julian day (terrestrial time)."""
    t = (day - _J2000) / 36_525
    mean = 280.46646 + 36_000.76983 * t + 0.0003032 * t * t
    m = math.radians(357.52911 + 35_999.05029 * t)
    centre = (1.914602 - 0.004817 * t) * math.sin(m) + (0.019993 - 0.000101 * t) * math.sin(2 * m) + 0.000289 * math.sin(3 * m)
    return (mean + centre - 0.00569 - 0.00478 * math.sin(math.radians(125.04 - 1934.136 * t))) % 360


def china_day(julian: float) -> date:
    """Return the day in China in which an instant lies."""
    return date(2000, 1, 1) + timedelta(days=math.floor(julian + _CHINA - (_J2000 - 0.5)))


def midnight(day: date) -> float:
    """Return the Julian day (terrestrial time) at which a day begins in China."""
    return (day - date(2000, 1, 1)).days + _J2000 - 0.5 - _CHINA


def new_year(year: int) -> date:
    """Return the first day of the Chinese year. The 11th month holds the solstice; of 13, the first without a 中气 is a leap month."""
    eleventh = _eleventh_month(year - 1)
    months = _eleventh_month(year) - eleventh
    starts = [china_day(new_moon(eleventh + k)) for k in range(months + 1)]
    leap = next((k for k in range(months) if not _has_principal_term(starts[k], starts[k + 1])), months) if months == 13 else 13
    return starts[3 if leap <= 2 else 2]


def _eleventh_month(year: int) -> int:
    solstice = next(
        d for d in (date(year, 12, 19) + timedelta(days=k) for k in range(6)) if sun_longitude(midnight(d + timedelta(days=1))) >= 270
    )
    k = round((year + 1 - 2000) * 12.3685) + 1
    while china_day(new_moon(k)) > solstice:
        k -= 1
    return k


def _has_principal_term(start: date, end: date) -> bool:
    return math.floor(sun_longitude(midnight(start)) / 30) != math.floor(sun_longitude(midnight(end)) / 30)
