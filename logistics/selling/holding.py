"""Hold or sell: what a kilogram that lies here today is worth later, against today's best netback. Pure rules.

    later = netback at the price forecast × (1 − what spoils in store) − storage − interest on what is not had today

The netback is today's in the same market: way, tariff and fees as they are now. A chance is read from the forecast's P10, P50 and P90 as a
normal distribution of the log price with two halves; it is worth no more than the forecast's own record, which stands beside it.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from foundation.errors import BadInput
from logistics.selling.model import MILLION, Netback, Terms
from logistics.selling.netback import at_gate
from logistics.tariff import KINDS, Source
from pricing.forecast.nouns import Forecast, ForecastPoint, NotEnoughHistory, Skill

FILE = Path(__file__).with_name("holding.toml")
# Which waits are worked out, in weeks from the running one; a forecast of twelve weeks reaches eleven beyond it.
WAITS = (2, 4, 8, 11)
# Holding is advised only where it brings more in more than six cases of ten.
LIKELY = 0.6
YEARS_BACK = 3
_P90 = NormalDist().inv_cdf(0.9)


@dataclass(frozen=True, slots=True)
class StoreTerms:
    """What keeping a product costs."""

    loss_ppm_per_week: int
    storage_milli_per_week: int
    capital_ppm_per_year: int
    most_weeks: int

    def __post_init__(self) -> None:
        if (
            not 0 <= self.loss_ppm_per_week < MILLION
            or min(self.storage_milli_per_week, self.capital_ppm_per_year) < 0
            or self.most_weeks < 1
        ):
            raise BadInput("these terms of keeping cannot be", expected="a loss below one, no negative cost, some weeks", got=repr(self))


@dataclass(frozen=True, slots=True)
class StoreSheet:
    """The terms of every product that can be kept, and where they come from."""

    products: Mapping[str, StoreTerms]
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """One wait: what is left per kilogram of today at the forecast's P10, P50 and P90, and the chance that it is more than today's."""

    weeks: int
    week: date
    low: int
    mid: int
    high: int
    spoilt_ppm: int
    storage_milli: int
    capital_milli: int
    chance: float
    point: ForecastPoint
    skill: Skill


@dataclass(frozen=True, slots=True)
class PastWait:
    """What the same wait brought in an earlier year, by that year's prices and today's costs."""

    began: date
    sold: int
    held: int

    @property
    def gain(self) -> int:
        """What waiting brought, negative where selling at once was better."""
        return self.held - self.sold


@dataclass(frozen=True, slots=True)
class Holding:
    """Hold or sell for one product and its best market; `past` is about the wait of `best`."""

    product: str
    today: Netback
    held: tuple[Held, ...]
    forecast: Forecast | NotEnoughHistory
    past: tuple[PastWait, ...]

    @property
    def best(self) -> Held | None:
        """Of the waits that are advised the one that leaves most, else the one with the best chance; None where there is none."""
        advised = [h for h in self.held if h.chance > LIKELY]
        return max(advised, key=lambda h: h.mid) if advised else max(self.held, key=lambda h: h.chance, default=None)

    @property
    def hold(self) -> bool:
        """Whether waiting is advised."""
        return self.best is not None and self.best.chance > LIKELY


def hold(today: Netback, terms: Terms, store: StoreTerms, weeks: int, point: ForecastPoint, skill: Skill) -> Held:
    """Return what waiting some weeks, until the week of a forecast's point, leaves."""

    def later(price: int) -> int:
        return after_wait(price, today, terms, store, weeks)

    spoilt, storage, capital = spoilt_ppm(store, weeks), store.storage_milli_per_week * weeks, _capital(today, store, weeks)
    chance = chance_above(point, _pays_from(later, today.mid))
    return Held(weeks, point.week, later(point.p10), later(point.p50), later(point.p90), spoilt, storage, capital, chance, point, skill)


def after_wait(price: int, today: Netback, terms: Terms, store: StoreTerms, weeks: int) -> int:
    """Return what a kilogram of today leaves when it is sold after some weeks at a price."""
    kept = at_gate(price, today, terms) * (MILLION - spoilt_ppm(store, weeks)) // MILLION
    return kept - store.storage_milli_per_week * weeks - _capital(today, store, weeks)


def spoilt_ppm(store: StoreTerms, weeks: int) -> int:
    """Return the share spoilt after some weeks, in parts per million."""
    return round(MILLION * (1 - (1 - store.loss_ppm_per_week / MILLION) ** weeks))


def chance_above(point: ForecastPoint, price: float) -> float:
    """Return the chance that the week's price is above `price`."""
    if price <= 0:
        return 1.0
    away = math.log(price / point.p50)
    width = math.log(point.p90 / point.p50) if away > 0 else math.log(point.p50 / point.p10)
    if width == 0:
        return 0.5 if away == 0 else float(away < 0)
    return 1 - NormalDist().cdf(away * _P90 / width)


def past_waits(
    weeks: Sequence[tuple[date, float]], now: date, wait: int, today: Netback, terms: Terms, store: StoreTerms
) -> tuple[PastWait, ...]:
    """Return what the wait brought in each earlier year where both weeks were quoted, the latest first; `now` is a Monday."""
    known = dict(weeks)
    found = []
    for year in range(1, YEARS_BACK + 1):
        began = now - timedelta(weeks=52 * year)
        first, then = known.get(began), known.get(began + timedelta(weeks=wait))
        if first is not None and then is not None:
            found.append(PastWait(began, at_gate(round(first), today, terms), after_wait(round(then), today, terms, store, wait)))
    return tuple(found)


@cache
def store_sheet() -> StoreSheet:
    """Return the terms of keeping as shipped."""
    return read_store(tomllib.loads(FILE.read_text(encoding="utf-8")))


def read_store(told: Mapping[str, Any]) -> StoreSheet:
    """Return the terms of a file's content; refuse a group without kind, source and date."""
    groups = {"capital": told["capital"], **{f"store.{k}": v for k, v in told["store"].items()}}
    for name, group in groups.items():
        if group.get("kind") not in KINDS or not group.get("source") or not group.get("as_of"):
            raise BadInput("figures of the terms have no source", expected="kind, source and as_of in every group", got=name)
    rate = told["capital"]["ppm_per_year"]
    products = {k: StoreTerms(v["loss_ppm_per_week"], v["milli_per_kg_week"], rate, v["most_weeks"]) for k, v in told["store"].items()}
    return StoreSheet(products, tuple(Source(name, g["kind"], g["source"], g["as_of"]) for name, g in groups.items()))


def _capital(today: Netback, store: StoreTerms, weeks: int) -> int:
    return max(0, today.mid) * store.capital_ppm_per_year * weeks // (52 * MILLION)


def _pays_from(later: Callable[[int], int], wanted: int) -> int:
    """Return the least price at which waiting pays: what is left rises with it, so it is found by halving."""
    low, high = 0, 10_000_000
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if later(middle) > wanted else (middle + 1, high)
    return low
