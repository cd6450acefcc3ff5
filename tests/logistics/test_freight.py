"""Freight: every method's plan passes a checker that catches each planted fault; the solver is killed at its limit; nothing is lost."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.freight_view import clock_text, freight_view
from dashboards.i18n import translator
from foundation.errors import BadInput, NotFound
from logistics.distance import Tortuous
from logistics.freight import solver
from logistics.freight.check import check
from logistics.freight.methods import BASELINES, local_search
from logistics.freight.model import Comparison, Consignment, Plan, Trip
from logistics.freight.planning import plan_best, plan_by
from logistics.freight.pricing import lane_of
from logistics.places import MARKET_PLACES, Place, place_of
from logistics.tariff import tariff_of, trip_cost
from simulators.scenario import scenario
from tests.dashboards.fakes_house import House, build_house

TARIFF, MAP = tariff_of(), Tortuous()
PLACES = {**{b.id: place_of(b) for b in scenario().bases}, **MARKET_PLACES}
TOLD = (TARIFF, MAP, PLACES)
SHENXIAN = [b.id for b in scenario().bases if b.id.startswith("sx-")][:20]


def day(n: int, seed: int, markets: tuple[str, ...] = ("kuangshan", "xinfadi")) -> list[Consignment]:
    """Return a county day of `n` lots, the same at every call."""
    dice = random.Random(seed)
    return [
        Consignment(f"c{k}", f"371522:l{k}", "cucumber", dice.choice(SHENXIAN), int(dice.lognormvariate(6.8, 0.6)), dice.random() < 0.6,
                    dice.choice(markets))
        for k in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("method", [*BASELINES, "local_search"])
@pytest.mark.parametrize(("n", "seed"), [(1, 1), (11, 2), (40, 3)])
def test_every_method_passes_the_checker(method: str, n: int, seed: int) -> None:
    """Baselines are held to the same rules as the plan, so that none of them cheats for the comparison's sake."""
    lots = day(n, seed)
    plan = plan_by(method, {**BASELINES, "local_search": local_search}[method], lots, *TOLD)
    assert plan.trips and check(plan, lots, *TOLD) == []


