"""The soft gate: what is odd, what the other markets excuse, and what a second day may release."""

from __future__ import annotations

import math
from datetime import date, timedelta

import pytest

from pricing.desk.soft_gate import Triple, confirms, judge, looks_usual, released_by_a_second_day

DAY = date(2026, 11, 23)
STEADY: list[Triple] = [(2800, 3000, 3200)] * 7


def _times(factor: float) -> Triple:
    return (round(2800 * factor), round(3000 * factor), round(3200 * factor))


@pytest.mark.parametrize(("factor", "odd"), [(1.0, False), (1.45, False), (0.7, False), (1.55, True), (2.0, True), (0.5, True), (10, True)])
def test_a_price_far_from_its_own_past_is_odd(factor: float, odd: bool) -> None:
    """Half as much again is the limit where the past is steady; the figures say against what and how far."""
    found = judge(STEADY, _times(factor), {})
    assert (found is not None) == odd
    if found:
        assert (found.reason, found.usual, found.quotes, found.last) == ("alone", 3000, 7, 3000)
        assert found.factor == pytest.approx(factor, rel=1e-3) and found.scales is None


def test_without_a_past_nothing_is_odd() -> None:
    """Four quotes are no usual level."""
    assert judge(STEADY[:4], _times(10), {}) is None
    assert judge(STEADY[:5], _times(10), {}) is not None


def test_a_restless_series_is_allowed_more() -> None:
    """The limit grows with the robust scale of the series, and one wild quote in its past does not widen it."""
    restless: list[Triple] = [(p, p, p) for p in (2000, 3000, 4500, 2100, 4400, 2900, 3100)]
    assert judge(restless, (4800, 4800, 4800), {}) is None
    wild: list[Triple] = [*STEADY[:3], (30_000, 30_000, 30_000), *STEADY[:3]]
    assert judge(wild, _times(2), {}) is not None


def test_a_move_that_the_others_made_too_is_the_market() -> None:
    """Two other markets that doubled excuse a doubled price; two that stayed do not, and one is nobody to ask."""
    doubled = _times(2)
    assert judge(STEADY, doubled, {"zhongcai": math.log(1.9), "lianyi": math.log(2.1)}) is None
    found = judge(STEADY, doubled, {"zhongcai": 0.0, "lianyi": 0.02})
    assert found is not None and (found.reason, found.others_move) == ("against", pytest.approx(0.01))
    one = judge(STEADY, doubled, {"zhongcai": math.log(2)})
    assert one is not None and (one.reason, one.others_move) == ("alone", None)


def test_a_slip_in_one_of_the_three_prices_shows() -> None:
    """A high price ten times too high is odd though the middle is not; a high that only wandered is not."""
    found = judge(STEADY, (2800, 3000, 32_000), {"a": 0.0, "b": 0.0})
    assert found is not None and (found.part, found.usual) == ("high", 3200)
    assert judge(STEADY, (2800, 3000, 6000), {}) is None


def test_the_quick_look_never_passes_what_the_closer_one_holds() -> None:
    """Whatever looks usual in integers is not odd by logarithms."""
    for factor in (0.3, 0.5, 0.66, 0.67, 1.0, 1.49, 1.5, 1.51, 2.9, 3.1):
        if looks_usual(STEADY, _times(factor)):
            assert judge(STEADY, _times(factor), {}) is None, factor


def test_a_second_day_releases_a_level_but_not_a_unit() -> None:
    """The same level on a later day within a month; never beyond four times, and never twice or half while the others stayed."""
    assert confirms(DAY, _times(1.8), DAY + timedelta(days=1), _times(1.9))
    assert not confirms(DAY, _times(1.8), DAY, _times(1.8))
    assert not confirms(DAY, _times(1.8), DAY + timedelta(days=1), _times(1))
    assert not confirms(DAY, _times(1.8), DAY + timedelta(days=31), _times(1.8))

    def by_rule(factor: float, others: dict[str, float]) -> bool:
        odd = judge(STEADY, _times(factor), others)
        assert odd is not None
        return released_by_a_second_day(odd)

    stayed = {"a": 0.0, "b": 0.0}
    assert by_rule(1.7, {}) and by_rule(2.0, {}) and by_rule(1.7, stayed) and by_rule(3, stayed)
    assert not by_rule(2.0, stayed) and not by_rule(0.5, stayed) and not by_rule(5, {})
