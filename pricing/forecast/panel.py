"""The histories of one market side by side: log prices on one grid of weeks, NaN where nothing was quoted.

Every array has one row per series and one column per week; column t holds only what was known at the end of week t.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from pricing.forecast.history import History

Matrix = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# Half a year is the least from which a level can be told.
FEWEST_WEEKS = 26
# A price that hardly ever moves is measured in thousandths, so that its one move is no infinite error.
_FLATTEST = 1e-3


@dataclass(frozen=True, slots=True)
class Panel:
    """Weekly log prices, the log price of each week's last market day, where a forecast may start, and each series' usual weekly move."""

    prices: Matrix
    latest: Matrix
    origins: Flags
    scale: Matrix

    @property
    def weeks(self) -> int:
        """How many weeks the grid has."""
        return int(self.prices.shape[1])


def panel_of(pool: Sequence[History]) -> Panel:
    """Return the panel of some histories; its first week is the earliest, its last the latest of them."""
    first, last = min(h.first for h in pool), max(h.last for h in pool)
    shape = (len(pool), (last - first) // timedelta(weeks=1) + 1)
    prices, latest = np.full(shape, np.nan), np.full(shape, np.nan)
    for row, history in enumerate(pool):
        start = (history.first - first) // timedelta(weeks=1)
        for array, told in ((prices, history.prices), (latest, history.latest)):
            array[row, start : start + len(told)] = np.log([np.nan if p is None else p for p in told])
    return Panel(prices, latest, _origins(prices), _scale(prices))


def mean_of(values: Matrix, axis: int) -> Matrix:
    """Return the mean over an axis of what is there; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found: Matrix = np.nanmean(values, axis=axis)
    return found


def shifted(values: Matrix, weeks: int) -> Matrix:
    """Return the array in which column t holds what was in column t - `weeks`."""
    found = np.full_like(values, np.nan)
    if weeks < values.shape[1]:
        found[:, weeks:] = values[:, : values.shape[1] - weeks]
    return found


def _origins(prices: Matrix) -> Flags:
    quoted = ~np.isnan(prices)
    found: Flags = quoted & (np.cumsum(quoted, axis=1) >= FEWEST_WEEKS)
    return found


def _scale(prices: Matrix) -> Matrix:
    """Return the mean absolute move from one quoted week to the next, over all weeks so far."""
    moves = np.abs(np.diff(prices, axis=1, prepend=np.nan))
    known = ~np.isnan(moves)
    found: Matrix = np.cumsum(np.where(known, moves, 0), axis=1) / np.maximum(np.cumsum(known, axis=1), 1)
    return np.maximum(found, _FLATTEST)
