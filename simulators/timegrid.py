"""The ten-minute grid the simulated physics lives on: days are Shanghai days, a day has 145 nodes, the last is the next one's first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import numpy.typing as npt

V = TypeVar("V")
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAY_MS = 86_400_000
STEP_MS = 600_000
NODES = 145
STEPS = NODES - 1
STEP_H = 1 / 6
_SHANGHAI_MS = 8 * 3_600_000  # no daylight saving since 1991, and none is simulated

HOURS: Floats = np.arange(NODES, dtype=np.float64) * STEP_H


class Recent(dict[int, V]):
    """Days already computed, the last so many put in; any of them can be computed again, so forgetting costs only time."""

    most = 128

    def __setitem__(self, day: int, value: V) -> None:
        if len(self) >= self.most and day not in self:
            del self[next(iter(self))]
        super().__setitem__(day, value)


def day_of(t_ms: int) -> int:
    """Return the number of the Shanghai day that holds an instant; day 0 is 1970-01-01."""
    return (t_ms + _SHANGHAI_MS) // DAY_MS


def start_of(day: int) -> int:
    """Return the instant (ms UTC) at which a Shanghai day begins."""
    return day * DAY_MS - _SHANGHAI_MS


def calendar(day: int) -> tuple[int, int, int]:
    """Return (year, month from 1, day of the year from 1) of a day number."""
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return date.year, date.month, date.timetuple().tm_yday


def first_day_of_year(year: int) -> int:
    """Return the day number of 1 January."""
    return (datetime(year, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


def relax(target: Floats, hours: Floats | float, start: Floats) -> Floats:
    """Follow `target` (nodes x things) with a first-order lag of `hours`, from `start`; the step response is exact."""
    share = 1 - np.exp(-STEP_H / np.broadcast_to(np.asarray(hours, dtype=np.float64), target.shape))
    followed = np.empty_like(target)
    followed[0] = value = start
    for k in range(1, len(target)):
        value = value + share[k] * (target[k] - value)
        followed[k] = value
    return followed
