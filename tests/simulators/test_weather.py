"""The weather generator against the laws it is built on."""

from __future__ import annotations

import numpy as np
import pytest

from foundation.errors import BadInput
from simulators.climates import CLIMATES
from simulators.randomness import Dice
from simulators.scenario import BAOYING, SHENXIAN
from simulators.timegrid import calendar
from simulators.weather import A, B, Weather

YEARS = range(2015, 2055)


@pytest.fixture(scope="module", params=[SHENXIAN, BAOYING])
def weather(request: pytest.FixtureRequest) -> Weather:
    """Yield forty years of a county."""
    return Weather(Dice(20), CLIMATES[request.param])


def test_matrices_have_the_published_stationary_covariance() -> None:
    """M = A M A' + B B' is solved by correlations .634, .186 and -.193."""
    covariance = np.eye(3)
    for _ in range(200):
        covariance = A @ covariance @ A.T + B @ B.T
    assert np.allclose(covariance, [[1, 0.634, 0.186], [0.634, 1, -0.193], [0.186, -0.193, 1]], atol=0.005)


def test_residuals_keep_that_covariance(weather: Weather) -> None:
    """Forty simulated years show the stationary covariance of the residuals."""
    residuals = np.concatenate([weather.year(y).residuals for y in YEARS])
    assert np.allclose(np.cov(residuals.T), [[1, 0.634, 0.186], [0.634, 1, -0.193], [0.186, -0.193, 1]], atol=0.06)


def test_wet_fraction_is_that_of_the_chain(weather: Weather) -> None:
    """The share of wet days of each month is P01 / (1 - P11 + P01), and wet days bring the month's mean amount."""
    wet, rain, month = [], [], []
    for y in YEARS:
        days = weather.year(y)
        wet.append(days.wet)
        rain.append(days.rain_mm)
        month.append([calendar(days.first_day + k)[1] - 1 for k in range(days.wet.size)])
    wets, rains, months = (np.concatenate(v) for v in (wet, rain, month))
    for m in range(12):
        p01, p11 = weather.climate.wet_after_dry[m], weather.climate.wet_after_wet[m]
        assert wets[months == m].mean() == pytest.approx(p01 / (1 - p11 + p01), abs=0.05)
        assert rains[(months == m) & wets].mean() == pytest.approx(weather.climate.wet_day_mm[m], rel=0.35)


def test_years_resemble_the_counties_normals() -> None:
    """Shenxian is near 560 mm and 13.7 C, Baoying near 1,000 mm and 14.9 C, and hardly ever outside what they know."""
    expected = {SHENXIAN: (560, 13.7), BAOYING: (1_000, 14.9)}
    for county, (mm, celsius) in expected.items():
        years = [Weather(Dice(3), CLIMATES[county]).year(y) for y in YEARS]
        assert np.mean([y.rain_mm.sum() for y in years]) == pytest.approx(mm, rel=0.1)
        assert np.mean([(y.tmax + y.tmin).mean() / 2 for y in years]) == pytest.approx(celsius, abs=0.4)
        assert min(y.tmin.min() for y in years) > -25 and max(y.tmax.max() for y in years) < 46


def test_days_join_at_midnight(weather: Weather) -> None:
    """The last node of a day is the first of the next, for everything but rain, which is counted from midnight."""
    first = weather.year(2026).first_day
    for day in range(first + 100, first + 130):
        today, tomorrow = weather.sky(day), weather.sky(day + 1)
        assert today.air_temperature[-1] == pytest.approx(tomorrow.air_temperature[0], abs=0.05)
        assert today.air_humidity[-1] == pytest.approx(tomorrow.air_humidity[0], abs=0.5)
        assert today.air_pressure[-1] == pytest.approx(tomorrow.air_pressure[0], abs=0.01)
        assert tomorrow.rain_cum[0] == 0


def test_a_day_holds_what_its_daily_values_say(weather: Weather) -> None:
    """Ten-minute rain adds up to the day's, no night has sun, humidity stays between 12 and 100 %."""
    first = weather.year(2026).first_day
    for day in range(first + 180, first + 220):
        sky, daily = weather.sky(day), weather.values(day)
        assert sky.rain_cum[-1] == pytest.approx(daily["rain_mm"])
        assert np.all(np.diff(sky.rain_cum) >= 0)
        assert sky.solar_radiation[0] == 0 and sky.solar_radiation.max() > 50
        assert sky.air_humidity.min() >= 12 and sky.air_humidity.max() <= 100
        assert sky.air_temperature.max() == pytest.approx(daily["tmax"], abs=2.5)


def test_asking_in_another_order_changes_nothing() -> None:
    """A year asked for first is the year asked for last."""
    forwards, backwards = Weather(Dice(5), CLIMATES[BAOYING]), Weather(Dice(5), CLIMATES[BAOYING])
    forwards.year(2015)
    assert np.array_equal(forwards.year(2026).tmax, backwards.year(2026).tmax)
    assert np.array_equal(forwards.sky(20_700).air_temperature, backwards.sky(20_700).air_temperature)


def test_before_the_first_year_there_is_nothing() -> None:
    """A day before 2015 is refused with the first year that exists."""
    with pytest.raises(BadInput, match="2015"):
        Weather(Dice(1), CLIMATES[BAOYING]).year(1999)
