"""When a fact is an alarm and when it is over: pure rules, with persistence, hysteresis and quiet hours.

A rule is met when the value is at its limit or beyond; it is over when the value has come back past the limit by the margin. In between,
neither is counted on. An alarm begins after `persist` observations in a row that meet it and ends after as many that are over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from foundation.clock import SHANGHAI, from_ms, to_ms
from pricing.alerts.conditions import ABOVE, CHANGE, NEEDS
from pricing.alerts.rules import CLEARED, RAISED, REMINDER, Fact, Rule

MET, OVER, BETWEEN = "met", "over", "between"
# An alarm nobody acknowledged is told again after a day.
REMIND_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class State:
    """Where a rule stands. `run` counts observations in a row up to `stamp`: above 0 met, below 0 over; `before` the same without the last.

    `alarm`: an alarm is open. `told_ms`: when that was last said, so that it is said again.
    """

    stamp: int | None = None
    before: int = 0
    run: int = 0
    alarm: bool = False
    acked: bool = False
    told_ms: int = 0


def limits(rule: Rule, fact: Fact) -> tuple[float, float]:
    """Return (at which value the rule is met, at which it is over), in the unit of the fact."""
    c = rule.condition
    need = NEEDS[c.kind]
    limit = c.limit if fact.limit is None else fact.limit
    margin = abs(limit) * need.margin if need.relative else need.margin
    if c.side == ABOVE:
        return limit, limit - margin
    if c.kind == CHANGE:
        return -limit, -limit + margin
    # IPA to the low side is met at minus its limit: an unusually low price.
    return (-limit, -limit + margin) if not need.relative else (limit, limit + margin)


def zone(rule: Rule, fact: Fact) -> str:
    """Return met, over or between."""
    if fact.holds is not None:
        return MET if fact.holds else OVER
    met, over = limits(rule, fact)
    if rule.condition.side == ABOVE:
        return MET if fact.value >= met else OVER if fact.value <= over else BETWEEN
    return MET if fact.value <= met else OVER if fact.value >= over else BETWEEN


def judge(rule: Rule, fact: Fact | None, state: State, now_ms: int) -> tuple[State, str]:
    """Return where the rule stands after a look, and what happened: raised, cleared, reminder or "".

    Without a fact nothing begins and nothing ends: silence is not good news. An open alarm is still told again.
    """
    if fact is not None:
        state = _counted(rule, fact, state)
    if not state.alarm and state.run >= rule.persist:
        return replace(state, alarm=True, acked=False, told_ms=now_ms), RAISED
    if state.alarm and state.run <= -rule.persist:
        return replace(state, alarm=False, acked=False, told_ms=now_ms), CLEARED
    if state.alarm and not state.acked and now_ms - state.told_ms >= REMIND_MS:
        return replace(state, told_ms=now_ms), REMINDER
    return state, ""


def _counted(rule: Rule, fact: Fact, state: State) -> State:
    if state.stamp is not None and fact.stamp < state.stamp:
        # The newest observation was withdrawn: what was known before it stands.
        return replace(state, run=state.before)
    before = state.before if fact.stamp == state.stamp else state.run
    found = zone(rule, fact)
    run = max(before, 0) + 1 if found == MET else min(before, 0) - 1 if found == OVER else 0
    return replace(state, stamp=fact.stamp, before=before, run=run)


def due_ms(rule: Rule, now_ms: int) -> int:
    """Return when something that happened now is told: at once, at the rule's digest, and never within its quiet hours."""
    due = now_ms if rule.digest is None else _next(rule.digest, now_ms)
    if rule.quiet is not None and _within(rule.quiet, due):
        return _next(rule.quiet[1], due)
    return due


def _within(quiet: tuple[int, int], at_ms: int) -> bool:
    local = from_ms(at_ms).astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    start, end = quiet
    return start <= minute < end if start < end else minute >= start or minute < end


def _next(minute: int, at_ms: int) -> int:
    """Return the first moment from `at_ms` on that is that minute of a day in Shanghai."""
    local = from_ms(at_ms).astimezone(SHANGHAI)
    day = datetime(local.year, local.month, local.day, minute // 60, minute % 60, tzinfo=SHANGHAI)
    return to_ms(day if day >= local else day + timedelta(days=1))
