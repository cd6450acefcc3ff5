"""The sentences of alerts are whole in both languages, and conditions refuse nonsense."""

from __future__ import annotations

import re
from typing import Any

import pytest

from foundation.errors import BadInput
from pricing.alerts.conditions import NEEDS, Condition
from pricing.alerts.rules import Rule
from pricing.alerts.sentences import SAYS
from pricing.alerts.wording import why_text

HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff01-\uff5e]")


def test_both_languages_fill_in_the_same_and_do_not_mix() -> None:
    """Every sentence takes the same values in both columns; the English column has no Chinese."""
    fields = re.compile(r"\{(\w+)\}")
    assert [k for k, (zh, en) in SAYS.items() if set(fields.findall(zh)) != set(fields.findall(en))] == []
    assert [k for k, (_, en) in SAYS.items() if HAN.search(en)] == []


def test_every_kind_and_side_has_its_words() -> None:
    """Whatever a rule may watch for can be said, with its number; so can every reason for not knowing."""
    assert [f"{k}-{side}" for k, need in NEEDS.items() for side in need.sides if f"{k}-{side}" not in SAYS] == []
    assert [k for k in NEEDS if f"value-{k}" not in SAYS] == []
    assert why_text("not-enough-history 30/120", "en") == "not enough history: 30 of 120"
    assert (why_text("too-old", "zh-Hans"), why_text("something", "en")) == ("数据太旧", "something")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "none"}, {"product": ""}, {"limit": 0.0}, {"side": "under"}, {"limit": -1.0},
        {"limit": float("nan")}, {"days": 3}, {"product": "a b"}, {"kind": "change", "days": 91, "limit": 5.0},
        {"kind": "change", "days": 7, "limit": 0.1}, {"kind": "ipa", "limit": 0.7}, {"kind": "alps", "side": "below", "limit": 1.0},
        {"kind": "spread", "other_market": "m", "limit": 10.0}, {"kind": "forecast", "weeks": 13, "quantile": "p50"},
        {"kind": "forecast", "weeks": 4, "quantile": "p99"}, {"kind": "silent", "source": "s"},
    ],
)  # fmt: skip
def test_a_condition_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """Missing and foreign fields, sides, limits and spans that cannot be are refused where the condition is made."""
    with pytest.raises(BadInput):
        Condition(**{"kind": "level", "side": "above", "limit": 10.0, "product": "t", "market": "m", **wrong})


@pytest.mark.parametrize(
    "wrong",
    [{"county": "1"}, {"lang": "fr"}, {"severity": "loud"}, {"persist": 0}, {"persist": 15}, {"quiet": (60, 60)}, {"quiet": (0, 1440)},
     {"digest": -1}, {"channels": ("a", "a")}, {"channels": tuple("abcdefghi")}],
)  # fmt: skip
def test_a_rule_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    """Counties, languages, persistence, times of day and channels are checked where the rule is made."""
    good = {"id": "r", "county": "371522", "owner": "wang", "condition": Condition("level", "above", 10.0, "t", "m")}
    assert Rule(**good)
    with pytest.raises(BadInput):
        Rule(**{**good, **wrong})
