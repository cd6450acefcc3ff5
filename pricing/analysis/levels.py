"""Warning levels as policy makes them: a ratio, steps, persistence on the way in and hysteresis on the way out.

The model is the pig-to-grain ratio 猪粮比 of the plan of 2021 (NDRC and others, plan to stabilise the supply and price of pork): below
6:1 level 3, below 6:1 for three weeks level 2, below 5:1 level 1, the most serious. Here the ratio is a product's weekly price over a
reference, its cost or a fixed price. Each step is a latch of its own: it closes when the ratio was beyond its bound for its number of
weeks on end, and opens when the ratio was back beyond bound ± release for as many weeks as the rule says. The level is the most serious
closed latch. Between bound and release nothing changes, so that a price that trembles at a bound does not ring the bell every week.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from foundation.errors import BadInput
from foundation.ids import check_id

SIDES = ("low", "high")
SHIPPED = Path(__file__).with_name("levels.toml")


@dataclass(frozen=True, slots=True)
class Step:
    """One step: beyond `bound` for `weeks` weeks on end is `level` (1 is the most serious)."""

    level: int
    bound: float
    weeks: int = 1

    def __post_init__(self) -> None:
        if self.level < 1 or self.bound <= 0 or self.weeks < 1:
            raise BadInput("this step is none", expected="level and weeks from 1 on, a bound above 0", got=str(self))


@dataclass(frozen=True, slots=True)
class Rule:
    """The levels of one product on one side of its reference, with whose figure the reference is."""

    product: str
    side: str
    reference: str
    reference_milli: int
    steps: tuple[Step, ...]
    source: str
    date: date
    own: bool
    release: float = 0.03
    release_weeks: int = 1
    market: str | None = None

    def __post_init__(self) -> None:
        check_id(self.product, "product id")
        if self.side not in SIDES:
            raise BadInput("a level has no such side", expected=", ".join(SIDES), got=self.side)
        if self.reference_milli <= 0 or not self.steps or self.release < 0 or self.release_weeks < 1:
            raise BadInput("this rule cannot be", expected="a reference above 0, steps, a release of 0 or more", got=self.product)
        if not self.source:
            raise BadInput("a reference needs a source", got=self.product, todo="say whose figure it is, and of which day")
        ordered = sorted(self.steps, key=lambda s: -s.level)
        for milder, graver in pairwise(ordered):
            beyond = graver.bound <= milder.bound if self.side == "low" else graver.bound >= milder.bound
            if milder.level == graver.level or not beyond:
                raise BadInput("a graver step lies at or beyond the milder ones", got=f"{self.product}: {milder} and {graver}")

    def beyond(self, ratio: float, step: Step) -> bool:
        """Tell whether a ratio is beyond a step's bound."""
        return ratio < step.bound if self.side == "low" else ratio > step.bound

    def back(self, ratio: float, step: Step) -> bool:
        """Tell whether a ratio is back by more than the release."""
        return ratio >= step.bound * (1 + self.release) if self.side == "low" else ratio <= step.bound * (1 - self.release)


@dataclass(frozen=True, slots=True)
class WeekLevel:
    """The level in one week (0 is none), the ratio it came from and since which week it stands."""

    monday: date
    ratio: float
    level: int
    since: date | None


def levels(rule: Rule, weekly: Sequence[tuple[date, float]]) -> list[WeekLevel]:
    """Return the level of every week that has a price. A week without a price changes no level and breaks every run of weeks."""
    closed = dict.fromkeys(rule.steps, False)
    beyond = dict.fromkeys(rule.steps, 0)
    back = dict.fromkeys(rule.steps, 0)
    found: list[WeekLevel] = []
    before: date | None = None
    for monday, price in weekly:
        ratio = price / rule.reference_milli
        follows = before is not None and monday - before == timedelta(days=7)
        for step in rule.steps:
            beyond[step] = (beyond[step] if follows else 0) + 1 if rule.beyond(ratio, step) else 0
            back[step] = (back[step] if follows else 0) + 1 if rule.back(ratio, step) else 0
            if beyond[step] >= step.weeks:
                closed[step] = True
            elif back[step] >= rule.release_weeks:
                closed[step] = False
        level = min((s.level for s in rule.steps if closed[s]), default=0)
        last = found[-1] if found else None
        since = (last.since if last is not None and last.level == level else monday) if level else None
        found.append(WeekLevel(monday, ratio, level, since))
        before = monday
    return found


def read_rules(path: Path) -> list[Rule]:
    """Return the rules of a TOML file.

    Raises:
        BadInput: a rule is incomplete or contradicts itself.

    """
    with path.open("rb") as file:
        try:
            found = tomllib.load(file)
        except tomllib.TOMLDecodeError as error:
            raise BadInput("this file of levels cannot be read", got=f"{path.name}: {error}") from None
    return [_rule(entry) for entry in found.get("rule", [])]


def _rule(entry: Mapping[str, Any]) -> Rule:
    fields = dict(entry)
    try:
        steps = tuple(Step(**s) for s in fields.pop("step"))
        return Rule(steps=steps, **fields)
    except (KeyError, TypeError) as error:
        raise BadInput("this rule of levels is incomplete", got=f"{entry.get('product', '?')}: {error}") from None
