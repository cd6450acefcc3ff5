"""An independent checker: it knows the plan, the consignments, the tariff and the map, and nothing of how a plan is made.

Numbered as an office would check a list of trips; the first three protect the goods, the rest the money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from logistics.distance import Distances
from logistics.freight.model import Consignment, Plan, Trip
from logistics.places import Place
from logistics.tariff import Tariff, trip_cost


def check(
    plan: Plan, consignments: Sequence[Consignment], tariff: Tariff, distances: Distances, places: Mapping[str, Place]
) -> list[str]:  # fmt: skip
    """Return what is wrong with a plan, empty where it holds.

    1. every consignment is carried whole, once, or named as unserved; 2. goods that must be cooled ride in reefers, and to their own
    market; 3. no truck is overloaded by mass or crates; 4. times follow from loading and driving and end before the market closes;
    5. distances are those of the map; 6. the cost is what the tariff says.
    """
    wrong = _each_once(plan, consignments)  # 1
    known = {c.id: c for c in consignments}
    for n, trip in enumerate(plan.trips, 1):
        wrong += [f"trip {n}: {what}" for what in _trip(trip, known, tariff, distances, places)]
    return wrong


def _each_once(plan: Plan, consignments: Sequence[Consignment]) -> list[str]:
    carried: dict[str, int] = {}
    parts = [(part, trip) for trip in plan.trips for stop in trip.stops for part in stop.consignments]
    for part, _ in parts:
        carried[part] = carried.get(part, 0) + 1
    left = {u.consignment.id for u in plan.unserved}
    wrong = [f"{part} is carried {times} times" for part, times in carried.items() if times > 1]
    whole = {part.split("/")[0] for part in carried}
    wrong += [f"{part} is carried whole and in parts" for part in sorted(carried) if any(p.startswith(f"{part}/") for p in carried)]
    for c in consignments:
        if c.id not in whole and c.id not in left:
            wrong.append(f"{c.id} is neither carried nor named as unserved")
        if c.id in whole and c.id in left:
            wrong.append(f"{c.id} is both carried and named as unserved")
    unknown = whole - {c.id for c in consignments}
    wrong += [f"{part} is nobody's consignment" for part in sorted(unknown)]
    return wrong + _weights(plan, {c.id: c for c in consignments})


def _weights(plan: Plan, known: Mapping[str, Consignment]) -> list[str]:
    """Return which stops tell another weight than their lots have; the parts of a split lot make up the whole lot."""
    wrong: list[str] = []
    # Lots whose parts stand at the same stops, with what those stops carry of them together.
    split: list[tuple[set[str], int]] = []
    for stop in (stop for trip in plan.trips for stop in trip.stops):
        lots = {part.split("/")[0] for part in stop.consignments if part not in known} & known.keys()
        rest = stop.kg - sum(known[part].kg for part in stop.consignments if part in known)
        if rest < len(lots) or (rest and not lots):
            wrong.append(f"{stop.kg} kg are told at {stop.base}, its lots are {stop.kg - rest} kg")
        if lots:
            same = [s for s in split if s[0] & lots]
            split = [s for s in split if s not in same]
            split.append((lots.union(*(s[0] for s in same)), rest + sum(s[1] for s in same)))
    for lots, kg in split:
        owed = sum(known[lot].kg for lot in lots)
        if kg != owed:
            wrong.append(f"{kg} kg are carried of {owed} kg of {', '.join(sorted(lots))}")
    return wrong


def _trip(
    trip: Trip, known: Mapping[str, Consignment], tariff: Tariff, distances: Distances, places: Mapping[str, Place]
) -> list[str]:  # fmt: skip
    wrong: list[str] = []
    truck = next((t for t in tariff.trucks if t.id == trip.truck), None)
    unknown = [place for place in (*(stop.base for stop in trip.stops), trip.market) if place not in places]
    if truck is None or unknown or not trip.stops:
        return [f"no trip: truck {trip.truck}, {len(trip.stops)} stops, places unknown: {', '.join(unknown) or 'none'}"]
    for stop in trip.stops:
        for part in stop.consignments:
            c = known.get(part.split("/")[0])
            if c is None:
                continue
            if c.cooled and not truck.reefer:  # 2
                wrong.append(f"{c.id} must be cooled and rides in {truck.id}")
            if c.market != trip.market:
                wrong.append(f"{c.id} goes to {c.market}, not {trip.market}")
            if c.base != stop.base:
                wrong.append(f"{c.id} lies at {c.base}, not {stop.base}")
    kg = sum(stop.kg for stop in trip.stops)
    if kg != trip.kg:
        wrong.append(f"{trip.kg} kg are told, the stops add up to {kg} kg")
    if kg <= 0:
        return [*wrong, "the trip carries nothing"]
    if kg > truck.payload_kg or tariff.crates_of(kg) > truck.crates:  # 3
        return [*wrong, f"{kg} kg in {tariff.crates_of(kg)} crates overload {truck.id}"]
    wrong += _times(trip, tariff, distances, places)  # 4
    way = [places[stop.base] for stop in trip.stops] + [places[trip.market]]
    loaded = sum(distances.metres(way[k], way[k + 1]) for k in range(len(way) - 1))
    back = distances.metres(way[-1], way[0])
    if (loaded, back) != (trip.loaded_m, trip.return_m):  # 5
        wrong.append(f"{trip.loaded_m} + {trip.return_m} m are told, the map says {loaded} + {back} m")
    cost = trip_cost(tariff, truck, loaded_m=loaded, return_m=back, kg=kg, stops=len(trip.stops))
    if cost != trip.cost:  # 6
        wrong.append(f"{trip.cost.total_fen} fen are told, the tariff says {cost.total_fen} fen")
    return wrong


def _times(trip: Trip, tariff: Tariff, distances: Distances, places: Mapping[str, Place]) -> list[str]:
    wrong, before = [], None
    earliest = tariff.loading_from_s
    for stop in trip.stops:
        if before is not None:
            earliest += tariff.drive_seconds(distances.metres(places[before], places[stop.base]))
        if stop.arrive_s < earliest:
            wrong.append(f"the truck cannot be at {stop.base} at {stop.arrive_s} s")
        if stop.leave_s < stop.arrive_s + tariff.stop_seconds(stop.kg):
            wrong.append(f"loading {stop.kg} kg at {stop.base} takes longer")
        earliest, before = stop.leave_s, stop.base
    if before is not None:
        arrive = earliest + tariff.drive_seconds(distances.metres(places[before], places[trip.market]))
        if trip.arrive_s < arrive:
            wrong.append(f"the truck cannot be at {trip.market} at {trip.arrive_s} s")
        if trip.unloaded_s < trip.arrive_s + tariff.stop_seconds(trip.kg):
            wrong.append(f"unloading {trip.kg} kg takes longer")
    if trip.unloaded_s > tariff.market_closes_s:
        wrong.append(f"{trip.market} is closed before the truck is unloaded")
    return wrong
