"""The gross-range and time tests: the flag stands beside the value, and the worst test wins."""

from __future__ import annotations

import pytest

from ingest.channels import CHANNELS, channel_of
from ingest.quality import GrossRange
from ingest.reading import FAIL, GOOD, SUSPECT
from tests.ingest.examples import DAY_MS, MINUTE_MS, NOW_MS


@pytest.mark.parametrize(
    ("channel", "value", "flag"),
    [
        ("air_temperature", 21.5, GOOD), ("air_temperature", 46.0, SUSPECT), ("air_temperature", -40.1, FAIL),
        ("air_temperature", 999.9, FAIL), ("air_humidity", 100.0, GOOD), ("air_humidity", 101.0, FAIL), ("water_level", -0.1, FAIL),
        ("water_level", 120.0, SUSPECT), ("dissolved_oxygen", 25.0, FAIL), ("ph", 4.9, SUSPECT), ("battery", 3.2, SUSPECT),
        ("something_new", 1e9, GOOD),
    ],
)  # fmt: skip
def test_a_value_outside_the_sensor_fails_and_outside_the_climate_is_suspect(channel: str, value: float, flag: int) -> None:
    """Outside what the sensor can say: 4. Outside what this climate can do: 3. A channel nobody described has no range."""
    test = GrossRange()
    test.set_series(7, channel)
    assert test.flags([7], [value], [NOW_MS], [NOW_MS]).tolist() == [flag]


def test_a_clock_that_runs_ahead_is_flagged() -> None:
    """Drift is no fault; minutes ahead are suspect, a day ahead or the year 2000 fail, and lateness is nothing at all."""
    test = GrossRange()
    test.set_series(1, "water_level")
    times = [NOW_MS + 60_000, NOW_MS + 10 * MINUTE_MS, NOW_MS + 2 * DAY_MS, 946_684_800_000, NOW_MS - 30 * DAY_MS]
    assert test.flags([1] * 5, [10.0] * 5, times, [NOW_MS] * 5).tolist() == [GOOD, SUSPECT, FAIL, FAIL, GOOD]


def test_series_are_told_apart() -> None:
    """Each reading is held against its own channel's range."""
    test = GrossRange()
    test.set_series(2, "air_temperature")
    test.set_series(5, "water_temperature")
    assert test.flags([2, 5, 2], [44.0, 44.0, 70.0], [NOW_MS] * 3, [NOW_MS] * 3).tolist() == [GOOD, SUSPECT, FAIL]


def test_every_channel_is_described_whole() -> None:
    """Each channel has names in both languages, a suspect range within its fail range, and a known kind."""
    for code, channel in CHANNELS.items():
        assert channel.code == code and channel.name_zh and channel.name_en and channel.unit
        assert channel.fail[0] <= channel.suspect[0] < channel.suspect[1] <= channel.fail[1], code
        assert channel.kind in ("value", "total", "count", "angle")
    assert channel_of("new", "kPa").unit == "kPa"
