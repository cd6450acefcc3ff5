"""Inside the greenhouses: air, carbon dioxide and soil, each a first-order lag behind the weather outside.

Chinese solar greenhouses: a clay wall and a night blanket keep the nights warm, vents cap the days.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.randomness import Dice
from simulators.timegrid import NODES, Floats, Recent, first_day_of_year, relax
from simulators.weather import FIRST_YEAR, Weather, vapour_pressure

_AIR_LAG_H = 0.6
_SOIL_LAG_H = 11.0
_SOIL_MEMORY_DAYS = 4  # exp(-96 h / 11 h) is under a thousandth of a degree
_VENT_FROM_C = 27.0
_FIELD_CAPACITY, _REFILL_AT = 31.0, 23.5  # volumetric %
_ROOT_DEPTH_MM = 300.0


@dataclass(frozen=True)
class Inside:
    """One day in all greenhouses of a county: nodes x greenhouses."""

    air_temperature: Floats
    air_humidity: Floats
    co2: Floats
    soil_temperature: Floats
    soil_moisture: Floats
    soil_ec: Floats


class Greenhouses:
    """The greenhouses of one county. Any day can be asked for alone; the answer never depends on what was asked before."""

    def __init__(self, dice: Dice, weather: Weather, plots: tuple[str, ...]) -> None:
        self._weather, self.plots = weather, plots
        draws = np.array([dice.rng(f"greenhouse-{p}").standard_normal(6) for p in plots]).reshape(-1, 6).T
        self._warmth, self._glass, self._damp = 0.8 * draws[0], 1 + 0.08 * draws[1], 2.0 * draws[2]
        self._thirst, self._salt, self._start = 1 + 0.12 * draws[3], 0.9 + 0.1 * draws[4], 27 + 1.5 * draws[5]
        self._air: Recent[tuple[Floats, Floats]] = Recent()
        self._days: Recent[Inside] = Recent()
        self._moisture: dict[int, tuple[Floats, Floats]] = {}

    def day(self, day: int) -> Inside:
        """Return one day."""
        if day not in self._days:
            air, humidity = self._air_of(day)
            moisture = self._moisture_course(day)
            soil = self._soil_temperature(day)
            salt = self._salt * (0.75 + 0.03 * (moisture - 24))
            self._days[day] = Inside(air, humidity, self._co2(day), soil, moisture, salt)
        return self._days[day]

    def _air_of(self, day: int) -> tuple[Floats, Floats]:
        if day not in self._air:
            targets = np.concatenate([self._air_target(day - 1)[:-1], self._air_target(day)])
            temperature = relax(targets, _AIR_LAG_H, targets[0])[-NODES:]
            sky = self._weather.sky(day)
            dry = 0.045 * sky.solar_radiation[:, None] + 1.1 * np.clip(temperature - _VENT_FROM_C, 0, 8)
            outside = vapour_pressure(sky.air_temperature) * sky.air_humidity / 100
            least = 100 * outside[:, None] / vapour_pressure(temperature)
            humidity = np.clip(np.maximum(94 + self._damp - dry, least), 38, 99.5)
            self._air[day] = (temperature, humidity)
        return self._air[day]

    def _air_target(self, day: int) -> Floats:
        sky = self._weather.sky(day)
        outside, sun = sky.air_temperature[:, None], sky.solar_radiation[:, None]
        blanket = 4.0 + 0.42 * np.clip(16 - outside, 0, 30)
        free = outside + blanket * np.exp(-sun / 120) + 0.026 * self._glass * sun + self._warmth
        return np.asarray(np.where(free > _VENT_FROM_C, _VENT_FROM_C + 0.3 * (free - _VENT_FROM_C), free))

    def _co2(self, day: int) -> Floats:
        """Return CO2: breathing plants and soil fill the closed house by night, leaves and vents empty it by day."""

        def target(d: int) -> Floats:
            sun = self._weather.sky(d).solar_radiation[:, None]
            return np.asarray(350 + (780 + 40 * self._damp) * np.exp(-sun / 25))

        def lag(d: int) -> Floats:
            return np.asarray(np.where(self._weather.sky(d).solar_radiation[:, None] > 25, 0.9, 6.0) + 0 * self._damp)

        targets = np.concatenate([target(day - 2)[:-1], target(day - 1)[:-1], target(day)])
        lags = np.concatenate([lag(day - 2)[:-1], lag(day - 1)[:-1], lag(day)])
        return relax(targets, lags, targets[0])[-NODES:]

    def _soil_temperature(self, day: int) -> Floats:
        parts = [self._air_of(d)[0][:-1] for d in range(day - _SOIL_MEMORY_DAYS, day)] + [self._air_of(day)[0]]
        air = np.concatenate(parts)
        return relax(air - 0.8, _SOIL_LAG_H, air.mean(axis=0))[-NODES:]

    def _moisture_course(self, day: int) -> Floats:
        """Return soil moisture: it falls with the sun's course and rises in the hour after a morning's drip irrigation."""
        morning, dose = self._moisture_at(day)
        sky = self._weather.sky(day)
        dried = np.cumsum(sky.solar_radiation) / max(1.0, float(sky.solar_radiation.sum()))
        poured = np.clip((np.arange(NODES) / 6 - 7.5) / 1.2, 0, 1)
        return np.asarray(morning - self._use(day) * dried[:, None] + dose * poured[:, None])

    def _use(self, day: int) -> Floats:
        today = self._weather.values(day)
        warm = max(0.0, (today["tmax"] + today["tmin"]) / 2 + 12)
        return np.asarray(self._thirst * 100 / _ROOT_DEPTH_MM * (0.4 + 0.10 * warm * today["clearness"]))

    def _moisture_at(self, day: int) -> tuple[Floats, Floats]:
        """Return moisture at midnight and the day's irrigation, both in %, by the balance from the first day on."""
        if day not in self._moisture:
            begin = first_day_of_year(FIRST_YEAR) + len(self._moisture)
            moisture = self._start
            if self._moisture:
                last, dose = self._moisture[begin - 1]
                moisture = last - self._use(begin - 1) + dose
            for d in range(begin, day + 1):
                used = self._use(d)
                dose = np.where(moisture - used < _REFILL_AT, _FIELD_CAPACITY - moisture, 0.0)
                self._moisture[d] = (moisture, dose)
                moisture = moisture - used + dose
        return self._moisture[day]