@given(st.lists(st.tuples(st.sampled_from(SHENXIAN[:6]), st.integers(1, 40_000), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_no_day_breaks_a_rule(rows: list[tuple[str, int, bool]]) -> None:
    """Any lots, too heavy for a truck or tiny: carried whole, by the rules, and never dearer than each for itself."""
    lots = [Consignment(f"c{k}", f"371522:l{k}", "tomato", base, kg, cooled, "kuangshan") for k, (base, kg, cooled) in enumerate(rows)]
    best = plan_best(lots, *TOLD, solver=None, limit_s=0.1)
    assert check(best, lots, *TOLD) == []
    assert best.kg == sum(c.kg for c in lots)
    assert best.total_fen <= plan_by("alone", BASELINES["alone"], lots, *TOLD).total_fen


def test_an_empty_day_is_an_empty_plan() -> None:
    """Nothing to move costs nothing."""
    plan = plan_best([], *TOLD, solver=None, limit_s=1)
    assert (plan.trips, plan.unserved, plan.total_fen, check(plan, [], *TOLD)) == ((), (), 0, [])


def test_a_market_beyond_reach_is_named_not_forgotten() -> None:
    """A market that closes before a truck that loads at noon can be unloaded there is told; everything else still travels."""
    far = {**PLACES, "far": Place("far", "远", "Far", 23.1, 113.3)}
    lots = [Consignment("far1", "371522:l9", "tomato", SHENXIAN[0], 900, True, "far"), *day(3, 5)]
    plan = plan_best(lots, TARIFF, MAP, far, solver=None, limit_s=1)
    assert [(u.consignment.id, u.reason) for u in plan.unserved] == [("far1", "too_far")]
    assert check(plan, lots, TARIFF, MAP, far) == []


def planted(plan: Plan, lots: list[Consignment]) -> dict[str, tuple[Plan, str]]:
    """Return name -> (a plan with that fault, what the checker must say)."""
    trip = max(plan.trips, key=lambda t: len(t.stops))
    rest = tuple(t for t in plan.trips if t is not trip)
    stop = trip.stops[0]

    def but(**changed: Any) -> Plan:
        return Plan("x", (*rest, replace(trip, **changed)))

    dry = next(t for t in TARIFF.trucks if not t.reefer and t.payload_kg >= trip.kg)
    small = TARIFF.truck("small_reefer")
    heavy = replace(stop, kg=stop.kg + 20_000)
    return {
        "a lot left behind": (Plan("x", rest), "neither carried nor named"),
        "a lot carried twice": (Plan("x", (*plan.trips, trip)), "carried 2 times"),
        "a cheaper cost than the tariff's": (but(cost=replace(trip.cost, fixed_fen=0)), "the tariff says"),
        "a toll left out": (but(cost=replace(trip.cost, toll_fen=trip.cost.toll_fen + 1)), "the tariff says"),
        "goods that must be cooled in a dry truck": (but(truck=dry.id), "must be cooled"),
        "an overload": (but(stops=(heavy, *trip.stops[1:]), kg=trip.kg + 20_000), "overload"),
        "a small truck for a large load": (but(truck=small.id), "overload"),
        "the wrong market": (but(market="xinfadi" if trip.market != "xinfadi" else "kuangshan"), "goes to"),
        "a shorter way than the map's": (but(loaded_m=trip.loaded_m - 1000), "the map says"),
        "a truck that is too early": (but(arrive_s=trip.arrive_s - 3600), "cannot be at"),
        "loading in no time": (but(stops=(replace(stop, leave_s=stop.arrive_s), *trip.stops[1:])), "takes longer"),
        "a market that has closed": (but(arrive_s=200_000, unloaded_s=210_000), "is closed"),
        "a weight told wrong": (but(stops=(replace(stop, kg=stop.kg - 1), *trip.stops[1:])), "kg"),
    }  # fmt: skip


def test_no_weight_is_moved_from_one_truck_to_another() -> None:
    """A truck whose papers say less than it carries, another's more: the sum is right, and the checker still says so."""
    lots = day(30, 7, ("kuangshan",))
    plan = plan_best(lots, *TOLD, solver=None, limit_s=1)

    def heavier(trip: Trip, kg: int) -> Trip:
        stop = replace(trip.stops[0], kg=trip.stops[0].kg + kg)
        return replace(trip, stops=(stop, *trip.stops[1:]), kg=trip.kg + kg)

    first, second, *rest = plan.trips
    moved = Plan("x", (heavier(first, -50), heavier(second, 50), *rest))
    assert sum("are told at" in wrong for wrong in check(moved, lots, *TOLD)) == 2


def test_the_parts_of_a_split_lot_make_up_the_lot() -> None:
    """Two lots of one base, each more than a truck takes: a part that is left out is missed, even where another part grew by it."""
    lots = [Consignment(x, f"371522:{x}", "tomato", SHENXIAN[0], 14_000, True, "kuangshan") for x in ("a", "b", "c")]
    plan = plan_best(lots, *TOLD, solver=None, limit_s=1)
    assert check(plan, lots, *TOLD) == []
    parts = [part for trip in plan.trips for stop in trip.stops for part in stop.consignments]
    assert len(parts) > len({part.split("/")[0] for part in parts}) == 3

    def without(trip: Trip, part: str) -> Trip:
        return replace(trip, stops=tuple(replace(s, consignments=tuple(c for c in s.consignments if c != part)) for s in trip.stops))

    def whole(trip: Trip, part: str) -> Trip:
        told = {part: part.split("/")[0]}
        return replace(trip, stops=tuple(replace(s, consignments=tuple(told.get(c, c) for c in s.consignments)) for s in trip.stops))

    for part in parts:
        assert check(Plan("x", tuple(without(t, part) for t in plan.trips)), lots, *TOLD), part
        assert "/" not in part or check(Plan("x", tuple(whole(t, part) for t in plan.trips)), lots, *TOLD), part


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"truck": "sledge"}, "truck sledge"), ({"stops": ()}, "0 stops"), ({"market": "moon"}, "places unknown: moon")],
)
def test_the_checker_reports_what_is_no_trip_and_never_fails(changed: dict[str, Any], words: str) -> None:
    """A truck nobody has, a trip to nowhere: told like every other fault."""
    lots = day(3, 5, ("kuangshan",))
    plan = plan_best(lots, *TOLD, solver=None, limit_s=1)
    broken = Plan("x", (replace(plan.trips[0], **changed), *plan.trips[1:]))
    assert any(words in wrong for wrong in check(broken, lots, *TOLD))


