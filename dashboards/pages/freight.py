"""The freight plan of a county's day: map, timetable, costs, baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.deps import READERS, require
from dashboards.freight_view import freight_view
from dashboards.i18n import name_of
from dashboards.pages.shell import gettext_of, lang_of, render
from foundation.clock import market_day

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the route of the page; carriers and cooperatives work with it, so it is not public."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])

    @pages.get("/c/{county}/freight")
    def freight(request: Request, county: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        place = services.registry.county(county)
        # Today's if there is one; else the last one, which says of which day it is.
        today = market_day(services.clock.now())
        made = services.logistics.freight.latest(county, today) or services.logistics.freight.latest(county)
        view = freight_view(services, made, lang, t) if made else None
        return render(request, "freight.html", county=county, county_name=name_of(place, lang), v=view)

    return pages
