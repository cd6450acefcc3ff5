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
    """Weekly prices from the week of `first` on, one entry per week, None where nothing was quoted; both ends were quoted.

    `latest` is the price of the last day of each week on which the market quoted.
    """

    first: date
    prices: tuple[float | None, ...]
    latest: tuple[float | None, ...]

    def __post_init__(self) -> None:
        if not self.prices or self.prices[0] is None or self.prices[-1] is None:
            raise BadInput("a history begins and ends with a quoted week", got=str(self.prices[:1]))
        if [p is None for p in self.prices] != [p is None for p in self.latest]:
            raise BadInput("every quoted week has a last day, and no other", got=f"{len(self.prices)} and {len(self.latest)} weeks")

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
        return hashlib.sha256(f"{self.first}:{self.prices}:{self.latest}".encode()).hexdigest()


def history_of(days: Iterable[tuple[date, float]], today: date) -> History | None:
    """Return the complete weeks before the week of `today`, from the last long silence on; None where there is none.

    The running week is left out: the median of a Monday is not the median of a week.
    """
    known = sorted((day, price) for day, price in days if monday_of(day) < monday_of(today))
    weeks = weekly_prices(known)
    begin = 0
    for k in range(1, len(weeks)):
        if (weeks[k][0] - weeks[k - 1][0]).days // 7 - 1 > LONGEST_GAP:
            begin = k
    weeks = weeks[begin:]
    if not weeks:
        return None
    median_of, latest_of = dict(weeks), {monday_of(day): price for day, price in known}
    grid = [weeks[0][0] + timedelta(weeks=k) for k in range((weeks[-1][0] - weeks[0][0]).days // 7 + 1)]
    return History(weeks[0][0], tuple(median_of.get(w) for w in grid), tuple(latest_of[w] if w in median_of else None for w in grid))
