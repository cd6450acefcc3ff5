"""Have a lane solved by a program that can be killed: PyVRP in a child process, a hard limit, the best solution it had told by then."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from foundation.log import get_logger
from logistics.freight.methods import Route
from logistics.freight.pricing import Lane, most_kg

# The child is killed this long after its limit, whatever it does.
GRACE_S = 2.0
# Starting Python and loading the solver takes about this long; it is not part of the time for solving.
STARTUP_S = 3.0
COMMAND = (sys.executable, "-m", "logistics.freight.routing_pyvrp")


def has_pyvrp() -> bool:
    """Tell whether PyVRP is installed; nothing is imported."""
    return find_spec("pyvrp") is not None


def problem_of(lane: Lane, limit_s: float, seed: int = 1) -> dict[str, Any]:
    """Return a lane as the solver's program reads it: place 0 is the market, the others are the loads in order.

    The way from the market to the first stop is the empty return, charged by its share; toll is left out, because whether it is due
    depends on the load: that is decided afterwards, by the tariff.
    """
    tariff = lane.tariff
    places = [lane.places[lane.market], *(lane.places[load[0].base] for load in lane.loads)]
    metres = [[lane.distances.metres(a, b) for b in places] for a in places]
    n = range(len(places))
    unload_s = tariff.stop_seconds(0)
    drive = [[0 if i == 0 else tariff.drive_seconds(metres[i][j]) + (unload_s if j == 0 else 0) for j in n] for i in n]
    trucks = []
    for truck in lane.trucks:
        empty = (truck.fen_per_km + truck.toll_fen_per_km) * tariff.return_charged_percent
        hourly = tariff.driver_fen_per_hour + (tariff.running_fen_per_hour if truck.reefer else 0)
        fen = [
            [
                metres[i][j] * empty // 100_000 if i == 0 else metres[i][j] * truck.fen_per_km // 1000 + drive[i][j] * hourly // 3600
                for j in n
            ]
            for i in n
        ]
        trucks.append(
            {"id": truck.id, "kg": most_kg(tariff, truck), "crates": truck.crates, "fixed_fen": truck.fixed_fen, "fen": fen}
        )  # fmt: skip
    kg = [lane.kg(k) for k in range(len(lane.loads))]
    return {
        "limit_s": limit_s, "last_s": math.ceil(limit_s + STARTUP_S + GRACE_S), "seed": seed,
        "at": [[p.lon, p.lat] for p in places], "kg": kg, "crates": [tariff.crates_of(x) for x in kg],
        # Unloading what was loaded takes its time at the end; counted here, it is right wherever the load stands in the route.
        "service_s": [tariff.stop_seconds(x) + tariff.minutes_per_tonne * 60 * x // 1000 for x in kg],
        "from_s": tariff.loading_from_s, "close_s": tariff.market_closes_s, "seconds": drive, "trucks": trucks,
    }  # fmt: skip


def solve(
    lane: Lane, limit_s: float, *, seed: int = 1, command: Sequence[str] = COMMAND, beyond_s: float = STARTUP_S + GRACE_S
) -> list[Route] | None:
    """Return the best routes told within the limit, or None where there were none; never takes longer than the limit and `beyond_s`."""
    told = json.dumps(problem_of(lane, limit_s, seed)).encode()
    try:
        program = subprocess.Popen(list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        get_logger(__name__).warning("the solver cannot be started", why=str(error))
        return None
    try:
        out, err = program.communicate(told, timeout=limit_s + beyond_s)
    except subprocess.TimeoutExpired:
        program.kill()
        out, err = program.communicate()
        get_logger(__name__).warning("the solver was killed at its limit", seconds=limit_s, loads=len(lane.loads))
    finally:
        # Whatever ends the waiting, no child is left behind; one that has ended is not touched.
        program.kill()
        program.wait()
    if program.returncode and not out:
        get_logger(__name__).warning("the solver failed", why=err.decode(errors="replace")[-300:])
    return _best(out, len(lane.loads))


def _best(out: bytes, loads: int) -> list[Route] | None:
    """Return the last whole solution on the pipe that visits every load once; what is garbled or half written is passed over."""
    for line in reversed(out.splitlines()):
        try:
            routes = [tuple(int(k) for k in route) for route in json.loads(line)["routes"]]
        except (ValueError, KeyError, TypeError):
            continue
        if sorted(k for route in routes for k in route) == list(range(loads)):
            return routes
    return None
