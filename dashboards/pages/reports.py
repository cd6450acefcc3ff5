"""The county office's page of what consumers reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.deps import require
from dashboards.i18n import language_of, time_text, translator
from dashboards.pages.shell import render
from dashboards.trace_view import report_kinds

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the page of the county's office."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False, dependencies=[Depends(require("county", "guest"))])

    @pages.get("/c/{county}/reports")
    def reports(request: Request, county: str) -> Response:
        lang = language_of(request)
        kinds = report_kinds(translator(lang))
        services.registry.county(county)
        lines = []
        for r in services.problem_reports.of_county(county):
            short = ":".join(r.lot.split(":")[-2:])
            lines.append((time_text(r.made_ms, lang), kinds.get(r.kind, r.kind), r.text, short))
        return render(request, "reports.html", county=county, reports=lines)

    return pages
