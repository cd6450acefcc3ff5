"""The lotus ponds: level by water balance, temperature by lag, oxygen and acidity by light and breath.

Level: h_t = h_(t-1) + rain + inflow - Kc ET0 - seepage - drainage, kept in the depth band of the growth stage.
Oxygen: dDO/dt = kr (DOsat - DO) + P(light) - R(temperature); pH rises as photosynthesis draws carbon dioxide down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.randomness import Dice
from simulators.sun import extraterrestrial
from simulators.timegrid import NODES, STEP_H, Floats, Recent, calendar, first_day_of_year, relax
from simulators.weather import FIRST_YEAR, Weather

_MEMORY_DAYS = 5  # exp(-120 h / 10 h): what was before is forgotten below a thousandth
_SEEPAGE_CM, _BUND_CM = 0.2, 50.0
_KC = 1.05  # open water under 2 m (FAO-56 table 12); no coefficient for lotus is published

# Depth bands in cm by the last day of the year they hold for, after extension texts: sprouting, leaves, vigorous growth, swelling.
_BANDS = ((90, 8.0, 15.0), (120, 4.0, 9.0), (151, 5.0, 10.0), (243, 10.0, 20.0), (304, 5.0, 10.0), (366, 8.0, 15.0))


@dataclass(frozen=True)
class Water:
    """One day in all ponds of a county: nodes x ponds."""

    water_level: Floats
    water_temperature: Floats
    dissolved_oxygen: Floats
    ph: Floats
    water_ec: Floats
    turbidity: Floats


def band(yday: int) -> tuple[float, float]:
    """Return the lowest and highest depth in cm that is wanted on a day of the year."""
    return next((low, high) for last, low, high in _BANDS if yday <= last)


def oxygen_saturation(celsius: Floats) -> Floats:
    """Return saturated dissolved oxygen in mg/L at sea level (APHA 4500-O)."""
    k = celsius + 273.15
    return np.asarray(np.exp(-139.34411 + 1.575701e5 / k - 6.642308e7 / k**2 + 1.243800e10 / k**3 - 8.621949e11 / k**4))


class Ponds:
    """The ponds of one county. Any day can be asked for alone; the answer never depends on what was asked before."""

    def __init__(self, dice: Dice, weather: Weather, plots: tuple[str, ...]) -> None:
        self._weather, self.plots = weather, plots
        draws = np.array([dice.rng(f"pond-{p}").standard_normal(6) for p in plots]).reshape(-1, 6).T
        self._leak, self._slow = _SEEPAGE_CM * np.exp(0.35 * draws[0]), np.exp(0.2 * draws[1])
        self._green, self._breath, self._clay = np.exp(0.22 * draws[2]), np.exp(0.2 * draws[3]), np.exp(0.35 * draws[4])
        self._start = 11 + 1.2 * draws[5]
        self._levels: dict[int, tuple[Floats, Floats, Floats]] = {}
        self._temperatures: Recent[Floats] = Recent()
        self._days: Recent[Water] = Recent()

    def day(self, day: int) -> Water:
        """Return one day."""
        if day not in self._days:
            level, temperature = self._level_course(day), self._temperature(day)
            oxygen = self._oxygen(day)
            ph = np.clip(7.55 + 0.11 * (oxygen - oxygen_saturation(temperature)), 6.3, 9.6)
            ec = np.clip(0.55 * (11 / np.clip(level, 3, None)) ** 0.35, 0.2, 1.6)
            before, sky = self._weather.sky(day - 1), self._weather.sky(day)
            rain = np.concatenate([np.diff(before.rain_cum, prepend=0.0)[:-1], np.diff(sky.rain_cum, prepend=before.rain_cum[-2])])
            stirred = relax(90 * np.maximum(rain, 0)[:, None], 2.5, np.zeros(1))[-NODES:]
            turbidity = self._clay * (11 + 1.8 * sky.wind_speed[:, None] + stirred)
            self._days[day] = Water(level, temperature, oxygen, ph, ec, turbidity)
        return self._days[day]

    def inflow_cm(self, day: int) -> Floats:
        """Return what is let in on a day, per pond; simulated water use can be summed from it."""
        return self._level_at(day)[1]

    def _temperature(self, day: int) -> Floats:
        if day not in self._temperatures:
            days = range(day - _MEMORY_DAYS, day + 1)
            targets, lags = [], []
            for d in days:
                sky = self._weather.sky(d)
                end = None if d == day else -1
                targets.append((sky.air_temperature + 0.0065 * sky.solar_radiation - 0.4)[:end])
                low, high = band(calendar(d)[2])
                lags.append(np.full(NODES, 0.45 * (low + high) / 2)[:end])
            target = np.repeat(np.concatenate(targets)[:, None], len(self.plots), axis=1)
            lag = np.concatenate(lags)[:, None] * self._slow
            self._temperatures[day] = np.maximum(0.3, relax(target, lag, target.mean(axis=0))[-NODES:])
        return self._temperatures[day]

    def _oxygen(self, day: int) -> Floats:
        parts = []
        for d in (day - 2, day - 1, day):
            sky, t = self._weather.sky(d), self._temperature(d)
            sun, wind = sky.solar_radiation[:, None], sky.wind_speed[:, None]
            exchange = 0.10 + 0.035 * wind
            warm = 1.06 ** (t - 20)
            made = 1.5 * self._green * sun / (sun + 280) * warm
            used = 0.42 * self._breath * warm
            # What the lag aims at is where supply and use balance; its speed is the exchange with the air.
            target = oxygen_saturation(t) + (made - used) / exchange
            end = None if d == day else -1
            parts.append((target[:end], np.broadcast_to(1 / exchange, t.shape)[:end]))
        target, lag = (np.concatenate(p) for p in zip(*parts, strict=True))
        return np.clip(relax(target, lag, target.mean(axis=0))[-NODES:], 0.3, 19.0)

    def _level_course(self, day: int) -> Floats:
        morning, inflow, drained = self._level_at(day)
        sky, hours = self._weather.sky(day), np.arange(NODES) * STEP_H
        lit = np.cumsum(sky.solar_radiation) / max(1.0, float(sky.solar_radiation.sum()))
        course = (
            morning
            + (sky.rain_cum / 10)[:, None]
            + inflow * np.clip((hours - 6) / 4, 0, 1)[:, None]
            - drained * np.clip((hours - 10) / 12, 0, 1)[:, None]
            - self._et_cm(day) * lit[:, None]
            - self._leak * (hours / 24)[:, None]
        )
        return np.asarray(np.clip(course, 0.0, _BUND_CM))

    def _level_at(self, day: int) -> tuple[Floats, Floats, Floats]:
        """Return level at midnight, inflow and drainage of the day, all in cm, by the balance from the first day on."""
        if day not in self._levels:
            first = first_day_of_year(FIRST_YEAR)
            begin = first + len(self._levels)
            level = self._level_after(begin - 1) if self._levels else self._start
            for d in range(begin, day + 1):
                low, high = band(calendar(d)[2])
                inflow = np.where(level < low, (low + high) / 2 - level, 0.0)
                drained = np.where(level > high, level - high, 0.0)
                self._levels[d] = (level, inflow, drained)
                level = self._level_after(d)
        return self._levels[day]

    def _level_after(self, day: int) -> Floats:
        level, inflow, drained = self._levels[day]
        rain = self._weather.values(day)["rain_mm"] / 10
        return np.asarray(np.clip(level + rain + inflow - drained - self._et_cm(day) - self._leak, 0.0, _BUND_CM))

    def _et_cm(self, day: int) -> float:
        """Return the day's evaporation by Hargreaves from the simulated temperatures, in cm."""
        today, (_, _, yday) = self._weather.values(day), calendar(day)
        mean, spread = (today["tmax"] + today["tmin"]) / 2, max(0.0, today["tmax"] - today["tmin"])
        et0 = 0.0023 * 0.408 * extraterrestrial(self._weather.climate.lat, yday) * (mean + 17.8) * spread**0.5
        return float(_KC * max(0.0, et0) / 10)
