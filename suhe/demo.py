"""Register the demo's two counties, and hand its simulators the credentials a real vendor would be handed."""

from __future__ import annotations

import json
import secrets
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import nacl.signing

from foundation.clock import Clock, to_ms
from foundation.files import write_durably
from foundation.settings import Settings
from registry.devices import Device, DeviceChannel
from registry.feeds import DeviceName, Feed
from registry.keys import key_id
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety
from registry.service import Registry
from traceability.office_key import keep_office_key

GUEST = "guest"
# The season's events lie in the past but are logged now; the keys are registered as valid from before the first of them.
KEY_AGE_MS = 400 * 24 * 3600 * 1000

T = TypeVar("T")


def register_demo(settings: Settings, registry: Registry, clock: Clock) -> None:
    """Register both counties and write `keys/demo.json` (0600).

    A second call changes nothing. Where the file or the records were lost, or a start was killed half-way, it makes good what
    is missing: a password nobody knows any more is replaced, and so is a key.
    """
    from simulators import guests_catalog as guests
    from simulators.fleet import fleet
    from simulators.scenario import scenario

    told, trucks = scenario(), fleet()
    _register_places(registry, told)
    registry.add_all(_missing(Base, trucks.bases, {b.id for b in registry.bases()}))
    path = settings.keys_folder / "demo.json"
    kept = _kept(path)
    credentials: dict[str, Any] = {
        "gateways": _gateway_passwords(registry, told.gateways, kept.get("gateways", {})),
        "trucks": _gateway_passwords(registry, trucks.gateways, kept.get("trucks", {})),
        "guests": _gateway_passwords(registry, guests.GATEWAYS, kept.get("guests", {})),
        "station_password": kept.get("station_password") or secrets.token_hex(2),
        "gateway_seeds": _gateway_seeds(registry, [*told.gateways, *trucks.gateways], kept.get("gateway_seeds", {})),
        "author_keys": _author_keys(registry, [p.id for p in told.parties], kept.get("author_keys", {}), to_ms(clock.now()) - KEY_AGE_MS),
        "api_key": _api_key(registry, kept.get("api_key", "")),
    }
    _register_devices(registry, told)
    _register_devices(registry, trucks)
    _register_guests(registry, guests, credentials["station_password"])
    registry.add_person(GUEST, "guest")
    if credentials != kept:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, json.dumps(credentials, indent=1).encode(), 0o600)
    for party in (p.id for p in told.parties if "county" in p.roles):
        # The offices of a demo recall from this server, with the key their simulated self has too.
        keep_office_key(settings.keys_folder, party, bytes.fromhex(credentials["author_keys"][party]["seed"]))


def _register_places(registry: Registry, told: Any) -> None:
    # What is known by its id is left as it is: a newer version may tell a base another name, and a demo must still start.
    registry.add_all(
        [
            *_missing(County, told.counties, {c.code for c in registry.counties()}, key="code"),
            *_missing(Party, told.parties, {p.id for p in registry.parties()}),
            *_missing(Base, told.bases, {b.id for b in registry.bases()}),
            *_missing(Plot, told.plots, {p.id for p in registry.plots()}),
            *_missing(Product, told.products, {p.id for p in registry.products()}, varieties=Variety),
        ]
    )


def _register_devices(registry: Registry, told: Any) -> None:
    registry.add_all(_missing(Device, told.devices, {d.id for d in registry.devices()}, channels=DeviceChannel))


def _register_guests(registry: Registry, guests: Any, station_password: str) -> None:
    """Register the gateways of other makers: their devices, their feeds, what their names of devices mean, the station's password."""
    registry.add_all(_missing(Device, guests.DEVICES, {d.id for d in registry.devices()}, channels=DeviceChannel))
    known = {f.id for f in registry.feeds()}
    for feed in guests.FEEDS:
        if feed.id not in known:
            registry.add_feed(Feed(feed.id, feed.gateway, feed.format, topic=feed.topic, station=feed.station))
            for name in guests.NAMES:
                if name.feed == feed.id:
                    registry.name_device(DeviceName(name.feed, name.name, name.device))
        if feed.station:
            registry.set_feed_secret(feed.id, station_password.upper())


def _gateway_passwords(registry: Registry, gateways: Any, kept: dict[str, str]) -> dict[str, str]:
    known = {g.id for g in registry.gateways()}
    new = [(g.id, g.county, g.base, g.name_zh, g.name_en) for g in gateways if g.id not in known]
    passwords = {gateway.id: password for gateway, password in registry.register_gateways(new)}
    for gateway in gateways:
        if gateway.id in known:
            password = kept.get(gateway.id, "")
            passwords[gateway.id] = password if registry.check_gateway(gateway.id, password) else registry.rotate_gateway(gateway.id)
    return dict(sorted(passwords.items()))


def _gateway_seeds(registry: Registry, gateways: Any, kept: dict[str, str]) -> dict[str, str]:
    """Return the seed of the key each gateway signs its messages with; one whose key is not registered gets a new one."""
    known = {k.gateway: k.id for k in registry.gateway_keys()}
    seeds: dict[str, str] = {}
    for gateway in gateways:
        key = nacl.signing.SigningKey(bytes.fromhex(kept[gateway.id])) if gateway.id in kept else None
        if key is None or known.get(gateway.id) != key_id(bytes(key.verify_key)):
            key = nacl.signing.SigningKey.generate()
            registry.add_gateway_key(gateway.id, bytes(key.verify_key))
        seeds[gateway.id] = bytes(key).hex()
    return dict(sorted(seeds.items()))


def _author_keys(registry: Registry, parties: list[str], kept: dict[str, dict[str, str]], valid_from_ms: int) -> dict[str, dict[str, str]]:
    known = {k.id for k in registry.signing_keys()}
    seeds = {party: bytes.fromhex(kept[party]["seed"]) for party in parties if party in kept and kept[party]["key"] in known}
    made = {party: nacl.signing.SigningKey.generate() for party in parties if party not in seeds}
    new = registry.add_keys([(party, bytes(key.verify_key), valid_from_ms, None) for party, key in made.items()])
    found = {party: {"key": kept[party]["key"], "seed": seed.hex()} for party, seed in seeds.items()}
    found.update({key.party: {"key": key.id, "seed": bytes(made[key.party]).hex()} for key in new})
    return found


def _api_key(registry: Registry, kept: str) -> str:
    return kept if kept and registry.check_api_key(kept) is not None else registry.make_api_key("demo season", "service")


def _missing(kind: type[T], told: Any, known: set[str], *, key: str = "id", **parts: type) -> list[T]:
    return [_as(kind, one, parts) for one in told if getattr(one, key) not in known]


def _as(kind: type[T], told: Any, parts: dict[str, type]) -> T:
    """Return the registry's noun with the fields of the scenario's noun of the same name, and its parts likewise."""
    values = {f.name: getattr(told, f.name) for f in fields(kind)}  # type: ignore[arg-type]
    for name, part in parts.items():
        values[name] = tuple(_as(part, one, {}) for one in values[name])
    return kind(**values)


def _kept(path: Path) -> dict[str, Any]:
    try:
        kept: dict[str, Any] = json.loads(path.read_text())
        return kept
    except (FileNotFoundError, ValueError):
        return {}
