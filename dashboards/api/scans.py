"""Scans over HTTP: serials for a packing line's printer, the first-scan state of a pack, and what is strange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from dashboards.api.deps import READERS, Limit, require
from foundation.errors import NotAllowed
from foundation.ids import in_fours
from registry.people import Caller
from traceability.scanning import MOST_AT_ONCE
from traceability.service import full_lot_id

if TYPE_CHECKING:
    from dashboards.services import Services
    from traceability.scan_store import Found

# Who sticks labels on packs.
PRINTERS = ("grower", "cooperative", "processor", "county", "service")
Reader = Annotated[Caller, Depends(require(*READERS))]
Printer = Annotated[Caller, Depends(require(*PRINTERS))]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SerialsBody(_Body):
    """How many packs are to be labelled."""

    count: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]


class SerialsView(_Body):
    """The code of a lot, and one serial for each pack: the address on a pack is /t/CODE?s=SERIAL."""

    code: str
    serials: list[str]


class FirstScanView(_Body):
    """What is known of the scans of a pack: `kind` is pack, lot (no serial given) or unknown (this serial was never given out)."""

    kind: str
    pack: int
    scans: int
    first_ms: int | None


class AnomalyView(_Body):
    """Something strange about the scans of a label, with the figures it rests on; no proof of a copy."""

    rule: str
    lot: str
    code: str
    pack: int
    first_ms: int
    last_ms: int
    evidence: dict[str, Any]

    @classmethod
    def of(cls, found: Found) -> AnomalyView:
        """Show an anomaly."""
        a, code = found.anomaly, in_fours(found.code) if found.code else ""
        return cls(rule=a.rule, lot=found.lot, code=code, pack=a.pack, first_ms=a.first_ms, last_ms=a.last_ms, evidence=dict(a.evidence))


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1", tags=["trace"])

    @routes.post("/lots/{lot}/serials", status_code=201, summary="Give out serials for packs")
    def give(lot: str, body: SerialsBody, caller: Printer) -> SerialsView:
        """Return serials for the next packs of a lot; none is given out twice. A lot that may not be labelled gets none."""
        from dashboards.labels.service import label_of

        county = full_lot_id(lot).split(":")[3]
        if caller.county is not None and caller.county != county:
            raise NotAllowed("this lot is another county's", expected=caller.county, got=county)
        label = label_of(services, lot, "http://localhost/")
        return SerialsView(code=label.code, serials=services.scans.give_serials(label.code, body.count))

    @routes.get("/codes/{code}/scans", summary="How often a pack was scanned")
    def first(code: str, s: Annotated[str, Query(max_length=40, description="The serial of the pack")] = "") -> FirstScanView:
        """Return how often a pack's label was scanned and when first."""
        services.trace.lot_of_code(code)
        known = services.scans.first(code, s)
        return FirstScanView(kind=known.kind, pack=known.pack, scans=known.scans, first_ms=known.first_ms)

    @routes.get("/scans/anomalies", summary="What is strange about scans")
    def anomalies(caller: Reader, limit: Limit = 100) -> list[AnomalyView]:
        """List what the rules found, the latest first; hints for somebody to look, no proofs."""
        return [AnomalyView.of(f) for f in services.scans.anomalies([caller.county] if caller.county else None, limit)]

    return routes
