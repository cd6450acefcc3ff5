"""What waits in quarantine: names nobody registered, with their messages kept whole, to be claimed in one step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dashboards.api.deps import caller_of, require
from dashboards.i18n import name_of
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.pages.staff_forms import LOOKERS, Fields, Form, Staff, may_act, own_county, told
from dashboards.waiting_view import waiting_cards
from foundation.errors import BadInput, NotAllowed, NotFound
from ingest.quarantine import GATEWAY

if TYPE_CHECKING:
    from dashboards.services import Services
    from ingest.claim_service import Claimed

LAST_ENTRY = 2**31 - 1


def router(services: Services) -> APIRouter:
    """Return the routes of the page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*LOOKERS))])

    @pages.get("/c/{county}/unclaimed")
    def unclaimed(
        request: Request,
        county: str,
        done: Annotated[str, Query(max_length=64)] = "",
        stored: Annotated[int, Query(ge=0, le=10**9)] = 0,
        left: Annotated[int, Query(ge=0, le=10**9)] = 0,
    ) -> Response:
        own_county(caller_of(request), county, "unclaimed")
        return render(request, "unclaimed.html", done=done, stored=stored, left=left, password="", **_context(services, county, request))

    @pages.post("/c/{county}/unclaimed/{entry}")
    def act(request: Request, county: str, entry: int, form: Form, caller: Staff) -> Response:
        own_county(caller, county, "unclaimed")
        waiting = _of_county(services, county, entry)
        asked = told(form, "do")
        if asked == "discard":
            services.claims.discard(entry)
            return _back(county, "", 0, 0)
        if asked == "release":
            claimed = services.claims.release(entry)
            return _back(county, claimed.device, claimed.stored, claimed.waiting)
        if asked != "claim":
            raise BadInput("this form cannot be read", expected="claim, release or discard", got=asked[:20], todo="open the page again")
        base = told(form, "base")
        if base and services.registry.base(base).county != county:
            raise NotAllowed("this base lies in another county", expected=county, got=base[:64])
        if waiting.entry.kind == GATEWAY:
            claimed = services.claims.claim_gateway(entry, base, told(form, "name_zh"), told(form, "name_en"))
            context = _context(services, county, request)
            answer = render(
                request, "unclaimed.html", done=claimed.device, stored=claimed.stored, left=0, password=claimed.password, **context
            )
            # Shown once, and kept by no cache.
            answer.headers["cache-control"] = "no-store"
            return answer
        claimed = _claimed(services, county, entry, form, base)
        return _back(county, claimed.device, claimed.stored, claimed.waiting)

    return pages


def _claimed(services: Services, county: str, entry: int, form: Fields, base: str) -> Claimed:
    gateway = told(form, "gateway")
    if gateway and services.registry.gateway(gateway).county != county:
        raise NotAllowed("this gateway is another county's", expected=county, got=gateway[:64])
    return services.claims.claim(
        entry,
        told(form, "device"),
        base=base,
        plot=told(form, "plot") or None,
        name_zh=told(form, "name_zh"),
        name_en=told(form, "name_en"),
        gateway=gateway,
    )


def _context(services: Services, county: str, request: Request) -> dict[str, Any]:
    lang, t = lang_of(request), gettext_of(request)
    cards, more = waiting_cards(services, county, lang, t)
    return {
        "county": county,
        "place": services.registry.county(county),
        "cards": cards,
        "more": more,
        "may_act": may_act(request, county),
        "bases": [(b.id, name_of(b, lang)) for b in services.registry.bases(county=county)],
        "plots": [(p.id, name_of(p, lang)) for p in services.registry.plots(county=county)],
        "gateways": [g.id for g in services.registry.gateways(county=county)],
        "base_of": {g.id: g.base for g in services.registry.gateways(county=county)},
    }


def _of_county(services: Services, county: str, entry: int) -> Any:
    if not 0 <= entry <= LAST_ENTRY:
        raise NotFound("nothing of this number is in quarantine", got=str(entry)[:20])
    waiting = services.claims.entry(entry)
    if waiting.county not in (None, county):
        raise NotFound("nothing of this number is in quarantine here", got=str(entry))
    return waiting


def _back(county: str, done: str, stored: int, left: int) -> Response:
    query = urlencode({"done": done, "stored": stored, "left": left} if done else {})
    return RedirectResponse(f"/c/{county}/unclaimed" + (f"?{query}" if query else ""), status_code=303)
