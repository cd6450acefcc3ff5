"""The whole application on a small house: real registry, log, store and prices, with live readings of two counties."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from dashboards.app import create_app
from foundation.clock import to_ms
from ingest.claim_service import Claims
from ingest.payloads import ReadingIn, encode_up
from ingest.service import Readings
from registry import devices
from registry.directory import RegistryDirectory
from simulators.scenario import scenario
from tests.dashboards.fakes_house import NOW, build_house

SHENXIAN, BAOYING = "371522", "321023"
# A gateway of each county that speaks, one whose messages 5 to 7 have not come, and one that stopped an hour ago.
SPEAKING, WITH_GAP, STOPPED = ("sx-01-gw", "by-01-gw"), "by-02-gw", "by-03-gw"
PLAUSIBLE = {
    "air_temperature": 14.2, "air_humidity": 71.0, "rain": 0.0, "water_level": 12.5, "water_temperature": 11.8, "dissolved_oxygen": 7.4,
    "ph": 7.6, "soil_temperature": 13.1, "soil_moisture": 24.0, "co2": 520.0, "battery": 3.9,
}  # fmt: skip


@dataclass
class Installation:
    """Services, the passwords of its gateways, and clients of its pages."""

    services: Any
    passwords: dict[str, str]
    code: str

    def app(self, *, public_only: bool = False) -> FastAPI:
        """Return the whole application."""
        return create_app(self.services, public_only=public_only)

    def browser(self, lang: str = "zh", *, public_only: bool = False, **headers: str) -> TestClient:
        """Return a client that asks for pages as a browser does."""
        told = {"accept": "text/html", "accept-language": lang, **headers}
        return TestClient(self.app(public_only=public_only), headers=told, follow_redirects=False)

    def machine(self, key: str = "") -> TestClient:
        """Return a client that asks for JSON, with an API key where one is given."""
        headers = {"accept": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        return TestClient(self.app(), headers=headers, follow_redirects=False)

    def key(self, role: str, county: str | None = None) -> str:
        """Return the text of a new API key."""
        return str(self.services.registry.make_api_key(f"test {role}", role, county))

    def speak(self, gateway: str, seq: int, age_s: float = 2.0, **values: float) -> None:
        """Let a gateway send one message with a reading of every channel of its devices, observed `age_s` ago."""
        moment = to_ms(self.services.clock.now()) - int(age_s * 1000)
        rows = [
            ReadingIn(d.id, c.code, moment, values.get(c.code, PLAUSIBLE[c.code]))
            for d in self.services.registry.devices(gateway=gateway)
            for c in d.channels
            if c.code in PLAUSIBLE
        ]
        ack = self.services.readings.accept(gateway, encode_up(seq, rows))
        assert not ack.refused, ack.refused


def build_installation(folder: Path, *, demo: bool = True) -> Installation:
    """Return an installation at 16:00 in Shanghai: some gateways speak, one has a gap, one has stopped."""
    house = build_house(folder, readings_every_minutes=360, price_days=60)
    services = house.services
    registry, clock = services.registry, services.clock
    clock.instant = NOW
    services.demo = demo
    known = scenario()
    wanted = ("by-01-gw", "by-02-gw", "by-03-gw")
    made = registry.register_gateways([(g.id, g.county, g.base, g.name_zh, g.name_en) for g in known.gateways if g.id in wanted])
    passwords = {gateway.id: password for gateway, password in made}
    registry.add_all(
        devices.Device(d.id, d.county, d.gateway, d.plot, d.base, d.kind, d.name_zh, d.name_en,
                       tuple(devices.DeviceChannel(c.code, c.unit, c.interval_s) for c in d.channels))
        for d in known.devices if d.gateway in wanted
    )  # fmt: skip
    directory = RegistryDirectory(registry)
    services.readings = Readings(folder / "readings", clock, directory, directory, directory)
    services.claims = Claims(services.readings, registry, directory)
    installation = Installation(services, passwords, house.code("P1"))
    clock.instant = NOW - timedelta(hours=1)
    installation.speak(STOPPED, 1)
    clock.instant = NOW
    for gateway in SPEAKING:
        installation.speak(gateway, 10_000)
    for seq in (1, 2, 3, 4, 8):
        installation.speak(WITH_GAP, seq)
    services.readings.accept("by-01-gw", b"{not json")
    services.logistics.freight.plan_day(SHENXIAN)
    return installation
