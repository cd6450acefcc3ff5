"""The ASGI application: API, pages, assets, headers, errors."""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.fast_path import FastPath
from dashboards.headers import HEADERS
from dashboards.pages.shell import STATIC
from dashboards.pages.trace import trace_pages_of
from dashboards.problems import install
from dashboards.requests import BodyLimit, HeadAsGet
from dashboards.scan_notes import scan_note

if TYPE_CHECKING:
    from dashboards.services import Services

API = (
    "system", "registry", "readings", "line_protocol", "recall", "trace", "documents", "log_tiles", "witnesses", "anchor", "prices",
    "forecasts", "prices_open", "prices_derived", "price_payloads", "freight", "cold_chain", "selling", "price_alerts", "photos", "scans",
    "price_notes", "feeds",
)  # fmt: skip
PAGES = (
    "home", "field", "gateways", "unclaimed", "lots", "recall", "problem_reports", "reports", "open_data",
    "trace", "bundle", "anchor", "labels", "prices", "price_index", "selling", "freight", "cold_chain", "screen", "sources", "style",
    "sign_in", "api_list", "scans", "embed", "price_alerts", "held_batches",
    "price_desk", "price_desk_telephone", "price_desk_import",
)  # fmt: skip
# What a phone on the local network may see: read-only, nothing that needs a sign-in.
PUBLIC_PAGES = ("home", "problem_reports", "trace", "bundle", "anchor", "prices", "embed", "price_index")
# The one thing a phone on the local network may send: a consumer's report, bounded and counted.
_REPORT = re.compile(r"/t/[^/]+/report\Z")


def create_app(services: Services, *, public_only: bool = False) -> FastAPI:
    """Return the application on these services; `public_only` leaves the public pages alone, for GET only."""
    app = FastAPI(
        title="Suhe 溯禾",
        version=version("suhe"),
        summary="Fields, lots, prices of a county.",
        openapi_url=None if public_only else "/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.state.public_only = public_only
    install(app)
    app.add_middleware(GZipMiddleware, minimum_size=600)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit)
    app.add_middleware(_Headers, only_reading=public_only)
    for kind, names in (("api", () if public_only else API), ("pages", PUBLIC_PAGES if public_only else PAGES)):
        for name in names:
            app.include_router(import_module(f"dashboards.{kind}.{name}").router(services))
    app.mount("/static", _HashedFiles(directory=STATIC, check_dir=False))
    return app


def create_site(services: Services, *, public_only: bool = False) -> FastPath:
    """Return what is served: the application, and in front of it the fast path of the consumer's pages."""
    app = create_app(services, public_only=public_only)
    return FastPath(app, trace_pages_of(app), scan_note(services))


class _Headers:
    """Security headers on every answer; with `only_reading`, no more than reading and a consumer's report. Plain ASGI."""

    def __init__(self, app: ASGIApp, *, only_reading: bool) -> None:
        self._app = app
        self._only_reading = only_reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if (
            self._only_reading
            and scope["method"] not in ("GET", "HEAD")
            and not (scope["method"] == "POST" and _REPORT.match(scope["path"]))
        ):
            await Response(status_code=405, headers={"allow": "GET, HEAD"})(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class _HashedFiles(StaticFiles):
    """Built assets: their names change with their content, so a browser may keep them for ever."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response
