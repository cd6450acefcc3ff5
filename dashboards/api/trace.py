"""Lots and trust over HTTP: signed events in; lots, verdicts, checkpoints and codes out.

What hangs on a trace code is public, as are checkpoints: anybody's own verifier needs them. Lists of lots are for those who signed in.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import PlainTextResponse

from dashboards.api.deps import READERS, After, Limit, next_page, require
from dashboards.api.registry_models import Page
from dashboards.api.trace_models import (
    BatchBody,
    BatchReceipt,
    CheckpointView,
    EnvelopeBody,
    HistoryView,
    HoldView,
    LotView,
    PassRateView,
    ReceiptView,
    VerdictView,
)
from foundation.errors import NotAllowed
from foundation.ids import in_fours
from registry.people import Caller
from traceability.authors import Envelope
from traceability.secrets import Secret
from traceability.service import full_lot_id

if TYPE_CHECKING:
    from dashboards.services import Services

# Whoever hands an event in; what it says is answered for by the key that signed it.
WRITERS = ("grower", "cooperative", "processor", "inspector", "carrier", "retailer", "county", "service")
LogSize = Annotated[int | None, Query(ge=0, le=2**48)]
Reader = Annotated[Caller, Depends(require(*READERS))]


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1", tags=["trace"])
    _events(routes, services)
    _lots(routes, services)
    _codes(routes, services)
    _log(routes, services)
    return routes


def _events(routes: APIRouter, services: Services) -> None:
    may_write = [Depends(require(*WRITERS))]

    @routes.post("/events", status_code=201, dependencies=may_write, summary="Record a signed event")
    def capture(envelope: EnvelopeBody, response: Response) -> ReceiptView:
        """Record one event. The receipt comes after the commit; the same bytes again return the first receipt with 200."""
        receipt = services.trace.capture_many([_parts(envelope)])[0]
        if not receipt.new:
            response.status_code = 200
        return ReceiptView.of(receipt)

    @routes.post("/events/batch", status_code=201, dependencies=may_write, summary="Record signed events, all or none")
    def capture_many(batch: BatchBody) -> BatchReceipt:
        """Record up to 500 events in one transaction, in their order; an error names the event by its number and nothing is kept."""
        receipts = services.trace.capture_many([_parts(e) for e in batch.events])
        return BatchReceipt(receipts=[ReceiptView.of(r) for r in receipts], new=sum(r.new for r in receipts))


def _lots(routes: APIRouter, services: Services) -> None:
    @routes.get("/lots")
    def list_lots(
        request: Request,
        response: Response,
        caller: Reader,
        county: str | None = None,
        product: str | None = None,
        state: str | None = None,
        after: After = None,
        limit: Limit = 50,
    ) -> Page[LotView]:
        """List lots of produce, the newest first."""
        found = services.trace.lots(caller.county or county, product, after, limit, state=state)
        cursor = found[-1].short if len(found) == limit else None
        next_page(request, response, cursor)
        return Page(items=[LotView.of(lot) for lot in found], next=cursor)

    @routes.get("/lots/{lot}")
    def read_lot(lot: str, caller: Reader) -> HistoryView:
        """Return a lot, by URN or as county:number, with every event."""
        history = services.trace.lot(lot)
        only_in(caller, history.summary.county)
        return HistoryView.of(history)

    @routes.get("/counties/{county}/pass-rates")
    def pass_rates(county: str, caller: Reader, since_ms: Annotated[int, Query(ge=0, le=2**53)] = 0) -> dict[str, PassRateView]:
        """Return lots passed of lots tested since a time, screening and confirmatory apart, with Wilson's 95 % interval."""
        only_in(caller, county)
        return {name: PassRateView.of(rate) for name, rate in services.trace.pass_rates(county, since_ms).items()}

    @routes.get("/lots/{lot}/holds")
    def lot_holds(lot: str, caller: Reader) -> list[HoldView]:
        """Return what keeps a lot from going out: its own results and those of the lots it came from."""
        only_in(caller, full_lot_id(lot).split(":")[3])
        return [HoldView(reason=h.reason, lot=h.lot, event_id=h.event_id) for h in services.trace.holds_on_labels(lot)]

    @routes.get("/lots/{lot}/verify")
    def verify_lot(lot: str, caller: Reader) -> VerdictView:
        """Recompute a lot's history from the stored bytes, in numbered steps."""
        only_in(caller, full_lot_id(lot).split(":")[3])
        return VerdictView.of(services.trace.verify_lot(lot))


