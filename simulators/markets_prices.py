"""Simulated prices: seasonal, noisy, sticky, and the same for ever for one seed, whenever and however often they are asked for.

Every series starts at a fixed first day and is drawn forward from there, so that a later start adds days and never changes one.
Today's prices move a little through the day, as sites correct them, and settle by midnight at what the day will always have been.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from foundation.clock import SHANGHAI
from simulators.markets_catalog import PRODUCTS, Quoted, catalog
from simulators.markets_catalog_more import jiangnan, taiwan
from simulators.randomness import Dice

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_DAY = date(2021, 1, 1)
KILOGRAMS = {"斤": 0.5, "公斤": 1.0, "吨": 1000.0, "泡沫箱": 10.0}
# On seven days of ten a market repeats yesterday's quote.
CHANGES_A_DAY = 0.31
_SLOT_MINUTES = 5
_SLOTS = 24 * 60 // _SLOT_MINUTES
_MOVE_WITHIN_A_DAY = 0.012


@dataclass(frozen=True)
class Price:
    """A printed price: low, middle and high as the site writes them, in its own unit."""

    low: float
    mid: float
    high: float


class PriceWorld:
    """All simulated prices of one seed. Each block of series is drawn by itself, and only when it is first asked for."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed)
        self._blocks = (_Block(dice, catalog(), ""), _Block(dice, jiangnan(), "-jiangnan"), _Block(dice, taiwan(), "-taiwan"))
        self.series: tuple[Quoted, ...] = tuple(q for block in self._blocks for q in block.series)

    def mids(self, index: int, start: date, end: date, now: datetime) -> list[tuple[date, Price]]:
        """Return the printed prices of one series from `start` to `end`, both included, no later than the day of `now`."""
        for block in self._blocks:
            if index < len(block.series):
                return block.mids(index, start, end, now)
            index -= len(block.series)
        raise IndexError(index)


class _Block:
    def __init__(self, dice: Dice, series: tuple[Quoted, ...], name: str) -> None:
        self._dice, self.series, self._name = dice, series, name
        self._until = FIRST_DAY
        self._mids: NDArray[np.float64] = np.empty((0, len(self.series)))
        self._walks: dict[date, NDArray[np.float64]] = {}

    def mids(self, index: int, start: date, end: date, now: datetime) -> list[tuple[date, Price]]:
        today = now.astimezone(SHANGHAI).date()
        self._reach(today)
        quoted = self.series[index]
        per_unit = KILOGRAMS[quoted.unit]
        step = float(quoted.step)
        found = []
        day = max(start, FIRST_DAY)
        while day <= min(end, today):
            mid = float(self._mids[(day - FIRST_DAY).days, index])
            if not np.isnan(mid):
                if day == today:
                    mid *= float(np.exp(self._walk(today, now)[index]))
                found.append((day, _printed(mid * per_unit, quoted.spread, step)))
            day += timedelta(days=1)
        return found

    def _reach(self, today: date) -> None:
        if today < self._until:
            return
        # A year ahead at a time: drawn row by row, the days already there come out the same.
        days = (today - FIRST_DAY).days + 366
        self._mids = self._draw(days)
        self._until = FIRST_DAY + timedelta(days=days)

    def _draw(self, days: int) -> NDArray[np.float64]:
        n = len(self.series)
        # The same for every block, so that a glut of cucumbers is felt in all markets.
        products = sorted({q.product for q in catalog()})
        of = np.array([products.index(q.product) for q in self.series])
        common = _ar(self._dice.rng("market-product").standard_normal((days, len(products))), 0.985, 0.022)
        own = _ar(self._dice.rng("market-series" + self._name).standard_normal((days, n)), 0.93, 0.016)
        changes = self._dice.rng("market-sticky" + self._name).random((days, n)) < CHANGES_A_DAY
        absent = self._dice.rng("market-absent" + self._name).random((days, n)) < 0.004
        season = np.array([_season(FIRST_DAY + timedelta(days=d), products) for d in range(days)])
        level = np.log([PRODUCTS[q.product][0] * q.level for q in self.series])
        drift = 0.03 * np.arange(days)[:, None] / 365.25
        true = level + np.log(season)[:, of] + common[:, of] + own + drift
        # A quote stands until the market changes it.
        changes[0] = True
        last = np.maximum.accumulate(np.where(changes, np.arange(days)[:, None], 0), axis=0)
        quoted: NDArray[np.float64] = np.exp(np.take_along_axis(true, last, axis=0))
        quoted[absent] = np.nan
        for d in range(days):
            if _closed(FIRST_DAY + timedelta(days=d)):
                quoted[d] = np.nan
        return quoted

    def _walk(self, today: date, now: datetime) -> NDArray[np.float64]:
        """Return the log moves of today's prices at `now`: a bridge that starts and ends the day at nought."""
        if today not in self._walks:
            steps = self._dice.rng("market-day" + self._name, today.toordinal()).standard_normal((_SLOTS, len(self.series)))
            path = np.cumsum(steps, axis=0) / np.sqrt(_SLOTS)
            bridge = path - path[-1] * (np.arange(1, _SLOTS + 1) / _SLOTS)[:, None]
            self._walks = {today: _MOVE_WITHIN_A_DAY * bridge}
        local = now.astimezone(SHANGHAI)
        row: NDArray[np.float64] = self._walks[today][(local.hour * 60 + local.minute) // _SLOT_MINUTES]
        return row


def _printed(mid: float, spread: float, step: float) -> Price:
    low = max(step, round(mid * (1 - spread) / step) * step)
    high = max(low, round(mid * (1 + spread) / step) * step)
    return Price(low, (low + high) / 2, high)


def _ar(noise: Any, phi: float, sigma: float) -> NDArray[np.float64]:
    out: NDArray[np.float64] = np.empty_like(noise)
    state = np.zeros(noise.shape[1])
    for k in range(len(noise)):
        state = phi * state + sigma * noise[k]
        out[k] = state
    return out


def _season(day: date, products: list[str]) -> list[float]:
    """Return the seasonal factor of each product, months joined by straight lines from middle to middle."""
    place = (day.month - 1) + (day.day - 15.5) / 30.5
    below = int(np.floor(place))
    share = place - below
    return [PRODUCTS[p][1][below % 12] * (1 - share) + PRODUCTS[p][1][(below + 1) % 12] * share for p in products]


def _closed(day: date) -> bool:
    """Tell whether markets rest: the first three days of the lunar year."""
    return any(start <= day <= start + timedelta(days=2) for start in _NEW_YEARS)


_NEW_YEARS = (
    date(2021, 2, 12), date(2022, 2, 1), date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17),
    date(2027, 2, 6), date(2028, 1, 26),
)  # fmt: skip
