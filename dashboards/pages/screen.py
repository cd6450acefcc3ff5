"""The big screens of the counties: one page and one event stream each, meant to run for weeks on a wall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from dashboards.api.deps import READERS, require
from dashboards.live import Hubs
from dashboards.pages.shell import lang_of, render
from dashboards.screen_view import Screens, county_of, name_of_code

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of the big screens."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require(*READERS))])
    screens = Screens(services)
    hubs = Hubs(screens.frame)

    @pages.get("/screen/{name}")
    def screen(request: Request, name: str) -> Response:
        return render(request, "screen.html", s=screens.screen(name, lang_of(request)))

    @pages.get("/screen/{name}/events")
    async def events(request: Request, name: str) -> Response:
        # By its own name, so that both names of a screen share one hub.
        known = name_of_code(county_of(name))
        await run_in_threadpool(services.registry.county, county_of(name))
        return hubs.stream(known, lang_of(request))

    return pages
