"""One batch in quarantine: what was promised, what came, some of its rows and the raw answer; to believe it or to leave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import READERS, caller_of, require
from dashboards.held_view import detail_context
from dashboards.pages.shell import gettext_of, lang_of, render
from foundation.errors import BadInput
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services

Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Staff = Annotated[Caller, Depends(require("county"))]


async def decision_of(request: Request) -> str:
    """Return which of the two buttons was pressed."""
    return parse_qs((await request.body()).decode("utf-8", "replace")).get("decision", [""])[0]


def router(services: Services) -> APIRouter:
    """Return the routes of a batch in quarantine."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/sources/held/{run_id}", dependencies=[Depends(require(*READERS))])
    def held(request: Request, run_id: Number) -> Response:
        caller = caller_of(request)
        may_decide = caller is not None and caller.role in ("county", "administrator")
        return render(request, "held.html", may_decide=may_decide, **context(services, run_id, request))

    @pages.post("/sources/held/{run_id}")
    def decide(run_id: Number, caller: Staff, decision: Annotated[str, Depends(decision_of)]) -> Response:
        if decision == "accept":
            services.prices.accept_batch(run_id, caller.name)
        elif decision == "leave":
            services.prices.leave_batch(run_id, caller.name)
        else:
            raise BadInput("this form cannot be read", expected="accept or leave", got=decision[:40])
        return RedirectResponse(f"/sources/held/{run_id}", status_code=303)

    return pages


def context(services: Services, run_id: int, request: Request) -> dict[str, Any]:
    """Return everything the page's template shows."""
    return detail_context(
        services.prices.held_batch(run_id), services.prices.markets(everywhere=True), lang_of(request), gettext_of(request)
    )
