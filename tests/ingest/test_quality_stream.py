"""Flags while readings arrive: late ones, repeats, gaps, spikes known afterwards, stillness, and what stands beside."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ingest.quality import CLIMATOLOGY, FLAT_LINE, INTERNAL, NEIGHBOUR, SPIKE, STEP, result_of, unpack
from ingest.quality.final import final_flags
from ingest.quality.plan import Plan
from ingest.quality.rules import RuleBook, packaged
from ingest.quality.stream import Flagger, Judged
from ingest.reading import FAIL, GOOD, NOT_EVALUATED, SUSPECT
from registry.devices import DevicePlace
from tests.ingest.examples import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS
from tests.ingest.test_quality import batch, flagger

START = NOW_MS - 20 * DAY_MS


def told(flags: Flagger, test: int, values: list[float], minutes: list[float], sid: int = 1) -> list[int]:
    """Judge one series' readings in one batch and return a test's results."""
    times = [START + int(m * MINUTE_MS) for m in minutes]
    return result_of(flags.judge(batch([sid] * len(values), values, times)).tests, test).tolist()  # type: ignore[no-any-return]


def test_a_step_counts_by_the_true_time_between() -> None:
    """Six degrees within an hour are normal, seven are suspect, and eight within four hours are not compared; half seconds count."""
    assert told(flagger(s1="air_temperature"), STEP, [10, 16, 23, 31], [0, 60, 120, 400]) == [2, 1, 3, 2]
    assert told(flagger(s1="air_temperature"), STEP, [10, 12.9], [0, 0.5 / 60]) == [2, 1]
    assert told(flagger(s1="air_temperature"), STEP, [10, 13.5], [0, 30]) == [2, 3]


def test_the_way_back_from_a_spike_is_no_jump() -> None:
    """The value after a spike is held against the one before it too; after a true change of level the new level is good at once."""
    assert told(flagger(s1="air_temperature"), STEP, [20, 30, 20.2, 20.1], [0, 10, 20, 30]) == [2, 4, 1, 1]
    assert told(flagger(s1="air_temperature"), STEP, [20, 30, 30.2, 30.1], [0, 10, 20, 30]) == [2, 4, 1, 1]


def test_a_spike_is_provisional_then_final() -> None:
    """The newest value's spike test is not evaluated; when the next one comes, what was a spike is told by a row of its own, once."""
    flags = flagger(s1="water_temperature")
    first = flags.judge(batch([1, 1], [20.0, 23.0], [START, START + 10 * MINUTE_MS]))
    assert result_of(first.tests, SPIKE).tolist() == [NOT_EVALUATED] * 2 and first.finals is None
    second = flags.judge(batch([1], [20.1], [START + 20 * MINUTE_MS]))
    assert second.finals is not None
    assert {k: v.tolist() for k, v in second.finals.items() if k in ("sid", "t", "x", "seq")} == {
        "sid": [1], "t": [START + 10 * MINUTE_MS], "x": [23.0], "seq": [1],
    }  # fmt: skip
    assert unpack(int(second.finals["tests"][0]))["spike"] == SUSPECT and second.finals["flag"].tolist() == [SUSPECT]
    assert flags.judge(batch([1], [20.0], [START + 30 * MINUTE_MS])).finals is None


def test_an_ordinary_value_makes_no_second_row() -> None:
    """Most values turn out good: nothing is written for them."""
    flags = flagger(s1="water_temperature")
    for k in range(20):
        assert flags.judge(batch([1], [20 + k / 10], [START + k * 10 * MINUTE_MS])).finals is None


def test_a_late_reading_is_held_against_its_true_neighbours() -> None:
    """As far as is remembered; what is older than that is not evaluated, and lateness spoils nothing for those after it."""
    flags = flagger(s1="water_temperature")
    assert told(flags, STEP, [20, 20.1, 20.2], [0, 10, 30]) == [2, 1, 1]
    assert told(flags, STEP, [29], [20]) == [FAIL]
    assert told(flags, STEP, [20.2], [21]) == [GOOD]
    assert told(flags, STEP, [5.0], [-200]) == [NOT_EVALUATED]
    assert told(flags, STEP, [20.3], [40]) == [GOOD]
    assert told(flags, FLAT_LINE, [20.3], [25]) == [NOT_EVALUATED]


def test_a_late_spike_is_final_at_once() -> None:
    """A value that arrives between two known ones is judged against both."""
    flags = flagger(s1="water_temperature")
    flags.judge(batch([1] * 3, [20, 20.1, 20.2], [START, START + 10 * MINUTE_MS, START + 30 * MINUTE_MS]))
    assert told(flags, SPIKE, [23.0], [20]) == [SUSPECT]


