"""The price board of a county, one product's prices over time, the quotes behind a number, and charts for other people's pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from dashboards.api.deps import caller_of
from dashboards.board_view import board_context
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.price_chart import chart_numbers, drawn
from dashboards.product_view import asked, product_context
from dashboards.quote_view import quote_context
from foundation.clock import from_ms, market_day
from foundation.errors import NotFound

if TYPE_CHECKING:
    from dashboards.services import Services

Markets = Annotated[list[str] | None, Query()]
Range = Annotated[str, Query(alias="range")]


def router(services: Services) -> APIRouter:
    """Return the routes of the price pages."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)

    @pages.get("/c/{county}/prices")
    def board(request: Request, county: str, on_map: Annotated[str, Query(alias="map")] = "") -> Response:
        return render(request, "prices.html", **board_context(services, county, on_map, lang_of(request), gettext_of(request)))

    @pages.get("/c/{county}/prices/{product}.csv")
    def download(county: str, product: str, m: Markets = None) -> Response:
        services.registry.county(county)
        # Only a known product's id, which is plain ASCII, may stand in the file's name.
        services.registry.product(product)
        unknown = set(m or ()) - {known.id for known in services.prices.markets()}
        if unknown:
            raise NotFound("there is no such market", got=", ".join(sorted(unknown))[:80])
        text = csv_text(services, product, m or [r.market for r in services.prices.board(county, None) if r.product == product])
        headers = {"content-disposition": f'attachment; filename="suhe-{county}-{product}.csv"'}
        return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers=headers)

    @pages.get("/c/{county}/prices/{product}.json")
    def numbers(request: Request, county: str, product: str, m: Markets = None, span: Range = "1y") -> Response:
        lang = lang_of(request)
        a = asked(services, county, product, m or [], span, lang)
        d = drawn(services, product, a.chosen, a.range_key, a.today)
        headers = {"vary": "Accept-Language, Cookie", "cache-control": "no-cache"}
        return JSONResponse(chart_numbers(d, a.label, lang, gettext_of(request)), headers=headers)

    @pages.get("/c/{county}/prices/{product}")
    def product_page(request: Request, county: str, product: str, m: Markets = None, span: Range = "1y") -> Response:
        lang = lang_of(request)
        a = asked(services, county, product, m or [], span, lang)
        known = not request.app.state.public_only and caller_of(request) is not None
        base = services.settings.public_url or str(request.base_url).rstrip("/")
        return render(request, "product.html", **product_context(services, a, base, lang, gettext_of(request), signed_in=known))

    @pages.get("/c/{county}/prices/{product}/{market}/{day}")
    def quotes(request: Request, county: str, product: str, market: str, day: date) -> Response:
        return render(
            request, "quotes.html", **quote_context(services, county, product, market, day, lang_of(request), gettext_of(request))
        )

    return pages


def csv_text(services: Services, product: str, markets: Iterable[str]) -> str:
    """Return every current quote of a product in the markets as CSV, prices in yuan per kilogram."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["product", "market", "valid_date", "low_cny_per_kg", "mid_cny_per_kg", "high_cny_per_kg", "observed_at_utc", "source"])
    for market in markets:
        for q in services.prices.series(product, market, date(2000, 1, 1), market_day(services.clock.now())):
            observed = from_ms(q.observed_ms).isoformat(timespec="seconds")
            prices = [f"{v / 1000:.3f}" if v is not None else "" for v in (q.low, q.mid, q.high)]
            writer.writerow([product, market, q.valid_date, *prices, observed, q.source])
    return out.getvalue()
