"""A county's basket index: a page, and all its days as CSV."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.prices import FIRST_DAY, LAST_DAY
from dashboards.index_view import csv_of, index_context
from dashboards.pages.shell import gettext_of, lang_of, render
from foundation.clock import SHANGHAI, to_ms

if TYPE_CHECKING:
    from dashboards.services import Services

Range = Annotated[str, Query(alias="range")]

AsOf = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]


def router(services: Services) -> APIRouter:
    """Return the routes of the index."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/c/{county}/index")
    def index(request: Request, county: str, span: Range = "1y", as_of: AsOf = None) -> Response:
        context = index_context(services, county, span, end_of(as_of), lang_of(request), gettext_of(request))
        return render(request, "price_index.html", as_of_day=as_of, **context)

    @pages.get("/c/{county}/index.csv")
    def download(county: str, as_of: AsOf = None) -> Response:
        text = csv_of(services, county, end_of(as_of))
        headers = {"content-disposition": f'attachment; filename="suhe-{county}-index.csv"'}
        return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)

    return pages


def end_of(day: date | None) -> int | None:
    """Return the last millisecond of a day in Shanghai: what was known by then includes the day."""
    if day is None:
        return None
    return to_ms(datetime.combine(day, time(), SHANGHAI) + timedelta(days=1)) - 1