def test_repeats_change_nothing() -> None:
    """The same readings again get the same results, in the same batch or later, and the next value is judged as if they had come once."""
    values, minutes = [20, 20.1, 23, 20.2], [0, 10, 20, 30]
    once, twice = flagger(s1="water_temperature"), flagger(s1="water_temperature")
    clean = told(once, STEP, values, minutes)
    assert told(twice, STEP, [v for v in values for _ in "ab"], [m for m in minutes for _ in "ab"]) == [r for r in clean for _ in "ab"]
    assert told(twice, STEP, values[2:], minutes[2:]) == clean[2:]
    assert told(once, SPIKE, [20.3, 20.4], [40, 50]) == told(twice, SPIKE, [20.3, 20.4], [40, 50])


def test_of_two_words_for_one_time_the_last_is_judged() -> None:
    """A correction stands in the line; what it replaced in the same batch is held against nothing."""
    assert told(flagger(s1="water_temperature"), STEP, [20, 29, 20.1, 20.2], [0, 10, 10, 20]) == [2, 2, 1, 1]


def test_a_value_the_sensor_cannot_say_is_nobody_s_neighbour() -> None:
    """999.9 fails its range; the value after it is held against the one before."""
    assert told(flagger(s1="air_temperature"), STEP, [20, 999.9, 20.1], [0, 10, 20]) == [2, 2, 1]


def test_a_time_of_the_future_does_not_stop_the_tests() -> None:
    """One reading dated 2100 is left out of the line, so that those after it are still compared."""
    flags = flagger(s1="air_temperature")
    flags.judge(batch([1, 1], [20, 20], [START, 4_102_444_800_000]))
    assert told(flags, STEP, [20.1, 30], [10, 20]) == [GOOD, FAIL]


def test_stillness_is_found_while_it_lasts_and_excepted_where_it_is_natural() -> None:
    """Three hours of one temperature are suspect and twelve fail; rain, night and counts may stand still; a gap begins anew."""
    minutes = [10.0 * k for k in range(80)]
    still = told(flagger(s1="air_temperature"), FLAT_LINE, [21.0, *[20.0] * 79], minutes)
    assert still[:19] == [2, *[1] * 18] and still[19:73] == [3] * 54 and still[73:] == [4] * 7
    assert told(flagger(s1="rain"), FLAT_LINE, [0.0] * 80, minutes) == [0] * 80
    assert told(flagger(s1="spore_count"), FLAT_LINE, [3.0] * 80, minutes) == [0] * 80
    assert told(flagger(s1="solar_radiation"), FLAT_LINE, [0.0] * 80, minutes) == [0] * 80
    assert told(flagger(s1="solar_radiation"), FLAT_LINE, [500.0] * 80, minutes)[-1] == FAIL
    gap = [*minutes[:15], *(m + 240 for m in minutes[15:30])]
    assert told(flagger(s1="air_temperature"), FLAT_LINE, [20.0] * 30, gap) == [2] * 30
    hourly = told(flagger(s1="air_temperature"), FLAT_LINE, [21.0, *[20.0] * 14], [60.0 * k for k in range(15)])
    assert hourly == [2, *[1] * 6, *[3] * 6, 4, 4]


def test_stillness_is_the_same_in_one_batch_and_in_many() -> None:
    """One series or hundreds, one batch or one reading at a time: the results are the same."""
    dice = np.random.default_rng(3)
    values = np.repeat(dice.integers(0, 3, 200), dice.integers(1, 40, 200))[:600] + 0.0
    minutes = (np.arange(600) * 10.0).tolist()
    whole = told(flagger(s1="air_temperature"), FLAT_LINE, values.tolist(), minutes)
    single = flagger(s1="air_temperature")
    assert [told(single, FLAT_LINE, [v], [m])[0] for v, m in zip(values.tolist(), minutes, strict=True)] == whole
    many = Flagger(Plan(packaged()))
    for sid in range(1, 101):
        many.watch(sid, "371522", f"d{sid}", "air_temperature")
    sids = np.repeat(np.arange(1, 101), 6)
    found = [
        result_of(
            many.judge(
                batch(
                    sids.tolist(),
                    np.tile(values[k : k + 6], 100).tolist(),
                    [START + int(m * MINUTE_MS) for m in np.tile(minutes[k : k + 6], 100)],
                )
            ).tests,
            FLAT_LINE,
        ).reshape(100, 6)
        for k in range(0, 600, 6)
    ]
    assert np.concatenate(found, axis=1).tolist() == [whole] * 100


