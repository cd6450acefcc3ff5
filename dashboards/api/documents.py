"""EPCIS documents over HTTP: a whole lot out, a document in, each one call of `traceability/documents.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from dashboards.api.deps import READERS, require
from dashboards.api.trace import WRITERS, only_in
from registry.people import Caller
from traceability.documents import ImportReport
from traceability.service import full_lot_id

if TYPE_CHECKING:
    from dashboards.services import Services


class _View(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FaultView(_View):
    """One thing that is wrong with a document."""

    path: str
    expected: str
    got: str


class ReadEventView(_View):
    """An event as it was read; the event hash (CBV 2.0) identifies what it says and seals nothing."""

    event_id: str
    event_hash: str


class ImportView(_View):
    """What became of a document. `grade` unsigned: it was checked and hashed, and nothing of it was recorded."""

    valid: bool
    grade: str
    faults: list[FaultView]
    events: list[ReadEventView]
    recorded: int
    known: int

    @classmethod
    def of(cls, report: ImportReport) -> ImportView:
        """Show a report."""
        return cls(
            valid=not report.faults,
            grade=report.grade,
            faults=[FaultView(path=f.path, expected=f.expected, got=f.got) for f in report.faults],
            events=[ReadEventView(event_id=e.event_id, event_hash=e.event_hash) for e in report.events],
            recorded=report.recorded,
            known=report.known,
        )


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1", tags=["trace"])

    @routes.get("/lots/{lot}/epcis", response_class=JSONResponse)
    def export_lot(lot: str, caller: Annotated[Caller, Depends(require(*READERS))]) -> JSONResponse:
        """Return a lot as an EPCIS 2.0 document in JSON-LD: its events and its ancestors', with their authors' signatures."""
        only_in(caller, full_lot_id(lot).split(":")[3])
        name = full_lot_id(lot).split(":", 3)[3].replace(":", "-")
        headers = {"content-disposition": f'attachment; filename="{name}.jsonld"', "cache-control": "no-store"}
        return JSONResponse(services.documents.export(lot), media_type="application/ld+json", headers=headers)

    @routes.post("/epcis/documents", dependencies=[Depends(require(*WRITERS))], summary="Take in an EPCIS document")
    async def import_document(request: Request) -> ImportView:
        """Record a document that carries its authors' signatures, all or none; check and hash any other, and record nothing of it."""
        data = await request.body()
        report: Any = await run_in_threadpool(services.documents.import_document, data)
        return ImportView.of(report)

    return routes
