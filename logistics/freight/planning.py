"""From a day's consignments to a plan by one method: lane by lane, and of several ways to plan a lane the one that costs least."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from logistics.distance import Distances
from logistics.freight.methods import Method, Route, alone, cost_of, local_search
from logistics.freight.model import Consignment, Plan, Trip, Unserved, groups
from logistics.freight.pricing import Lane, lane_of
from logistics.places import Place
from logistics.tariff import Tariff

# Why nothing carries a consignment.
TOO_FAR = "too_far"
Solver = Callable[[Lane, float], list[Route] | None]


def plan_by(
    name: str, method: Method, consignments: Sequence[Consignment], tariff: Tariff, distances: Distances, places: Mapping[str, Place]
) -> Plan:  # fmt: skip
    """Return the plan of a method that needs no solver."""
    trips: list[Trip] = []
    unserved: list[Unserved] = []
    for lane in _lanes(consignments, tariff, distances, places, unserved):
        trips += [trip for route in method(lane) if (trip := lane.trip(route)) is not None]
    return Plan(name, tuple(trips), tuple(unserved))


def plan_best(
    consignments: Sequence[Consignment], tariff: Tariff, distances: Distances, places: Mapping[str, Place], *, solver: Solver | None,
    limit_s: float, monotonic: Callable[[], float] = time.monotonic,
) -> Plan:  # fmt: skip
    """Return the best plan: per lane the solver's routes and those of our own search, priced alike, and of the two the cheaper.

    The solver optimises a cost that does not know the toll rule; the tariff's price decides. The time is shared by the loads' number, and
    our own search stops improving at its share as well.
    """
    unserved: list[Unserved] = []
    lanes = _lanes(consignments, tariff, distances, places, unserved)
    loads = sum(len(lane.loads) for lane in lanes) or 1
    trips: list[Trip] = []
    used = False
    for lane in lanes:
        share_s = max(0.3, limit_s * len(lane.loads) / loads)
        until = monotonic() + share_s
        options = [local_search(lane, lambda until=until: monotonic() > until)]  # type: ignore[misc]
        # One load has one route: there is nothing to solve.
        if solver is not None and len(lane.loads) > 1:
            solved = solver(lane, share_s)
            if solved is not None and cost_of(lane, solved) is not None:
                options.append(solved)
        # Of two that cost the same the first is kept: a plan is the solver's only where that is cheaper.
        best = min(options, key=lambda routes: cost_of(lane, routes) or 0)
        used = used or best is not options[0]
        trips += [trip for route in best if (trip := lane.trip(route)) is not None]
    return Plan("pyvrp" if used else "local_search", tuple(sorted(trips, key=_departure)), tuple(unserved))


def _lanes(
    consignments: Sequence[Consignment], tariff: Tariff, distances: Distances, places: Mapping[str, Place], unserved: list[Unserved]
) -> list[Lane]:  # fmt: skip
    """Return the lanes of what can be carried; what even a truck of its own cannot bring in time is put into `unserved`."""
    lanes = []
    for (market, cooled), some in groups(consignments).items():
        lane = lane_of(market, cooled, some, tariff, distances, places)
        late = {c.id.split("/")[0] for (k,) in alone(lane) if lane.trip((k,)) is None for c in lane.loads[k]}
        unserved += [Unserved(c, TOO_FAR) for c in some if c.id in late]
        fine = [c for c in some if c.id not in late]
        if fine:
            lanes.append(lane_of(market, cooled, fine, tariff, distances, places))
    return lanes


def _departure(trip: Trip) -> tuple[int, str, str]:
    return trip.stops[0].arrive_s, trip.market, trip.stops[0].base
