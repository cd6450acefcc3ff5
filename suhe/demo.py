"""Register the demo's two counties, and hand its simulators the credentials a real vendor would be handed."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, TypeVar

import nacl.signing

from foundation.clock import Clock, to_ms
from foundation.files import write_durably
from foundation.settings import Settings
from registry.devices import Device, DeviceChannel
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety
from registry.service import Registry

# The season's events lie in the past but are logged now; the keys are registered as valid from before the first of them.
KEY_AGE_MS = 400 * 24 * 3600 * 1000

T = TypeVar("T")


def register_demo(settings: Settings, registry: Registry, clock: Clock) -> None:
    """Register both counties and write `keys/demo.json` (0600). A second call finds everything there and changes nothing."""
    from simulators.scenario import scenario

    path = settings.keys_folder / "demo.json"
    if path.exists():
        return
    told = scenario()
    registry.add_all(
        [
            *(_as(County, c) for c in told.counties),
            *(_as(Party, p) for p in told.parties),
            *(_as(Base, b) for b in told.bases),
            *(_as(Plot, p) for p in told.plots),
            *(_as(Product, p, varieties=tuple(_as(Variety, v) for v in p.varieties)) for p in told.products),
        ]
    )
    known = {g.id for g in registry.gateways()}
    passwords = {g.id: registry.rotate_gateway(g.id) for g in told.gateways if g.id in known}
    new = [(g.id, g.county, g.base, g.name_zh, g.name_en) for g in told.gateways if g.id not in known]
    passwords.update({gateway.id: password for gateway, password in registry.register_gateways(new)})
    registry.add_all([_as(Device, d, channels=tuple(_as(DeviceChannel, c) for c in d.channels)) for d in told.devices])
    seeds = {p.id: nacl.signing.SigningKey.generate() for p in told.parties}
    valid_from = to_ms(clock.now()) - KEY_AGE_MS
    keys = registry.add_keys([(party, bytes(key.verify_key), valid_from, None) for party, key in seeds.items()])
    credentials = {
        "gateways": passwords,
        "author_keys": {key.party: {"key": key.id, "seed": seeds[key.party].encode().hex()} for key in keys},
        "api_key": registry.make_api_key("demo season", "service"),
    }
    write_durably(path, json.dumps(credentials, indent=1).encode(), 0o600)


def _as(kind: type[T], told: Any, **changed: Any) -> T:
    """Return the registry's noun with the fields of the scenario's noun of the same name."""
    values = {f.name: changed.get(f.name, getattr(told, f.name)) for f in fields(kind)}  # type: ignore[arg-type]
    return kind(**values)
