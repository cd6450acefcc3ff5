"""What a recorder measures on one trip: a function of the seed, the trip and the time, of nothing else.

On the way there are stops with open doors, which warm the air for some minutes and are no excursion; now and then the cooling fails
or is set too low, which is one; and now and then nothing is recorded, or it is sent much later. What was planted is the label.
Times inside a trip are minutes of the truck: an accelerated truck lives `pace` times faster.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache

from simulators.fleet import PACE, RECORDER_INTERVAL_S, UNCOOLED, place_of, setpoint_of

OUTSIDE_C = 24.0
# How long the air needs to come back after a door was closed, and how fast it warms without cooling, in minutes.
_DOOR_RELAX_MIN, _WARM_MIN = 4.0, 260.0
# Chance of each planted fault per trip: of a hundred trips about eight leave the limits and as many are partly silent.
EXCURSION, TOO_COLD, DEAD, LATE = 0.06, 0.03, 0.08, 0.06
LONGEST_LATE_MIN = 120.0
# The shortest trip in which there is room for a planted fault.
_ROOM_MIN = 150.0


@dataclass(frozen=True)
class Trip:
    """One way of a truck. `key` names it; `arrives_ms` is planned, and kept."""

    key: str
    truck: str
    carrier: str
    product: str
    from_party: str
    to_party: str
    departs_ms: int
    arrives_ms: int
    fast: bool

    @property
    def pace(self) -> int:
        """How many times faster than a clock the truck lives."""
        return PACE if self.fast else 1

    @property
    def step_ms(self) -> int:
        """The recorder's interval."""
        return RECORDER_INTERVAL_S * 1000 // self.pace


@dataclass(frozen=True)
class Planted:
    """One planted thing of a trip: excursion, too-cold, dead, late or door."""

    kind: str
    truck: str
    trip: str
    from_ms: int
    to_ms: int
    size: float

    def label(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True)
class Recorded:
    """One set of values of a recorder, and when it leaves the truck."""

    t_ms: int
    leaves_ms: int
    values: dict[str, float]


