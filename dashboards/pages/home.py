"""The front page and each county's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.field_view import state_words
from dashboards.home_view import county_view, filling
from dashboards.i18n import name_of
from dashboards.live import Hubs, home_frame, home_version, told
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.price_words import change_of, price_text, price_unit
from foundation.ids import in_fours

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of the front pages."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    hubs = Hubs(partial(home_frame, services))

    @pages.get("/")
    def home(request: Request) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        counties = services.registry.counties()
        return render(
            request,
            "home.html",
            **_shared(services, request),
            counts=services.readings.counts(),
            checkpoint=services.trace.latest_checkpoint(),
            views={c.code: county_view(services, c.code, lang, t) for c in counties},
            plots={c.code: len(services.registry.plots(county=c.code)) for c in counties},
        )

    @pages.get("/events")
    async def events(request: Request) -> Response:
        return hubs.stream(lang_of(request))

    @pages.get("/c/{county}")
    def county(request: Request, county: str) -> Response:
        place = services.registry.county(county)
        view = county_view(services, county, lang_of(request), gettext_of(request))
        return render(request, "county.html", **_shared(services, request), county=county, place=place, view=view)

    return pages


def _shared(services: Services, request: Request) -> dict[str, Any]:
    lang, t = lang_of(request), gettext_of(request)
    return {
        "filling": filling(services, t),
        "told": lambda part: told(part, lang, t),
        "version": home_version(services, t),
        "words": state_words(t),
        "products": {p.id: name_of(p, lang) for p in services.registry.products()},
        "markets": {m.id: name_of(m, lang) for m in services.prices.markets()},
        "price": lambda milli: price_text(milli, lang),
        "unit": price_unit(lang),
        "in_fours": in_fours,
        "change": lambda row: change_of(row.change_pct),
    }
