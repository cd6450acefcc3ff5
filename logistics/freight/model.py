"""The nouns of freight: lots to move, a lane, stops, trips, a plan, a comparison that always names its baseline.

Times are seconds after midnight in Shanghai of the plan's day and may go past 86,400; weights are whole kilograms; money is fen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import mean, stdev

from foundation.errors import BadInput
from logistics.tariff import TripCost

# Days below which no interval is told.
LEAST_DAYS = 20
# Student's t, two-sided 95 %, by degrees of freedom 19 to 29; beyond, the value for 30 is a little wide, which is the safe side.
_T95 = {19: 2.093, 20: 2.086, 21: 2.080, 22: 2.074, 23: 2.069, 24: 2.064, 25: 2.060, 26: 2.056, 27: 2.052, 28: 2.048, 29: 2.045}


@dataclass(frozen=True, slots=True)
class Consignment:
    """A lot, or a part of one, that lies at a base and goes to a market today."""

    id: str
    lot: str
    product: str
    base: str
    kg: int
    cooled: bool
    market: str

    def __post_init__(self) -> None:
        if self.kg <= 0 or not self.id or not self.base or not self.market:
            raise BadInput("this is no consignment", expected="a positive weight, a base and a market", got=f"{self.id!r}: {self.kg} kg")


@dataclass(frozen=True, slots=True)
class Stop:
    """A loading stop of a trip: which consignments, when the truck comes and when it leaves."""

    base: str
    consignments: tuple[str, ...]
    kg: int
    arrive_s: int
    leave_s: int


@dataclass(frozen=True, slots=True)
class Trip:
    """One truck's day: its stops in order, then the market; `loaded_m` from the first stop to the market, `return_m` back, empty."""

    truck: str
    market: str
    cooled: bool
    stops: tuple[Stop, ...]
    kg: int
    loaded_m: int
    return_m: int
    arrive_s: int
    unloaded_s: int
    cost: TripCost


@dataclass(frozen=True, slots=True)
class Unserved:
    """A consignment that no trip carries, and why."""

    consignment: Consignment
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Trips for a county's day by one method. `seconds` is how long the planning took."""

    method: str
    trips: tuple[Trip, ...]
    unserved: tuple[Unserved, ...] = ()

    @property
    def total_fen(self) -> int:
        """What all trips cost."""
        return sum(t.cost.total_fen for t in self.trips)

    @property
    def kg(self) -> int:
        """What all trips carry."""
        return sum(t.kg for t in self.trips)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A plan's cost against a named baseline over some days, both by the same tariff and checker; never a bare percentage."""

    baseline: str
    method: str
    tariff: str
    days: tuple[date, ...]
    plan_fen: tuple[int, ...]
    baseline_fen: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.baseline or not self.method or not self.tariff:
            raise BadInput("a saving without its baseline, method and tariff says nothing", expected="all three", got=repr(self)[:120])
        if not self.days or len(self.days) != len(self.plan_fen) or len(self.days) != len(self.baseline_fen) or min(self.baseline_fen) <= 0:
            raise BadInput("a comparison needs the same days on both sides", got=f"{len(self.days)} days")

    @property
    def shares(self) -> list[float]:
        """By how much of the baseline's cost the plan is cheaper, day by day; negative where it is dearer."""
        return [1 - p / b for p, b in zip(self.plan_fen, self.baseline_fen, strict=True)]

    @property
    def mean_share(self) -> float:
        """The mean of the days' shares."""
        return mean(self.shares)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of that mean by Student's t, or None below twenty days: fewer days have no interval worth the name."""
        n = len(self.days)
        if n < LEAST_DAYS:
            return None
        half = _T95.get(n - 1, 2.042) * stdev(self.shares) / math.sqrt(n)
        return self.mean_share - half, self.mean_share + half


def groups(consignments: Sequence[Consignment]) -> dict[tuple[str, bool], list[Consignment]]:
    """Return the lanes: what goes to one market in one kind of truck (cooled or not), each planned for itself."""
    found: dict[tuple[str, bool], list[Consignment]] = {}
    for c in consignments:
        found.setdefault((c.market, c.cooled), []).append(c)
    return dict(sorted(found.items()))
