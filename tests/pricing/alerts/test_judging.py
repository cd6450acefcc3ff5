"""The state machine of alerts: persistence, hysteresis, acknowledgement, quiet hours."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.clock import SHANGHAI, from_ms, to_ms
from pricing.alerts.conditions import ALPS, CHANGE, FORECAST, IPA, LEVEL, SILENT, Condition
from pricing.alerts.judging import BETWEEN, MET, OVER, REMIND_MS, State, due_ms, judge, limits, zone
from pricing.alerts.rules import CLEARED, RAISED, REMINDER, Fact, Rule

PRICE = Condition(LEVEL, "above", 3000, "tomato", "xinfadi")
CHEAP = Condition(LEVEL, "below", 3000, "tomato", "xinfadi")
NOON = to_ms(datetime(2026, 11, 28, 12, tzinfo=SHANGHAI))
DAY = 86_400_000


def rule(condition: Condition = PRICE, persist: int = 1, **values: object) -> Rule:
    return Rule("r", "371522", "wang", condition, persist=persist, **values)  # type: ignore[arg-type]


def fact(value: float, stamp: int, **values: object) -> Fact:
    return Fact(value, stamp, "xinfadi", None, 0, **values)  # type: ignore[arg-type]


def play(of: Rule, looks: list[tuple[float, int]]) -> list[str]:
    """Return what happened at each look at (value, day), a look a day."""
    state, told = State(), []
    for k, (value, stamp) in enumerate(looks):
        state, what = judge(of, fact(value, stamp), state, NOON + k)
        told.append(what)
    return told


@pytest.mark.parametrize(
    ("condition", "met", "between", "over"),
    [
        (PRICE, 3000, 2950, 2940), (CHEAP, 3000, 3050, 3060),
        (Condition(CHANGE, "above", 10, "tomato", "xinfadi", days=7), 10, 9, 8),
        (Condition(CHANGE, "below", 10, "tomato", "xinfadi", days=7), -10, -9, -8),
        (Condition(IPA, "above", 1, "tomato", "xinfadi"), 1, 0.95, 0.9),
        (Condition(IPA, "below", 0.5, "tomato", "xinfadi"), -0.5, -0.45, -0.4),
        (Condition(ALPS, "above", 0.25, "tomato", "xinfadi"), 0.25, 0.2, 0.15),
        (Condition(FORECAST, "below", 2000, "tomato", "xinfadi", weeks=4, quantile="p10"), 2000, 2030, 2040),
    ],
)  # fmt: skip
def test_at_the_limit_is_met_and_past_the_margin_is_over(condition: Condition, met: float, between: float, over: float) -> None:
    """The limit itself counts as met, the limit less the margin as over, and what lies between as neither, on both sides."""
    of = rule(condition)
    assert [zone(of, fact(v, 1)) for v in (met, between, over)] == [MET, BETWEEN, OVER]
    assert limits(of, fact(0, 1)) == (pytest.approx(met), pytest.approx(over))


def test_an_alarm_waits_for_as_many_days_as_its_rule_says() -> None:
    """Three looks at one day are one observation; the alarm comes with the third day and goes with the third that is over."""
    of = rule(persist=3)
    looks = [(3100, 1), (3100, 1), (3100, 1), (3100, 2), (3100, 3), (2900, 4), (2900, 5), (2900, 5), (2900, 6)]
    assert play(of, looks) == ["", "", "", "", RAISED, "", "", "", CLEARED]


def test_a_day_in_between_begins_the_count_anew() -> None:
    """Persistence means in a row: one day that does not meet the rule sets the count back."""
    assert play(rule(persist=2), [(3100, 1), (2950, 2), (3100, 3), (3100, 4)]) == ["", "", "", RAISED]


def test_a_revised_price_takes_its_own_day_back_and_no_other() -> None:
    """A correction of the newest day replaces it in the count; a withdrawal leaves what was known before."""
    of = rule(persist=2)
    assert play(of, [(3100, 1), (3100, 2), (2900, 2)]) == ["", RAISED, ""]
    assert play(of, [(3100, 1), (2900, 2), (3100, 2)]) == ["", "", RAISED]
    assert play(of, [(2900, 1), (2900, 2), (3100, 3), (2900, 2), (3100, 3), (3100, 4)]) == ["", "", "", "", "", RAISED]


def test_no_news_neither_raises_nor_clears() -> None:
    """Without a fact an open alarm stays open: silence is not good news."""
    state, what = judge(rule(), fact(3100, 1), State(), NOON)
    assert what == RAISED
    for k in range(5):
        state, what = judge(rule(), None, state, NOON + k)
        assert (state.alarm, what) == (True, "")


def test_an_alarm_nobody_saw_is_told_daily_and_an_acknowledged_one_is_not() -> None:
    """A reminder comes after a day; after acknowledgement there is none; the end is told all the same, and a new alarm is new."""
    state, _ = judge(rule(), fact(3100, 1), State(), NOON)
    state, what = judge(rule(), fact(3100, 1), state, NOON + REMIND_MS - 1)
    assert what == ""
    state, what = judge(rule(), fact(3100, 1), state, NOON + REMIND_MS)
    assert what == REMINDER
    state = State(state.stamp, state.before, state.run, state.alarm, True, state.told_ms)
    state, what = judge(rule(), fact(3100, 2), state, NOON + 5 * REMIND_MS)
    assert what == ""
    state, what = judge(rule(), fact(2000, 3), state, NOON + 6 * REMIND_MS)
    assert (what, state.acked) == (CLEARED, False)
    assert judge(rule(), fact(3100, 4), state, NOON + 7 * REMIND_MS)[1] == RAISED


def test_who_knows_better_than_a_limit_is_believed() -> None:
    """A source's silence is judged where its calendar is known."""
    of = rule(Condition(SILENT, source="xinfadi"), persist=2)
    assert [zone(of, fact(9999, 1, holds=False)), zone(of, fact(1, 1, holds=True))] == [OVER, MET]


