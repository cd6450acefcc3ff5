"""The composition root: the only place that names concrete databases, stores, keys and folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundation.blobs import BlobFolder
from foundation.clock import Clock, SystemClock
from foundation.database import open_engine
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
    from traceability.anchor_keeping import Rules
    from traceability.anchoring import Anchors
    from traceability.bundle import Bundles
    from traceability.chain import Chain
    from traceability.documents import Documents
    from traceability.photos import Photos
    from traceability.problem_reports import ProblemReports
    from traceability.recalling import Recalls
    from traceability.scanning import Scans
    from traceability.sealing import Seals
    from traceability.service import Trace


@dataclass
class Services:
    """Every use case of one installation, built once per process."""

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
        """Return each readiness check as (holds, detail); all must hold for `/readyz`."""
        from suhe.readiness import readiness

        return readiness(self)


def build_services(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Build the services on the databases and folders the settings name. The schema must be up to date already."""
    from foundation.notify_channels import ChannelFile
    from ingest.claim_service import Claims
    from ingest.service import Readings
    from logistics.cold_chain.service import ColdChain
    from logistics.freight.service import Freight
    from logistics.selling.service import Selling
    from logistics.service import Logistics
    from pricing.alerts.evidence import Evidence
    from pricing.alerts.service import PriceAlerts
    from pricing.analysis.service import Analysis
    from pricing.desk.service import PriceDesk
    from pricing.forecast.service import Forecasts
    from pricing.service import Prices
    from registry.directory import RegistryDirectory
    from registry.service import Registry
    from suhe.installation import read_installation
    from traceability.anchoring import Anchors
    from traceability.bundle import Bundles
    from traceability.documents import Documents
    from traceability.photos import Photos
    from traceability.problem_reports import ProblemReports
    from traceability.recalling import Recalls
    from traceability.scanning import Scans
    from traceability.sealing import Seals
    from traceability.service import Trace

    clock = clock or SystemClock()
    engine = open_engine(settings.records_url)
    registry = Registry(engine, clock)
    found = read_installation(settings.data)
    directory = RegistryDirectory(registry)
    readings = Readings(settings.readings_folder, clock, directory, directory, directory)
    trace = Trace(engine, registry, clock, settings.keys_folder / "log.key")
    blobs = BlobFolder(settings.data / "blobs")
    prices = Prices(engine, clock, blobs, settings.data / "prices")
    demo = bool(found and found.demo)
    channels = ChannelFile(settings.keys_folder, settings.data / "spool", clock)
    forecasts = Forecasts(engine, clock, prices)
    selling = Selling(prices, trace, registry, clock, forecasts=forecasts)
    freight = Freight(engine, trace, registry, selling, clock, use_pyvrp=settings.use_pyvrp)
    cold_chain = ColdChain(engine, trace, readings, registry, clock, demo=demo)
    analysis = Analysis(prices, clock, settings.data / "analysis")
    evidence = Evidence(prices, analysis, forecasts)
    return Services(
        settings=settings,
        clock=clock,
        demo=demo,
        registry=registry,
        readings=readings,
        claims=Claims(readings, registry, directory),
        trace=trace,
        scans=Scans(engine, trace, registry, clock, settings.keys_folder),
        seals=Seals(engine, trace, registry, readings, clock, seal_settle_ms(settings, demo=demo)),
        bundles=Bundles(engine, trace),
        anchors=Anchors(engine, clock, trace.log_vkey, chain_opener(settings), anchor_rules(settings, demo=demo)),
        recalls=Recalls(engine, trace, registry, clock, settings.keys_folder),
        documents=Documents(engine, trace, clock),
        prices=prices,
        analysis=analysis,
        forecasts=forecasts,
        desk=PriceDesk(engine, clock, blobs),
        price_alerts=PriceAlerts(engine, clock, registry, evidence, channels, settings.public_url),
        logistics=Logistics(freight, cold_chain, selling),
        photos=Photos(engine, blobs, clock),
        problem_reports=ProblemReports(engine, clock, settings.keys_folder / "devices.key"),
    )


def seal_settle_ms(settings: Settings, *, demo: bool) -> int:
    """Return how long after its end a plot-day is sealed: so long late readings are waited for."""
    minutes = settings.seal_after_minutes or (2.0 if demo else 360.0)
    return int(minutes * 60_000)


def chain_opener(settings: Settings) -> Callable[[], Chain | None]:
    """Return a function that gives the chain to anchor on, None where there is none; the same one until its address changes."""
    opened: dict[str, Chain] = {}

    def open_chain() -> Chain | None:
        from suhe.chain_child import chain_url
        from traceability.chain_evm import EvmChain
        from traceability.chain_key import read_chain_key

        url = chain_url(settings)  # asked at every use: a demo's child may have moved
        if url and url not in opened:
            opened.clear()
            opened[url] = EvmChain(url, read_chain_key(settings.keys_folder / "chain.key"))
        return opened.get(url)

    return open_chain


def anchor_rules(settings: Settings, *, demo: bool) -> Rules:
    """Return how often to anchor, how deep is deep enough, and whether the chain is a child of ours."""
    from traceability.anchor_keeping import Rules

    seconds = settings.anchor_seconds or (30.0 if demo else 600.0)
    return Rules(int(seconds * 1000), settings.chain_confirmations, own_chain=demo and not settings.chain_url.get_secret_value())
