"""What quality control says of readings: each test's result beside the value, the worst of them the flag."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ingest.channels import CHANNELS, channel_of
from ingest.quality import FLAT_LINE, GROSS_RANGE, TESTS, pack, result_of, sql_result, unpack, with_result, worst
from ingest.quality.plan import Plan
from ingest.quality.rules import packaged
from ingest.quality.stream import Flagger
from ingest.reading import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT
from tests.ingest.examples import DAY_MS, MINUTE_MS, NOW_MS


def flagger(**series: str) -> Flagger:
    """Return a flagger of one device's series: channel by `s` and its number."""
    made = Flagger(Plan(packaged()))
    for sid, channel in series.items():
        made.watch(int(sid[1:]), "371522", "d1", channel)
    return made


def batch(sids: list[int], values: list[float], times: list[int], received: list[int] | int = NOW_MS) -> dict[str, Any]:
    """Return the columns of a batch."""
    told = [received] * len(sids) if isinstance(received, int) else received
    return {
        "sid": np.array(sids, dtype=np.uint32), "t": np.array(times, dtype=np.int64), "x": np.array(values),
        "received": np.array(told, dtype=np.int64), "seq": np.arange(len(sids), dtype=np.int64),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "value", "flag"),
    [
        ("air_temperature", 21.5, GOOD), ("air_temperature", 46.0, SUSPECT), ("air_temperature", -40.1, FAIL),
        ("air_temperature", 999.9, FAIL), ("air_humidity", 100.0, GOOD), ("air_humidity", 101.0, FAIL), ("water_level", -0.1, FAIL),
        ("water_level", 120.0, SUSPECT), ("dissolved_oxygen", 25.0, FAIL), ("ph", 4.9, SUSPECT), ("battery", 3.2, SUSPECT),
        ("something_new", 1e9, NOT_EVALUATED), ("air_temperature", float("nan"), MISSING), ("something_new", float("nan"), MISSING),
    ],
)  # fmt: skip
def test_a_value_outside_the_sensor_fails_and_outside_the_climate_is_suspect(channel: str, value: float, flag: int) -> None:
    """Outside what the sensor can say: 4. Outside what this climate can do: 3. A channel nobody described is not evaluated."""
    assert flagger(s7=channel).judge(batch([7], [value], [NOW_MS])).flag.tolist() == [flag]


def test_a_clock_that_runs_ahead_is_flagged() -> None:
    """Drift is no fault; minutes ahead are suspect, a day ahead or the year 2000 fail, and lateness is nothing at all."""
    times = [NOW_MS + 60_000, NOW_MS + 10 * MINUTE_MS, NOW_MS + 2 * DAY_MS, 946_684_800_000, NOW_MS - 30 * DAY_MS]
    assert flagger(s1="water_level").judge(batch([1] * 5, [10.0] * 5, times)).flag.tolist() == [GOOD, SUSPECT, FAIL, FAIL, GOOD]


def test_series_are_told_apart() -> None:
    """Each reading is held against its own channel's range."""
    found = flagger(s2="air_temperature", s5="water_temperature").judge(batch([2, 5, 2], [44.0, 44.0, 70.0], [NOW_MS] * 3))
    assert result_of(found.tests, GROSS_RANGE).tolist() == [GOOD, SUSPECT, FAIL]


def test_every_channel_is_described_whole() -> None:
    """Each channel has names in both languages, a known kind, and a suspect range within its fail range."""
    for code, channel in CHANNELS.items():
        assert channel.code == code and channel.name_zh and channel.name_en and channel.unit
        assert channel.kind in ("value", "total", "count", "angle")
        asked = packaged().of(code).gross_range
        assert asked is not None and asked.fail[0] <= asked.suspect[0] < asked.suspect[1] <= asked.fail[1], code
    assert channel_of("new", "kPa").unit == "kPa"


def test_results_are_packed_in_the_stored_order() -> None:
    """Eight results of four bits; what is packed is what is unpacked, by numpy and by SQL."""
    told = {test: (1, 2, 3, 4, 9)[k % 5] for k, test in enumerate(TESTS)}
    assert unpack(pack(told)) == told
    assert unpack(pack({"flat_line": 3})) == {"flat_line": 3}
    packed = np.array([pack(told), pack({"time": 1, "gross_range": 4})], dtype=np.uint32)
    assert result_of(packed, GROSS_RANGE).tolist() == [told["gross_range"], 4]
    assert result_of(with_result(packed, FLAT_LINE, [4, 0]), FLAT_LINE).tolist() == [4, 0]
    assert sql_result("step") == "((tests >> 12) & 15)"


@pytest.mark.parametrize(
    ("told", "flag"),
    [
        ({"time": 1, "gross_range": 1, "step": 2, "spike": 2}, GOOD), ({"time": 1}, NOT_EVALUATED), ({"time": 1, "step": 2}, NOT_EVALUATED),
        ({"time": 1, "gross_range": 1, "step": 3}, SUSPECT), ({"time": 1, "gross_range": 4, "step": 3}, FAIL), ({}, NOT_EVALUATED),
        ({"time": 9, "gross_range": 1}, MISSING), ({"time": 4, "gross_range": 9}, FAIL), ({"internal": 3, "gross_range": 9}, SUSPECT),
    ],
)  # fmt: skip
def test_the_worst_result_is_the_flag(told: dict[str, int], flag: int) -> None:
    """Fail, suspect, missing, good, not evaluated: a test that could not be made hides nothing that was found."""
    assert worst(np.array([pack(told)], dtype=np.uint32)).tolist() == [flag]
