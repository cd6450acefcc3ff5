"""On which days a source quotes: weekdays and closures are data of the source, so that a festival is not taken for an outage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from foundation.clock import SHANGHAI
from foundation.errors import BadInput
from pricing.spring_festival import closures

Closure = tuple[date, date]
EVERY_DAY = frozenset(range(7))
WORKDAYS = frozenset(range(5))

# Spring Festival, when markets close or quote little: the eve to the sixth day, 2000 to 2050.
SPRING_FESTIVAL: tuple[Closure, ...] = closures()


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days a source quotes: `weekdays` (Monday is 0) without `closures`, closed spans of days on which silence means nothing."""

    weekdays: frozenset[int] = EVERY_DAY
    closures: Sequence[Closure] = SPRING_FESTIVAL

    def __post_init__(self) -> None:
        if not self.weekdays or not self.weekdays <= EVERY_DAY:
            raise BadInput("this calendar has no such weekdays", expected="some of 0 to 6", got=str(sorted(self.weekdays)))
        for start, end in self.closures:
            if end < start:
                raise BadInput("this closure ends before it begins", expected="start no later than end", got=f"{start}..{end}")

    def quotes_on(self, day: date) -> bool:
        """Tell whether a quote of this day is expected."""
        return day.weekday() in self.weekdays and not self.closed_on(day)

    def closed_on(self, day: date) -> bool:
        """Tell whether the day lies in a closure."""
        return any(start <= day <= end for start, end in self.closures)

    def expected_days(self, start: date, end: date) -> list[date]:
        """Return the days of a closed window on which quotes are expected."""
        days = (start + timedelta(days=k) for k in range((end - start).days + 1))
        return [day for day in days if self.quotes_on(day)]

    def open_ms(self, start: datetime, end: datetime) -> int:
        """Return the milliseconds between two moments that lie outside of closures: silence in a closure is not counted."""
        closed = 0
        for first, last in self.closures:
            begins = datetime.combine(first, time.min, tzinfo=SHANGHAI)
            ends = datetime.combine(last, time.min, tzinfo=SHANGHAI) + timedelta(days=1)
            closed += max(0, int((min(ends, end) - max(begins, start)).total_seconds() * 1000))
        return max(0, int((end - start).total_seconds() * 1000) - closed)


DAILY = Calendar()
