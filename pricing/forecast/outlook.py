"""From histories to outlooks: what the weeks ahead may bring, and how well the same procedure did before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from pricing.forecast.history import History
from pricing.forecast.nouns import HORIZONS, NAIVE, Skill

# A year, and so many more that each horizon was tried often enough to tell its interval.
WEEKS_NEEDED = 64
_FIRST_ORIGIN = 26


@dataclass(frozen=True, slots=True)
class Outlook:
    """Quantiles of the log price per horizon, with the skill of the method that is shown."""

    horizons: tuple[int, ...]
    quantiles: tuple[tuple[float, float, float], ...]
    methods: tuple[str, ...]
    skill: tuple[Skill, ...]


def outlooks(pool: Sequence[History]) -> list[Outlook]:
    """Return the outlook of each history of a market; every one has the weeks it takes."""
    return [_naive(h) for h in pool]


def _naive(history: History) -> Outlook:
    logs = [None if p is None else math.log(p) for p in history.prices]
    step = [abs(b - a) for a, b in pairwise(logs) if a is not None and b is not None]
    scale = sum(step) / len(step) or 1.0
    quantiles, skill = [], []
    for h in HORIZONS:
        moves = [
            b - a for k, a in enumerate(logs[:-h]) if k >= _FIRST_ORIGIN and a is not None and (b := logs[k + h]) is not None
        ]  # fmt: skip
        size = sorted(abs(m) for m in moves)
        half = size[min(len(size) - 1, math.ceil(0.8 * (len(size) + 1)) - 1)]
        now = logs[-1] or 0.0
        quantiles.append((now - half, now, now + half))
        mase = sum(size) / len(size) / scale
        skill.append(Skill(h, mase, mase, sum(s <= half for s in size) / len(size), len(size)))
    return Outlook(HORIZONS, tuple(quantiles), (NAIVE,) * len(HORIZONS), tuple(skill))
