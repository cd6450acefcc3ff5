"""FAO's indicator of (food) price anomalies, SDG 2.c.1 (Baquedano 2015, "Developing a price warning indicator as an early warning tool").

P is a month's real price. For a quarter (k = 3) and a year (k = 12) the compound growth rate is g = (P(t)/P(t-k))^(1/k) - 1, made
smaller where the window was restless: v = g·(1 - min(s, 1)), s the sample deviation of the window's k log differences. v is compared
with the same calendar month of other years y = 1…T, later years weighing more (w = y):
mu = Σw·v/Σw, sd = √(Σw·(v-mu)² / (Σw·(T-1)/T)), z = (v-mu)/sd. Then IPA = γ·z(quarter) + (1-γ)·z(year); from 1 on the price is
abnormally high (alert), from 0.5 on moderately high (watch), and the same below nought.

γ is 0.4 in the SDG indicator and λ1/(λ1+λ2) of the 2×2 population covariance of the two v in the paper. It decides how many alerts
there are, so both are always told. `over_all_years` standardises over the whole sample, as the published example does; it looks ahead.
`as_it_went` is what production uses: every month is judged by itself and earlier ones only, from five years of the same month on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import fmean

from pricing.analysis.months import month_number, month_of

GAMMA_SDG = 0.4
ALERT, WATCH = 1.0, 0.5
QUARTER, YEAR = 3, 12
FEWEST_YEARS = 5
# A covariance of fewer pairs is an accident.
FEWEST_PAIRS = 12
# Less is the rounding of equal growth rates.
_LEAST_VARIANCE = 1e-20


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One month: both adjusted growth rates and both standard scores, None where they are not defined."""

    month: date
    price: float
    v_quarter: float | None
    v_year: float | None
    z_quarter: float | None
    z_year: float | None

    def ipa(self, gamma: float) -> float | None:
        """Return the indicator with a weight `gamma` on the quarter."""
        if self.z_quarter is None or self.z_year is None:
            return None
        return gamma * self.z_quarter + (1 - gamma) * self.z_year


def over_all_years(monthly: Sequence[tuple[date, float]]) -> list[Anomaly]:
    """Return every month judged against the whole sample, later years included: to compare with what was published, not to warn."""
    adjusted = _adjusted(monthly)
    scores = [_scores(adjusted, k) for k in (1, 2)]
    return [Anomaly(m, p, q, a, scores[0].get(m), scores[1].get(m)) for (m, q, a), (_, p) in zip(adjusted, monthly, strict=True)]


def as_it_went(monthly: Sequence[tuple[date, float]]) -> list[Anomaly]:
    """Return every month judged against itself and the same month of earlier years, where there are at least five such years."""
    found = []
    same: dict[tuple[int, int], list[float]] = {}
    for (m, q, a), (_, p) in zip(_adjusted(monthly), monthly, strict=True):
        z: list[float | None] = []
        for which, v in ((1, q), (2, a)):
            years = same.setdefault((which, m.month), [])
            if v is not None:
                years.append(v)
            z.append(_standard(years)[-1] if v is not None and len(years) >= FEWEST_YEARS else None)
        found.append(Anomaly(m, p, q, a, z[0], z[1]))
    return found


