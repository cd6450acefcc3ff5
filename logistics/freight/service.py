"""The use cases of freight: plan a county's day, show the plan in force, compare planning with named baselines over past days."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Engine

from foundation.clock import Clock, market_day, to_ms
from foundation.database import reading
from foundation.errors import BadInput, Conflict, NotFound, SuheError
from logistics.distance import Distances, Tortuous
from logistics.freight import solver, store
from logistics.freight.check import check
from logistics.freight.demand import assigned, lying_now, shipped
from logistics.freight.methods import BASELINES
from logistics.freight.model import Comparison, Consignment, Plan, Unserved
from logistics.freight.planning import Solver, plan_best, plan_by
from logistics.places import MARKET_PLACES, Place, place_of

if TYPE_CHECKING:
    from logistics.selling.service import Selling
    from logistics.tariff import Tariff
    from registry.service import Registry
    from traceability.service import Trace

LIMIT_S = 3.0
LONGEST_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A county's plan for a day with what it was made from, its baselines, and what the checker says of all of them."""

    county: str
    day: date
    made_ms: int
    tariff: str
    distances: str
    limit_s: float
    consignments: tuple[Consignment, ...]
    plan: Plan
    baselines: tuple[Plan, ...]
    problems: tuple[str, ...]

    def baseline(self, name: str) -> Plan:
        """Return a baseline's plan by its name."""
        return next(b for b in self.baselines if b.method == name)


class Freight:
    """Plans freight. Without PyVRP (`use_pyvrp` false, or not installed) plans are made by our own search, and say so."""

    def __init__(
        self, engine: Engine, trace: Trace, registry: Registry, selling: Selling, clock: Clock, *,
        distances: Distances | None = None, use_pyvrp: bool = True, solve: Solver | None = None,
    ) -> None:  # fmt: skip
        self._engine, self._trace, self._registry, self._selling, self._clock = engine, trace, registry, selling, clock
        self._distances = distances or Tortuous()
        self._solver: Solver | None = solve or (solver.solve if use_pyvrp and solver.has_pyvrp() else None)

    @property
    def has_solver(self) -> bool:
        """Whether PyVRP is there and wanted."""
        return self._solver is not None

    @property
    def tariff(self) -> Tariff:
        """The tariff in force."""
        return self._selling.tariff

    def places(self) -> dict[str, Place]:
        """Return every base and market by its id."""
        return {**{b.id: place_of(b) for b in self._registry.bases()}, **MARKET_PLACES}

    def plan_day(self, county: str, *, limit_s: float = LIMIT_S) -> DayPlan:
        """Plan today's picked lots of a county and keep the plan; the same lots by the same tariff are not planned again.

        Raises:
            NotFound: there is no such county.
            BadInput: the limit is no sensible time.

        """
        self._registry.county(county)
        if not 0 < limit_s <= LONGEST_LIMIT_S:
            raise BadInput("this is no time limit", expected=f"above 0, at most {LONGEST_LIMIT_S:.0f} s", got=str(limit_s))
        day = market_day(self._clock.now())
        lying = lying_now(self._selling.loads(county))
        consignments, left = assigned(lying, self._selling, day)
        inputs = self._inputs(consignments, left)
        with reading(self._engine).connect() as connection:
            kept = _read(store.find(connection, county, day.isoformat(), inputs))
            last = _read(store.latest(connection, county, day.isoformat()))
        if kept is not None:
            if kept != last:
                # What came in between was picked, failed or sold; the page must not go on showing that plan.
                with self._engine.begin() as connection:
                    store.put_in_force(connection, county, day.isoformat(), inputs, to_ms(self._clock.now()))
            return kept
        made = self._plan(county, day, consignments, left, limit_s)
        with self._engine.begin() as connection:
            store.add(
                connection, county, day.isoformat(), inputs, made.made_ms, made.plan.method, made.plan.total_fen, msgspec.json.encode(made)
            )
        return made

    def latest(self, county: str, day: date | None = None) -> DayPlan | None:
        """Return the plan made last for a county, of one day or of any; None where there is none."""
        with reading(self._engine).connect() as connection:
            return _read(store.latest(connection, county, day.isoformat() if day else None))

    def compare(
        self, county: str, days: int, *, limit_s: float = 1.0, progress: Callable[[int, int], None] | None = None
    ) -> dict[str, Comparison]:
        """Plan what left the bases on each of the last `days` days with shipments, and return a comparison for each named baseline.

        Raises:
            NotFound: there is no such county, or nothing was shipped on any day.
            Conflict: the checker refuses a plan; a comparison without that day would say more than is true.

        """
        self._registry.county(county)
        demand = shipped(self._trace, self._registry, county)
        chosen = sorted(demand)[-days:]
        plans: list[DayPlan] = []
        for n, day in enumerate(chosen, 1):
            plans.append(self._plan(county, day, *assigned(demand[day], self._selling, day), limit_s))
            if progress is not None:
                progress(n, len(chosen))
        wrong = [f"{p.day}: {what}" for p in plans for what in p.problems]
        if wrong:
            raise Conflict("a plan does not pass the checker, so there is nothing to compare", got=wrong[0])
        plans = [p for p in plans if p.plan.trips]
        if not plans:
            raise NotFound("there is no day to compare", got=county, todo="wait until lots have been shipped")
        methods = sorted({p.plan.method for p in plans})
        return {
            name: Comparison(
                name, "+".join(methods), self.tariff.id, tuple(p.day for p in plans), tuple(p.plan.total_fen for p in plans),
                tuple(p.baseline(name).total_fen for p in plans),
            )
            for name in BASELINES
        }  # fmt: skip

    def _plan(self, county: str, day: date, consignments: list[Consignment], left: list[Unserved], limit_s: float) -> DayPlan:
        places = self.places()
        told = (self.tariff, self._distances, places)
        best = plan_best(consignments, *told, solver=self._solver, limit_s=limit_s)
        baselines = [plan_by(name, method, consignments, *told) for name, method in BASELINES.items()]
        # Every plan is checked alike: a baseline that cheats would flatter the plan.
        problems = [f"{p.method}: {what}" for p in (best, *baselines) for what in check(p, consignments, *told)]
        best = Plan(best.method, best.trips, (*best.unserved, *left))
        return DayPlan(
            county, day, to_ms(self._clock.now()), self.tariff.id, self._distances.method, limit_s, tuple(consignments), best,
            tuple(baselines), tuple(problems),
        )  # fmt: skip

    def _inputs(self, consignments: list[Consignment], left: list[Unserved]) -> str:
        places = self.places()
        where = [places[p] for p in sorted({p for c in consignments for p in (c.base, c.market)})]
        # The tariff whole, not by its name: an operator puts the county's own rates into the file that is there.
        told = [consignments, left, self.tariff, where, self._distances.method, self.has_solver]
        return hashlib.sha256(msgspec.json.encode(told)).hexdigest()


def _read(body: bytes | None) -> DayPlan | None:
    """Return a stored plan; one that another version wrote in another shape is no plan, and is made anew."""
    try:
        return None if body is None else msgspec.json.decode(body, type=DayPlan)
    except (msgspec.MsgspecError, SuheError):
        return None
