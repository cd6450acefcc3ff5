"""From histories to outlooks: the past is gone through week by week as if it were today, and the last of these days is today.

At each week weights are learnt from outcomes known by then, the combination is made, and where its errors so far were not below naive's,
naive takes its place. What is printed as skill is how exactly this procedure did, so nothing is measured that was not done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pricing.forecast import combining, intervals
from pricing.forecast.history import History
from pricing.forecast.methods import METHODS, Prepared, prepare
from pricing.forecast.nouns import COMBINED, HORIZONS, NAIVE, Skill
from pricing.forecast.panel import Flags, Matrix, Panel, panel_of

# Two years of outcomes: enough to learn from, and what is older speaks of another market.
WINDOW = 104
# A combination that has not been tried so often is not shown.
FEWEST_TRIED = 8
# A horizon with fewer outcomes has no skill worth printing and is not shown.
FEWEST_ORIGINS = 12
_STEPS, _OWN_STEPS = 20, 8


@dataclass(frozen=True, slots=True)
class Replay:
    """One horizon gone through: at each origin what the combination said, what was shown, and its quantiles."""

    horizon: int
    naive_shown: Flags
    combination: Matrix
    shown: Matrix
    low: Matrix
    high: Matrix


@dataclass(frozen=True, slots=True)
class Outlook:
    """Quantiles of the log price per horizon, with the skill of the method that is shown."""

    horizons: tuple[int, ...]
    quantiles: tuple[tuple[float, float, float], ...]
    methods: tuple[str, ...]
    skill: tuple[Skill, ...]


def outlooks(pool: Sequence[History], stopped: Callable[[], bool] = lambda: False) -> list[Outlook]:
    """Return the outlook of each history of a market; a horizon with too few outcomes is left out. Nothing, where told to stop."""
    panel = panel_of(pool)
    ready = prepare(panel)
    replays = []
    for h in HORIZONS:
        if stopped():
            return []
        replays.append(replay(ready, h))
    return [_outlook(panel, replays, row) for row in range(len(pool))]


def replay(ready: Prepared, h: int) -> Replay:
    """Go through the past at one horizon, week by week; everything is a move from the origin in units of the usual weekly move."""
    panel = ready.panel
    said = np.stack([method(ready, h) for method in METHODS.values()], axis=2)
    said[~panel.origins] = np.nan
    moves = (said - panel.prices[:, :, None]) / panel.scale[:, :, None]
    came = moves_of(panel, h)
    shared = np.full(len(METHODS), 1 / len(METHODS))
    own = np.tile(shared, (len(moves), 1))
    # By how much naive's error exceeds the combination's, what was shown and how it erred, and the rest of what is told.
    ahead, combination, shown, low, high = (np.full_like(panel.prices, np.nan) for _ in range(5))
    stays = np.ones_like(panel.origins)
    for t in range(panel.weeks):
        seen = slice(max(0, t - h - WINDOW + 1), max(0, t - h + 1))
        if not np.isnan(came[:, seen]).all():
            shared = combining.learn_shared(shared, moves[:, seen].reshape(-1, len(METHODS)), came[:, seen].reshape(-1), _STEPS)
            own = combining.learn_own(own, shared, moves[:, seen], came[:, seen], _OWN_STEPS)
        combination[:, t] = combining.combined(own, moves[:, t])
        ahead[:, t] = np.abs(came[:, t]) - np.abs(came[:, t] - combination[:, t])
        tried = np.sum(~np.isnan(ahead[:, seen]), axis=1)
        stays[:, t] = (tried < FEWEST_TRIED) | (np.nansum(ahead[:, seen], axis=1) <= 0)
        shown[:, t] = np.where(stays[:, t], 0.0, combination[:, t])
        below, above = intervals.error_quantiles(came[:, seen] - shown[:, seen], h)
        low[:, t], high[:, t] = shown[:, t] + np.minimum(below, 0), shown[:, t] + np.maximum(above, 0)
    told = (np.where(panel.origins, panel.prices + m * panel.scale, np.nan) for m in (combination, shown, low, high))
    return Replay(h, stays, *told)


def moves_of(panel: Panel, h: int) -> Matrix:
    """Return what came `h` weeks after each origin, as a move in units of the usual weekly move; NaN where it is not known."""
    found = np.full_like(panel.prices, np.nan)
    if h < panel.weeks:
        found[:, :-h] = (panel.prices[:, h:] - panel.prices[:, :-h]) / panel.scale[:, :-h]
    found[~panel.origins] = np.nan
    return found


def _outlook(panel: Panel, replays: Sequence[Replay], row: int) -> Outlook:
    last = int(np.flatnonzero(panel.origins[row])[-1])
    found: list[tuple[int, tuple[float, float, float], str, Skill]] = []
    for r in replays:
        skill = skill_of(panel, r, row, last)
        quantiles = (float(r.low[row, last]), float(r.shown[row, last]), float(r.high[row, last]))
        if skill is not None and not np.isnan(quantiles).any():
            found.append((r.horizon, quantiles, NAIVE if r.naive_shown[row, last] else COMBINED, skill))
    horizons, quantiles_, methods, skills = zip(*found, strict=True) if found else ((), (), (), ())
    return Outlook(horizons, quantiles_, methods, skills)


def skill_of(panel: Panel, r: Replay, row: int, last: int) -> Skill | None:
    """Return how the combination and naive did in the outcomes known at the week `last`, None where there are too few."""
    h = r.horizon
    seen = slice(max(0, last - h - WINDOW + 1), max(0, last - h + 1))
    scale, price = panel.scale[row, seen], panel.prices[row, seen]
    came = price + moves_of(panel, h)[row, seen] * scale
    known = ~np.isnan(came) & ~np.isnan(r.combination[row, seen])
    judged = known & ~np.isnan(r.low[row, seen])
    if known.sum() < FEWEST_ORIGINS or judged.sum() < FEWEST_TRIED:
        return None
    ours = float(np.mean(np.abs(came - r.combination[row, seen])[known] / scale[known]))
    naive = float(np.mean(np.abs(came - price)[known] / scale[known]))
    inside = (r.low[row, seen] - 1e-9 <= came) & (came <= r.high[row, seen] + 1e-9)
    return Skill(h, ours, naive, float(np.mean(inside[judged])), int(known.sum()))
