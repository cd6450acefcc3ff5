"""The tariff: what a trip costs, item by item. The only place where a cost of moving anything is worked out.

Plans, baselines, the checker and "where to sell" all ask `trip_cost`, so that none of them can be cheaper by another arithmetic.
Money is integer fen; distances are metres, weights kilograms, times seconds.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from foundation.errors import BadInput

FOLDER = Path(__file__).with_name("tariffs")
CURRENT = "2026-11"
KINDS = ("assumption", "rule", "quoted", "measured")
# Why toll is due or not; pages have words for each.
FREE_MASS, FREE_VOLUME, DUE_NOT_FULL, DUE_NOT_FRESH, NO_ROAD = "free_mass", "free_volume", "due_not_full", "due_not_fresh", "no_road"


@dataclass(frozen=True, slots=True)
class TruckType:
    """A kind of truck; `reefer` ones are derived from the dry ones by the tariff."""

    id: str
    name_zh: str
    name_en: str
    payload_kg: int
    crates: int
    fixed_fen: int
    fen_per_km: int
    toll_fen_per_km: int
    reefer: bool

    def __post_init__(self) -> None:
        if min(self.payload_kg, self.crates) <= 0 or min(self.fixed_fen, self.fen_per_km, self.toll_fen_per_km) < 0:
            raise BadInput("this truck cannot be", expected="a positive payload and no negative rate", got=self.id)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a group of figures comes from: its kind, its source and its date."""

    group: str
    kind: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True)
