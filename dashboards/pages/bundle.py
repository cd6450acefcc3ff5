"""What a reader takes away to check us without us: the proof of a lot, and the page that checks it from disk."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dashboards.verifier import PAGE, pins_of, verifier_page

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the routes of bundles and of the verifier."""
    pages = APIRouter(include_in_schema=False)

    @pages.get("/t/{code}/bundle.json")
    def bundle(request: Request, code: str) -> Response:
        """Return the proof of the lot behind a code, with what everybody may see."""
        data = services.bundles.make(services.trace.lot_of_code(code))
        return _tagged(request, data, "application/json")

    @pages.get(f"/{PAGE}")
    def verifier(request: Request) -> Response:
        """Return the page that checks bundles, to be kept and opened from disk."""
        return _tagged(request, verifier_page(pins_of(services)), "text/html; charset=utf-8", keep_as="suhe-verify.html")

    return pages


def _tagged(request: Request, data: bytes, media: str, *, keep_as: str = "") -> Response:
    etag = f'"{hashlib.sha256(data).hexdigest()[:20]}"'
    headers = {"etag": etag, "cache-control": "no-cache"}
    if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
        return Response(status_code=304, headers=headers)
    if keep_as:
        # Its scripts stand inside, which our pages' policy forbids: it is to be kept, not to be opened here.
        headers["content-disposition"] = f'attachment; filename="{keep_as}"'
    return Response(data, media_type=media, headers=headers)
