"""What the cold chain speaks of: limits, excursions, what a leg's readings amount to, legs and alarms.

Temperatures are degrees Celsius, times ms UTC; a recorder measures the air the cargo stands in.
"""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput

# A leg is in one of these; `gap` says that nobody knows, which is never `ok`. `pending`: nothing has been heard yet, but it is due.
OK, WARMING, EXCURSION, RECOVERING, GAP, PENDING = "ok", "warming", "excursion", "recovering", "gap", "pending"
ABOVE, BELOW, SILENT = "above", "below", "silent"
# What is said of a leg when it is over.
IN_RANGE, OUT_OF_RANGE, NOT_FULLY_KNOWN, NO_LIMITS, NO_RECORDER = "in_range", "out_of_range", "not_fully_known", "no_limits", "no_recorder"


@dataclass(frozen=True, slots=True)
class Limits:
    """By which limits a leg is judged. A limit that is None is not set.

    A value beyond a limit becomes an excursion after `delay_s`; it is over when the value is back inside by `hysteresis_c`.
    Without a good reading for longer than `gap_s` nothing is known.
    """

    name: str
    low_c: float | None
    high_c: float | None
    delay_s: int
    gap_s: int
    hysteresis_c: float = 0.5

    def __post_init__(self) -> None:
        if self.low_c is not None and self.high_c is not None and self.high_c - self.low_c <= self.hysteresis_c:
            raise BadInput(
                "these limits leave no room", expected=f"more than {self.hysteresis_c} °C apart", got=f"{self.low_c}..{self.high_c}"
            )
        if self.delay_s < 0 or self.gap_s <= 0 or self.hysteresis_c < 0:
            raise BadInput(
                "these times cannot be limits", expected="a delay from 0, a gap above 0", got=f"{self.delay_s} s, {self.gap_s} s"
            )

    def side(self, value: float) -> str:
        """Return above, below, or nothing where the value is inside; a limit itself is inside."""
        if self.high_c is not None and value > self.high_c:
            return ABOVE
        return BELOW if self.low_c is not None and value < self.low_c else ""

    def back_inside(self, value: float, side: str) -> bool:
        """Tell whether a value beyond `side` is back inside by the hysteresis."""
        if side == ABOVE:
            return self.high_c is None or value <= self.high_c - self.hysteresis_c
        return self.low_c is None or value >= self.low_c + self.hysteresis_c

    def limit(self, side: str) -> float | None:
        """Return the limit of a side."""
        return self.high_c if side == ABOVE else self.low_c if side == BELOW else None


@dataclass(frozen=True, slots=True)
class Excursion:
    """Beyond a limit for longer than the delay: since the first reading beyond, opened when the delay was over. None: not over yet."""

    side: str
    since_ms: int
    opened_ms: int
    ended_ms: int | None
    extreme_c: float

    def minutes(self, now_ms: int) -> float:
        """Return how long it lasted, or has lasted until now."""
        return ((now_ms if self.ended_ms is None else self.ended_ms) - self.since_ms) / 60_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the readings of a leg amount to. Minutes without readings are counted apart and belong to neither side."""

    state: str
    since_ms: int
    last_ms: int | None
    last_c: float | None
    count: int
    suspect: int
    low_c: float | None
    mean_c: float | None
    high_c: float | None
    mkt_c: float | None
    minutes: float
    above: float
    below: float
    unknown: float
    excursions: tuple[Excursion, ...]
    readings_hash: str

    @property
    def outside(self) -> float:
        """Minutes above or below the limits."""
        return self.above + self.below

    @property
    def longest(self) -> float:
        """Minutes of the longest excursion, 0 where there was none."""
        end = max((e.ended_ms or e.opened_ms for e in self.excursions), default=0)
        return max((e.minutes(end) for e in self.excursions), default=0.0)

    @property
    def complete_percent(self) -> float:
        """Share of the time that is known."""
        return 100.0 * (self.minutes - self.unknown) / self.minutes if self.minutes else 0.0


@dataclass(frozen=True, slots=True)
class ColdLeg:
    """One leg with what is known of it. `judged` is None where no recorder travelled; `pace` says how many times faster a demo runs."""

    id: str
    county: str
    from_party: str
    to_party: str
    carrier: str
    recorder: str
    departs_ms: int
    arrives_ms: int | None
    lots: tuple[str, ...]
    product: str
    limits: Limits
    pace: int
    summary: str
    judged: Judgement | None

    @property
    def under_way(self) -> bool:
        """Whether a lot of it is still on the way."""
        return self.arrives_ms is None

    @property
    def verdict(self) -> str:
        """Return what is said of the leg. Out of range weighs more than not known, and not known is never in range."""
        j = self.judged
        if not self.recorder or j is None:
            return NO_RECORDER
        if j.excursions:
            return OUT_OF_RANGE
        if j.unknown > 0 or not j.count:
            return NOT_FULLY_KNOWN
        return NO_LIMITS if self.limits.low_c is None and self.limits.high_c is None else IN_RANGE


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that needs somebody now: cargo beyond a limit, or a truck under way that is not heard of."""

    leg: str
    county: str
    recorder: str
    carrier: str
    from_party: str
    to_party: str
    product: str
    side: str  # above, below or silent
    since_ms: int
    value_c: float | None
    limit_c: float | None
