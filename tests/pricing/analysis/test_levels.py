"""Warning levels: persistence counts weeks exactly, hysteresis keeps quiet, and a rule that contradicts itself is refused."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from pricing.analysis.levels import SHIPPED, Rule, Step, levels, read_rules

START = date(2026, 1, 5)
DAY = date(2026, 11, 29)


def pigs(release: float = 0.05, release_weeks: int = 1) -> Rule:
    """Return the pig-to-grain rule of 2021: 6 level 3, 6 for three weeks level 2, 5 level 1."""
    steps = (Step(3, 6.0), Step(2, 6.0, 3), Step(1, 5.0))
    return Rule("pork", "low", "grain", 1000, steps, "plan of 2021", DAY, own=False, release=release, release_weeks=release_weeks)


def run(rule: Rule, ratios: list[float]) -> list[int]:
    """Return the level week by week."""
    return [w.level for w in levels(rule, [(START + timedelta(weeks=k), 1000 * r) for k, r in enumerate(ratios)])]


def test_the_plan_of_2021() -> None:
    """Below 6 at once level 3, in the third week level 2, below 5 at once level 1, and back up past the release none."""
    assert run(pigs(), [7, 5.9, 5.8, 5.7, 4.9, 5.1, 5.3, 6.1, 6.29, 6.31]) == [0, 3, 3, 2, 1, 1, 2, 2, 2, 0]


def test_a_week_without_a_price_breaks_the_run_and_lifts_nothing() -> None:
    """Three weeks on end are three weeks on end; silence neither raises nor ends a level."""
    weeks = [(START + timedelta(weeks=k), 5800.0) for k in (0, 1, 3, 4, 5)]
    assert [w.level for w in levels(pigs(), weeks)] == [3, 3, 3, 3, 2]


@given(st.lists(st.floats(5.0, 6.2999), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_between_bound_and_release_nothing_flaps(ratios: list[float]) -> None:
    """Once level 3 is reached, no path below the release ends it, and the level only ever grows graver."""
    found = run(pigs(), [5.9, *ratios])
    assert 0 not in found
    assert all(b <= a for a, b in pairwise(found))


@given(st.lists(st.floats(3.0, 9.0), min_size=1, max_size=80), st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_persistence_counts_weeks_exactly(ratios: list[float], weeks: int) -> None:
    """Without hysteresis, a step of n weeks is reached in just those weeks that end n weeks below the bound."""
    rule = Rule("pork", "low", "grain", 1000, (Step(1, 6.0, weeks),), "x", DAY, own=True, release=0.0)
    found = run(rule, ratios)
    reached = False
    for k in range(len(ratios)):
        if k + 1 >= weeks and all(1000 * r / 1000 < 6.0 for r in ratios[k + 1 - weeks : k + 1]):
            reached = True
        elif 1000 * ratios[k] / 1000 >= 6.0:
            reached = False
        assert found[k] == (1 if reached else 0)


@given(st.lists(st.floats(3.0, 9.0), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_the_level_of_a_week_needs_no_later_week(ratios: list[float]) -> None:
    """What was told stands whatever follows."""
    whole = run(pigs(), ratios)
    assert all(run(pigs(), ratios[: k + 1]) == whole[: k + 1] for k in range(len(ratios)))


def test_the_high_side_mirrors_the_low_one() -> None:
    """Dear is measured the same way upside down, and a slow release waits its weeks."""
    rule = Rule("pork", "high", "grain", 1000, (Step(2, 9.0), Step(1, 10.0)), "x", DAY, own=True, release=0.1, release_weeks=2)
    assert run(rule, [9.1, 10.5, 9.5, 8.9, 8.9, 8.0, 8.0]) == [2, 1, 1, 1, 2, 2, 0]


@pytest.mark.parametrize(
    "change",
    [{"side": "left"}, {"reference_milli": 0}, {"source": ""}, {"steps": ()}, {"steps": (Step(2, 5.0), Step(1, 6.0))},
     {"steps": (Step(2, 5.0), Step(2, 4.0))}, {"release": -0.1}],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    """Unknown sides, no reference, no source, no steps, graver steps inside milder ones."""
    good: dict[str, object] = {"product": "pork", "side": "low", "reference": "grain", "reference_milli": 1000, "steps": (Step(1, 5.0),),
                               "source": "x", "date": DAY, "own": True}  # fmt: skip
    Rule(**good)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        Rule(**{**good, **change})  # type: ignore[arg-type]


def test_the_shipped_rules_say_whose_figures_they_are(tmp_path: Path) -> None:
    """Every reference has a source and a date and is marked as our assumption; a broken file is refused with its name."""
    rules = read_rules(SHIPPED)
    assert {r.product for r in rules} >= {"tomato", "cucumber", "melon", "lotus_root"}
    assert all(r.source and r.date and r.own for r in rules)
    broken = tmp_path / "levels.toml"
    for text in ("[[rule", '[[rule]]\nproduct = "tomato"\n', '[[rule]]\nproduct = "tomato"\nstep = [{level = 1}]\n'):
        broken.write_text(text)
        with pytest.raises(BadInput):
            read_rules(broken)
    with pytest.raises(BadInput):
        Step(0, 1.0)