FAULTS = sorted(planted(plan_best(day(30, 7, ("kuangshan",)), *TOLD, solver=None, limit_s=1), []))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_checker_names_every_planted_fault(fault: str) -> None:
    """One change to a plan that holds, and the checker says which rule it breaks."""
    lots = [replace(c, cooled=True) for c in day(30, 7, ("kuangshan",))]
    plan = plan_best(lots, *TOLD, solver=None, limit_s=1)
    assert check(plan, lots, *TOLD) == []
    broken, words = planted(plan, lots)[fault]
    assert any(words in wrong for wrong in check(broken, lots, *TOLD)), check(broken, lots, *TOLD)


def test_pyvrp_makes_a_plan_no_dearer_than_savings_by_the_same_tariff() -> None:
    """On a seeded day of forty lots; both plans pass the checker."""
    if importlib.util.find_spec("pyvrp") is None:
        pytest.fail("pyvrp is part of what an installation runs")
    lots = day(40, 3)
    best = plan_best(lots, *TOLD, solver=solver.solve, limit_s=2)
    assert check(best, lots, *TOLD) == [] and best.method == "pyvrp"
    assert best.total_fen <= plan_by("savings", BASELINES["savings"], lots, *TOLD).total_fen
    assert best.total_fen < plan_by("alone", BASELINES["alone"], lots, *TOLD).total_fen


SLEEPS = (sys.executable, "-c", "import sys, time; print('{\"routes\": [[0, 1, 2]]}', flush=True); time.sleep(600)")
BABBLES = (sys.executable, "-c", "print('{\"routes\": [[0, 1, 2]]}'); print('{\"routes\": [[0, 0]]}'); print('{\"rou')")
DIES = (sys.executable, "-c", "import sys; sys.exit('no solver here')")


@pytest.mark.parametrize(("command", "routes"), [(SLEEPS, [(0, 1, 2)]), (BABBLES, [(0, 1, 2)]), (DIES, None)])
def test_a_solver_that_hangs_babbles_or_dies_never_holds_a_plan_up(command: tuple[str, ...], routes: list[tuple[int, ...]] | None) -> None:
    """It is killed at its limit; the best whole solution it told counts, and without one our own search stands in."""
    lots = [Consignment(f"c{k}", f"l{k}", "tomato", SHENXIAN[k], 800, True, "kuangshan") for k in range(3)]
    lane = lane_of("kuangshan", True, lots, *TOLD)
    # One that is not killed sleeps for ten minutes, longer than any run of these tests may take.
    assert solver.solve(lane, 0.3, command=command, beyond_s=0.4) == routes
    best = plan_best(lots, *TOLD, solver=lambda lane, limit: solver.solve(lane, limit, command=command, beyond_s=0.4), limit_s=0.3)
    assert check(best, lots, *TOLD) == []


def test_a_solver_that_cannot_be_started_or_is_not_cheaper_gets_no_credit() -> None:
    """A plan is called the solver's only where its routes are the cheaper ones; without a program our own search stands in."""
    lots = [Consignment(f"c{k}", f"l{k}", "tomato", SHENXIAN[k], 800, True, "kuangshan") for k in range(3)]
    assert solver.solve(lane_of("kuangshan", True, lots, *TOLD), 0.3, command=("/no/such/program",)) is None
    for routes in (None, [(0,), (1,), (2,)], local_search(lane_of("kuangshan", True, lots, *TOLD))):
        assert plan_best(lots, *TOLD, solver=lambda _lane, _limit, routes=routes: routes, limit_s=1).method == "local_search"


