"""A small house for tests of pages: real services on a fresh folder, one season in it, and prices where they are asked for."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from nacl.signing import SigningKey as Seed
from sqlalchemy import text

from dashboards.problems import install
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, market_day, to_ms
from foundation.database import metadata, open_engine
from foundation.notify_channels import ChannelFile
from foundation.settings import Settings
from ingest.payloads import ReadingIn, encode_up
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
from registry import devices, parties, plots, products
from registry.service import Registry
from simulators.scenario import scenario
from tests.dashboards.fakes_prices import fill
from tests.traceability.kit import Kit
from traceability.anchor_keeping import Rules
from traceability.anchoring import Anchors
from traceability.bundle import Bundles
from traceability.documents import Documents
from traceability.photos import Photos
from traceability.problem_reports import ProblemReports
from traceability.recalling import Recalls
from traceability.scanning import Scans
from traceability.sealing import Seals
from traceability.service import Trace

NOW = datetime(2025, 11, 23, 8, 0, tzinfo=UTC)
PLANTED = datetime(2025, 9, 21, 0, 0, tzinfo=UTC)
HARVESTED = datetime(2025, 11, 20, 0, 0, tzinfo=UTC)
COUNTY, PLOT, GATEWAY = "371522", "sx-01-g1", "sx-01-gw"
COOP, SHOP, INSPECTOR, WORKS = "sx-coop-02", "sx-retailer-01", "sx-inspector-01", "sx-processor-01"
# The hours of the season in which the sensors said nothing: one whole day and one evening.
SILENT = {*range(20 * 24, 21 * 24), *range(40 * 24 + 18, 40 * 24 + 22)}
CHANNELS = (("sx-01-g1-climate", "air_temperature"), ("sx-01-g1-climate", "air_humidity"), ("sx-01-g1-soil", "soil_temperature"),
            ("sx-01-g1-soil", "soil_moisture"))  # fmt: skip


@dataclass
class House:
    """Services and the hands to use them with."""

    services: Any
    kit: Kit

    def app(self, *routers: Any, public_only: bool = False) -> FastAPI:
        """Return an application of these page modules only."""
        app = FastAPI(openapi_url=None)
        app.state.services, app.state.public_only = self.services, public_only
        install(app)
        for module in routers:
            app.include_router(module.router(self.services))
        return app

    def code(self, number: str) -> str:
        """Return the printed code of a lot."""
        return "-".join(self.services.trace.code_of(f"{COUNTY}:{number}")[k : k + 4] for k in range(0, 17, 4))

    def tamper(self, kind: str) -> str:
        """Change one digit in the stored body of the first event of a kind, as an intruder in the database would; return its id."""
        with self.kit.engine.begin() as connection:
            row = connection.execute(
                text("SELECT log_index, event_id, body FROM event WHERE event_type = :k ORDER BY log_index"), {"k": kind}
            ).first()
            body = bytes(row.body)
            at = body.index(b'"quantity"')
            k = next(k for k in range(at, len(body)) if body[k : k + 1].isdigit())
            changed = body[:k] + (b"9" if body[k : k + 1] != b"9" else b"8") + body[k + 1 :]
            connection.execute(text("UPDATE event SET body = :b WHERE log_index = :i"), {"b": changed, "i": row.log_index})
        return str(row.event_id)


def build_house(folder: Path, *, readings_every_minutes: int = 60, price_days: int = 0, url: str = "") -> House:
    """Return a house with lots T1 (harvested, inspected, shipped, received), P1 (packed from T1) and T2 (growing)."""
    clock = FixedClock(NOW)
    engine = open_engine(url or f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    registry = Registry(engine, clock)
    _register(registry)
    seeds = {p: Seed(hashlib.sha256(p.encode()).digest()) for p in (COOP, SHOP, INSPECTOR, WORKS)}
    for party, seed in seeds.items():
        registry.add_key(party, bytes(seed.verify_key), to_ms(PLANTED) - 10**9)
    trace = Trace(engine, registry, clock, folder / "keys" / "log.key")
    anchors = Anchors(engine, clock, trace.log_vkey, lambda: None, Rules(30_000, 1, own_chain=True))
    directory = SimpleNamespace(gateway_county=lambda _gateway: COUNTY, device_allowed=lambda _gateway, _device: True)
    readings = Readings(folder / "readings", clock, directory)
    cold = ColdChain(engine, trace, readings, registry, clock, demo=True)
    prices = Prices(engine, clock, BlobFolder(folder / "blobs"))
    forecasts = Forecasts(engine, clock, prices)
    selling = Selling(prices, trace, registry, clock, forecasts=forecasts)
    freight = Freight(engine, trace, registry, selling, clock, use_pyvrp=False)
    analysis = Analysis(prices, clock, folder / "analysis")
    services = SimpleNamespace(settings=Settings(data=folder), clock=clock, demo=True, registry=registry, readings=readings, trace=trace,
                               anchors=anchors, recalls=Recalls(engine, trace, registry, clock, folder / "keys"),
                               documents=Documents(engine, trace, clock), prices=prices,
                               analysis=analysis,
                               forecasts=forecasts,
                               desk=PriceDesk(engine, clock, BlobFolder(folder / "blobs")),
                               price_alerts=PriceAlerts(engine, clock, registry, Evidence(prices, analysis, forecasts),
                                                        ChannelFile(folder / "keys", folder / "spool", clock)),
                               scans=Scans(engine, trace, registry, clock, folder / "keys"),
                               readiness=dict, seals=Seals(engine, trace, registry, readings, clock, 3_600_000),
                               bundles=Bundles(engine, trace),
                               logistics=Logistics(freight, cold, selling),
                               photos=Photos(engine, BlobFolder(folder / "blobs"), clock),
                               problem_reports=ProblemReports(engine, clock, folder / "keys" / "devices.key"))  # fmt: skip
    kit = Kit(engine, trace, registry, clock, seeds)  # type: ignore[arg-type]
    _grow(kit)
    if price_days:
        fill(engine, market_day(NOW), to_ms(NOW), days=price_days)
    _measure(readings, readings_every_minutes)
    return House(services, kit)


def _register(registry: Registry) -> None:
    known = scenario()
    registry.add_all(parties.County(**vars(c)) for c in known.counties)
    registry.add_all(parties.Party(**vars(p)) for p in known.parties)
    registry.add_all(
        products.Product(p.id, p.name_zh, p.name_en, p.unit, p.shelf_life_class, tuple(products.Variety(**vars(v)) for v in p.varieties))
        for p in known.products
    )
    registry.add_all(plots.Base(**vars(b)) for b in known.bases)
    registry.add_all(
        plots.Plot(p.id, p.base, p.kind, p.name_zh, p.name_en, p.area_mu, p.lat, p.lon) for p in known.plots
    )  # fmt: skip
    registry.register_gateways([(g.id, g.county, g.base, g.name_zh, g.name_en) for g in known.gateways if g.id == GATEWAY])
    registry.add_all(
        devices.Device(d.id, d.county, d.gateway, d.plot, d.base, d.kind, d.name_zh, d.name_en,
                       tuple(devices.DeviceChannel(c.code, c.unit, c.interval_s) for c in d.channels))
        for d in known.devices if d.gateway == GATEWAY
    )  # fmt: skip


def _grow(kit: Kit) -> None:
    def at(moment: datetime) -> dict[str, str]:
        kit.clock.instant = moment + timedelta(minutes=5)
        return {"eventTime": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}

    place = {"bizLocation": {"id": f"urn:suhe:plot:{PLOT}"}}
    product = {"suhe:product": "melon", "suhe:variety": "melon_white"}
    kit.send("plant", COOP, quantityList=[{"epcClass": kit.lot("T1")}], ilmd=product, **place, **at(PLANTED))
    fertiliser = {"suhe:inputClass": "fertiliser", "suhe:nameZh": "生物有机肥", "suhe:nameEn": "Bio-organic fertiliser"}
    kit.send("input_bought", COOP, quantityList=[kit.part("F1", 40)], ilmd=fertiliser,
             **{"suhe:lots": [kit.lot("T1")], "suhe:seller": "示例农资店"}, **at(PLANTED + timedelta(days=6)))  # fmt: skip
    kit.send("input_used", COOP, quantityList=[kit.part("F1", 12.5)],
             **{"suhe:lots": [kit.lot("T1")], "suhe:purpose": "追肥", "suhe:intervalDays": 7},
             **at(PLANTED + timedelta(days=20)))  # fmt: skip
    kit.send("harvest", COOP, quantityList=[kit.part("T1", 860)], **place, **at(HARVESTED))
    told = {
        "method": "enzyme_inhibition",
        "result": "pass",
        "standard": "GB/T 5009.199-2003",
        "samples": 3,
        "items": ["有机磷", "氨基甲酸酯"],
    }
    kit.send(
        "inspect", INSPECTOR, quantityList=[{"epcClass": kit.lot("T1")}], **{"suhe:inspection": told}, **at(HARVESTED + timedelta(hours=3))
    )
    kit.transform("pack", {"T1": 400}, {"P1": 395}, COOP, "melon", **{"suhe:package": "5 公斤纸箱"}, **at(HARVESTED + timedelta(hours=5)))
    kit.ship("P1", 395, COOP, SHOP, **{"suhe:carrier": "urn:suhe:party:sx-carrier-01"}, **at(HARVESTED + timedelta(hours=8)))
    kit.receive("P1", 395, SHOP, COOP, **{"suhe:temperature": 11.5}, **at(HARVESTED + timedelta(hours=20)))
    kit.send("plant", COOP, quantityList=[{"epcClass": kit.lot("T2")}], ilmd=product, **place, **at(HARVESTED + timedelta(days=2)))
    kit.trace.make_checkpoint()
    kit.clock.instant = NOW


def _measure(readings: Readings, every_minutes: int) -> None:
    """Send the season's readings through the same door as a gateway on HTTP."""
    rows = []
    steps = int((HARVESTED + timedelta(days=1) - PLANTED) / timedelta(minutes=every_minutes))
    start = PLANTED - timedelta(hours=8)  # the Shanghai midnight before
    for k in range(steps + 8 * 60 // every_minutes):
        moment = start + timedelta(minutes=k * every_minutes)
        hours = (moment - start) // timedelta(hours=1)
        if hours in SILENT:
            continue
        wave = math.sin(hours / 24 * 2 * math.pi)
        values = (22 + 6 * wave - hours / 300, 70 - 12 * wave, 20 + 2 * wave - hours / 400, 24 + (hours % 240) / 60)
        rows += [ReadingIn(d, c, to_ms(moment), round(x, 2)) for (d, c), x in zip(CHANNELS, values, strict=True)]
    for seq, k in enumerate(range(0, len(rows), 1900)):
        ack = readings.accept(GATEWAY, encode_up(seq, rows[k : k + 1900]))
        assert not ack.refused, ack.refused
