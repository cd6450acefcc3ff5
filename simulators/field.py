"""What every device of the two counties reads at any time: a function of the seed, the device and the time, of nothing else.

No call changes what another returns, so history can be made in any order, interrupted, and made again without a contradiction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foundation.errors import BadInput
from simulators.catches import Catches
from simulators.climates import CLIMATES
from simulators.greenhouse import Greenhouses
from simulators.ponds import Ponds
from simulators.randomness import Dice
from simulators.scenario import Device, DeviceChannel, Scenario, scenario
from simulators.sensors import COUNTS, SENSORS, TIP_MM
from simulators.timegrid import DAY_MS, NODES, STEP_MS, Floats, Ints, day_of, start_of
from simulators.weather import Sky, Weather

# Which part of a county knows a kind of device; weather stations, traps and batteries are told apart by channel.
_INSIDE = frozenset({"greenhouse_climate", "soil"})
_WATER = frozenset({"water_level", "water_quality"})


@dataclass(frozen=True)
class Series:
    """Readings of one channel of one device in the order of their times."""

    device: str
    channel: str
    t_ms: Ints
    values: Floats


@dataclass(frozen=True)
class CountyField:
    """The physics of one county."""

    weather: Weather
    greenhouses: Greenhouses
    ponds: Ponds
    catches: Catches


class Field:
    """The simulated field of a seed."""

    def __init__(self, seed: int, world: Scenario | None = None) -> None:
        self.seed, self.dice, self.world = seed, Dice(seed), world or scenario()

    @cached_property
    def counties(self) -> dict[str, CountyField]:
        """The physics by county code."""
        made = {}
        for code, climate in CLIMATES.items():
            weather = Weather(self.dice, climate)
            plots = {kind: tuple(p.id for p in self.world.plots if p.kind == kind) for kind in ("greenhouse", "pond")}
            own = {kind: tuple(p for p in ids if self._county_of[p] == code) for kind, ids in plots.items()}
            made[code] = CountyField(
                weather,
                Greenhouses(self.dice, weather, own["greenhouse"]),
                Ponds(self.dice, weather, own["pond"]),
                Catches(self.dice, weather),
            )
        return made

    def read(self, device: Device, start_ms: int, count: int, step_ms: int) -> list[Series]:
        """Return `count` regular steps of a device from `start_ms`, one series per channel, without faults.

        At its ordinary cadence (ten minutes) a channel whose own interval is longer is read as many times more seldom; accelerated,
        all are read at every step. The stretch must lie within one Shanghai day; its noise is drawn for the stretch as a whole, so
        ask for the same stretches to get the same readings.
        """
        day = day_of(start_ms)
        if start_ms + (count - 1) * step_ms >= start_of(day + 1):
            raise BadInput("a stretch of readings may not cross midnight in Shanghai", got=f"{count} steps from {start_ms}")
        return [self._read_channel(device, channel, day, start_ms, count, step_ms) for channel in device.channels]

    def true_value(self, device: Device, channel: str, t_ms: int) -> float:
        """Return what a faultless, noiseless sensor would show at an instant; not for rain and counts, which need an interval."""
        day = day_of(t_ms)
        nodes = self._nodes(device, channel, day)
        return float(np.round(np.interp(t_ms, _node_times(day), nodes), SENSORS[channel].decimals))

    def _read_channel(self, device: Device, channel: DeviceChannel, day: int, start_ms: int, count: int, step_ms: int) -> Series:
        step = channel.interval_s * 1000 if step_ms == STEP_MS else step_ms
        first = -(-start_ms // step) * step
        times = np.arange(first, start_ms + count * step_ms, step, dtype=np.int64)
        sensor, code = SENSORS[channel.code], channel.code
        rng = self.dice.rng(f"{device.id}/{code}", start_ms // STEP_MS, step_ms // 1000)
        if code == "rain":
            return Series(device.id, code, times, self._rain(device, day, times, step))
        nodes = self._nodes(device, code, day)
        if code in COUNTS:
            expected = np.interp(times, _node_times(day), nodes) * (step / 3_600_000)
            return Series(device.id, code, times, rng.poisson(expected).astype(np.float64))
        if code == "wind_direction":
            nodes = np.unwrap(nodes, period=360)
        noisy = np.interp(times, _node_times(day), nodes) + sensor.noise * rng.standard_normal(times.size)
        if code == "wind_direction":
            return Series(device.id, code, times, np.mod(np.round(noisy), 360))
        if code == "solar_radiation":
            noisy = np.where(np.interp(times, _node_times(day), nodes) < 1, 0, noisy)
        # Adding 0.0 turns a rounded -0.0 into 0.0.
        return Series(device.id, code, times, np.asarray(np.round(np.clip(noisy, sensor.low, sensor.high), sensor.decimals) + 0.0))

    def _nodes(self, device: Device, channel: str, day: int) -> Floats:
        county = self.counties[device.county]
        if device.kind in _INSIDE or device.kind in _WATER:
            part = county.greenhouses if device.kind in _INSIDE else county.ponds
            column = part.plots.index(device.plot or "")
            return np.asarray(getattr(part.day(day), channel)[:, column])
        if channel == "pest_count":
            return county.catches.pests(device.id, day)
        if channel == "spore_count":
            return county.catches.spores(device.id, day)
        if channel == "battery":
            return self._battery(device, county.weather.sky(day))
        return self._at_station(device, channel, county.weather.sky(day))

    def _at_station(self, device: Device, channel: str, sky: Sky) -> Floats:
        """Return the county's weather as this station has it: a little warmer or cooler, wetter or windier, always the same way."""
        warm, damp, windy, turn, sunny, high, _ = self._site(device.base)
        nodes: Floats = getattr(sky, channel)
        by_channel = {
            "air_temperature": lambda: nodes + 0.4 * warm,
            "air_humidity": lambda: np.clip(nodes + 1.5 * damp, 0, 100),
            "wind_speed": lambda: nodes * np.exp(0.15 * windy),
            "wind_direction": lambda: nodes + 6 * turn,
            "solar_radiation": lambda: nodes * (1 + 0.02 * sunny),
            "air_pressure": lambda: nodes + 0.4 * high,
        }
        return np.asarray(by_channel[channel]())

    def _rain(self, device: Device, day: int, times: Ints, step: int) -> Floats:
        """Return what fell in the step before each time, in whole tips of the bucket."""
        factor = float(np.exp(0.12 * self._site(device.base)[6]))
        weather = self.counties[device.county].weather

        def tips(of_day: int, at: Ints) -> Floats:
            fallen = np.interp(at, _node_times(of_day), weather.sky(of_day).rain_cum) * factor
            return np.asarray(np.floor(fallen / TIP_MM + 1e-9))

        fell = tips(day, times) - tips(day, np.maximum(times - step, start_of(day)))
        if times.size and times[0] - step < start_of(day):
            # The first reading of a day looks back into the day before.
            at = times[:1]
            yesterday = tips(day - 1, np.array([start_of(day)])) - tips(day - 1, at - step)
            fell[:1] = yesterday + tips(day, at)
        return np.asarray(np.round(fell * TIP_MM, 1))

    def _battery(self, device: Device, sky: Sky) -> Floats:
        """Return a small solar cell: charged by the day's sun, drained by the night."""
        charge = np.cumsum(sky.solar_radiation) / 90_000
        share = np.linspace(0, 1, NODES)
        level = 3.92 + 0.02 * self._site(device.base)[5]
        return np.asarray(level + 0.16 * (charge - charge[-1] * share) - 0.04 * np.sin(np.pi * share))

    def _site(self, base: str) -> Floats:
        if base not in self._sites:
            self._sites[base] = self.dice.rng(f"site-{base}").standard_normal(7)
        return self._sites[base]

    @cached_property
    def _sites(self) -> dict[str, Floats]:
        return {}

    @cached_property
    def _county_of(self) -> dict[str, str]:
        counties = {b.id: b.county for b in self.world.bases}
        return {p.id: counties[p.base] for p in self.world.plots}


def _node_times(day: int) -> Ints:
    return start_of(day) + np.arange(0, DAY_MS + 1, STEP_MS, dtype=np.int64)
