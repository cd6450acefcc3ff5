"""One gateway: what of its messages came, what was missing and when that came, which devices speak through it, what nobody could read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.api.deps import READERS, require
from dashboards.field_view import field_view, state_words
from dashboards.i18n import Translate
from dashboards.ledger_view import GAPS_SHOWN, Tally, drops_lines, gap_lines, tallies
from dashboards.pages.shell import gettext_of, lang_of, render
from foundation.clock import to_ms
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

LETTERS_SHOWN = 20


def router(services: Services) -> APIRouter:
    """Return the route of a gateway's page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/c/{county}/gateways/{gateway}")
    def gateway(request: Request, county: str, gateway: str) -> Response:
        return render(request, "gateway.html", **gateway_context(services, county, gateway, lang_of(request), gettext_of(request)))

    return pages


def gateway_context(services: Services, county: str, gateway_id: str, lang: str, t: Translate) -> dict[str, Any]:
    """Return what the page shows; raise NotFound for a gateway that is not this county's."""
    found = next((g for g in services.registry.gateways(county=county) if g.id == gateway_id), None)
    if found is None:
        raise NotFound("there is no such gateway in this county", got=f"{county}: {gateway_id}"[:80])
    now_ms = to_ms(services.clock.now())
    view = field_view(services, county, lang, t)
    rows = [r for r in services.readings.ledger(county) if r.gateway == gateway_id]
    return {
        "county": county,
        "gateway": found,
        "base": services.registry.base(found.base),
        "line": next((g for g in view.gateways if g.id == gateway_id), None),
        "words": state_words(t),
        "tally": tallies(rows).get(gateway_id, Tally()),
        "streams": rows,
        "gaps": gap_lines(services.readings.sequence_gaps(gateway_id, limit=GAPS_SHOWN), now_ms, lang, t),
        "drops": drops_lines(services.readings.drops()[:1], now_ms, lang, t),
        "devices": [d for s in view.sites for d in s.devices if s.gateway == gateway_id],
        "letters": services.readings.dead_letters(LETTERS_SHOWN, gateway_id),
    }
