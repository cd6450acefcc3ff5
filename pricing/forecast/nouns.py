"""The nouns of forecasts. Prices are thousandths of the currency per kilogram; a week is named by its Monday."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from foundation.errors import BadInput

NAIVE, COMBINED = "naive", "combination"
# Weeks ahead for which a forecast is made: a season of most vegetables, and no further than history can be asked about.
HORIZONS = tuple(range(1, 13))
# Half a year to start from, twelve weeks ahead, and half a year of outcomes by which to learn and to be judged.
WEEKS_NEEDED = 64


@dataclass(frozen=True, slots=True)
class ForecastPoint:
    """What is said of one week: in 80 of 100 such weeks the price should lie between `p10` and `p90`."""

    horizon_weeks: int
    week: date
    p10: int
    p50: int
    p90: int
    method: str

    def __post_init__(self) -> None:
        if not 0 < self.p10 <= self.p50 <= self.p90:
            raise BadInput("these quantiles are out of order", expected="0 < p10 <= p50 <= p90", got=f"{self.p10}, {self.p50}, {self.p90}")
        if self.method not in (NAIVE, COMBINED):
            raise BadInput("there is no such method", expected=f"{NAIVE} or {COMBINED}", got=self.method)


@dataclass(frozen=True, slots=True)
class Skill:
    """How the combination and naive did at one horizon in this very series, each forecast made from what was known at its origin.

    `mase`: the combination's mean absolute error of the log price, in units of the usual move from week to week up to the origin.
    `mase_naive`: the same for naive. Where the combination's is not smaller, naive is what is shown. `coverage80`: share of weeks that
    fell between the P10 and P90 that would have been shown. `origins`: how many forecasts were judged.
    """

    horizon_weeks: int
    mase: float
    mase_naive: float
    coverage80: float
    origins: int

    @property
    def gain(self) -> float:
        """By which share the combination's error is smaller than naive's; zero or less where naive wins."""
        return 1 - self.mase / self.mase_naive if self.mase_naive else 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast as it was made: from the weeks up to `last_week`, with how well the same procedure did before.

    `last_price` is the price of `last_week`, `weeks_used` counts weeks that were quoted, `weeks_absent` those between that were not.
    """

    product: str
    market: str
    currency: str
    source: str
    made_ms: int
    made_on: date
    last_week: date
    last_price: int
    weeks_used: int
    weeks_absent: int
    points: tuple[ForecastPoint, ...]
    skill: tuple[Skill, ...]

    def __post_init__(self) -> None:
        horizons = [p.horizon_weeks for p in self.points]
        if not horizons or any(b <= a for a, b in pairwise(horizons)) or horizons != [s.horizon_weeks for s in self.skill]:
            raise BadInput("a forecast names each horizon once, with its skill", got=f"{horizons}, {[s.horizon_weeks for s in self.skill]}")
        if any(p.week != self.last_week + timedelta(weeks=p.horizon_weeks) for p in self.points):
            raise BadInput("a forecast's weeks follow its last week", got=str([str(p.week) for p in self.points]))

    def at(self, horizon_weeks: int) -> ForecastPoint | None:
        """Return the point of a horizon, None where there is none."""
        return next((p for p in self.points if p.horizon_weeks == horizon_weeks), None)

    def skill_at(self, horizon_weeks: int) -> Skill | None:
        """Return the skill at a horizon, None where there is none."""
        return next((s for s in self.skill if s.horizon_weeks == horizon_weeks), None)


@dataclass(frozen=True, slots=True)
class NotEnoughHistory:
    """Too few quoted weeks to say anything that could be checked: how many there are and how many it takes."""

    weeks_have: int
    weeks_needed: int


@dataclass(frozen=True, slots=True)
class Quantiles:
    """What a forecast says of one day, which is what it says of the day's week."""

    week: date
    horizon_weeks: int
    p10: int
    p50: int
    p90: int
    method: str
    made_on: date


@dataclass(frozen=True, slots=True)
class PastPoint:
    """One week that was forecast and has come: what was said, what naive would have said, and what came."""

    made_on: date
    horizon_weeks: int
    week: date
    p10: int
    p50: int
    p90: int
    naive: int
    came: int
    method: str

    @property
    def inside(self) -> bool:
        """Whether the price came between P10 and P90."""
        return self.p10 <= self.came <= self.p90


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """How good the forecasts were that were really given, oldest first; nothing is left out but weeks without a quote."""

    product: str
    market: str
    points: tuple[PastPoint, ...]

    def inside_share(self, horizon_weeks: int) -> float | None:
        """Return the share of weeks that fell between P10 and P90, None where none has come."""
        found = [p.inside for p in self.points if p.horizon_weeks == horizon_weeks]
        return sum(found) / len(found) if found else None

    def error_against_naive(self, horizon_weeks: int) -> float | None:
        """Return the mean absolute error over naive's, None where none has come or naive never erred."""
        found = [p for p in self.points if p.horizon_weeks == horizon_weeks]
        naive = sum(abs(p.came - p.naive) for p in found)
        return sum(abs(p.came - p.p50) for p in found) / naive if naive else None