def test_no_child_outlives_whoever_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while the solver thinks ends it too, and leaves no zombie."""
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen):  # type: ignore[type-arg]
        def communicate(self, *_args: Any, **_named: Any) -> Any:
            started.append(self)
            raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    lots = [Consignment(f"c{k}", f"l{k}", "tomato", SHENXIAN[k], 800, True, "kuangshan") for k in range(3)]
    with pytest.raises(KeyboardInterrupt):
        solver.solve(lane_of("kuangshan", True, lots, *TOLD), 0.3, command=SLEEPS)
    assert [p.returncode for p in started] == [-signal.SIGKILL]


def test_a_solver_whose_starter_is_gone_ends_by_itself(tmp_path: Path) -> None:
    """A scheduler may be killed while its solver hangs: nobody is left to kill the child, so the kernel does at its last second."""
    (tmp_path / "pyvrp").mkdir()
    (tmp_path / "pyvrp" / "__init__.py").write_text("import time\n\n\ndef Model():\n    time.sleep(600)\n")
    (tmp_path / "pyvrp" / "stop.py").write_text("MaxRuntime = None\n")
    lots = [Consignment(f"c{k}", f"l{k}", "tomato", SHENXIAN[k], 800, True, "kuangshan") for k in range(3)]
    problem = solver.problem_of(lane_of("kuangshan", True, lots, *TOLD), 0.5)
    assert problem["last_s"] >= 0.5 + solver.STARTUP_S + solver.GRACE_S
    told = json.dumps(problem | {"last_s": 1}).encode()
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ended = subprocess.run(solver.COMMAND, input=told, capture_output=True, timeout=60, check=False, env={**os.environ, "PYTHONPATH": path})
    assert ended.returncode == -signal.SIGALRM, ended.stderr


def test_our_own_search_stops_improving_when_its_time_is_up() -> None:
    """A clock that is always past the share leaves the savings routes: a whole plan, no dearer than that baseline and never late."""
    lots = day(40, 3)
    hours = itertools.count(0, 3600)
    hurried = plan_best(lots, *TOLD, solver=None, limit_s=1, monotonic=lambda: float(next(hours)))
    calm = plan_best(lots, *TOLD, solver=None, limit_s=600)
    assert check(hurried, lots, *TOLD) == []
    assert hurried.total_fen == plan_by("savings", BASELINES["savings"], lots, *TOLD).total_fen > calm.total_fen


def test_every_matrix_is_capped() -> None:
    """However far the map says, no edge reaches the huge value at which the solver stops looking at its clock."""
    from logistics.freight.routing_pyvrp import CAP

    class Far:
        method = "far"

        def metres(self, a: Place, b: Place) -> int:
            return 0 if a.id == b.id else 2**44

    lots = [Consignment(f"c{k}", f"l{k}", "tomato", SHENXIAN[k], 800, True, "kuangshan") for k in range(3)]
    problem = solver.problem_of(lane_of("kuangshan", True, lots, TARIFF, Far(), PLACES), 0.5)
    assert problem["trucks"][0]["fen"][1][2] > CAP
    told = json.dumps(problem | {"last_s": 100}).encode()
    ended = subprocess.run(solver.COMMAND, input=told, capture_output=True, timeout=120, check=False)
    assert ended.returncode != -signal.SIGALRM, "it looked at its clock and ended by itself"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with prices, one lot at its base and one shipped."""
    return build_house(tmp_path_factory.mktemp("freight"), readings_every_minutes=720, price_days=30)


