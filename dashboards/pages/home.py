"""The front page and each county's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.home_view import county_view, filling
from dashboards.i18n import name_of
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.price_words import change_of, price_text, price_unit

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of the front pages."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/")
    def home(request: Request) -> Response:
        counts = services.readings.counts()
        return render(
            request,
            "home.html",
            counts=counts,
            checkpoint=services.trace.latest_checkpoint(),
            filling=filling(services, gettext_of(request)),
            products=len({r.product for c in services.registry.counties() for r in services.prices.board(c.code, None)}),
            plots={c.code: len(services.registry.plots(county=c.code)) for c in services.registry.counties()},
        )

    @pages.get("/c/{county}")
    def county(request: Request, county: str) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        place = services.registry.county(county)
        view = county_view(services, county, lang, t)
        return render(
            request,
            "county.html",
            county=county,
            place=place,
            view=view,
            filling=filling(services, t),
            products={p.id: name_of(p, lang) for p in services.registry.products()},
            markets={m.id: name_of(m, lang) for m in services.prices.markets()},
            price=lambda milli: price_text(milli, lang),
            unit=price_unit(lang),
            change=lambda row: change_of(row.change_pct),
        )

    return pages
