"""Planted faults with their ground truth: composable layers between what a sensor should send and what arrives.

Which faults befall a device on a day is drawn from the device's own stream; the plan is the label. Quality control can be scored
against it, and nothing else in the simulator reads it.

drop-out     readings of all channels are missing
spike        one reading (the first in the window) is thrown off
drift        a channel's readings run away at a steady rate
stuck        a channel repeats one value
duplicate    readings are sent twice
late         readings are held back and sent some time afterwards
wrong-clock  readings carry times that are off by a constant
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from simulators.field import Field, Series
from simulators.randomness import Dice
from simulators.scenario import Device
from simulators.sensors import SENSORS
from simulators.timegrid import STEP_MS, STEPS, Floats, Ints, day_of, start_of

# Chance per device and day, then the shortest and longest duration in ten-minute steps.
KINDS: dict[str, tuple[float, int, int]] = {
    "drop-out": (0.05, 3, 15),
    "spike": (0.12, 1, 1),
    "drift": (0.008, 36, 200),
    "stuck": (0.012, 18, 60),
    "duplicate": (0.03, 2, 8),
    "late": (0.03, 2, 9),
    "wrong-clock": (0.004, 6, 20),
}
LONGEST_DAYS = 2  # 200 steps are 33 hours: a window that opens today reaches at most into the day after tomorrow
LONGEST_DELAY_MS = 3_000_000
# A constant seen in a real LoRa log (six hours less three seconds): a zone bug on a clock that is a little slow as well. It lies
# off the ten-minute grid, so that a wrongly dated reading stands beside the right ones and overwrites none.
CLOCK_OFFSET_MS = -21_597_000


@dataclass(frozen=True)
class Fault:
    """One planted fault: a window of a device, or of one channel of it. `size` is in the channel's unit, or in ms for times."""

    kind: str
    device: str
    channel: str | None
    from_ms: int
    to_ms: int
    size: float

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.to_ms <= self.from_ms:
            raise ValueError(f"no such fault: {self}")

    def label(self) -> str:
        """Return the fault as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class Sent:
    """What a device really sends of one channel: claimed times, values, and when each reading leaves the device."""

    device: str
    channel: str
    t_ms: Ints
    values: Floats
    leaves_ms: Ints
    observed_ms: Ints


def plan(dice: Dice, device: Device, day: int) -> tuple[Fault, ...]:
    """Return the faults that begin on a day at a device."""
    rng = dice.rng(f"faults-{device.id}", day)
    found = []
    channels = [c.code for c in device.channels if SENSORS[c.code].fault > 0]
    for kind, (chance, shortest, longest) in KINDS.items():
        happens, start, length = rng.random(), int(rng.integers(STEPS)), int(rng.integers(shortest, longest + 1))
        which, throw, sign = rng.random(), rng.random(), rng.random()
        if happens >= chance:
            continue
        channel = None
        size = 0.0
        if kind in ("spike", "drift", "stuck"):
            if not channels:
                continue
            channel = channels[int(which * len(channels))]
            small = SENSORS[channel].fault * (1 if sign < 0.5 else -1)
            size = {"spike": small * (1 + 4 * throw), "drift": small * (0.5 + throw), "stuck": 0.0}[kind]
        elif kind == "late":
            size = float(STEP_MS * (2 + int(3 * throw)))
        elif kind == "wrong-clock":
            size = float(CLOCK_OFFSET_MS)
        begin = start_of(day) + start * STEP_MS
        found.append(Fault(kind, device.id, channel, begin, begin + length * STEP_MS, round(size, 3)))
    return tuple(found)


def faults_of(dice: Dice, device: Device, day: int) -> tuple[Fault, ...]:
    """Return every fault that can touch a day at a device, those that began before included."""
    return tuple(f for d in range(day - LONGEST_DAYS, day + 1) for f in plan(dice, device, d) if f.to_ms > start_of(day))


def sent_by(field: Field, device: Device, start_ms: int, count: int, step_ms: int) -> list[Sent]:
    """Return what a device sends of a stretch of regular readings, one part per channel; the stretch is as for `Field.read`."""
    faults = faults_of(field.dice, device, day_of(start_ms))
    return [suffer(series, faults, partial(field.true_value, device)) for series in field.read(device, start_ms, count, step_ms)]


def suffer(series: Series, faults: Iterable[Fault], value_at: Callable[[str, int], float]) -> Sent:
    """Return what is sent of a channel under the faults. `value_at` tells the true value a stuck sensor stopped at."""
    t, values = series.t_ms, series.values.copy()
    decimals = SENSORS[series.channel].decimals
    keep = np.ones(t.size, dtype=np.bool_)
    copies = np.ones(t.size, dtype=np.int64)
    claimed, leaves = t.copy(), t.copy()
    for fault in faults:
        if fault.channel not in (None, series.channel):
            continue
        inside = (t >= fault.from_ms) & (t < fault.to_ms)
        if not inside.any():
            continue
        if fault.kind == "drop-out":
            keep &= ~inside
        elif fault.kind == "spike":
            if t[inside][0] - fault.from_ms < STEP_MS:
                values[np.argmax(inside)] += fault.size
        elif fault.kind == "drift":
            values[inside] += fault.size * (t[inside] - fault.from_ms) / (fault.to_ms - fault.from_ms)
        elif fault.kind == "stuck":
            values[inside] = value_at(series.channel, fault.from_ms)
        elif fault.kind == "duplicate":
            copies[inside] = 2
        elif fault.kind == "late":
            leaves[inside] = t[inside] + int(fault.size)
        elif fault.kind == "wrong-clock":
            claimed[inside] = t[inside] + int(fault.size)
    again = copies * keep
    return Sent(
        series.device,
        series.channel,
        np.repeat(claimed, again),
        np.repeat(np.round(values, decimals) + 0.0, again),
        np.repeat(leaves, again),
        np.repeat(t, again),
    )


def labels(dice: Dice, devices: Sequence[Device], day: int) -> list[str]:
    """Return the labels of every fault that begins on a day, as lines of JSON."""
    return [fault.label() for device in devices for fault in plan(dice, device, day)]
