"""What the pages and the API need of the installation: the domains' services, as the roof builds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from foundation.clock import Clock
from foundation.settings import Settings

if TYPE_CHECKING:
    from ingest.claim_service import Claims
    from ingest.service import Readings
    from logistics.service import Logistics
    from pricing.alerts.service import PriceAlerts
    from pricing.analysis.service import Analysis
    from pricing.desk.service import PriceDesk
    from pricing.forecast.service import Forecasts
    from pricing.service import Prices
    from registry.service import Registry
    from traceability.anchoring import Anchors
    from traceability.bundle import Bundles
    from traceability.documents import Documents
    from traceability.photos import Photos
    from traceability.problem_reports import ProblemReports
    from traceability.recalling import Recalls
    from traceability.scanning import Scans
    from traceability.sealing import Seals
    from traceability.service import Trace


class Services(Protocol):
    """The services of one installation."""

    settings: Settings
    clock: Clock
    demo: bool
    registry: Registry
    readings: Readings
    claims: Claims
    trace: Trace
    scans: Scans
    seals: Seals
    anchors: Anchors
    recalls: Recalls
    bundles: Bundles
    documents: Documents
    prices: Prices
    analysis: Analysis
    forecasts: Forecasts
    desk: PriceDesk
    price_alerts: PriceAlerts
    logistics: Logistics
    photos: Photos
    problem_reports: ProblemReports

    def readiness(self) -> dict[str, tuple[bool, str]]:
        """Return each readiness check as (holds, detail)."""
        ...
