"""What a forecast is made from: the complete weeks of one product in one market, on a grid that keeps absent weeks absent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from foundation.errors import BadInput
from pricing.weekly import monday_of, weekly_prices

# After a longer silence a price starts anew: what was quoted before it says little of what is quoted now.
LONGEST_GAP = 8


@dataclass(frozen=True, slots=True)
class History:
    """Weekly prices from the week of `first` on, one entry per week; None where nothing was quoted. Both ends were quoted."""

    first: date
    prices: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if not self.prices or self.prices[0] is None or self.prices[-1] is None:
            raise BadInput("a history begins and ends with a quoted week", got=str(self.prices[:1]))

    @property
    def last(self) -> date:
        """The Monday of the last week."""
        return self.first + timedelta(weeks=len(self.prices) - 1)

    @property
    def weeks(self) -> int:
        """How many weeks were quoted."""
        return sum(p is not None for p in self.prices)

    @property
    def sha256(self) -> str:
        """A hash of the whole: the same history makes the same forecast."""
        return hashlib.sha256(f"{self.first}:{self.prices}".encode()).hexdigest()


def history_of(days: Iterable[tuple[date, float]], today: date) -> History | None:
    """Return the complete weeks before the week of `today`, from the last long silence on; None where there is none.

    The running week is left out: the median of a Monday is not the median of a week.
    """
    weeks = [(monday, price) for monday, price in weekly_prices(days) if monday < monday_of(today)]
    begin = 0
    for k in range(1, len(weeks)):
        if (weeks[k][0] - weeks[k - 1][0]).days // 7 - 1 > LONGEST_GAP:
            begin = k
    weeks = weeks[begin:]
    if not weeks:
        return None
    known = dict(weeks)
    first, last = weeks[0][0], weeks[-1][0]
    return History(first, tuple(known.get(first + timedelta(weeks=k)) for k in range((last - first).days // 7 + 1)))
