"""The simple methods that are combined. Each says, for every week t, what the log price will be `h` weeks later; NaN where it cannot.

Nothing here looks beyond column t. A week nobody quoted updates no state: exponential smoothing coasts through it.

    naive         the week's price stands
    latest        the price of the week's last market day stands
    theta         exponential smoothing with half the trend of the whole history as drift (Assimakopoulos and Nikolopoulos 2000,
                  in the form of Hyndman and Billah 2003)
    ets           exponential smoothing with a damped trend (Gardner and McKenzie 1985); parameters by least squares so far
    year level    back to the mean of the last 52 weeks
    season move   the last market day's price, moved as these weeks moved in earlier years
    last year     the price of the same weeks one year ago
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pricing.forecast.panel import FEWEST_WEEKS, Matrix, Panel, mean_of, shifted

YEAR = 52
YEARS = 3
# Smoothing of the level, of the trend, and damping: a grid is searched exactly and the same way at every origin.
LEVELS = (0.3, 0.5, 0.7, 0.9, 1.0)
GRID = tuple((a, b, d) for a in LEVELS for b in (0.0, 0.05, 0.1, 0.2) for d in (0.8, 0.9))
SES = tuple((a, 0.0, 1.0) for a in LEVELS)


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What exponential smoothing knows at the end of each week, by the parameters that did best until then."""

    level: Matrix
    trend: Matrix
    alpha: Matrix
    damping: Matrix


@dataclass(frozen=True, slots=True)
class Prepared:
    """A panel with what several horizons need, worked out once."""

    panel: Panel
    ets: Smoothed
    ses: Smoothed
    slope: Matrix
    year_level: Matrix
    around: Matrix


def prepare(panel: Panel) -> Prepared:
    """Return a panel with its states."""
    three = np.stack([shifted(panel.prices, 1), panel.prices, np.roll(panel.prices, -1, axis=1)])
    three[2, :, -1] = np.nan
    return Prepared(
        panel, smooth(panel.prices, GRID), smooth(panel.prices, SES), slope_so_far(panel.prices), _year_level(panel.prices),
        mean_of(three, 0),
    )  # fmt: skip


def naive(p: Prepared, _h: int) -> Matrix:
    """The week's price stands."""
    return p.panel.prices


def latest(p: Prepared, _h: int) -> Matrix:
    """The price of the week's last market day stands."""
    return p.panel.latest


def theta(p: Prepared, h: int) -> Matrix:
    """The smoothed level, drifting by half the slope; what the level lags behind is made up for."""
    weeks = np.arange(1, p.panel.weeks + 1)
    alpha = p.ses.alpha
    found: Matrix = p.ses.level + p.slope / 2 * (h - 1 + (1 - (1 - alpha) ** weeks) / alpha)
    return found


def ets(p: Prepared, h: int) -> Matrix:
    """The smoothed level and so much of the trend as is left after damping."""
    d = p.ets.damping
    found: Matrix = p.ets.level + p.ets.trend * d * (1 - d**h) / (1 - d)
    return found


def year_level(p: Prepared, _h: int) -> Matrix:
    """The mean of the last year."""
    return p.year_level


def season_move(p: Prepared, h: int) -> Matrix:
    """The latest price, moved as these weeks moved on average in the years before."""
    moves = [shifted(p.around, YEAR * y - h) - shifted(p.around, YEAR * y) for y in range(1, YEARS + 1)]
    found: Matrix = p.panel.latest + mean_of(np.stack(moves), 0)
    return found


def last_year(p: Prepared, h: int) -> Matrix:
    """The price around the same week one year ago."""
    return shifted(p.around, YEAR - h)


METHODS: dict[str, Callable[[Prepared, int], Matrix]] = {
    "naive": naive, "latest": latest, "theta": theta, "ets": ets, "year level": year_level, "season move": season_move,
    "last year": last_year,
}  # fmt: skip


def smooth(prices: Matrix, grid: tuple[tuple[float, float, float], ...]) -> Smoothed:
    """Return the states of damped-trend smoothing with, at each week, the parameters of the grid that erred least until then."""
    a, b, d = (np.array(column) for column in zip(*grid, strict=True))
    rows, weeks = prices.shape
    level, trend, squares = np.full((rows, len(grid)), np.nan), np.zeros((rows, len(grid))), np.zeros((rows, len(grid)))
    found = Smoothed(*(np.full((rows, weeks), np.nan) for _ in range(4)))
    each = np.arange(rows)
    for t in range(weeks):
        price = prices[:, t : t + 1]
        begins = np.isnan(level) & ~np.isnan(price)
        expected = level + d * trend
        error = np.where(np.isnan(price) | np.isnan(expected), 0.0, price - expected)
        squares += error**2
        level = np.where(begins, price, expected + a * error)
        trend = np.where(begins, 0.0, d * trend + a * b * error)
        best = squares.argmin(axis=1)
        found.level[:, t], found.trend[:, t] = level[each, best], trend[each, best]
        found.alpha[:, t], found.damping[:, t] = a[best], d[best]
    return found


def slope_so_far(prices: Matrix) -> Matrix:
    """Return the slope per week of the least-squares line through all weeks so far."""
    known = ~np.isnan(prices)
    x = np.where(known, np.arange(prices.shape[1]), 0.0)
    y = np.where(known, prices, 0.0)
    n, sx, sy, sxx, sxy = (np.cumsum(v, axis=1) for v in (known, x, y, x * x, x * y))
    under = n * sxx - sx**2
    found: Matrix = np.where(under > 0, (n * sxy - sx * sy) / np.where(under > 0, under, 1), 0.0)
    return found


def _year_level(prices: Matrix) -> Matrix:
    known = ~np.isnan(prices)
    total, count = np.cumsum(np.where(known, prices, 0), axis=1), np.cumsum(known, axis=1)
    total = total - np.nan_to_num(shifted(total, YEAR))
    count = count - np.nan_to_num(shifted(count.astype(np.float64), YEAR))
    found: Matrix = np.where(count >= FEWEST_WEEKS, total / np.maximum(count, 1), np.nan)
    return found
