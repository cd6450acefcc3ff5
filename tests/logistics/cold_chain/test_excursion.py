"""The laws of the excursion rule, for any readings, and recall and false alarms on the labelled trips of the simulator."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import BadInput
from ingest.reading import FAIL, GOOD, SUSPECT, Point
from logistics.cold_chain.excursion import judge, mean_kinetic
from logistics.cold_chain.limits import CLASSES, limits_of
from logistics.cold_chain.nouns import ABOVE, BELOW, EXCURSION, GAP, OK, PENDING, RECOVERING, WARMING, Limits
from simulators.season_plan import trips
from simulators.trips import ride

MIN = 60_000
LIMITS = Limits("cool", 8.0, 13.0, delay_s=1800, gap_s=1500, hysteresis_c=0.5)
HOUR = 60 * MIN

values = st.floats(-5, 30).map(lambda x: round(x, 1))
series = st.lists(st.tuples(st.integers(0, 12 * 60), values), max_size=90, unique_by=lambda p: p[0]).map(
    lambda pairs: [Point(m * MIN, x, GOOD) for m, x in sorted(pairs)]
)


def points(*pairs: tuple[float, float]) -> list[Point]:
    return [Point(int(m * MIN), x, GOOD) for m, x in pairs]


def every_ten(*cells: float, start: float = 0) -> list[Point]:
    return points(*((start + 10 * k, x) for k, x in enumerate(cells)))


@given(series)
def test_no_excursion_is_shorter_than_the_delay(readings: list[Point]) -> None:
    """Whatever is read, an excursion opened after its delay and lasted at least as long; two never overlap."""
    found = judge(readings, LIMITS, 0, 12 * HOUR, over=True).excursions
    assert all(e.opened_ms - e.since_ms >= 1_800_000 for e in found)
    assert all(e.ended_ms is not None and e.ended_ms >= e.opened_ms for e in found)
    assert all((a.ended_ms or 0) <= b.since_ms for a, b in pairwise(found))


@given(series, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(readings: list[Point], dice: random.Random) -> None:
    """Late, out of order or twice: judged again, the answer is that of the readings in their own order."""
    mixed = [*readings, *readings[:5]]
    dice.shuffle(mixed)
    assert judge(mixed, LIMITS, 0, 12 * HOUR, over=True) == judge(readings, LIMITS, 0, 12 * HOUR, over=True)


@given(series)
def test_minutes_add_up_and_a_gap_is_never_fine(readings: list[Point]) -> None:
    """Above, below and unknown never exceed the leg; every silence longer than the gap time is unknown, whole."""
    told = judge(readings, LIMITS, 0, 12 * HOUR, over=True)
    assert told.above + told.below + told.unknown <= told.minutes + 1e-6
    marks = [0, *(p.t_ms for p in readings), 12 * HOUR]
    if readings:
        silent = sum(b - a for a, b in pairwise(marks) if b - a > 1_500_000) / MIN
        assert told.unknown == pytest.approx(silent)
    else:
        assert told.unknown == told.minutes and told.state == GAP
    assert not (told.state == OK and marks[-1] - marks[-2] > 1_500_000)


@given(series, values)
def test_suspect_and_failed_readings_judge_nothing(readings: list[Point], wild: float) -> None:
    """A flagged value changes neither minutes nor excursions; it is counted apart."""
    spoiled = [*readings, *(Point(p.t_ms + 1, wild, flag) for p, flag in zip(readings, [SUSPECT, FAIL] * 50, strict=False))]
    clean, told = judge(readings, LIMITS, 0, 12 * HOUR, over=True), judge(spoiled, LIMITS, 0, 12 * HOUR, over=True)
    assert (told.excursions, told.above, told.unknown, told.count) == (clean.excursions, clean.above, clean.unknown, clean.count)
    assert told.suspect == sum(p.t_ms + 1 < 12 * HOUR for p in readings)


def state(readings: list[Point], minute: float) -> str:
    return judge(readings, LIMITS, 0, int(minute * MIN), over=False).state


def test_the_machine_goes_through_its_states() -> None:
    """Nothing yet, fine, warming while the delay runs, excursion, recovering inside the limit, fine again only beyond the hysteresis."""
    readings = every_ten(10, 14, 14, 15, 16, 12.8, 12.6, 12.4)
    assert [state(readings[:k], 10 * k - 5) for k in range(9)] == [
        PENDING,
        OK,
        WARMING,
        WARMING,
        WARMING,
        EXCURSION,
        RECOVERING,
        RECOVERING,
        OK,
    ]
    (one,) = judge(readings, LIMITS, 0, 80 * MIN, over=True).excursions
    assert (one.side, one.since_ms, one.opened_ms, one.ended_ms, one.extreme_c) == (ABOVE, 10 * MIN, 40 * MIN, 70 * MIN, 16)
    assert one.minutes(0) == 60


def test_the_clock_alone_opens_an_excursion() -> None:
    """When the delay runs out between two readings, the alarm does not wait for the next one."""
    readings = points((0, 14), (10, 14), (20, 14))
    assert state(readings, 29) == WARMING and state(readings, 30) == EXCURSION


def test_too_cold_is_an_excursion_too() -> None:
    """What is hurt by cold has a lower limit; from below the hysteresis counts upwards."""
    told = judge(every_ten(10, 7, 6, 6, 5, 8.2, 8.5), LIMITS, 0, 70 * MIN, over=True)
    assert [(e.side, e.extreme_c, e.minutes(0)) for e in told.excursions] == [(BELOW, 5, 50)]
    assert (told.below, told.above) == (40, 0)


def test_a_gap_hides_nothing_and_forgives_nothing() -> None:
    """A silence inside an excursion is unknown time, does not end it, and before the delay is over does not reset its clock."""
    readings = [*every_ten(14, 14, 14, 14, 14), *every_ten(14, 10, start=120)]
    told = judge(readings, LIMITS, 0, 140 * MIN, over=True)
    assert [(e.since_ms, e.ended_ms) for e in told.excursions] == [(0, 130 * MIN)] and told.unknown == 80
    assert [e.opened_ms for e in judge(points((0, 14), (60, 14)), LIMITS, 0, 65 * MIN, over=False).excursions] == [HOUR]
    assert state(points((0, 10)), 20) == OK and state(points((0, 10)), 26) == GAP


def test_means_weigh_time_and_the_kinetic_mean_lies_above() -> None:
    """An hour at 4 and an hour at 20 degrees have the mean 12; the kinetic mean is nearer to the warmer one."""
    readings = [*every_ten(*[4.0] * 6), *every_ten(*[20.0] * 6, start=60)]
    told = judge(readings, LIMITS, 0, 120 * MIN, over=True)
    assert told.mean_c == pytest.approx(12) and told.mkt_c is not None and 13 < told.mkt_c < 20
    assert mean_kinetic(every_ten(5, 5, 5), HOUR) == pytest.approx(5)
    assert mean_kinetic(every_ten(5, 5), 100 * HOUR) is None


def test_the_narrowest_class_counts_and_unknown_products_travel_chilled() -> None:
    """Mixed cargo is judged by the coldest class, an accelerated demo by shorter times, and limits without room are refused."""
    assert limits_of(["tomato", "lotus_root"]).name == "chilled" and limits_of(["tomato"]).name == "cool"
    assert limits_of(["something"]).name == limits_of([]).name == "chilled" and limits_of(["potato"]).high_c is None
    fast = limits_of(["tomato"], pace=60)
    assert (fast.delay_s, fast.gap_s, fast.high_c) == (30, 25, CLASSES["cool"].high_c)
    with pytest.raises(BadInput, match="no room"):
        Limits("wrong", 4.0, 4.2, 60, 60)


def test_every_planted_excursion_is_found_and_no_open_door_is() -> None:
    """On a year of labelled trips: recall 1.0 on planted excursions, no alarm on any trip without one, every planted silence unknown."""
    planted = found = silent = doors = 0
    for began in (20450, 20570, 20690, 20782):
        for trip in trips(522, began, began):
            told_of = ride(522, trip)
            kinds = {p.kind for p in told_of.planted}
            readings = [Point(r.t_ms, r.values["cargo_temperature"], GOOD) for r in told_of.recorded(0, 2**50)]
            told = judge(readings, limits_of([trip.product]), trip.departs_ms, trip.arrives_ms, over=True)
            wanted = {"excursion": ABOVE, "too-cold": BELOW}
            assert {e.side for e in told.excursions} == {wanted[k] for k in kinds & wanted.keys()}, (trip, told)
            planted += bool(kinds & wanted.keys())
            found += bool(told.excursions)
            doors += sum(p.kind == "door" for p in told_of.planted)
            if "dead" in kinds:
                silent += 1
                dead = next(p for p in told_of.planted if p.kind == "dead")
                assert told.unknown >= (dead.to_ms - dead.from_ms) / MIN - 10
            else:
                assert told.unknown == 0
    assert planted == found >= 8 and silent >= 8 and doors > 300
