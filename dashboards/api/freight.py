"""HTTP: freight plans and the tariff."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query

from dashboards.api.deps import READERS, require
from foundation.errors import NotAllowed, NotFound
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.freight.service import DayPlan

PLANNERS = ("county", "carrier", "cooperative", "service")
Reader = Annotated[Caller, Depends(require(*READERS))]
Planner = Annotated[Caller, Depends(require(*PLANNERS))]


def router(services: Services) -> APIRouter:
    """Return the routes of freight."""
    routes = APIRouter(prefix="/api/v1/freight", tags=["freight"])

    @routes.get("/plan")
    def read_plan(caller: Reader, county: str, day: date | None = None) -> dict[str, Any]:
        """Return the plan made last for a county, of one day or of any, with its baselines and what the checker says."""
        _only_in(caller, county)
        services.registry.county(county)
        made = services.logistics.freight.latest(county, day)
        if made is None:
            raise NotFound("there is no plan", got=f"{county}, {day or 'any day'}", todo="POST /api/v1/freight/plan")
        return plan_json(made)

    @routes.post("/plan", status_code=201, summary="Plan a county's day")
    def make_plan(caller: Planner, county: str, limit_s: Annotated[float, Query(gt=0, le=60)] = 3.0) -> dict[str, Any]:
        """Plan today's picked lots; the same lots by the same tariff return the plan made before."""
        _only_in(caller, county)
        return plan_json(services.logistics.freight.plan_day(county, limit_s=limit_s))

    @routes.get("/tariff", dependencies=[Depends(require(*READERS))])
    def tariff() -> dict[str, Any]:
        """Return the tariff in force, every group of figures with its kind, source and date."""
        return asdict(services.logistics.freight.tariff)

    return routes


def plan_json(made: DayPlan) -> dict[str, Any]:
    """Return a plan as JSON says it; amounts are fen, times seconds after midnight in Shanghai."""
    told = asdict(made)
    for part, plan in ((told["plan"], made.plan), *zip(told["baselines"], made.baselines, strict=True)):
        part["total_fen"] = plan.total_fen
        for line, trip in zip(part["trips"], plan.trips, strict=True):
            line["cost"]["total_fen"] = trip.cost.total_fen
    return told


def _only_in(caller: Caller, county: str) -> None:
    if caller.county is not None and caller.county != county:
        raise NotAllowed("this plan is another county's", expected=caller.county, got=county)