LOOKS = st.lists(st.tuples(st.floats(2000, 4000), st.integers(0, 1), st.sampled_from(["fact", "fact", "fact", "none", "ack"])), max_size=60)


@settings(max_examples=150, deadline=None)
@given(LOOKS, st.integers(1, 4), st.sampled_from([PRICE, CHEAP]))
def test_raises_and_clears_alternate_and_each_is_earned(looks: list[tuple[float, int, str]], persist: int, condition: Condition) -> None:
    """Never two raises without a clear; between two changes lie as many observations of the other kind as the rule asks for."""
    of, state, stamp, last = rule(condition, persist), State(), 100, CLEARED
    since: dict[int, str] = {}  # the newest zone of each day since the last change
    acked = False
    for k, (value, step, kind) in enumerate(looks):
        now = NOON + k * DAY // 2
        if kind == "ack" and state.alarm:
            state, acked = State(state.stamp, state.before, state.run, state.alarm, True, state.told_ms), True
        stamp += step
        told = fact(value, stamp) if kind != "none" else None
        if told is not None:
            since[stamp] = zone(of, told)
        state, what = judge(of, told, state, now)
        if what in (RAISED, CLEARED):
            assert what != last
            newest = [z for _, z in sorted(since.items())][-persist:]
            assert newest == [MET if what == RAISED else OVER] * persist
            last, acked = what, False
        if what == REMINDER:
            assert last == RAISED and not acked
        assert state.alarm == (last == RAISED)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(2941, 2999), max_size=40), st.sampled_from([2000.0, 3500.0]))
def test_trembling_around_the_limit_is_no_news(tremble: list[float], first: float) -> None:
    """Values that stay between the limit and the margin change nothing, whatever came first."""
    looks = [(first, 0), *((v, k + 1) for k, v in enumerate(tremble))]
    assert [w for w in play(rule(), looks)[1:] if w] == []


@pytest.mark.parametrize(
    ("quiet", "digest", "now", "expected"),
    [
        (None, None, "12:00", "28 12:00"), ((22 * 60, 7 * 60), None, "12:00", "28 12:00"), ((22 * 60, 7 * 60), None, "23:10", "29 07:00"),
        ((22 * 60, 7 * 60), None, "03:00", "28 07:00"), ((22 * 60, 7 * 60), None, "07:00", "28 07:00"),
        ((60, 120), None, "01:30", "28 02:00"),
        (None, 450, "07:30", "28 07:30"), (None, 450, "07:31", "29 07:30"), ((22 * 60, 8 * 60), 450, "12:00", "29 08:00"),
    ],
)  # fmt: skip
def test_what_happens_in_quiet_hours_waits_for_their_end(
    quiet: tuple[int, int] | None, digest: int | None, now: str, expected: str
) -> None:
    """Shanghai's clock decides: at once, at the digest, and never between the two quiet times, also across midnight."""
    at = datetime.strptime(f"2026-11-28 {now}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)
    due = due_ms(rule(quiet=quiet, digest=digest), to_ms(at))
    assert f"{from_ms(due).astimezone(SHANGHAI):%d %H:%M}" == expected


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 3 * DAY), st.integers(0, 1439), st.integers(0, 1439), st.none() | st.integers(0, 1439))
def test_nothing_is_told_in_quiet_hours_and_nothing_is_put_off_for_ever(offset: int, start: int, end: int, digest: int | None) -> None:
    """The time of telling is never before the event, never within the quiet hours, and at most two days away."""
    if start == end:
        return
    now = NOON + offset
    due = due_ms(rule(quiet=(start, end), digest=digest), now)
    local = from_ms(due).astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    assert now <= due <= now + 2 * DAY
    assert not (start <= minute < end if start < end else minute >= start or minute < end)
