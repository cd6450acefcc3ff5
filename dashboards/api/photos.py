"""Photos over HTTP: a cooperative shows its lot, the county's office shows a product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from dashboards.api.deps import require
from foundation.errors import BadInput, NotAllowed, NotFound
from registry.people import Caller
from traceability.photos import PRODUCT

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.photos import Photo

_PICTURE = {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
Maker = Annotated[Caller, Depends(require("grower", "cooperative", "processor", "county"))]
Office = Annotated[Caller, Depends(require("county"))]


class PhotoView(BaseModel):
    """A kept photo."""

    subject: str
    path: str
    width: int
    height: int


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1", tags=["trace"])

    @routes.post("/lots/{lot}/photo", status_code=201, summary="Give a lot its photo", openapi_extra={"requestBody": _PICTURE})
    async def of_lot(lot: str, request: Request, caller: Maker) -> PhotoView:
        """Take a JPEG, PNG or WebP as the body; it is made small, and nothing but the picture is kept."""
        body = await request.body()
        return await run_in_threadpool(_for_lot, services, lot, body, caller)

    @routes.post("/products/{product}/photo", status_code=201, summary="Give a product its photo", openapi_extra={"requestBody": _PICTURE})
    async def of_product(product: str, request: Request, caller: Office) -> PhotoView:
        """Take a photo that stands on the page of every lot of this product without one of its own; all counties share it."""
        if caller.county is not None:
            raise NotAllowed("a product is every county's", expected="the whole installation's office", got=caller.county)
        body = await request.body()
        return await run_in_threadpool(_for_product, services, product, body)

    return routes


def _for_lot(services: Services, lot: str, body: bytes, caller: Caller) -> PhotoView:
    try:
        summary = services.trace.lot(lot).summary
    except BadInput as error:
        raise NotFound("there is no such lot", got=lot[:160]) from error
    if caller.county is not None and caller.county != summary.county:
        raise NotAllowed("this lot is another county's", expected=caller.county, got=summary.county)
    if caller.party is not None and caller.party != summary.party:
        raise NotAllowed("this lot is another party's", expected=caller.party, got=summary.party)
    return _view(services.photos.add(summary.id, body))


def _for_product(services: Services, product: str, body: bytes) -> PhotoView:
    services.registry.product(product)
    return _view(services.photos.add(PRODUCT + product, body))


def _view(photo: Photo) -> PhotoView:
    return PhotoView(subject=photo.subject, path=f"/photos/{photo.sha256}.jpg", width=photo.width, height=photo.height)
