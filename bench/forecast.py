"""How good forecasts are against naive, on real weekly prices by rolling origin: `python -m bench.forecast [--quick]`.

Protocol. Every week from the 61st on is an origin; what is said there is made by `pricing/forecast/outlook.py` from the weeks up to it
and from no other, weights, choice of method and interval included. Error: absolute, of the log price, in units of the series' mean weekly
move up to the origin (MASE). Skill: 1 − MASE / naive's MASE over all series and origins, in percent. Judged is what a page would show:
naive where the combination had not beaten naive by then. Beside it, unbounded: the combination shown everywhere, and the skill against
a harder naive, the price of the week's last market day instead of the week's median. The methods were chosen looking at Xinfadi;
the second set, another buyer's prices of 2020 to 2023, was run after that choice. In brackets: 5th to 95th percentile when series are
drawn anew.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.forecast_data import cumcm, folder, xinfadi
from bench.forecast_hold import hold_rows
from bench.report import Row, print_report
from pricing.forecast.history import History
from pricing.forecast.methods import prepare
from pricing.forecast.nouns import HORIZONS
from pricing.forecast.outlook import moves_of, outlooks, replay
from pricing.forecast.panel import Matrix, panel_of

FIRST_ORIGIN = 60
AT_LEAST = {1: -1.0, 4: 0.0, 12: 6.0}
_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Judged:
    """One horizon's scaled absolute errors, series × origins, NaN where nothing came; and whether what came lay inside the interval."""

    horizon: int
    naive: Matrix
    latest: Matrix
    combination: Matrix
    shown: Matrix
    inside: Matrix
    naive_share: float

    @property
    def origins(self) -> int:
        """How many forecasts were judged."""
        return int((~np.isnan(self.naive)).sum())

    def skill(self, ours: Matrix, against: Matrix) -> float:
        """Return the skill in percent."""
        return float(100 * (1 - np.nanmean(ours) / np.nanmean(against)))

    def span(self) -> str:
        """Return the 5th to 95th percentile of the shown skill when series are drawn anew."""
        dice = np.random.default_rng(12)
        drawn = dice.integers(0, len(self.naive), (_DRAWS, len(self.naive)))
        low, high = np.percentile([self.skill(self.shown[d], self.naive[d]) for d in drawn], [5, 95])
        return f"[{low:+.1f} to {high:+.1f}]"


def judge(pool: Sequence[History], horizons: Sequence[int]) -> list[Judged]:
    """Go through the past of some series and judge what was said from the first judged origin on."""
    panel = panel_of(pool)
    ready = prepare(panel)
    found = []
    for h in horizons:
        r = replay(ready, h)
        came = panel.prices + moves_of(panel, h) * panel.scale
        known = ~np.isnan(came) & ~np.isnan(r.low)
        known[:, :FIRST_ORIGIN] = False

        def errors(said: Matrix, came: Matrix = came, known: Matrix = known) -> Matrix:
            return np.where(known, np.abs(came - said) / panel.scale, np.nan)

        inside = np.where(known, (r.low - 1e-9 <= came) & (came <= r.high + 1e-9), np.nan)
        share = float(r.naive_shown[known].mean())
        found.append(Judged(h, errors(panel.prices), errors(panel.latest), errors(r.combination), errors(r.shown), inside, share))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print_report("forecast", rows(quick=parser.parse_args().quick))


def rows(*, quick: bool) -> list[Row]:
    """Return the figures; quick: the three horizons with a bound on Xinfadi, no second set, no timing."""
    where = folder()
    named = xinfadi(where)
    pool = list(named.values())
    bound = judge(pool, tuple(AT_LEAST) if quick else HORIZONS)
    found = [row for j in bound if j.horizon in AT_LEAST for row in _bounded(j, len(pool))]
    if quick:
        return found
    positive = [j for j in bound if j.skill(j.shown, j.naive) > 0]
    every = "; ".join(f"{j.horizon}: {j.skill(j.shown, j.naive):+.1f}" for j in bound)
    found.append(Row("horizons with skill", len(positive), f"of {len(bound)}", every))
    for j in judge(list(cumcm(where).values()), tuple(AT_LEAST)):
        scale = f"{len(j.naive)} items of another buyer, {j.origins:,} forecasts {j.span()}"
        found.append(Row(f"second set, {_weeks(j)}", j.skill(j.shown, j.naive), "%", scale))
        found.append(Row(f"  against last day, {_weeks(j)}", j.skill(j.shown, j.latest), "%", scale))
        found.append(Row(f"  80 % interval, {_weeks(j)}", 100 * float(np.nanmean(j.inside)), "% inside", scale))
    found += hold_rows(list(named), pool, FIRST_ORIGIN)
    begun = time.perf_counter()
    outlooks(pool)
    found.append(
        Row(
            "a market's forecasts",
            time.perf_counter() - begun,
            "s",
            f"{len(pool)} series x {len(HORIZONS)} horizons, whole past gone through",
        )
    )
    return found


def _bounded(j: Judged, series: int) -> list[Row]:
    scale = f"{series} vegetables, {j.origins:,} forecasts"
    shown = f"{scale} {j.span()}, naive shown in {j.naive_share:.0%}"
    ours, naive = float(np.nanmean(j.shown)), float(np.nanmean(j.naive))
    least = AT_LEAST[j.horizon]
    return [
        Row(f"skill, {_weeks(j)}", j.skill(j.shown, j.naive), "%", shown, at_least=least),
        Row(f"  MASE, {_weeks(j)}", ours, "MASE", scale, peer="naive", peer_value=naive, at_most=1 - least / 100),
        Row(f"  80 % interval, {_weeks(j)}", 100 * float(np.nanmean(j.inside)), "% inside", scale, at_least=75, at_most=85),
        Row(f"  combination only, {_weeks(j)}", j.skill(j.combination, j.naive), "%", scale),
        Row(f"  against last day, {_weeks(j)}", j.skill(j.shown, j.latest), "%", scale),
    ]


def _weeks(j: Judged) -> str:
    return f"{j.horizon} week" if j.horizon == 1 else f"{j.horizon} weeks"


if __name__ == "__main__":
    main()