class Ride:
    """A trip with everything planted in it."""

    def __init__(self, seed: int, trip: Trip) -> None:
        self.trip = trip
        self._name = f"{seed}:{trip.key}:{trip.truck}"
        self._dice = random.Random(f"{self._name}:plan")
        self._minutes = (trip.arrives_ms - trip.departs_ms) / 60_000 * trip.pace

    @cached_property
    def planted(self) -> tuple[Planted, ...]:
        """Everything planted in the trip."""
        found = [self._door(0.0)]
        found += [self._door(self._dice.uniform(60, self._minutes - 30)) for _ in range(int(self._minutes // 240)) if self._minutes > 120]
        chance = self._dice.random()
        if self._minutes >= _ROOM_MIN:
            begin, length = self._dice.uniform(0.15, 0.4) * self._minutes, self._dice.uniform(90, 160)
            end = min(begin + length, self._minutes - 5)
            if self.trip.product in UNCOOLED:
                pass  # without limits nothing can leave them
            elif chance < EXCURSION:
                found.append(self._plant("excursion", begin, end, round(self._dice.uniform(7, 11), 2)))
            elif chance < EXCURSION + TOO_COLD and setpoint_of(self.trip.product) > 5:
                found.append(self._plant("too-cold", begin, end, -round(self._dice.uniform(6, 8), 2)))
            elif chance < EXCURSION + TOO_COLD + DEAD:
                found.append(self._plant("dead", begin, begin + self._dice.uniform(45, 110), 0.0))
            elif chance < EXCURSION + TOO_COLD + DEAD + LATE:
                found.append(self._plant("late", begin, begin + self._dice.uniform(40, 90), LONGEST_LATE_MIN))
        return tuple(found)

    def recorded(self, after_ms: int, until_ms: int, excess_c: float = 0.0) -> Iterator[Recorded]:
        """Yield what leaves the truck in (after, until]; `excess_c` is added to the cargo where the cooling is broken right now."""
        trip = self.trip
        held = int(LONGEST_LATE_MIN * 60_000 / trip.pace)
        first = max(trip.departs_ms, after_ms - held)
        for t in range(-(-first // trip.step_ms) * trip.step_ms, min(trip.arrives_ms, until_ms + 1), trip.step_ms):
            if any(p.kind == "dead" and p.from_ms <= t < p.to_ms for p in self.planted):
                continue
            late = next((p for p in self.planted if p.kind == "late" and p.from_ms <= t < p.to_ms), None)
            leaves = t + int(late.size * 60_000 / trip.pace) if late else t
            if after_ms < leaves <= until_ms:
                yield Recorded(t, leaves, self._values(t, excess_c))

    def _values(self, t_ms: int, excess_c: float) -> dict[str, float]:
        trip, dice = self.trip, random.Random(f"{self._name}:{t_ms}")
        minute = self._minute(t_ms)
        share = min(1.0, minute / self._minutes) if self._minutes else 0.0
        door = self._is_open(t_ms)
        stopped = door or any(p.kind == "door" and 0 <= t_ms - p.to_ms < 60_000 * 3 / trip.pace for p in self.planted)
        (south, west), (north, east) = place_of(trip.from_party), place_of(trip.to_party)
        return {
            "cargo_temperature": round(self._cargo(minute) + excess_c + dice.gauss(0, 0.06), 1),
            "cargo_humidity": round(min(99.0, max(60.0, 91 + dice.gauss(0, 0.8) - (6 if door else 0))), 0),
            "setpoint": setpoint_of(trip.product),
            "door_open": 1.0 if door else 0.0,
            "speed": 0.0 if stopped else round(max(15.0, 62 + 14 * math.sin(minute / 17) + dice.gauss(0, 4)), 0),
            # A hundredth of a degree, about a kilometre: enough to see where a truck is, too coarse to see at whose door.
            "latitude": round(south + (north - south) * share, 2),
            "longitude": round(west + (east - west) * share, 2),
            "battery": round(25.6 + dice.gauss(0, 0.05) - (0.4 if stopped else 0), 2),
        }

    def _cargo(self, minute: float) -> float:
        """Return the air of the hold without noise."""
        value = setpoint_of(self.trip.product) + 0.35 * math.sin(minute / 23) + 0.2 * math.sin(minute / 7)
        for p in self.planted:
            begin, end = self._minute(p.from_ms), self._minute(p.to_ms)
            if minute < begin:
                continue
            if p.kind == "door":
                grown = p.size * (1 - math.exp(-(min(minute, end) - begin) / 3.0))
                value += grown * math.exp(-max(0.0, minute - end) / _DOOR_RELAX_MIN)
            elif p.kind in ("excursion", "too-cold"):
                grown = p.size * (1 - math.exp(-(min(minute, end) - begin) / 18.0))
                value += grown * math.exp(-max(0.0, minute - end) / 9.0)
        return value

    def _is_open(self, t_ms: int) -> bool:
        return any(p.kind == "door" and p.from_ms <= t_ms < p.to_ms for p in self.planted)

    def _door(self, at_min: float) -> Planted:
        return self._plant("door", at_min, at_min + self._dice.uniform(3, 9), round(self._dice.uniform(2.5, 4.5), 2))

    def _plant(self, kind: str, begin: float, end: float, size: float) -> Planted:
        trip = self.trip

        def at(minute: float) -> int:
            return trip.departs_ms + int(minute * 60_000 / trip.pace)

        return Planted(kind, trip.truck, trip.key, at(begin), at(end), size)

    def _minute(self, t_ms: int) -> float:
        return (t_ms - self.trip.departs_ms) / 60_000 * self.trip.pace


@lru_cache(maxsize=512)
def ride(seed: int, trip: Trip) -> Ride:
    """Return the ride of a trip."""
    return Ride(seed, trip)
