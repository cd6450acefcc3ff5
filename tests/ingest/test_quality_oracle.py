"""Our tests beside those of `ioos_qc` on random series: the same flags, but where decision 0034 says otherwise and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ioos_qc import qartod

from ingest.quality import tests as ours
from ingest.reading import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT

SEEDS = range(25)
STEP_MS = 600_000
FOREVER = float("inf")


def series(seed: int, *, gaps: bool = False, missing: bool = False) -> tuple[Any, Any, Any]:
    """Return times in ms, values with jumps, spikes and still stretches, and where the series begins."""
    dice = np.random.default_rng(seed)
    n = int(dice.integers(20, 400))
    x = 20 + np.cumsum(dice.normal(0, 0.5, n)) + dice.choice([0.0, 0, 0, 0, 6, -9], n)
    for start in dice.integers(0, n, 3):
        x[start : start + int(dice.integers(2, 60))] = x[start]
    x = np.round(x, 1)
    if missing:
        x[dice.random(n) < 0.1] = np.nan
    steps = dice.integers(1, 40, n) * 1000 if gaps else np.full(n, STEP_MS)
    return 1_700_000_000_000 + np.cumsum(steps), x, np.arange(n) == 0


def at(t: Any) -> Any:
    """Return times as the oracle takes them."""
    return np.asarray(t).astype("datetime64[ms]")


@pytest.mark.parametrize("seed", SEEDS)
def test_gross_range(seed: int) -> None:
    """The same flags, bounds inside, missing values too."""
    _, x, _ = series(seed, missing=True)
    expected = qartod.gross_range_test(x, fail_span=(10, 30), suspect_span=(15, 25))
    assert ours.gross_range(x, (10, 30), (15, 25)).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["average", "differential"])
def test_spike(seed: int, method: str) -> None:
    """The same flags by both methods; beside a missing value nothing is evaluated."""
    t, x, first = series(seed, missing=True)
    expected = qartod.spike_test(x, suspect_threshold=2.03, fail_threshold=4.07, method=method)
    assert ours.spike(t, x, first, 2.03, 4.07, FOREVER, method=method).tolist() == expected.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_rate_of_change(seed: int) -> None:
    """The same flags for whole seconds, but that our first reading, which has none before it, is not evaluated."""
    t, x, first = series(seed, gaps=True)
    suspect, fail = 0.02113, 0.11317
    expected = qartod.rate_of_change_test(x, at(t), threshold=suspect, fail_threshold=fail)
    found = ours.step(t, x, first, (0.0, suspect * 3600), (0.0, fail * 3600), FOREVER, forgive=False)
    assert found[0] == NOT_EVALUATED and found[1:].tolist() == expected.tolist()[1:]


@pytest.mark.parametrize("seed", SEEDS)
def test_flat_line(seed: int) -> None:
    """The same flags at an even interval, but that ours are not evaluated where too little is known to call a series alive."""
    t, x, first = series(seed)
    expected = qartod.flat_line_test(x, at(t), suspect_threshold=3 * 3600, fail_threshold=6 * 3600, tolerance=0.05)
    found = ours.flat_line(t, x, first, 0.05, 3 * ours.HOUR_MS, 6 * ours.HOUR_MS, 1, np.zeros(len(x), dtype=bool))
    assert np.where(found == NOT_EVALUATED, GOOD, found).tolist() == [int(f) for f in expected]
    unknown = found == NOT_EVALUATED
    assert not unknown.any() or (np.ptp(x[: np.flatnonzero(unknown)[-1] + 1]) < 0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_climatology(seed: int) -> None:
    """The same flags by month; months without normals are not evaluated in either."""
    dice = np.random.default_rng(seed)
    t = 1_700_000_000_000 + np.arange(200) * 86_400_000
    x = 15 + dice.normal(0, 6, 200)
    means, sds = 10 + dice.normal(0, 5, 12), np.full(12, 3.0)
    known = dice.random(12) < 0.7
    spans = [{"tspan": (m + 1, m + 1), "vspan": (means[m] - 6, means[m] + 6), "period": "month"} for m in range(12) if known[m]]
    expected = qartod.climatology_test(spans, x, at(t), np.full(200, np.nan))
    month = at(t).astype("datetime64[M]").astype(int) % 12
    mean = np.where(known, means, np.nan)[month]
    assert ours.climatology(x, mean, sds[month], 2.0).tolist() == expected.tolist()


def two_days() -> tuple[Any, Any]:
    """Return hours of one day, and of the day after the next."""
    t = np.concatenate([np.arange(5), 29 + np.arange(5)]) * 3_600_000 + 1_700_000_000_000
    return t, np.full(10, 7.0)


def test_a_part_of_a_second_counts() -> None:
    """The oracle cuts the time between to whole seconds: 1.9 s become 1 s, and a rate within the limit is flagged. Ours counts 1.9 s."""
    t, x, first = np.array([0, 1900]) + 1_700_000_000_000, np.array([0.0, 1.5]), np.array([True, False])
    assert qartod.rate_of_change_test(x, at(t), threshold=1.0).tolist() == [GOOD, SUSPECT]
    assert ours.step(t, x, first, (0.0, 3600.0), (0.0, 7200.0), FOREVER).tolist() == [NOT_EVALUATED, GOOD]


def test_no_time_between_is_no_rate() -> None:
    """Less than a second is no time to the oracle, and it holds the bare difference against a rate: 0.1 is too much for 0.05 a second.

    Ours allows so much at once. Of two words for one and the same time only the last one is judged at all, see the flagger's tests.
    """
    t, x, first = np.array([0, 400]) + 1_700_000_000_000, np.array([5.0, 5.1]), np.array([True, False])
    with np.errstate(divide="ignore"):
        assert qartod.rate_of_change_test(x, at(t), threshold=0.05).tolist() == [GOOD, SUSPECT]
    assert ours.step(t, x, first, (3.0, 6.0), (6.0, 12.0), FOREVER).tolist() == [NOT_EVALUATED, GOOD]


def test_a_silence_is_no_stillness() -> None:
    """The oracle counts readings at the median interval, so that a silence of a day counts as one hour. Ours begins anew after 3 h."""
    t, x = two_days()
    expected = qartod.flat_line_test(x, at(t), suspect_threshold=6 * 3600, fail_threshold=24 * 3600, tolerance=0.05)
    assert [int(f) for f in expected] == [1, 1, 1, 1, 1, 1, 3, 3, 3, 3]
    found = ours.flat_line(t, x, np.arange(10) == 0, 0.05, 6 * ours.HOUR_MS, 24 * ours.HOUR_MS, 1, np.zeros(10, dtype=bool))
    assert found.tolist() == [NOT_EVALUATED] * 10


def test_a_dry_spell_is_no_fault() -> None:
    """The oracle fails rain that is 0 for some hours. Ours has no flat-line test for rain, and none for nights and counts."""
    t, x = np.arange(24) * 3_600_000 + 1_700_000_000_000, np.zeros(24)
    assert int(qartod.flat_line_test(x, at(t), suspect_threshold=3600, fail_threshold=7200, tolerance=0.01)[-1]) == FAIL
    exempt = np.ones(24, dtype=bool)
    assert ours.flat_line(t, x, np.arange(24) == 0, 0.01, ours.HOUR_MS, 2 * ours.HOUR_MS, 1, exempt).tolist() == [0] * 24


def test_time_out_of_order_is_put_in_order() -> None:
    """The oracle takes the order given: a jump beside a late reading passes unseen. Ours is sorted before it is judged."""
    t, x = np.array([0, 1200, 600]) * 1000 + 1_700_000_000_000, np.array([10.0, 12.0, 8.0])
    limit = 1.1 / 600
    assert qartod.rate_of_change_test(x, at(t), threshold=limit).tolist() == [GOOD, GOOD, SUSPECT]
    order = np.argsort(t)
    found = ours.step(t[order], x[order], np.array([True, False, False]), (0.0, limit * 3600), (0.0, limit * 7200), FOREVER, forgive=False)
    assert found.tolist() == [NOT_EVALUATED, SUSPECT, FAIL]


def test_a_missing_value_is_missing() -> None:
    """NaN is 9 in both and its neighbours' spikes are 2; with us no NaN is ever stored, so that a value left out is no neighbour at all."""
    t, x, first = np.arange(5) * STEP_MS + 1_700_000_000_000, np.array([1.0, 2.0, np.nan, 2.0, 1.0]), np.arange(5) == 0
    expected = qartod.spike_test(x, suspect_threshold=3, fail_threshold=6)
    assert expected.tolist() == [2, 2, 9, 2, 2] == ours.spike(t, x, first, 3, 6, FOREVER, method="average").tolist()
    assert ours.gross_range(x, (0, 9), (0, 9)).tolist()[2] == MISSING
