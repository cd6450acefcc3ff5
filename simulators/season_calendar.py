"""When the simulated counties plant and pick: greenhouses all year round, lotus ponds by the calendar of the lower Yangtze.

Dates are whole days since 1970 in Shanghai, a function of the seed and the plot alone: the season is the same whenever it is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from simulators.scenario import BAOYING, Plot, scenario

# A greenhouse crop from planting to clearing; every plot has its own phase of this.
CYCLE_DAYS = 120
FIRST_PICKING_DAYS, LAST_PICKING_DAYS = 58, 110
PICKING_EVERY_DAYS = 13

# product -> (month, day of planting, days to the first and to the last picking, days between pickings). Lotus root stays in the mud
# until it is wanted, from early autumn to spring; sprouts are pulled while the plant runs in early summer.
POND_CALENDAR: dict[str, tuple[int, int, int, int, int]] = {
    "lotus_root": (4, 12, 140, 330, 15),
    "lotus_sprout": (4, 8, 40, 125, 12),
    "water_chestnut": (6, 22, 150, 250, 20),
    "arrowhead": (6, 10, 155, 260, 20),
}

# Greenhouses whose lots are written; a county office would not begin with all of them at once.
GREENHOUSES_PER_BASE = 2
HORIZON_DAYS = 150
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Crop:
    """One growing lot: where, what, planted on which day, picked on which days."""

    number: str
    county: str
    party: str
    plot: Plot
    planted: int
    pickings: tuple[int, ...]

    @property
    def last_day(self) -> int:
        """The day after which nothing of it is left in the ground."""
        return self.pickings[-1]


@lru_cache(maxsize=8)
def crops(seed: int, began: int, today: int) -> tuple[Crop, ...]:
    """Return the crops of a season that began to be written on day `began`, as far as they are planted by `today`, the oldest first.

    Greenhouse crops go back `HORIZON_DAYS` from the beginning; of the ponds, which bear once a year, those that still stood then.
    """
    found = [crop for plot in scenario().plots for crop in _of_plot(seed, plot, began, today)]
    return tuple(sorted(found, key=lambda c: (c.planted, c.number)))


def day_number(day: date) -> int:
    """Return a date as days since 1970."""
    return day.toordinal() - _EPOCH.toordinal()


def _of_plot(seed: int, plot: Plot, began: int, today: int) -> Iterator[Crop]:
    if scenario().base(plot.base).county == BAOYING:
        month, day, first, last, every = POND_CALENDAR[plot.product]
        shift = random.Random(f"{seed}:{plot.id}").randrange(0, 12)
        years = range(_date(began).year - 1, _date(today).year + 1)
        for planted in (day_number(date(y, month, day)) + shift for y in years):
            crop = _crop(seed, plot, planted, first, last, every)
            if planted <= today and crop.last_day > began - HORIZON_DAYS:
                yield crop
    elif int(plot.id.rsplit("-g", 1)[1]) <= GREENHOUSES_PER_BASE:
        phase = random.Random(f"{seed}:{plot.id}").randrange(CYCLE_DAYS)
        oldest = began - HORIZON_DAYS
        for planted in range(oldest + (phase - oldest) % CYCLE_DAYS, today + 1, CYCLE_DAYS):
            yield _crop(seed, plot, planted, FIRST_PICKING_DAYS, LAST_PICKING_DAYS, PICKING_EVERY_DAYS)


def _crop(seed: int, plot: Plot, planted: int, first: int, last: int, every: int) -> Crop:
    # The jitter hangs on the planting day, so that a crop has the same days whichever other crops are asked for with it.
    jitter = random.Random(f"{seed}:{plot.id}:{planted}").randrange
    pickings, at = [], planted + first + jitter(0, 5)
    while at <= planted + last:
        pickings.append(at)
        at += every + jitter(-2, 3)
    base = scenario().base(plot.base)
    return Crop(f"{plot.id}-{_date(planted):%y%m%d}", base.county, base.party, plot, planted, tuple(pickings))


def _date(day: int) -> date:
    return date.fromordinal(_EPOCH.toordinal() + day)
