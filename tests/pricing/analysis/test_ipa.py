"""The indicator of price anomalies: growth, scores, states, and nothing of the future."""

from __future__ import annotations

import math
from datetime import date
from itertools import pairwise

import pytest

from pricing.analysis.ipa import (
    GAMMA_SDG,
    AnnualCpi,
    Anomaly,
    as_it_went,
    counts,
    gamma_pca,
    interpolated,
    is_annual,
    newest,
    over_all_years,
    real_prices,
    state_of,
)
from pricing.analysis.months import month_number, month_of

START = month_number(date(2015, 1, 1))


def months(n: int) -> list[tuple[date, float]]:
    """Return `n` months of a restless, seasonal price."""
    return [(month_of(START + k), 3000 * math.exp(0.2 * math.sin(k * 0.9) + 0.1 * math.sin(k * k) + 0.003 * k)) for k in range(n)]


def test_one_month_worked_by_hand() -> None:
    """Three prices that double quarterly and two equal years give the growth, damping and scores of the formulas."""
    prices = [100.0] * 12 + [100.0, 110.0, 121.0, 133.1] + [133.1] * 8 + [133.1, 133.1, 133.1, 266.2]
    found = over_all_years([(month_of(START + k), p) for k, p in enumerate(prices)])
    # April of the second year: steady growth of a tenth, so that nothing is taken off.
    assert found[15].v_quarter == pytest.approx(0.1)
    # April of the third: doubled in the last of three months; s is the sample deviation of (0, 0, ln 2).
    third = math.log(2)
    s = math.sqrt(((third / 3) ** 2 * 2 + (third * 2 / 3) ** 2) / 2)
    v = (2 ** (1 / 3) - 1) * (1 - s)
    assert found[27].v_quarter == pytest.approx(v)
    # April's three values, 0, 0.1 and v, weigh 1, 2 and 3; with three years sd is √(Σw(v-mu)²/(6·2/3)).
    mu = (0.2 + 3 * v) / 6
    sd = math.sqrt((mu**2 + 2 * (0.1 - mu) ** 2 + 3 * (v - mu) ** 2) / 4)
    assert found[27].z_quarter == pytest.approx((v - mu) / sd)
    assert found[14].v_year is not None and found[11].v_year is None


def test_the_future_changes_nothing() -> None:
    """What was told in a month stands, whatever the following months bring; the published way of reckoning would change it."""
    past = as_it_went(months(96))
    wild = [(m, p * (5 if m >= month_of(START + 96) else 1)) for m, p in months(140)]
    assert as_it_went(wild)[:96] == past
    assert over_all_years(wild)[:96] != over_all_years(months(96))
    assert gamma_pca(as_it_went(wild)[:96]) == gamma_pca(past)


def test_the_short_way_to_the_newest_month_is_the_long_one() -> None:
    """A board asks only for the last month: it is judged as the whole history judges it, with a gap in it too."""
    for n in (4, 30, 60, 61, 75, 140):
        some = [m for k, m in enumerate(months(n)) if k % 29 != 17 or k == n - 1]
        assert newest(some) == as_it_went(some)[-1]
    assert newest([]) is None


def test_five_years_of_the_same_month_are_needed() -> None:
    """The fifth value of a calendar month is the first to be judged."""
    found = as_it_went(months(80))
    assert next(k for k, a in enumerate(found) if a.z_quarter is not None) == 3 + 48
    assert next(k for k, a in enumerate(found) if a.z_year is not None) == 12 + 48


def test_a_missing_month_is_not_bridged() -> None:
    """A window with a gap has no growth rate: no price is made up for it."""
    gap = [(m, p) for m, p in months(30) if m != month_of(START + 20)]
    found = {month_number(a.month) - START: a for a in over_all_years(gap)}
    assert [k for k in range(15, 30) if k in found and found[k].v_quarter is None] == [21, 22, 23]
    assert all(found[k].v_year is None for k in range(21, 30))


def test_the_words_and_the_weight_that_decides_them() -> None:
    """The bounds belong to the graver word, low mirrors high, and another weight makes another word of the same month."""
    assert [state_of(x) for x in (1.0, 0.99, 0.5, 0.49, -0.49, -0.5, -1.0, None)] == [
        "alert", "watch", "watch", "normal", "normal", "low-watch", "low-alert", "unknown",
    ]  # fmt: skip
    month = Anomaly(date(2026, 1, 1), 1.0, 0.1, 0.1, 1.4, 0.2)
    assert counts([month], 0.8) == {"alert": 1} and counts([month], GAMMA_SDG) == {"watch": 1}


def test_an_annual_index_repeated_over_months_is_refused() -> None:
    """It would make every January a crash; a monthly index and an interpolated one pass, and their months are smooth."""
    repeated = {month_of(START + k): 100.0 * 1.5 ** (k // 12) for k in range(48)}
    assert is_annual(repeated)
    with pytest.raises(AnnualCpi, match="January"):
        real_prices(months(48), repeated)
    smooth = interpolated({2015 + y: 100.0 * 1.5**y for y in range(4)})
    assert not is_annual(smooth)
    ordered = [smooth[m] for m in sorted(smooth)]
    steps = [b / a for a, b in pairwise(ordered)]
    assert max(steps) == pytest.approx(min(steps)) == pytest.approx(1.5 ** (1 / 12))
    assert min(smooth) == date(2015, 7, 1) and max(smooth) == date(2018, 6, 1)
    real = real_prices(months(48), smooth)
    assert [m for m, _ in real] == [m for m, _ in months(48) if m in smooth]