def test_a_day_is_planned_once_kept_and_shown(house: House) -> None:
    """Today's lot goes to a market with its reason; asked again, the same plan comes back; pages say how it was made."""
    freight = house.services.logistics.freight
    with pytest.raises(NotFound):
        freight.plan_day("999999")
    with pytest.raises(BadInput):
        freight.plan_day("371522", limit_s=0)
    made = freight.plan_day("371522")
    assert [(c.lot, c.kg, c.cooled) for c in made.consignments] == [("371522:T1", 460, True)]
    assert made.problems == () and made.plan.method == "local_search" and len(made.plan.trips) == 1
    assert freight.plan_day("371522") == made == freight.latest("371522")
    english = freight_view(house.services, made, "en", translator("en"))
    assert "without PyVRP" in english.without
    assert {b.name for b in english.baselines} >= {"Every base for itself", "One dispatcher, savings"}
    assert freight.latest("321023") is None


def test_past_days_are_compared_with_named_baselines(house: House) -> None:
    """What was shipped is planned and compared; one day has no interval."""
    found = house.services.logistics.freight.compare("371522", 20)
    assert set(found) == set(BASELINES)
    one = found["savings"]
    assert (one.days, one.interval) == ((date(2025, 11, 20),), None)
    assert one.baseline == "savings" and one.tariff == TARIFF.id
    with pytest.raises(NotFound):
        house.services.logistics.freight.compare("321023", 20)


def test_a_comparison_never_stands_without_baseline_method_and_days() -> None:
    """The noun refuses to exist without them; from twenty days on it has an interval by Student's t."""
    days = tuple(date(2026, 1, d) for d in range(1, 21))
    fine = Comparison("savings", "pyvrp", "2026-11", days, tuple(range(80, 100)), (100,) * 20)
    assert fine.mean_share == pytest.approx(0.105)
    low, high = fine.interval or (0, 0)
    assert (low, high) == pytest.approx((0.105 - 2.093 * 0.0591608 / 20**0.5, 0.105 + 2.093 * 0.0591608 / 20**0.5), abs=1e-6)
    for name in ("baseline", "method", "tariff"):
        with pytest.raises(BadInput):
            replace(fine, **{name: ""})
    with pytest.raises(BadInput):
        replace(fine, baseline_fen=(100,) * 19)


def test_trips_take_their_time_and_say_when_it_is_tomorrow() -> None:
    """A truck leaves when it is loaded, and a time past midnight is told as the next day's."""
    lots = [Consignment("c1", "371522:l1", "tomato", SHENXIAN[0], 1500, True, "xinfadi")]
    (trip,) = plan_best(lots, *TOLD, solver=None, limit_s=1).trips
    assert trip.stops[0].leave_s - trip.stops[0].arrive_s == TARIFF.stop_seconds(1500)
    assert trip.arrive_s == trip.stops[0].leave_s + TARIFF.drive_seconds(trip.loaded_m)
    assert clock_text(90_000, translator("en")) == "01:00 next day"
    assert isinstance(trip, Trip)
    assert trip.cost == trip_cost(TARIFF, TARIFF.truck(trip.truck), loaded_m=trip.loaded_m, return_m=trip.return_m, kg=1500, stops=1)


def test_the_page_and_the_api(house: House, tmp_path: Path) -> None:
    """Both show the plan made last; a stranger may not have one made."""
    from fastapi.testclient import TestClient

    from dashboards.api import freight as api
    from dashboards.pages import freight as page

    house.services.logistics.freight.plan_day("371522")
    client = TestClient(house.app(page, api), headers={"accept-language": "en", "accept": "text/html"})
    text = client.get("/c/371522/freight").text
    assert "Timetable" in text and "/lots/371522:T1" in text and "polyline" in text and "Clarke and Wright" in text
    assert "No plan yet" in client.get("/c/321023/freight").text
    told = client.get("/api/v1/freight/plan?county=371522").json()
    assert told["plan"]["total_fen"] == sum(t["cost"]["total_fen"] for t in told["plan"]["trips"])
    assert client.get("/api/v1/freight/plan?county=321023").status_code == 404
    assert client.post("/api/v1/freight/plan?county=371522").status_code == 401
    assert client.get("/api/v1/freight/tariff").json()["sources"][0]["source"]
