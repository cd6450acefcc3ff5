"""Ponds and greenhouses: balances, lags and bounds."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.field import Field
from simulators.ponds import Ponds, band, oxygen_saturation
from simulators.scenario import BAOYING, SHENXIAN
from simulators.timegrid import relax, start_of

SUMMER = 20_640  # 2026-07-06
AUTUMN = 20_750


@pytest.fixture(scope="module")
def field() -> Field:
    """Yield the field of seed 11."""
    return Field(11)


def test_oxygen_saturates_as_the_standard_tables_say() -> None:
    """DOsat is 14.621, 9.092, 8.263 and 7.559 mg/L at 0, 20, 25 and 30 C."""
    assert np.allclose(oxygen_saturation(np.array([0.0, 20, 25, 30])), [14.621, 9.092, 8.263, 7.559], atol=0.002)


def test_a_lag_reaches_63_percent_after_its_time() -> None:
    """The step response of a six-hour lag is 1 - 1/e after six hours."""
    followed = relax(np.ones((145, 1)), 6.0, np.zeros(1))
    assert followed[36, 0] == pytest.approx(1 - np.exp(-1))


def test_water_is_kept_in_the_stage_s_band(field: Field) -> None:
    """Levels stay within the wanted depth but for rain and a day's use, and never pass the bund."""
    ponds = field.counties[BAOYING].ponds
    for day in range(SUMMER, SUMMER + 60):
        low, high = band(187 + day - SUMMER)
        level = ponds.day(day).water_level
        assert level.min() > low - 3 and level.max() < max(high, low) + 16


def test_the_level_balances(field: Field) -> None:
    """The level at midnight follows from the one before, rain, inflow, drainage and losses: days join, and inflow raises it."""
    ponds: Ponds = field.counties[BAOYING].ponds
    for day in range(AUTUMN, AUTUMN + 20):
        today, tomorrow = ponds.day(day).water_level, ponds.day(day + 1).water_level
        assert np.allclose(today[-1], tomorrow[0], atol=1e-9)
        watered = ponds.inflow_cm(day) > 0
        assert np.all(today[-1, watered] > today[0, watered])


def test_oxygen_and_acidity_follow_the_sun(field: Field) -> None:
    """On a summer day oxygen and pH are lowest around dawn and highest in the afternoon."""
    ponds = field.counties[BAOYING].ponds
    for day in range(SUMMER, SUMMER + 10):
        water = ponds.day(day)
        for values in (water.dissolved_oxygen, water.ph):
            by_hour = values[:-1].reshape(24, 6, -1).mean(axis=(1, 2))
            assert 2 <= int(by_hour.argmin()) <= 8
            assert 11 <= int(by_hour.argmax()) <= 18


def test_water_lags_behind_the_air(field: Field) -> None:
    """Water is warmest later than the air and swings less."""
    county = field.counties[BAOYING]
    days = range(SUMMER, SUMMER + 10)
    air = np.mean([county.weather.sky(d).air_temperature for d in days], axis=0)
    water = np.mean([county.ponds.day(d).water_temperature.mean(axis=1) for d in days], axis=0)
    assert water.argmax() > air.argmax()
    assert np.ptp(water) < np.ptp(air) * 1.3


def test_greenhouses_are_warm_at_night_and_breathe(field: Field) -> None:
    """Inside is warmer than outside on cold nights, CO2 is high at dawn and low at noon, soil swings less than air."""
    county = field.counties[SHENXIAN]
    for day in range(AUTUMN + 25, AUTUMN + 35):
        inside, sky = county.greenhouses.day(day), county.weather.sky(day)
        assert np.all(inside.air_temperature[24] > sky.air_temperature[24] + 2)
        assert np.all(inside.co2[36] > inside.co2[78])
        assert np.all(np.ptp(inside.soil_temperature, axis=0) < np.ptp(inside.air_temperature, axis=0))
        assert inside.soil_moisture.min() > 20 and inside.soil_moisture.max() < 36


def test_catches_are_overdispersed(field: Field) -> None:
    """Over a summer the nights' catches vary far more than a Poisson law allows, and many nights are empty."""
    lamps = [d for d in field.world.devices if d.kind == "pest_lamp"]
    nights = []
    for lamp in lamps:
        for day in range(SUMMER - 40, SUMMER + 60):
            series = field.read(lamp, start_of(day), 144, 600_000)
            nights.append(next(s.values.sum() for s in series if s.channel == "pest_count"))
    counts = np.array(nights)
    assert counts.var() > 5 * counts.mean()
    assert 0.2 < (counts == 0).mean() < 0.8