def _codes(routes: APIRouter, services: Services) -> None:
    trace = services.trace

    @routes.get("/codes/{code}")
    def read_code(code: str) -> HistoryView:
        """Return the lot behind a trace code, written as on the label or without dashes."""
        return HistoryView.of(trace.lot(trace.lot_of_code(code)))

    @routes.get("/codes/{code}/verify")
    def verify_code(code: str) -> VerdictView:
        """Recompute the history of the lot behind a trace code."""
        return VerdictView.of(trace.verify_lot(trace.lot_of_code(code)))

    @routes.get("/codes/{code}/qr.svg", response_class=Response)
    def qr_svg(request: Request, code: str) -> Response:
        """Return the code's QR as SVG, for labels."""
        return qr_answer(services, request, code, "svg")

    @routes.get("/codes/{code}/qr.png", response_class=Response)
    def qr_png(request: Request, code: str) -> Response:
        """Return the code's QR as PNG."""
        return qr_answer(services, request, code, "png")


def _log(routes: APIRouter, services: Services) -> None:
    trace = services.trace

    @routes.get("/log/checkpoint", response_class=PlainTextResponse)
    def read_checkpoint(size: LogSize = None) -> PlainTextResponse:
        """Return the latest checkpoint, or the one at a size, as its signed note (C2SP tlog-checkpoint)."""
        return PlainTextResponse(trace.checkpoint_note(size), headers={"cache-control": "no-cache" if size is None else "max-age=30"})

    @routes.get("/log/checkpoints")
    def list_checkpoints(limit: Limit = 50) -> list[CheckpointView]:
        """List checkpoints, the latest first."""
        return [CheckpointView.of(c) for c in trace.checkpoints(limit)]

    @routes.get("/log/consistency")
    def read_consistency(
        first: Annotated[int, Query(ge=1, le=2**48)], second: Annotated[int, Query(ge=1, le=2**48)]
    ) -> dict[str, list[str]]:
        """Return the proof that the log of `first` records is a prefix of that of `second` (RFC 9162, 2.1.4), hashes in base 64."""
        return {"proof": [base64.b64encode(h).decode() for h in trace.consistency(first, second)]}

    @routes.get("/log/key", response_class=PlainTextResponse)
    def read_key() -> str:
        """Return the log's public key as C2SP tools take it: name, key hash, key. Compare it with one you got elsewhere."""
        return trace.log_vkey() + "\n"


def trace_url(services: Services, request: Request, code: str) -> str:
    """Return the address a label carries: `SUHE_PUBLIC_URL` where it is set, else the one this request came to."""
    base = services.settings.public_url or str(request.base_url)
    return f"{base.rstrip('/')}/t/{in_fours(code)}"


def qr_answer(services: Services, request: Request, code: str, kind: str) -> Response:
    """Return the QR of a code's trace page as `svg` or `png`; NotFound where no lot has the code."""
    import io

    import segno

    stored = services.trace.code_of(services.trace.lot_of_code(code))
    out = io.BytesIO()
    # M: a label gets wet and torn; 15 % may be lost.
    qr = segno.make(trace_url(services, request, stored), error="m", micro=False)
    if kind == "svg":
        qr.save(out, kind="svg", border=4, light="#fff", xmldecl=False, svgclass=None, lineclass=None, omitsize=True, nl=False)
        media = "image/svg+xml"
    else:
        qr.save(out, kind="png", scale=12, border=4)
        media = "image/png"
    return Response(out.getvalue(), media_type=media, headers={"cache-control": "public, max-age=3600"})


def _parts(envelope: EnvelopeBody) -> Envelope:
    secrets = tuple(Secret(s.field, base64.b64decode(s.salt), s.value, s.consent) for s in envelope.secrets)
    return Envelope(envelope.body.encode(), envelope.key, base64.b64decode(envelope.signature), secrets)


def only_in(caller: Caller, county: str) -> None:
    """Refuse a caller of another county."""
    if caller.county is not None and caller.county != county:
        raise NotAllowed("this lot is another county's", expected=caller.county, got=county)
