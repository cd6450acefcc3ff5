"""The only module that knows PyVRP (0.14): one lane as its model. It runs as a program of its own, because the solver can hang.

Standard input holds one problem as JSON; standard output gets a line of JSON for every better solution, so that whoever kills this
program at its limit still has the best one so far. Costs are fen; every matrix is capped, since a huge value (2^44) keeps the solver
from ever looking at its clock.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

CAP = 10_000_000
# Slices of the time given: each begins with the best so far and ends with a line on standard output.
_SLICES = (0.25, 0.35, 0.4)


def solve(problem: dict[str, Any]) -> None:
    """Solve one lane and print solutions as they get better."""
    from pyvrp import Model
    from pyvrp.stop import MaxRuntime

    model = Model()
    n = len(problem["kg"])
    places = [model.add_location(x, y) for x, y in problem["at"]]
    market = model.add_depot(places[0], tw_early=0, tw_late=problem["close_s"])
    for k in range(n):
        model.add_client(
            places[k + 1], pickup=[problem["kg"][k], problem["crates"][k]], service_duration=problem["service_s"][k],
            tw_early=problem["from_s"], tw_late=problem["close_s"],
        )  # fmt: skip
    for truck in problem["trucks"]:
        profile = model.add_profile(name=truck["id"])
        model.add_vehicle_type(
            num_available=n, capacity=[truck["kg"], truck["crates"]], start_depot=market, end_depot=market, fixed_cost=truck["fixed_fen"],
            tw_early=0, tw_late=problem["close_s"], unit_distance_cost=1, profile=profile, name=truck["id"],
        )  # fmt: skip
        for i, a in enumerate(places):
            for j, b in enumerate(places):
                if i != j:
                    cost, seconds = min(truck["fen"][i][j], CAP), min(problem["seconds"][i][j], CAP)
                    model.add_edge(a, b, distance=cost, duration=seconds, profile=profile)
    best, cost = None, None
    for share in _SLICES:
        result = model.solve(
            MaxRuntime(max(0.05, problem["limit_s"] * share)), seed=problem["seed"], display=False, collect_stats=False,
            missing_value=CAP, initial_solution=best,
        )  # fmt: skip
        if result.is_feasible() and (cost is None or result.cost() < cost):
            best, cost = result.best, result.cost()
            routes = [[a.idx for a in route.schedule() if a.is_client()] for route in best.routes()]
            print(json.dumps({"routes": [r for r in routes if r], "cost": cost}), flush=True)


if __name__ == "__main__":
    problem = json.load(sys.stdin)
    # Who started this kills it at its limit. Should they be gone by then, the kernel does it, however deep in the solver it is.
    signal.alarm(problem["last_s"])
    solve(problem)
