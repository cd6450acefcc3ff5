"""What is usual for the time of year: the middle half of the prices quoted in the same weeks of earlier years."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

# The week itself and one on either side: enough quotes to call it usual, close enough to be the same season.
WEEKS_AROUND = 1
FEWEST_QUOTES = 8
LOW, HIGH = 0.25, 0.75


@dataclass(frozen=True, slots=True)
class BandPoint:
    """The usual range on one day."""

    low: int
    mid: int
    high: int
    quotes: int
    years: int


class SeasonalBand:
    """The seasonal band of one product in one market. A day is compared with earlier years only, never with its own or later ones."""

    def __init__(self, points: Iterable[tuple[date, int]]) -> None:
        self._weeks: dict[tuple[int, int], list[int]] = defaultdict(list)
        last: date | None = None
        for day, mid in points:
            year, week, _ = day.isocalendar()
            self._weeks[(year, week)].append(mid)
            last = day if last is None or day > last else last
        self._found: dict[tuple[int, int], BandPoint | None] = {}
        newest = self.on(last) if last is not None else None
        self.years = newest.years if newest is not None else 0

    def on(self, day: date) -> BandPoint | None:
        """Return the usual range of the day's week, or None where earlier years say too little."""
        week = day.isocalendar()[:2]
        if week not in self._found:
            self._found[week] = self._compute(day)
        return self._found[week]

    def _compute(self, day: date) -> BandPoint | None:
        values: list[int] = []
        years = 0
        for back in range(1, 12):
            # 52 weeks back is the same week number but for years of 53; the window of three weeks absorbs that.
            centre = day - timedelta(weeks=52 * back + back // 6)
            found = [
                mid
                for step in range(-WEEKS_AROUND, WEEKS_AROUND + 1)
                for mid in self._weeks.get((centre + timedelta(weeks=step)).isocalendar()[:2], ())
            ]
            years += bool(found)
            values += found
        if len(values) < FEWEST_QUOTES:
            return None
        values.sort()
        return BandPoint(_quantile(values, LOW), _quantile(values, 0.5), _quantile(values, HIGH), len(values), years)


def _quantile(ordered: list[int], share: float) -> int:
    """Return a quantile of ordered values by linear interpolation between ranks."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below))
