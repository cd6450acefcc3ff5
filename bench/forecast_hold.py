"""Would the advice to hold have paid? Every judged origin of produce that keeps, by rule and costs of `logistics/selling/holding.py`.

Freight and fees are left out, being the same whether it is sold now or later but for their share of the price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from bench.report import Row
from logistics.selling.holding import LIKELY, StoreTerms, chance_above, spoilt_ppm, store_sheet
from logistics.selling.model import MILLION
from pricing.forecast.history import History
from pricing.forecast.methods import prepare
from pricing.forecast.nouns import COMBINED, ForecastPoint
from pricing.forecast.outlook import replay
from pricing.forecast.panel import panel_of

# Xinfadi's names of what the shipped terms know.
KEPT = {"大蒜": "garlic", "黄皮葱头": "onion", "红皮葱头": "onion", "土豆": "potato", "藕": "lotus_root"}
WAITS = (4, 8)


@dataclass
class Tally:
    """What the advice did: how often it was given, how often it paid, and what it brought in all against always selling at once."""

    origins: int = 0
    advised: int = 0
    paid: int = 0
    would_have_paid: int = 0
    gain: float = 0.0
    gain_of_all: float = 0.0


def hold_rows(names: Sequence[str], pool: Sequence[History], first_origin: int) -> list[Row]:
    """Return the figures of each wait: of the advices given, how many paid; of all weeks, how many would have."""
    panel = panel_of(pool)
    ready = prepare(panel)
    found = []
    for weeks in WAITS:
        r, tally = replay(ready, weeks), Tally()
        for row, name in enumerate(names):
            if name in KEPT:
                store = store_sheet().products[KEPT[name]]
                for t in range(first_origin, panel.weeks - weeks):
                    now, came = panel.prices[row, t], panel.prices[row, t + weeks]
                    if not np.isnan(now + came + r.low[row, t]):
                        said = np.exp([r.low[row, t], r.shown[row, t], r.high[row, t]]) * 1000
                        _judge(tally, weeks, np.exp(now) * 1000, np.exp(came) * 1000, said, store)
        scale = f"{tally.advised} of {tally.origins} weeks of {len(KEPT)} vegetables; waiting would have paid in {tally.would_have_paid}"
        share = 100 * tally.paid / tally.advised if tally.advised else 0.0
        found.append(Row(f"hold {weeks} weeks paid", share, "% of advices", scale))
        mean = tally.gain / tally.advised if tally.advised else 0.0
        always = tally.gain_of_all / max(tally.origins, 1)
        found.append(Row("  mean gain", 100 * mean, "% of price", f"a week of advice; waiting always {100 * always:+.1f} %"))
    return found


def _judge(
    tally: Tally, weeks: int, now: float, came: float, said: np.ndarray[tuple[int], np.dtype[np.float64]], store: StoreTerms
) -> None:
    kept = 1 - spoilt_ppm(store, weeks) / MILLION
    cost = store.storage_milli_per_week * weeks + now * store.capital_ppm_per_year / MILLION * weeks / 52
    low, mid, high = (max(1, round(x)) for x in said.tolist())
    point = ForecastPoint(weeks, date(2015, 1, 5), low, max(low, mid), max(low, mid, high), COMBINED)
    gain = (came * kept - cost - now) / now
    tally.origins += 1
    tally.would_have_paid += gain > 0
    tally.gain_of_all += gain
    if chance_above(point, (now + cost) / kept) > LIKELY:
        tally.advised += 1
        tally.paid += gain > 0
        tally.gain += gain
