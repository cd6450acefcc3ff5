"""The nouns of selling: the terms of a market, a netback with everything that goes into it, a market refused, a ranking.

Prices are thousandths of the currency per kilogram (milli), like every quote; shares are parts per million.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from foundation.errors import BadInput
from logistics.places import Place
from logistics.tariff import TripCost, TruckType

MILLION = 1_000_000
# Why a market is not ranked.
TOO_OLD, TROUBLED, RETAIL, UNPLACED = "too_old", "troubled", "retail", "unplaced"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is lost and paid on the way to one kind of market for one class of produce."""

    loss_ppm_per_hour: int
    handling_loss_ppm: int
    commission_ppm: int
    entry_milli: int
    packing_milli: int

    def __post_init__(self) -> None:
        shares = (self.loss_ppm_per_hour, self.handling_loss_ppm, self.commission_ppm)
        if any(not 0 <= s < MILLION for s in shares) or min(self.entry_milli, self.packing_milli) < 0:
            raise BadInput("these terms cannot be", expected="shares below one and no negative fees", got=repr(self))


@dataclass(frozen=True, slots=True)
class Quoted:
    """A market's price as the board has it."""

    market: str
    kind: str
    low: int
    mid: int
    high: int
    valid_date: date
    age_days: int
    observed_ms: int
    source: str
    troubled: bool


@dataclass(frozen=True, slots=True)
class Haul:
    """How a load gets to a market: trucks of one type (the last one perhaps half full), the way, and what it all costs."""

    truck: TruckType
    trucks: int
    metres: int
    drive_seconds: int
    costs: tuple[TripCost, ...]
    kg: int

    @property
    def total_fen(self) -> int:
        """What the haul costs, toll included."""
        return sum(c.total_fen for c in self.costs)

    @property
    def toll_fen(self) -> int:
        """The toll in it."""
        return sum(c.toll_fen for c in self.costs)

    @property
    def toll_reasons(self) -> tuple[str, ...]:
        """Why toll is due or not, each reason once, in the order of the trucks."""
        return tuple(dict.fromkeys(c.toll_reason for c in self.costs))


@dataclass(frozen=True, slots=True)
class Netback:
    """What a kilogram is worth at the farm gate if it is sold in one market; `low` and `high` follow from the quote's own range."""

    quoted: Quoted
    place: Place
    haul: Haul
    loss_milli: int
    loss_ppm: int
    fees_milli: int
    freight_milli: int
    toll_milli: int
    packing_milli: int
    low: int
    mid: int
    high: int


@dataclass(frozen=True, slots=True)
class RefusedMarket:
    """A market that quotes the product and is not ranked, and why."""

    quoted: Quoted
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Markets for one load from one base on one day, the best first; `lying` are the ids of lots of the product that lie there."""

    product: str
    base: str
    kg: int
    day: date
    tariff: str
    tariff_status: str
    distance_method: str
    ranked: tuple[Netback, ...]
    refused: tuple[RefusedMarket, ...]

    @property
    def lead_milli(self) -> int | None:
        """By how much the best beats the second, per kilogram; None with fewer than two."""
        return self.ranked[0].mid - self.ranked[1].mid if len(self.ranked) > 1 else None

    @property
    def too_close(self) -> bool:
        """Whether the quotes' own ranges are wider than what the best has ahead: then the order is not certain."""
        if len(self.ranked) < 2:
            return False
        first, second = self.ranked[:2]
        return second.high >= first.low