def test_a_batch_that_was_given_up_is_forgotten() -> None:
    """After an error the same batch is judged again as if for the first time."""
    flags = flagger(s1="water_temperature", s2="air_temperature")
    flags.judge(batch([1, 2], [20, 20], [START, START]))
    more = batch([1, 2, 1], [25, 20, 20.1], [START + 10 * MINUTE_MS, START + 10 * MINUTE_MS, START + 20 * MINUTE_MS])
    first = flags.judge(more)
    flags.withdraw(first)
    second = flags.judge(more)
    assert first.tests.tolist() == second.tests.tolist()


def test_after_a_start_the_newest_stored_reading_is_known() -> None:
    """The first reading after a restart is held against the newest stored one, and nothing is said of the spike before."""
    flags = flagger(s1="air_temperature")
    flags.seed([(1, START, 20.0)])
    found = flags.judge(batch([1, 1], [27, 27.1], [START + 10 * MINUTE_MS, START + 20 * MINUTE_MS]))
    assert result_of(found.tests, STEP).tolist() == [FAIL, GOOD] and found.finals is None


def test_channels_of_one_device_must_agree() -> None:
    """Rain in dry air, a dew point above the temperature, oxygen at twice saturation, and everything beside a flat battery are suspect."""
    flags = flagger(s1="air_humidity", s2="rain", s3="air_temperature", s4="dew_point", s5="water_temperature", s6="dissolved_oxygen")
    at = lambda m: START + int(m * MINUTE_MS)  # noqa: E731
    good = flags.judge(batch([1, 2, 3, 4, 5, 6], [45, 1.0, 20, 19, 25, 12], [at(0)] * 6))
    assert result_of(good.tests, INTERNAL).tolist() == [0, GOOD, 0, GOOD, 0, GOOD]
    bad = flags.judge(batch([2, 1, 4, 3, 6], [1.0, 38, 21, 20, 16.8], [at(60)] * 5))
    assert result_of(bad.tests, INTERNAL).tolist() == [SUSPECT, 0, SUSPECT, 0, NOT_EVALUATED]
    cells = flagger(s1="battery", s2="rain", s3="something")
    flat = cells.judge(batch([1, 2, 3], [3.2, 0, 5], [at(0)] * 3))
    assert flat.flag.tolist() == [SUSPECT] * 3
    assert cells.judge(batch([1, 2, 3], [3.9, 0, 5], [at(60)] * 3)).flag.tolist() == [GOOD, GOOD, NOT_EVALUATED]


def test_a_low_cell_hides_no_excursion() -> None:
    """In a refrigerated truck what is beside a low battery stays good: cold chains leave suspect readings out."""
    flags = flagger(s1="battery", s2="cargo_temperature")
    flags.place({"d1": DevicePlace("reefer", 36.0, 115.5)})
    assert flags.judge(batch([1, 2], [3.1, 14.0], [START, START])).flag.tolist() == [SUSPECT, GOOD]


def stations(count: int, book: RuleBook | None = None) -> Flagger:
    """Return a flagger of weather stations some kilometres apart."""
    made = Flagger(Plan(book or packaged()))
    for k in range(count):
        made.watch(k + 1, "371522", f"w{k}", "air_temperature")
    made.place({f"w{k}": DevicePlace("weather_station", 36.0 + k / 50, 115.5) for k in range(count)})
    return made


def test_a_station_is_held_against_those_around_it() -> None:
    """Three neighbours are needed; the median of theirs is what counts, so that one wrong neighbour accuses nobody."""
    enough = stations(5).judge(batch([1, 2, 3, 4, 5], [20, 20.4, 35, 19.8, 20.1], [START] * 5))
    assert result_of(enough.tests, NEIGHBOUR).tolist() == [1, 1, 3, 1, 1]
    few = stations(3).judge(batch([1, 2, 3], [20, 20.4, 35], [START] * 3))
    assert result_of(few.tests, NEIGHBOUR).tolist() == [2, 2, 2]
    late = stations(5).judge(batch([1, 2, 3, 4, 5], [20, 20.4, 35, 19.8, 20.1], [START, START, START + HOUR_MS, START, START]))
    assert result_of(late.tests, NEIGHBOUR).tolist() == [1, 1, 2, 1, 1]


