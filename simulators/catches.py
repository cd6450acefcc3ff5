"""What traps catch: expected hourly counts and the night's luck.

Moths fly in the hours after dusk, in the generations that degree days make, less when it is cold, windy or wet. Counts are negative
binomial: real catches have a variance some twenty times their mean and more than half the nights empty. The gamma part is one draw
per night (or day, for spores), the Poisson part one per reading, so that readings of any interval add up to the same law.
"""

from __future__ import annotations

import numpy as np

from simulators.randomness import Dice
from simulators.timegrid import HOURS, Floats, calendar
from simulators.weather import Weather

NIGHT_K, SPORE_K = 0.25, 0.8
_BASE_C, _GENERATION_DD = 10.5, 560.0  # Spodoptera litura, egg to adult (Thakur 2017), shortened for overlapping generations


class Catches:
    """Expected catches per hour on the nodes of a day, by trap."""

    def __init__(self, dice: Dice, weather: Weather) -> None:
        self._dice, self._weather = dice, weather
        self._degree_days: dict[int, Floats] = {}

    def pests(self, trap: str, day: int) -> Floats:
        """Return expected moths per hour of a trap."""
        sky, evening = self._weather.sky(day), self._weather.values(day)
        flight = np.exp(-(((HOURS - 21) / 1.6) ** 2)) + 0.35 * np.exp(-(((HOURS - 2.5) / 1.5) ** 2))
        warm = np.clip((sky.air_temperature - 7) / 16, 0.02, 1)
        calm = np.exp(-0.25 * np.maximum(0, sky.wind_speed - 2))
        dry = 0.35 if evening["rain_mm"] > 5 else 1.0
        luck = self._dice.rng(trap, day, 1).gamma(NIGHT_K, 1 / NIGHT_K)
        return np.asarray(3.2 * self._generation(day) * flight * warm * calm * dry * luck)

    def spores(self, trap: str, day: int) -> Floats:
        """Return expected spores per hour of a trap: more at midday, far more after wet nights near 25 C."""
        sky = self._weather.sky(day)
        wet_hours = float((self._weather.sky(day - 1).air_humidity > 90).sum()) / 6
        mean_c = float(sky.air_temperature.mean())
        favour = np.exp(-(((mean_c - 25) / 9) ** 2)) * (0.3 + 0.12 * wet_hours)
        course = 0.35 + np.clip(np.sin(np.pi * (HOURS - 6) / 14), 0, None)
        luck = self._dice.rng(trap, day, 1).gamma(SPORE_K, 1 / SPORE_K)
        return np.asarray((2.0 + 45.0 * favour) * course * luck)

    def _generation(self, day: int) -> float:
        """Return how many moths are on the wing: highest where a generation's degree days are full, never none."""
        year, _, yday = calendar(day)
        if year not in self._degree_days:
            days = self._weather.year(year)
            self._degree_days[year] = np.cumsum(np.maximum(0, (days.tmax + days.tmin) / 2 - _BASE_C))
        total = float(self._degree_days[year][yday - 1])
        phase = (total % _GENERATION_DD) / _GENERATION_DD
        grown = 1 - np.exp(-total / 1500)
        return float(0.15 + grown * np.exp(-(((phase - 0.5) / 0.22) ** 2)) * 1.6)
