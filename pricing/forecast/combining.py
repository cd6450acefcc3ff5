"""How much each method counts: weights from zero to one that sum to one, learnt from errors already seen.

Loss is the absolute error in units of the series' usual weekly move, the measure the forecasts are judged by. Weights are first learnt
from all series of the market together, then for each series by itself with the market's weights as what is believed beforehand, worth
a quarter of a year of own weeks. Steps are multiplicative (exponentiated gradient: Kivinen and Warmuth 1997), so a method is
never quite out and none counts negatively. A method that cannot say anything sleeps: the others share its weight.
"""

from __future__ import annotations

import numpy as np

from pricing.forecast.panel import Matrix

# How strongly weights are held to equal ones: the combination's classic default, and hard to beat with little history.
TO_EQUAL = 0.03
# The market's weights count like so many weeks of the series' own.
MARKET_WEEKS = 13
_STEP, _OWN_STEP = 0.5, 0.3
_LEAST = 1e-5
_FARTHEST = 2.0


def combined(weights: Matrix, said: Matrix) -> Matrix:
    """Return the weighted mean of what is said (series × methods, NaN asleep); NaN where all sleep."""
    awake = ~np.isnan(said)
    share = (weights * awake).sum(axis=1)
    total = (weights * np.where(awake, said, 0.0)).sum(axis=1)
    found: Matrix = np.where(share > 0, total / np.where(share > 0, share, 1), np.nan)
    return found


def learn_shared(weights: Matrix, said: Matrix, came: Matrix, steps: int) -> Matrix:
    """Return weights (methods) that fit all rows better; `said` is rows × methods, `came` rows, both as scaled moves from the origin."""
    rows = ~np.isnan(came) & (~np.isnan(said)).any(axis=1)
    if not rows.any():
        return weights
    said, came = said[rows], came[rows]
    awake = (~np.isnan(said)).astype(np.float64)
    said = np.where(awake > 0, said, 0.0)
    equal = 1 / len(weights)
    for step in range(steps):
        # einsum, not matrix products: those would take every core of the machine.
        share = np.einsum("rm,m->r", awake, weights)
        mean = np.einsum("rm,m->r", said, weights) / share
        side = np.sign(mean - came) / share
        slope = (np.einsum("rm,r->m", said, side) - np.einsum("rm,r->m", awake, side * mean)) / len(came)
        slope += TO_EQUAL * np.log(weights / equal)
        weights = _moved(weights, -_STEP / np.sqrt(1 + step / 10) * slope)
    return weights


def learn_own(weights: Matrix, shared: Matrix, said: Matrix, came: Matrix, steps: int) -> Matrix:
    """Return weights (series × methods) that fit each series better; `said` is series × weeks × methods, `came` series × weeks."""
    known = ~np.isnan(came) & (~np.isnan(said)).any(axis=2)
    count = np.maximum(known.sum(axis=1), 1)[:, None]
    awake = (~np.isnan(said) & known[:, :, None]).astype(np.float64)
    said = np.where(awake > 0, said, 0.0)
    came = np.where(known, came, 0.0)
    for _ in range(steps):
        share = np.where(known, np.einsum("nrm,nm->nr", awake, weights), 1.0)
        mean = np.einsum("nrm,nm->nr", said, weights) / share
        side = np.sign(mean - came) * known / share
        slope = np.einsum("nrm,nr->nm", said, side) - np.einsum("nrm,nr->nm", awake, side * mean)
        weights = _moved(weights, -_OWN_STEP * (slope + MARKET_WEEKS * np.log(weights / shared)) / count)
    return weights


def _moved(weights: Matrix, by: Matrix) -> Matrix:
    grown = weights * np.exp(np.clip(by, -_FARTHEST, _FARTHEST))
    grown = np.maximum(grown / grown.sum(axis=-1, keepdims=True), _LEAST)
    found: Matrix = grown / grown.sum(axis=-1, keepdims=True)
    return found
