"""What is strange about the scans of labels, with the evidence; for the county office and whoever works with lots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from dashboards.api.deps import READERS, require
from dashboards.i18n import time_text
from dashboards.pages.shell import gettext_of, lang_of, render
from dashboards.scan_words import evidence_text, rule_names
from registry.people import Caller

if TYPE_CHECKING:
    from dashboards.services import Services


def router(services: Services) -> APIRouter:
    """Return the route of the page."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    reader = Depends(require(*READERS))

    @pages.get("/scans")
    def scans(request: Request, caller: Caller = reader) -> Response:
        lang, t = lang_of(request), gettext_of(request)
        names = rule_names(t)
        rows: list[dict[str, Any]] = []
        for found in services.scans.anomalies([caller.county] if caller.county else None):
            a = found.anomaly
            number = found.lot.rsplit(":", 1)[-1]
            rows.append({
                "name": names.get(a.rule, a.rule), "evidence": evidence_text(a, lang, t), "pack": a.pack, "number": number,
                "url": f"/lots/{found.county}:{number}" if found.lot else "", "when": time_text(a.last_ms, lang),
                "since": time_text(a.first_ms, lang),
            })  # fmt: skip
        total, placed = services.scans.scanned()
        return render(request, "scans.html", rows=rows, total=total, placed=placed)

    return pages
