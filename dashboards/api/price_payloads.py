"""The raw answers behind the prices: what was asked, when, and the bytes as they came. Every number leads here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import READERS, caller_of
from foundation.errors import NotSignedIn

if TYPE_CHECKING:
    from dashboards.services import Services
    from pricing.payloads import StoredPayload

# What a database's integer can hold.
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]


class PayloadEntry(BaseModel):
    """One raw answer of a run."""

    model_config = ConfigDict(from_attributes=True)

    run_id: int
    number: int
    source: str
    url: str = Field(description="What was asked; a POST's form is not in it")
    fetched_ms: int = Field(description="When it came, ms UTC")
    size: int = Field(description="Bytes as received")
    sha256: str = Field(description="Of the bytes as received")
    licence: str
    open: bool = Field(description="Whether anybody may have it; otherwise it is for those who signed in")
    raw: str = Field(description="Where the bytes are")


class Payloads(BaseModel):
    """All raw answers of a run, in one page."""

    items: list[PayloadEntry]
    next: None = None


def router(services: Services) -> APIRouter:
    """Return the routes of raw answers."""
    routes = APIRouter(prefix="/api/v1/prices", tags=["prices"])
    prices = services.prices

    @routes.get("/runs/{run_id}/payloads")
    def payloads(request: Request, run_id: Number) -> Payloads:
        """Return what is known of every raw answer of a run; nothing of a run that has none."""
        found = prices.payloads(run_id)
        for p in found:
            _may_see(request, p)
        return Payloads(items=[_entry(p) for p in found])

    @routes.get("/payloads/{run_id}/{number}", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def payload(request: Request, run_id: Number, number: Number) -> Response:
        """Return one raw answer byte for byte, as text that no browser runs; its SHA-256 is its ETag."""
        found, body = prices.payload(run_id, number)
        _may_see(request, found)
        headers = {
            "etag": f'"{found.sha256}"',
            "content-disposition": f'inline; filename="{found.source}-{found.run_id}-{found.number}.txt"',
            # A stranger's page: shown as text, never run, never sniffed for another type.
            "content-security-policy": "default-src 'none'; sandbox",
            "x-content-type-options": "nosniff",
            "cache-control": "public, max-age=31536000, immutable" if found.open else "private, max-age=31536000, immutable",
            "x-licence": found.licence.encode("ascii", "replace").decode(),
        }
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="text/plain; charset=utf-8", headers=headers)

    return routes


def _may_see(request: Request, found: StoredPayload) -> None:
    """Refuse the public what a source's licence does not let us pass on."""
    if found.open:
        return
    caller = caller_of(request)
    if caller is None or (caller.role not in READERS and caller.role != "administrator"):
        raise NotSignedIn("the licence of this source does not allow passing its answers on", expected="a sign-in", got=found.licence)


def _entry(p: StoredPayload) -> PayloadEntry:
    values = {name: getattr(p, name) for name in PayloadEntry.model_fields if name != "raw"}
    return PayloadEntry(**values, raw=f"/api/v1/prices/payloads/{p.run_id}/{p.number}")
