"""Ways to put a lane's loads onto trucks without a solver: three baselines that an office would recognise, and our own local search.

Each takes a lane and returns routes: lists of load numbers in order. None of them knows a cost of its own; they ask `Lane.trip`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

from logistics.freight.pricing import Lane

Route = tuple[int, ...]
Method = Callable[[Lane], list[Route]]
# Local search looks at every pair of routes; a county's lane has tens of loads, and this bounds a pathological one.
MOST_ROUNDS = 60


def alone(lane: Lane) -> list[Route]:
    """Every load travels alone in the cheapest truck that takes it: what growers do who do not talk to each other."""
    return [(k,) for k in range(len(lane.loads))]


def nearest_neighbour(lane: Lane) -> list[Route]:
    """One dispatcher fills a truck, going each time to the nearest base that still fits, and starts with the farthest from the market."""
    left = set(range(len(lane.loads)))
    market = lane.places[lane.market]

    def far(k: int) -> tuple[int, int]:
        return lane.distances.metres(lane.places[lane.loads[k][0].base], market), -k

    routes: list[Route] = []
    while left:
        route = [max(left, key=far)]
        left.discard(route[0])
        while True:
            here = lane.places[lane.loads[route[-1]][0].base]
            near = sorted(left, key=lambda k: (lane.distances.metres(here, lane.places[lane.loads[k][0].base]), k))
            fits = next((k for k in near if lane.trip((*route, k)) is not None), None)
            if fits is None:
                break
            route.append(fits)
            left.discard(fits)
        routes.append(tuple(route))
    return routes


def savings(lane: Lane) -> list[Route]:
    """One dispatcher joins the two routes whose joining saves most by the tariff, until none saves (after Clarke and Wright, 1964)."""
    routes = alone(lane)
    while True:
        best: tuple[int, Route, Route, Route] | None = None
        for a, b in itertools.permutations(routes, 2):
            gain = _cost(lane, [a]) + _cost(lane, [b]) - _cost(lane, [a + b])
            if gain > 0 and (best is None or gain > best[0]):
                best = (gain, a, b, a + b)
        if best is None:
            return routes
        _, a, b, joined = best
        routes = [r for r in routes if r not in (a, b)] + [joined]


def local_search(lane: Lane, out_of_time: Callable[[], bool] = lambda: False) -> list[Route]:
    """Savings, then moving loads between routes and reversing stretches while that is cheaper by the tariff: our plan without PyVRP.

    Once `out_of_time` says so, the best routes so far are returned.
    """
    routes = savings(lane)
    for _ in range(MOST_ROUNDS):
        tried = itertools.takewhile(lambda _routes: not out_of_time(), _neighbours(routes))
        better = next((found for found in tried if _cost(lane, found) < _cost(lane, routes)), None)
        if better is None:
            return routes
        routes = better
    return routes


def _neighbours(routes: list[Route]) -> Iterable[list[Route]]:
    for n, route in enumerate(routes):
        others = routes[:n] + routes[n + 1 :]
        for i in range(len(route)):
            for j in range(i + 2, len(route) + 1):
                yield [*others, route[:i] + route[i:j][::-1] + route[j:]]
            rest = route[:i] + route[i + 1 :]
            for m, other in enumerate(others):
                kept = others[:m] + others[m + 1 :] + ([rest] if rest else [])
                for at in range(len(other) + 1):
                    yield [*kept, (*other[:at], route[i], *other[at:])]
            if len(route) > 1:
                yield [*others, rest, (route[i],)]


_IMPOSSIBLE = 10**12


def _cost(lane: Lane, routes: Iterable[Route]) -> int:
    total = 0
    for route in routes:
        trip = lane.trip(route)
        total += trip.cost.total_fen if trip else _IMPOSSIBLE
    return total


def cost_of(lane: Lane, routes: Iterable[Route]) -> int | None:
    """Return what these routes cost, or None where one of them cannot be driven."""
    total = _cost(lane, routes)
    return None if total >= _IMPOSSIBLE else total


BASELINES: dict[str, Method] = {"alone": alone, "nearest_neighbour": nearest_neighbour, "savings": savings}