def test_a_known_height_is_allowed_for() -> None:
    """A station 1,000 m above the others is 6.5 degrees colder by right; without its height it is suspect."""
    readings = batch([1, 2, 3, 4, 5], [20, 20.4, 13.5, 19.8, 20.1], [START] * 5)
    assert result_of(stations(5).judge(readings).tests, NEIGHBOUR)[2] == SUSPECT
    heights = RuleBook(
        ("packaged", {"channel": {"air_temperature": _rules_of("air_temperature")}}),
        ("own", {"height_m": {f"w{k}": 1040.0 if k == 2 else 40 for k in range(5)}}),
    )
    assert result_of(stations(5, heights).judge(readings).tests, NEIGHBOUR)[2] == GOOD


def _rules_of(channel: str) -> dict[str, Any]:
    rule = packaged().of(channel).neighbour
    assert rule is not None
    return {
        "neighbour": {"least": rule.least, "kinds": list(rule.kinds), "per_km_height": rule.per_km_height, "source": "the packaged one"}
    }


def test_a_month_is_known_when_there_is_a_history() -> None:
    """Without normals 2; with them, more than three standard deviations from the month's mean are suspect."""
    flags = flagger(s1="air_temperature")
    assert told(flags, CLIMATOLOGY, [30.0], [0]) == [NOT_EVALUATED]
    flags.plan.set_normals({1: {6: (15.0, 4.0)}})
    assert told(flags, CLIMATOLOGY, [26.9, 27.1], [10, 20]) == [GOOD, SUSPECT]


def test_a_series_nobody_announced_is_not_evaluated() -> None:
    """It stops no batch."""
    flags = flagger(s1="air_temperature")
    assert flags.judge(batch([1, 5000], [20.0, 7.0], [START, START])).flag.tolist() == [GOOD, NOT_EVALUATED]


def test_a_sender_s_own_doubt_counts() -> None:
    """What the instrument itself says of a value joins the time test; the value stays out of the line."""
    found = flagger(s1="air_temperature").judge(batch([1, 1, 1], [20, 29, 20.1], [START, START + 1000, START + 2000]), {1: FAIL})
    assert found.flag.tolist() == [GOOD, FAIL, GOOD]


@pytest.mark.parametrize("seed", range(5))
def test_the_day_s_flags_are_those_of_the_stream_where_nothing_is_late(seed: int) -> None:
    """The final flags of a whole series agree with those on arrival, but for spikes known since; shuffled rows get the same flags."""
    dice = np.random.default_rng(seed)
    names = {
        f"s{k + 1}": code
        for k, code in enumerate(("air_temperature", "water_level", "dissolved_oxygen", "water_temperature", "rain", "air_humidity"))
    }
    count = 300
    sids = np.tile(np.arange(1, 7), count)
    times = np.repeat(START + np.arange(count) * 10 * MINUTE_MS, 6)
    values = np.round(
        20 + np.cumsum(dice.normal(0, 0.4, (count, 6)), axis=0) * [1, 1, 0.2, 1, 0, 2] + dice.choice([0, 0, 0, 0, 8], (count, 6)), 1
    )
    values[dice.random((count, 6)) < 0.02] = 999
    columns = batch(sids.tolist(), np.abs(values).ravel().tolist(), times.tolist())
    flags = flagger(**names)
    cuts = [0, *sorted(dice.integers(0, len(sids), 40).tolist()), len(sids)]
    parts: list[Judged] = [flags.judge({k: v[a:b] for k, v in columns.items()}) for a, b in pairwise(cuts) if b > a]
    arrived = np.concatenate([p.tests for p in parts])
    flag, tests = final_flags(flags.plan, {**columns, "tests": arrived})
    assert result_of(tests, STEP).tolist() == result_of(arrived, STEP).tolist()
    assert result_of(tests, FLAT_LINE).tolist() == result_of(arrived, FLAT_LINE).tolist()
    spikes, before = result_of(tests, SPIKE), result_of(arrived, SPIKE)
    assert (spikes == before)[before != NOT_EVALUATED].all()
    finals = [p.finals for p in parts if p.finals is not None]
    told_later = {(int(s), int(t)) for f in finals for s, t in zip(f["sid"], f["t"], strict=True)}
    worse = np.flatnonzero((spikes >= SUSPECT) & (before == NOT_EVALUATED))
    assert told_later == {(int(sids[k]), int(times[k])) for k in worse}
    shuffled = dice.permutation(len(sids))
    again, _ = final_flags(flags.plan, {k: v[shuffled] for k, v in {**columns, "tests": arrived}.items()})
    assert again.tolist() == flag[shuffled].tolist()
