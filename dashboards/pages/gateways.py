"""One gateway: what of its messages came, what was missing and when that came, which devices speak through it, what nobody could read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from dashboards.api.deps import READERS, require
from dashboards.clock_view import clock_lines, link_text
from dashboards.field_view import field_view, state_words
from dashboards.i18n import Translate
from dashboards.ledger_view import GAPS_SHOWN, Tally, drops_lines, gap_lines, tallies
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.pages.staff_forms import Form, Staff, may_act, number_of, told
from foundation.clock import to_ms
from foundation.errors import BadInput, NotAllowed, NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

LETTERS_SHOWN = 20


def router(services: Services) -> APIRouter:
    """Return the route of a gateway's page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/c/{county}/gateways/{gateway}")
    def gateway(request: Request, county: str, gateway: str) -> Response:
        context = gateway_context(services, county, gateway, lang_of(request), gettext_of(request))
        return render(request, "gateway.html", may_act=may_act(request, county), **context)

    @pages.post("/c/{county}/gateways/{gateway}/clock")
    def decide(county: str, gateway: str, form: Form, caller: Staff) -> Response:
        found = services.registry.gateway(gateway)
        if found.county != county or (caller.county is not None and caller.county != county):
            raise NotAllowed("this gateway is another county's", expected=str(caller.county), got=found.county)
        proposal = services.readings.clock(number_of(told(form, "clock")))
        if proposal.gateway != gateway:
            raise NotFound("this gateway has no such correction", got=str(proposal.id))
        asked = told(form, "do")
        if asked == "accept":
            services.readings.accept_clock(proposal.id, caller.name, whole_gateway="whole" in form)
        elif asked == "refuse":
            services.readings.refuse_clock(proposal.id, caller.name)
        elif asked == "revoke":
            services.readings.revoke_clock(proposal.id, caller.name)
        else:
            raise BadInput("this form cannot be read", expected="accept, refuse or revoke", got=asked[:20], todo="open the page again")
        return RedirectResponse(f"/c/{county}/gateways/{gateway}#clocks", status_code=303)

    return pages


def gateway_context(services: Services, county: str, gateway_id: str, lang: str, t: Translate) -> dict[str, Any]:
    """Return what the page shows; raise NotFound for a gateway that is not this county's."""
    found = next((g for g in services.registry.gateways(county=county) if g.id == gateway_id), None)
    if found is None:
        raise NotFound("there is no such gateway in this county", got=f"{county}: {gateway_id}"[:80])
    now_ms = to_ms(services.clock.now())
    view = field_view(services, county, lang, t)
    own = {d.id for d in services.registry.devices(gateway=gateway_id)}
    rows = [r for r in services.readings.ledger(county) if r.gateway == gateway_id]
    return {
        "county": county,
        "gateway": found,
        "base": services.registry.base(found.base),
        "line": next((g for g in view.gateways if g.id == gateway_id), None),
        "words": state_words(t),
        "tally": tallies(rows).get(gateway_id, Tally()),
        "streams": rows,
        "resends": all(r.resends for r in rows),
        "gaps": gap_lines(services.readings.sequence_gaps(gateway_id, limit=GAPS_SHOWN), now_ms, lang, t),
        "drops": drops_lines(services.readings.drops()[:1], now_ms, lang, t),
        "devices": [d for s in view.sites for d in s.devices if d.id in own],
        "clocks": clock_lines([p for p in services.readings.clocks() if p.gateway == gateway_id], lang, t),
        "link": link_text(services.readings.links().get(gateway_id), lang, t),
        "feeds": [f for f in services.registry.feeds(county) if f.gateway == gateway_id],
        "letters": services.readings.dead_letters(LETTERS_SHOWN, gateway_id),
    }
