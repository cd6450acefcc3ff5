"""A county's weather: a WGEN daily generator (Richardson 1981) and its cascade to ten minutes.

Daily: wet and dry days are a two-state Markov chain, wet amounts are gamma, and the residuals of maximum and minimum temperature and
radiation follow x_t = A x_(t-1) + B e. Within a day: temperature is a sine by day and an exponential by night, humidity comes from
the dew point, rain is cascaded from the day's total.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foundation.errors import BadInput
from simulators.climates import Climate
from simulators.randomness import Dice
from simulators.sun import daylight, radiation_share
from simulators.timegrid import HOURS, STEPS, Floats, Recent, calendar, first_day_of_year

# Richardson's lag-one and innovation matrices for (maximum, minimum, radiation).
A: Floats = np.array([[0.567, 0.086, -0.002], [0.253, 0.504, -0.050], [-0.006, -0.039, 0.244]])
B: Floats = np.array([[0.781, 0.0, 0.0], [0.328, 0.637, 0.0], [0.238, -0.341, 0.873]])

FIRST_YEAR = 2015
GAMMA_SHAPE = 0.75  # many small falls, few large ones
_NIGHT_DECAY_H = 4.0
_SOLAR_NOON_LAG_H = 1.8  # the air is warmest about two hours after the sun stands highest


@dataclass(frozen=True)
class DailyWeather:
    """A run of days of one county, one value per day; `residuals` are the standardised WGEN residuals."""

    first_day: int
    wet: np.ndarray[tuple[int], np.dtype[np.bool_]]
    rain_mm: Floats
    tmax: Floats
    tmin: Floats
    clearness: Floats
    dew_c: Floats
    wind: Floats
    residuals: Floats


@dataclass(frozen=True)
class Sky:
    """One day's weather on the 145 nodes; `rain_cum` is mm since midnight."""

    air_temperature: Floats
    air_humidity: Floats
    rain_cum: Floats
    wind_speed: Floats
    wind_direction: Floats
    solar_radiation: Floats
    air_pressure: Floats


class Weather:
    """One county's weather from 2015 on: any day, in any order, always the same."""

    def __init__(self, dice: Dice, climate: Climate) -> None:
        self._dice, self.climate = dice, climate
        self._years: dict[int, DailyWeather] = {}
        self._skies: Recent[Sky] = Recent()

    def year(self, year: int) -> DailyWeather:
        """Return a calendar year's days. Each year goes on from the state the one before ended in."""
        if year < FIRST_YEAR:
            raise BadInput("simulated weather does not reach back so far", expected=f"{FIRST_YEAR} or later", got=str(year))
        for y in range(FIRST_YEAR, year + 1):
            if y not in self._years:
                self._years[y] = self._simulate(y, self._years.get(y - 1))
        return self._years[year]

    def values(self, day: int) -> dict[str, float]:
        """Return one day's daily values by name."""
        year, _, yday = calendar(day)
        found = self.year(year)
        return {name: float(getattr(found, name)[yday - 1]) for name in ("rain_mm", "tmax", "tmin", "clearness", "dew_c", "wind")}

    def sky(self, day: int) -> Sky:
        """Return one day's weather on the ten-minute nodes."""
        if day not in self._skies:
            self._skies[day] = self._cascade(day)
        return self._skies[day]

    def _simulate(self, year: int, before: DailyWeather | None) -> DailyWeather:
        c, first = self.climate, first_day_of_year(year)
        days = first_day_of_year(year + 1) - first
        month = np.array([calendar(first + k)[1] - 1 for k in range(days)])
        yday = np.arange(1, days + 1)
        rng = self._dice.rng(f"weather-{c.county}", year)
        chance, noise = rng.random(days), rng.standard_normal((days, 3))
        amounts = rng.gamma(GAMMA_SHAPE, 1 / GAMMA_SHAPE, days)
        gusts = rng.standard_normal(days)

        wet = np.zeros(days, dtype=np.bool_)
        p01, p11 = np.array(c.wet_after_dry)[month], np.array(c.wet_after_wet)[month]
        was = bool(before.wet[-1]) if before else False
        for k in range(days):
            was = bool(chance[k] < (p11[k] if was else p01[k]))
            wet[k] = was
        rain = np.where(wet, np.maximum(0.2, amounts * np.array(c.wet_day_mm)[month]), 0.0)

        x = before.residuals[-1] if before else np.zeros(3)
        residuals = np.empty((days, 3))
        shocks = noise @ B.T
        for k in range(days):
            x = A @ x + shocks[k]
            residuals[k] = x

        cos = np.cos(2 * np.pi * (yday - c.coldest_day) / 365.25)
        mean = c.mean_c - c.amplitude_c * cos
        half = np.where(wet, c.half_range_wet_c, c.half_range_dry_c)
        spread = 2.6 + 0.7 * cos  # winters vary more than summers
        tmax = mean + half - 0.8 * wet + spread * residuals[:, 0]
        tmin = np.minimum(mean - half + 0.6 * wet + 0.85 * spread * residuals[:, 1], tmax - 1.0)
        clearness = np.clip(np.where(wet, 0.38, 0.76) + 0.14 * residuals[:, 2], 0.10, 1.0)
        dew = tmin - np.where(wet, -0.6, c.dew_gap_dry_c + 1.0 * (cos > 0)) - 0.3
        wind = c.wind_mean * np.exp(0.32 * gusts - 0.05) * (1 + 0.2 * np.cos(2 * np.pi * (yday - 100) / 365.25))
        return DailyWeather(first, wet, rain, tmax, tmin, clearness, dew, wind, residuals)

    def _cascade(self, day: int) -> Sky:
        c = self.climate
        _, _, yday = calendar(day)
        before, today, after = (self.values(d) for d in (day - 1, day, day + 1))
        rng = self._dice.rng(f"sky-{c.county}", day)
        rise, fall = daylight(c.lat, c.lon, yday)
        bridge = np.sin(np.pi * HOURS / 24)  # noise fades at midnight, so that days join
        wobble = bridge * np.cumsum(rng.standard_normal(HOURS.size)) * 0.06

        temperature = _temperature(before, today, after, rise, fall) + wobble
        dew_now = np.interp(HOURS, [-12, 12, 36], [before["dew_c"], today["dew_c"], after["dew_c"]])
        humidity = np.clip(100 * vapour_pressure(np.minimum(dew_now, temperature)) / vapour_pressure(temperature), 12, 100)
        sun = radiation_share(c.lat, c.lon, yday, HOURS)
        clouds = 1 + (0.55 - 0.5 * today["clearness"]) * _smooth(rng.standard_normal(HOURS.size), 3)
        radiation = np.maximum(0.0, 1_025 * sun * today["clearness"] * np.clip(clouds, 0.15, 1.35))
        shape = 0.65 + 0.75 * np.clip(np.sin(np.pi * (HOURS - 7) / 14), 0, None)
        level = np.interp(HOURS, [-12, 12, 36], [before["wind"], today["wind"], after["wind"]])
        wind = np.maximum(0.0, level * shape * (1 + 0.22 * _smooth(rng.standard_normal(HOURS.size), 2)))
        seasonal = np.cos(2 * np.pi * (yday - c.coldest_day) / 365.25)
        from_deg = _towards(c.wind_from_summer_deg, c.wind_from_winter_deg, (seasonal + 1) / 2) + 35 * np.sin(day * 0.9)
        next_deg = from_deg + 35 * (np.sin((day + 1) * 0.9) - np.sin(day * 0.9))
        direction = np.mod(np.interp(HOURS, [0, 24], [from_deg, next_deg]) + bridge * 18 * _smooth(rng.standard_normal(HOURS.size), 4), 360)
        pressures = [self._pressure(d) for d in (day - 1, day, day + 1)]
        pressure = np.interp(HOURS, [-12, 12, 36], pressures) + 0.8 * np.cos(2 * np.pi * (HOURS - 10) / 12)
        rain = np.concatenate([[0.0], np.cumsum(_rain_steps(rng, today["rain_mm"]))])
        return Sky(temperature, humidity, rain, wind, direction, radiation, pressure)

    def _pressure(self, day: int) -> float:
        year, _, yday = calendar(day)
        warm = float(self.year(year).residuals[yday - 1, 0])
        return 1016.5 + 10.0 * float(np.cos(2 * np.pi * (yday - self.climate.coldest_day) / 365.25)) - 2.6 * warm


