"""The field as a function of seed, device and time."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from foundation.errors import BadInput
from simulators.field import Field
from simulators.scenario import Device, scenario
from simulators.sensors import SENSORS
from simulators.timegrid import start_of

DAY = 20_750  # 2026-10-24
GOLDEN_NUMPY = "2.4."
GOLDEN = "30bd9c7a3f0fe146605b39464346d3b2188ecec56b5c96239f79147cc60cd3e3"


def digest(field: Field, devices: tuple[Device, ...]) -> str:
    """Return the SHA-256 over times and values of a day of devices."""
    h = hashlib.sha256()
    for device in devices:
        for s in field.read(device, start_of(DAY), 144, 600_000):
            h.update(s.device.encode() + b"/" + s.channel.encode() + s.t_ms.astype("<i8").tobytes() + s.values.astype("<f8").tobytes())
    return h.hexdigest()


def test_the_stream_is_the_golden_one() -> None:
    """With the NumPy it was recorded with, the readings of a day are byte for byte those recorded."""
    if not np.__version__.startswith(GOLDEN_NUMPY):
        pytest.skip(f"the golden stream belongs to NumPy {GOLDEN_NUMPY}x, this is {np.__version__}")
    assert digest(Field(2026), scenario().devices) == GOLDEN


def test_one_seed_one_field() -> None:
    """The same seed gives the same readings, another seed others."""
    devices = scenario().devices[:8]
    assert digest(Field(1), devices) == digest(Field(1), devices)
    assert digest(Field(1), devices) != digest(Field(2), devices)


def test_order_and_history_of_calls_do_not_matter() -> None:
    """A field that was asked for many other days first answers as a fresh one does."""
    fresh, used = Field(4), Field(4)
    for day in (DAY + 9, DAY - 30, DAY - 1):
        for device in used.world.devices[::7]:
            used.read(device, start_of(day), 144, 600_000)
    assert digest(fresh, fresh.world.devices[::5]) == digest(used, used.world.devices[::5])


def test_adding_a_device_changes_no_other() -> None:
    """A world with one more station reads the same at all others."""
    world = scenario()
    station = next(d for d in world.devices if d.kind == "weather_station")
    larger = replace(world, devices=(replace(station, id="sx-01-weather-2"), *world.devices))
    assert digest(Field(9), world.devices) == digest(Field(9, larger), world.devices)


def test_two_stations_of_a_county_differ_but_agree() -> None:
    """Neighbouring stations see the same weather a little differently."""
    field = Field(6)
    one, two = (d for d in field.world.devices if d.id in ("sx-01-weather", "sx-02-weather"))
    a, b = (field.read(d, start_of(DAY), 144, 600_000)[0].values for d in (one, two))
    assert not np.array_equal(a, b)
    assert np.corrcoef(a, b)[0, 1] > 0.95


@pytest.mark.parametrize("day", [DAY - 280, DAY - 110, DAY])
def test_readings_are_possible_ones(day: int) -> None:
    """Every value is finite, within its sensor's span and rounded to its resolution; no value is a negative zero."""
    field = Field(7)
    for device in field.world.devices:
        for s in field.read(device, start_of(day), 144, 600_000):
            sensor = SENSORS[s.channel]
            assert np.isfinite(s.values).all() and s.values.min() >= sensor.low and s.values.max() <= sensor.high
            assert np.array_equal(np.round(s.values, sensor.decimals), s.values)
            assert not np.signbit(s.values[s.values == 0]).any()


def test_rain_adds_up_at_any_cadence() -> None:
    """A day's rain is the same number of tips read every ten minutes and every ten seconds."""
    field = Field(8)
    device = next(d for d in field.world.devices if d.id == "by-02-weather")
    wet = [d for d in range(DAY - 120, DAY) if field.counties[device.county].weather.values(d)["rain_mm"] > 8][:5]
    assert wet
    for day in wet:

        def total(step_ms: int, day: int = day) -> float:
            parts = [field.read(device, start_of(day) + h * 3_600_000, 3_600_000 // step_ms, step_ms) for h in range(24)]
            following = field.read(device, start_of(day + 1), 1, step_ms)
            rain = [s.values for part in parts for s in part if s.channel == "rain"]
            # A reading at midnight tells of the step before it: the first belongs to yesterday, the next day's first to today.
            return float(np.concatenate(rain)[1:].sum() + next(s.values[0] for s in following if s.channel == "rain"))

        assert total(600_000) == pytest.approx(total(10_000), abs=1e-6)


def test_live_readings_stand_on_the_same_truth() -> None:
    """Read every ten seconds, a channel shows what it shows every ten minutes, but for its noise."""
    field = Field(3)
    device = next(d for d in field.world.devices if d.id == "by-01-p1-quality")
    hour = start_of(DAY) + 10 * 3_600_000
    fast = field.read(device, hour, 360, 10_000)
    slow = field.read(device, start_of(DAY), 144, 600_000)
    for f, s in zip(fast, slow, strict=True):
        same = np.isin(s.t_ms, f.t_ms)
        picked = f.values[np.isin(f.t_ms, s.t_ms)]
        assert np.abs(picked - s.values[same]).max() < 8 * SENSORS[f.channel].noise + 10.0 ** -SENSORS[f.channel].decimals


def test_counts_are_read_more_seldom_in_history() -> None:
    """A trap counts once an hour in history; live, like all, at every step, and fewer at a time."""
    field = Field(3)
    lamp = next(d for d in field.world.devices if d.kind == "pest_lamp")
    assert field.read(lamp, start_of(DAY), 144, 600_000)[0].t_ms.size == 24
    assert field.read(lamp, start_of(DAY), 360, 10_000)[0].t_ms.size == 360


def test_a_stretch_may_not_cross_midnight() -> None:
    """Noise is drawn per stretch, so a stretch that crosses a day is refused."""
    field = Field(3)
    with pytest.raises(BadInput, match="midnight"):
        field.read(field.world.devices[0], start_of(DAY) + 3_600_000, 144, 600_000)


def test_forgotten_days_come_back_the_same() -> None:
    """Only the last days are kept in memory; one that was forgotten is computed again to the same readings."""
    field = Field(14)
    device = next(d for d in field.world.devices if d.id == "by-01-p1-quality")
    before = digest(field, (device,))
    weather = field.counties[device.county].weather
    for day in range(DAY - 400, DAY - 200):
        weather.sky(day)
        field.counties[device.county].ponds.day(day)
    assert digest(field, (device,)) == before == digest(Field(14), (device,))