def newest(monthly: Sequence[tuple[date, float]]) -> Anomaly | None:
    """Return the last month as `as_it_went` judges it, looking at its own calendar month only; for boards of many products."""
    if not monthly:
        return None
    price = {month_number(m): p for m, p in monthly}
    month, last = monthly[-1]
    here = month_number(month)
    v, z = [], []
    for k in (QUARTER, YEAR):
        years = [
            x
            for n in range(here - (here - month_number(monthly[0][0])) // 12 * 12, here + 1, 12)
            if n in price and (x := _growth(price, n, k)) is not None
        ]
        now = _growth(price, here, k)
        v.append(now)
        z.append(_standard(years)[-1] if now is not None and len(years) >= FEWEST_YEARS else None)
    return Anomaly(month, last, v[0], v[1], z[0], z[1])


def gamma_pca(anomalies: Sequence[Anomaly]) -> float | None:
    """Return λ1/(λ1+λ2) of the population covariance of the two adjusted growth rates, None where too few months have both."""
    pairs = [(a.v_quarter, a.v_year) for a in anomalies if a.v_quarter is not None and a.v_year is not None]
    if len(pairs) < FEWEST_PAIRS:
        return None
    mq, ma = fmean(q for q, _ in pairs), fmean(a for _, a in pairs)
    qq, aa = fmean((q - mq) ** 2 for q, _ in pairs), fmean((a - ma) ** 2 for _, a in pairs)
    qa = fmean((q - mq) * (a - ma) for q, a in pairs)
    spread = math.hypot(qq - aa, 2 * qa)
    return (qq + aa + spread) / (2 * (qq + aa)) if qq + aa > 0 else None


def state_of(ipa: float | None) -> str:
    """Return the word for a value: alert, watch, normal, low-watch, low-alert; unknown without one."""
    if ipa is None:
        return "unknown"
    size = abs(ipa)
    word = "alert" if size >= ALERT else "watch" if size >= WATCH else "normal"
    return word if ipa > 0 or word == "normal" else f"low-{word}"


def counts(anomalies: Sequence[Anomaly], gamma: float) -> dict[str, int]:
    """Return how many months have each word under a weight."""
    found: dict[str, int] = {}
    for a in anomalies:
        word = state_of(a.ipa(gamma))
        found[word] = found.get(word, 0) + 1
    return found


def real_prices(monthly: Sequence[tuple[date, float]], cpi: Mapping[date, float]) -> list[tuple[date, float]]:
    """Return the months divided by a monthly price index; months without an index are left out.

    Raises:
        AnnualCpi: the index is an annual one repeated over its months: every January would look like a crash.

    """
    if is_annual(cpi):
        raise AnnualCpi
    return [(m, p / cpi[m]) for m, p in monthly if m in cpi]


class AnnualCpi(ValueError):
    """A price index that changes only in January. `interpolated` makes a monthly one of annual figures."""

    def __init__(self) -> None:
        super().__init__("this price index changes only in January; give a monthly one, or interpolate the annual figures")


def is_annual(cpi: Mapping[date, float]) -> bool:
    """Tell whether an index stands still within each year and moves between the years."""
    numbers = {month_number(m): v for m, v in cpi.items()}
    steps = [(n % 12, v != numbers[n - 1]) for n, v in numbers.items() if n - 1 in numbers]
    moves = [month for month, moved in steps if moved]
    return len(steps) >= YEAR and bool(moves) and all(month == 0 for month in moves)


def interpolated(annual: Mapping[int, float]) -> dict[date, float]:
    """Return a monthly index of annual means: each stands at the middle of its year, straight lines of the logarithm between them.

    Months before the first and after the last middle are left out: nothing is known there.
    """
    found = {}
    for year in sorted(annual):
        if year + 1 not in annual:
            continue
        a, b = math.log(annual[year]), math.log(annual[year + 1])
        for k in range(12):
            # The year's middle is the border of June and July; July's middle is half a month later.
            found[month_of(year * 12 + 6 + k)] = math.exp(a + (b - a) * (k + 0.5) / 12)
    return found


def _adjusted(monthly: Sequence[tuple[date, float]]) -> list[tuple[date, float | None, float | None]]:
    price = {month_number(m): p for m, p in monthly}
    return [(m, _growth(price, month_number(m), QUARTER), _growth(price, month_number(m), YEAR)) for m, _ in monthly]


def _growth(price: Mapping[int, float], number: int, k: int) -> float | None:
    window = [price.get(number - back) for back in range(k, -1, -1)]
    known = [p for p in window if p is not None and p > 0]
    if len(known) < k + 1:
        return None
    moves = [math.log(b / a) for a, b in pairwise(known)]
    growth: float = (known[-1] / known[0]) ** (1 / k) - 1
    mean = fmean(moves)
    deviation = math.sqrt(sum((m - mean) ** 2 for m in moves) / (k - 1))
    return growth * (1 - min(deviation, 1.0))


def _scores(adjusted: Sequence[tuple[date, float | None, float | None]], which: int) -> dict[date, float | None]:
    found: dict[date, float | None] = {}
    for month in range(1, 13):
        same = [(row[0], row[which]) for row in adjusted if row[0].month == month]
        known = [(m, v) for m, v in same if isinstance(v, float)]
        found.update(zip((m for m, _ in known), _standard([v for _, v in known]), strict=True))
    return found


def _standard(values: Sequence[float]) -> list[float | None]:
    """Return the weighted standard scores of one calendar month's values, oldest first; None where they do not vary."""
    years = len(values)
    if years < 2:
        return [None] * years
    weights = range(1, years + 1)
    total = sum(weights)
    mu = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    variance = sum(w * (v - mu) ** 2 for w, v in zip(weights, values, strict=True)) / (total * (years - 1) / years)
    return [(v - mu) / math.sqrt(variance) for v in values] if variance > _LEAST_VARIANCE else [None] * years
