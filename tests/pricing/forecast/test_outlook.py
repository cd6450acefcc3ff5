"""The procedure of forecasts: no look-ahead, naive where naive wins, intervals that cover, absent weeks that stay absent."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest

from foundation.errors import BadInput
from pricing.forecast.history import LONGEST_GAP, History, history_of
from pricing.forecast.intervals import error_quantiles
from pricing.forecast.methods import METHODS, prepare, smooth
from pricing.forecast.nouns import COMBINED, NAIVE
from pricing.forecast.outlook import Replay, moves_of, outlooks, replay
from pricing.forecast.panel import Panel, panel_of

FIRST = date(2023, 1, 2)


def seasonal(weeks: int, series: int, swing: float, seed: int = 7) -> list[History]:
    """Return prices that swing once a year and wander a little; the last day of a week says nothing new."""
    dice = np.random.default_rng(seed)
    wander = np.cumsum(dice.normal(0, 0.02, (series, weeks)), axis=1)
    year = swing * np.cos(2 * math.pi * np.arange(weeks) / 52)
    prices = np.exp(8 + year + wander)
    return [History(FIRST, tuple(row), tuple(row)) for row in prices.tolist()]


def everything(panel: Panel, horizon: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Return all that is said at each origin: every method, the combination, what is shown, the interval."""
    ready = prepare(panel)
    r: Replay = replay(ready, horizon)
    methods = [np.where(panel.origins, m(ready, horizon), np.nan) for m in METHODS.values()]
    return [*methods, r.combination, r.shown, r.low, r.high, np.where(r.naive_shown, 1.0, 0.0)]


@pytest.mark.parametrize("horizon", [1, 12])
def test_nothing_sees_the_future(horizon: int) -> None:
    """What is said at an origin is the same to the last bit whatever comes after it: other prices, no prices, or no end."""
    pool = seasonal(120, 4, 0.3)
    cut = 90
    ends = [History(h.first, h.prices[:cut], h.latest[:cut]) for h in pool]
    after = [None, None, 9.0] * 10
    wild = [History(h.first, (*h.prices[:cut], *after), (*h.latest[:cut], *after)) for h in pool]
    told = [everything(panel_of(p), horizon) for p in (pool, ends, wild)]
    for whole, short, other in zip(*told, strict=True):
        np.testing.assert_array_equal(whole[:, :cut], short)
        np.testing.assert_array_equal(short, other[:, :cut])
    assert not np.array_equal(told[0][-4][:, cut:], told[2][-4][:, cut:], equal_nan=True)


def test_where_naive_wins_naive_is_shown() -> None:
    """A price without any rule but its last value is forecast by that value; one with a strong season is not."""
    dice = np.random.default_rng(3)
    steps = np.exp(8 + np.cumsum(dice.normal(0, 0.05, 150))).tolist()
    (plain,) = outlooks([History(FIRST, tuple(steps), tuple(steps))])
    for method, skill, (_, mid, _) in zip(plain.methods, plain.skill, plain.quantiles, strict=True):
        assert (method == NAIVE) == (skill.mase >= skill.mase_naive)
        assert method == COMBINED or mid == pytest.approx(math.log(steps[-1]))
    assert plain.methods.count(NAIVE) >= 1
    seasons = outlooks(seasonal(130, 3, 0.5))
    assert all(o.methods[11] == COMBINED and o.skill[11].gain > 0.2 for o in seasons)


def test_intervals_cover_what_they_promise() -> None:
    """On prices that wander by a rule, 80 of 100 weeks fall between P10 and P90, within five."""
    panel = panel_of(seasonal(156, 30, 0.3, seed=11))
    for horizon in (1, 4):
        r = replay(prepare(panel), horizon)
        came = panel.prices + moves_of(panel, horizon) * panel.scale
        known = ~np.isnan(came) & ~np.isnan(r.low)
        inside = ((r.low <= came) & (came <= r.high))[known]
        assert 0.75 <= inside.mean() <= 0.85


def test_own_errors_and_the_markets_make_the_quantiles() -> None:
    """A series that errs five times as much as its market gets a wider interval than the others; too few errors make none."""
    dice = np.random.default_rng(5)
    errors = dice.normal(0, 1, (4, 40))
    errors[0] *= 5
    low, high = error_quantiles(errors, 1)
    assert (high[0] - low[0]) > 2 * (high[1:] - low[1:]).max()
    low, high = error_quantiles(errors[:, :4], 1)
    assert np.isnan(low).all() and np.isnan(high).all()


def test_an_absent_week_stays_absent() -> None:
    """A silent week is no origin, no outcome and no update; after a long silence history begins anew; the running week is left out."""
    days = [(FIRST + timedelta(weeks=k, days=d), 3000.0 + 10 * k + d) for k in range(60) if k not in (30, 31) for d in (1, 4)]
    found = history_of(days, FIRST + timedelta(weeks=60, days=3))
    assert found is not None
    assert (found.weeks, len(found.prices), found.prices[30], found.latest[31]) == (58, 60, None, None)
    assert (found.prices[29], found.latest[29]) == (3292.5, 3294.0)
    panel = panel_of([found])
    assert not panel.origins[0, 30] and np.isnan(moves_of(panel, 4)[0, 26])
    states = smooth(panel.prices, ((0.5, 0.0, 0.9),))
    assert states.level[0, 29] == states.level[0, 30] == states.level[0, 31]
    assert history_of(days, FIRST + timedelta(weeks=59, days=6)) == history_of(days[:-2], FIRST + timedelta(weeks=90))
    silent = [d for d in days if not 20 <= (d[0] - FIRST).days // 7 <= 20 + LONGEST_GAP]
    after = history_of(silent, FIRST + timedelta(weeks=60))
    assert after is not None and after.first == FIRST + timedelta(weeks=20 + LONGEST_GAP + 1)
    assert history_of([], FIRST) is None
    with pytest.raises(BadInput):
        History(FIRST, (None, 1.0), (None, 1.0))
    with pytest.raises(BadInput):
        History(FIRST, (1.0, 1.0), (1.0, None))
