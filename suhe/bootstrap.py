"""The composition root: the only place that names concrete databases, stores, keys and folders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from foundation.blobs import BlobFolder
from foundation.clock import Clock, SystemClock
from foundation.database import open_engine
from foundation.settings import Settings

if TYPE_CHECKING:
    from ingest.service import Readings
    from logistics.service import Logistics
    from pricing.service import Prices
    from registry.service import Registry
    from traceability.service import Trace


@dataclass
class Services:
    """Every use case of one installation, built once per process."""

    settings: Settings
    clock: Clock
    demo: bool
    registry: Registry
    readings: Readings
    trace: Trace
    prices: Prices
    logistics: Logistics

    def readiness(self) -> dict[str, tuple[bool, str]]:
        """Return each readiness check as (holds, detail); all must hold for `/readyz`."""
        from suhe.readiness import readiness

        return readiness(self)


def build_services(settings: Settings, *, clock: Clock | None = None) -> Services:
    """Build the services on the databases and folders the settings name. The schema must be up to date already."""
    from ingest.service import Readings
    from logistics.cold_chain.service import ColdChain
    from logistics.freight.service import Freight
    from logistics.selling.service import Selling
    from logistics.service import Logistics
    from pricing.service import Prices
    from registry.directory import RegistryDirectory
    from registry.service import Registry
    from suhe.installation import read_installation
    from traceability.service import Trace

    clock = clock or SystemClock()
    engine = open_engine(settings.records_url)
    registry = Registry(engine, clock)
    found = read_installation(settings.data)
    readings = Readings(settings.readings_folder, clock, RegistryDirectory(registry))
    trace = Trace(engine, registry, clock, settings.keys_folder / "log.key")
    prices = Prices(engine, clock, BlobFolder(settings.data / "blobs"))
    demo = bool(found and found.demo)
    selling = Selling(prices, trace, registry, clock)
    return Services(
        settings=settings,
        clock=clock,
        demo=demo,
        registry=registry,
        readings=readings,
        trace=trace,
        prices=prices,
        logistics=Logistics(Freight(), ColdChain(engine, trace, readings, registry, clock, demo=demo), selling),
    )