class Tariff:
    """A version of the tariff. `sources` has one entry for each group of figures."""

    id: str
    status: str
    currency: str
    trucks: tuple[TruckType, ...]
    full_percent: int
    driver_fen_per_hour: int
    speed_km_per_hour: int
    rest_permille: int
    running_fen_per_hour: int
    fen_per_tonne_and_touch: int
    minutes_per_stop: int
    minutes_per_tonne: int
    kg_per_crate: int
    return_charged_percent: int
    loading_from_s: int
    market_closes_s: int
    sources: tuple[Source, ...]

    def truck(self, truck: str) -> TruckType:
        """Return a truck type by its id."""
        found = next((t for t in self.trucks if t.id == truck), None)
        if found is None:
            raise BadInput("the tariff has no such truck", expected=", ".join(t.id for t in self.trucks), got=truck[:40])
        return found

    def drive_seconds(self, metres: int) -> int:
        """Return how long a drive takes, the driver's rest included."""
        return metres * 3600 * (1000 + self.rest_permille) // (self.speed_km_per_hour * 1_000_000)

    def stop_seconds(self, kg: int) -> int:
        """Return how long loading or unloading takes at one stop."""
        return self.minutes_per_stop * 60 + self.minutes_per_tonne * 60 * kg // 1000

    def crates_of(self, kg: int) -> int:
        """Return how many crates a weight fills."""
        return -(-kg // self.kg_per_crate)


@dataclass(frozen=True, slots=True)
class TripCost:
    """What one trip costs in fen, item by item, and why toll is due or not."""

    fixed_fen: int
    distance_fen: int
    toll_fen: int
    driver_fen: int
    handling_fen: int
    cooling_fen: int
    empty_return_fen: int
    toll_reason: str
    fill_percent: int
    seconds: int

    @property
    def total_fen(self) -> int:
        """The sum of the items."""
        return (
            self.fixed_fen + self.distance_fen + self.toll_fen + self.driver_fen
            + self.handling_fen + self.cooling_fen + self.empty_return_fen
        )  # fmt: skip

    @property
    def toll_free(self) -> bool:
        """Whether the fresh-produce rule frees this trip of toll."""
        return self.toll_reason in (FREE_MASS, FREE_VOLUME)


def trip_cost(
    tariff: Tariff, truck: TruckType, *, loaded_m: int, return_m: int, kg: int, stops: int, unloads: int = 1, fresh: bool = True
) -> TripCost:
    """Return the cost of one trip that loads `kg` at `stops` places, drives `loaded_m` and comes back empty over `return_m`.

    `fresh` says that everything on board is listed fresh produce. The way to the first stop belongs to the empty return.

    Raises:
        BadInput: the load is more than the truck may carry, or a figure is negative.

    """
    if kg <= 0 or kg > truck.payload_kg or tariff.crates_of(kg) > truck.crates or min(loaded_m, return_m, stops, unloads) < 0:
        raise BadInput(
            "this truck cannot carry that",
            expected=f"1 to {truck.payload_kg} kg in at most {truck.crates} crates",
            got=f"{kg} kg in {tariff.crates_of(max(kg, 0))} crates",
            todo="split the load or take a larger truck",
        )
    by_mass = 100 * kg // truck.payload_kg
    by_volume = 100 * tariff.crates_of(kg) // truck.crates
    reason = _toll_reason(tariff, truck, kg, loaded_m=loaded_m, fresh=fresh)
    work_s = tariff.stop_seconds(0) * (stops + unloads) + 2 * tariff.minutes_per_tonne * 60 * kg // 1000
    seconds = tariff.drive_seconds(loaded_m) + work_s
    back = return_m * (truck.fen_per_km + truck.toll_fen_per_km) // 1000
    return TripCost(
        fixed_fen=truck.fixed_fen,
        distance_fen=loaded_m * truck.fen_per_km // 1000,
        toll_fen=0 if reason in (FREE_MASS, FREE_VOLUME, NO_ROAD) else loaded_m * truck.toll_fen_per_km // 1000,
        driver_fen=seconds * tariff.driver_fen_per_hour // 3600,
        handling_fen=2 * kg * tariff.fen_per_tonne_and_touch // 1000,
        cooling_fen=seconds * tariff.running_fen_per_hour // 3600 if truck.reefer else 0,
        empty_return_fen=back * tariff.return_charged_percent // 100,
        toll_reason=reason,
        fill_percent=max(by_mass, by_volume),
        seconds=seconds,
    )


def _toll_reason(tariff: Tariff, truck: TruckType, kg: int, *, loaded_m: int, fresh: bool) -> str:
    """Return why toll is due or not; the thresholds are compared exactly, not as rounded percentages."""
    if loaded_m == 0:
        return NO_ROAD
    if not fresh:
        return DUE_NOT_FRESH
    if 100 * kg >= tariff.full_percent * truck.payload_kg:
        return FREE_MASS
    if 100 * tariff.crates_of(kg) >= tariff.full_percent * truck.crates:
        return FREE_VOLUME
    return DUE_NOT_FULL


@cache
def tariff_of(version: str = CURRENT) -> Tariff:
    """Return a version of the tariff from its file."""
    path = FOLDER / f"{version}.toml"
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise BadInput("this tariff cannot be read", expected=f"one of {known}", got=version[:40]) from error
    return read_tariff(told)


def read_tariff(told: Mapping[str, Any]) -> Tariff:
    """Return a tariff from its file's content; refuse a group of figures without a source, a date and a kind."""
    reefer, handling, driver = told["reefer"], told["handling"], told["driver"]
    groups = {
        **{f"trucks.{k}": v for k, v in told["trucks"].items()},
        **{k: v for k, v in told.items() if isinstance(v, dict) and k != "trucks"},
    }
    sources = tuple(_source(name, group) for name, group in groups.items())
    dry = [
        TruckType(k, t["name_zh"], t["name_en"], t["payload_kg"], t["crates"], t["fixed_fen_per_day"], t["fen_per_km"],
                  t["toll_fen_per_km"], False)
        for k, t in told["trucks"].items()
    ]  # fmt: skip
    cold = [
        TruckType(
            f"{t.id}_reefer", t.name_zh.replace("厢式货", "冷藏"), t.name_en.replace("box truck", "reefer"),
            t.payload_kg * reefer["payload_percent"] // 100, t.crates, t.fixed_fen * reefer["fixed_percent"] // 100,
            t.fen_per_km * reefer["km_percent"] // 100, t.toll_fen_per_km, True,
        )
        for t in dry
    ]  # fmt: skip
    return Tariff(
        id=told["id"], status=told["status"], currency=told["currency"], trucks=(*dry, *cold), full_percent=told["toll"]["full_percent"],
        driver_fen_per_hour=driver["fen_per_hour"], speed_km_per_hour=driver["speed_km_per_hour"], rest_permille=driver["rest_permille"],
        running_fen_per_hour=reefer["running_fen_per_hour"], fen_per_tonne_and_touch=handling["fen_per_tonne_and_touch"],
        minutes_per_stop=handling["minutes_per_stop"], minutes_per_tonne=handling["minutes_per_tonne"],
        kg_per_crate=handling["kg_per_crate"], return_charged_percent=told["empty_return"]["charged_percent"],
        loading_from_s=told["hours"]["loading_from_s"], market_closes_s=told["hours"]["market_closes_s"], sources=sources,
    )  # fmt: skip


def _source(name: str, group: Mapping[str, Any]) -> Source:
    if group.get("kind") not in KINDS or not group.get("source") or not group.get("as_of"):
        missing = [f.name for f in fields(Source) if f.name != "group" and not group.get(f.name)]
        raise BadInput("figures of the tariff have no source", expected="kind, source and as_of in every group", got=f"{name}: {missing}")
    return Source(name, group["kind"], group["source"], group["as_of"])
