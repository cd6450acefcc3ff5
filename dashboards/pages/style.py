"""The design system, shown with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from dashboards.pages.shell import render

if TYPE_CHECKING:
    from dashboards.services import Services

COLOURS = ("ink", "quiet", "line", "strong-line", "wash", "accent", "accent-wash", "red", "red-wash", "amber", "amber-wash")


def router(services: Services) -> APIRouter:  # noqa: ARG001 - every page module has the same door
    """Return the route of the style page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/style")
    def style(request: Request) -> Response:
        return render(request, "style.html", colours=COLOURS)

    return pages
