"""Empirical intervals: the quantiles of errors already made at this horizon, in units of the series' usual weekly move.

A series has few errors of its own, and far ahead those of neighbouring weeks are nearly the same error. So the market's errors join
them with the weight of a quarter of a year of own ones, and of more the farther ahead (conformal prediction with a weighted pool:
Tibshirani and others 2019).
"""

from __future__ import annotations

import warnings

import numpy as np

from pricing.forecast.panel import Matrix

LOW, HIGH = 0.1, 0.9
POOL_WEEKS = 13.0
# Own errors `h` weeks ahead overlap; every so many weeks more, the market's count once more.
OVERLAP_WEEKS = 4
_PLACES = (np.arange(25) + 0.5) / 25
# Fewer errors of the whole market make no interval.
_FEWEST = 20


def error_quantiles(errors: Matrix, h: int) -> tuple[Matrix, Matrix]:
    """Return for each series the two quantiles of its scaled errors (series × weeks, NaN unknown) joined with the market's."""
    known = errors[~np.isnan(errors)]
    rows = len(errors)
    if len(known) < _FEWEST:
        return np.full(rows, np.nan), np.full(rows, np.nan)
    pool = np.quantile(known, _PLACES)
    values = np.concatenate([errors, np.broadcast_to(pool, (rows, len(pool)))], axis=1)
    weights = np.where(np.isnan(values), 0.0, 1.0)
    weights[:, errors.shape[1] :] = POOL_WEEKS * (1 + h / OVERLAP_WEEKS) / len(pool)
    order = np.argsort(values, axis=1)  # NaN goes last, with no weight
    values, weights = np.take_along_axis(values, order, 1), np.take_along_axis(weights, order, 1)
    share = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return _at(values, share, LOW), _at(values, share, HIGH)


def _at(values: Matrix, share: Matrix, place: float) -> Matrix:
    found: Matrix = np.take_along_axis(values, np.argmax(share >= place - 1e-12, axis=1)[:, None], 1)[:, 0]
    return found
