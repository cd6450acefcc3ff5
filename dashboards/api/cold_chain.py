"""The cold chain over HTTP: legs, one leg with its curve, what a carrier signs, and alarms."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from dashboards.api.deps import READERS, page_of, require
from foundation.errors import NotAllowed
from registry.people import Caller
from traceability.legs import summary_id

if TYPE_CHECKING:
    from dashboards.services import Services
    from logistics.cold_chain.nouns import ColdLeg

Reader = Annotated[Caller, Depends(require(*READERS))]
State = Annotated[Literal["", "under_way", "finished", "due"], Query(description="due: received, recorded, and not summed up yet")]


def router(services: Services) -> APIRouter:
    """Return the routes of the cold chain."""
    routes = APIRouter(prefix="/api/v1/cold-chain", tags=["cold chain"])
    cold = services.logistics.cold_chain

    @routes.get("/legs")
    def list_legs(
        caller: Reader,
        county: str | None = None,
        state: State = "",
        carrier: str = "",
        limit: Annotated[int, Query(ge=1, le=500, description="Most legs")] = 50,
    ) -> dict[str, Any]:
        """List legs with what is known of each, the newest departure first."""
        found = cold.legs(caller.county or county, state=state, carrier=carrier, limit=limit)
        return page_of([leg_body(leg) for leg in found], None)

    @routes.get("/legs/{leg}")
    def read_leg(leg: str, caller: Reader) -> dict[str, Any]:
        """Return one leg, judged now, with the readings behind it as [ms, °C, flag]."""
        found = cold.leg(leg)
        _only_in(caller, found.leg.county)
        return {**leg_body(found.leg), "readings": [[p.t_ms, p.value, p.flag] for p in found.points]}

    @routes.get("/legs/{leg}/summary")
    def read_summary(leg: str, caller: Reader) -> dict[str, Any]:
        """Return a finished leg as its carrier signs it, with the eventID its summary has to carry."""
        found = cold.summary(leg)
        _only_in(caller, found.county)
        return {**leg_body(found), "summary_id": summary_id(found.id)}

    @routes.get("/alarms")
    def list_alarms(caller: Reader, county: str | None = None) -> dict[str, Any]:
        """List cargo beyond a limit and trucks that are not heard of, the oldest first."""
        return page_of([asdict(a) for a in cold.alarms(caller.county or county)], None)

    return routes


def leg_body(leg: ColdLeg) -> dict[str, Any]:
    """Return a leg as JSON, with what follows from its parts written out."""
    told = asdict(leg) | {"under_way": leg.under_way, "verdict": leg.verdict}
    if leg.judged is not None:
        told["judged"] |= {"complete_percent": leg.judged.complete_percent, "longest": leg.judged.longest}
    return told


def _only_in(caller: Caller, county: str) -> None:
    if caller.county and caller.county != county:
        raise NotAllowed("this leg belongs to another county", expected=caller.county, got=county)