def vapour_pressure(temperature: Floats) -> Floats:
    """Return the saturation vapour pressure in kPa (FAO-56 eq. 11)."""
    return np.asarray(0.6108 * np.exp(17.27 * temperature / (temperature + 237.3)))


def _temperature(before: dict[str, float], today: dict[str, float], after: dict[str, float], rise: float, fall: float) -> Floats:
    """Return the temperature on the nodes: minimum at sunrise, sine to the maximum, exponential from sunset to the next minimum."""
    length = fall - rise

    def by_day(h: Floats, low: float, high: float) -> Floats:
        return low + (high - low) * np.sin(np.pi * np.clip(h - rise, 0, length) / (length + 2 * _SOLAR_NOON_LAG_H))

    def by_night(since: Floats, at_sunset: float, low: float) -> Floats:
        night = 24 - length
        end = np.exp(-night / _NIGHT_DECAY_H)
        return np.asarray((low - at_sunset * end + (at_sunset - low) * np.exp(-since / _NIGHT_DECAY_H)) / (1 - end))

    sunset = np.array([fall])
    last_sunset = float(by_day(sunset, before["tmin"], before["tmax"])[0])
    this_sunset = float(by_day(sunset, today["tmin"], today["tmax"])[0])
    return np.where(
        rise > HOURS,
        by_night(HOURS + 24 - fall, last_sunset, today["tmin"]),
        np.where(
            fall > HOURS, by_day(HOURS, today["tmin"], today["tmax"]), by_night(np.maximum(HOURS - fall, 0), this_sunset, after["tmin"])
        ),
    )


def _rain_steps(rng: np.random.Generator, total_mm: float) -> Floats:
    """Return the rain of each ten minutes: halved four times at random (a half may stay dry), then spread over nine steps."""
    if total_mm <= 0:
        return np.zeros(STEPS)
    parts = np.array([total_mm])
    for _ in range(4):
        kind, share = rng.random(parts.size), rng.beta(1.5, 1.5, parts.size)
        left = np.where(kind < 0.3, 0.0, np.where(kind < 0.6, 1.0, share))
        parts = np.column_stack([parts * left, parts * (1 - left)]).ravel()
    weights = rng.gamma(0.9, 1.0, (16, 9)) + 1e-9
    return np.asarray((parts[:, None] * weights / weights.sum(axis=1, keepdims=True)).ravel())


def _smooth(noise: Floats, width: int) -> Floats:
    """Return noise averaged over a window and scaled back to unit variance."""
    kernel = np.ones(2 * width + 1)
    return np.asarray(np.convolve(noise, kernel, mode="same") / np.sqrt(kernel.size))


def _towards(a_deg: float, b_deg: float, share: float) -> float:
    """Return the direction a share of the shorter way from a to b."""
    return a_deg + ((b_deg - a_deg + 180) % 360 - 180) * share
