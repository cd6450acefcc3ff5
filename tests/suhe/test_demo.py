"""The demo's registration: complete, quick, safe to repeat, and its secrets where only their owner reads them."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nacl.signing
import pytest
from sqlalchemy import delete

from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from foundation.settings import Settings
from registry import store
from registry.service import Registry
from simulators import guests_catalog as guests
from simulators.fleet import fleet
from simulators.scenario import scenario
from suhe.demo import register_demo

CLOCK = FixedClock(datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return the settings of an empty data folder."""
    return Settings(data=tmp_path / "data")


@pytest.fixture
def registry(settings: Settings) -> Registry:
    """Return an empty registry in that folder."""
    engine = open_engine(settings.records_url)
    metadata.create_all(engine)
    return Registry(engine, CLOCK)


def kept(settings: Settings) -> dict[str, Any]:
    """Return what the simulators are handed."""
    told: dict[str, Any] = json.loads((settings.keys_folder / "demo.json").read_text())
    return told


def test_both_counties_are_registered_within_a_second_and_a_half(settings: Settings, registry: Registry) -> None:
    """Everything of the scenario is there, field by field, soon enough for a first page."""
    register_demo(settings, registry, CLOCK)
    told, trucks = scenario(), fleet()
    assert [c.code for c in registry.counties()] == ["321023", "371522"]
    for found, wanted in (
        (registry.parties(), told.parties),
        (registry.bases(), told.bases + trucks.bases),
        (registry.plots(), told.plots),
        (registry.products(), told.products),
        (registry.gateways(), told.gateways + trucks.gateways + guests.GATEWAYS),
        (registry.devices(), told.devices + trucks.devices + guests.DEVICES),
    ):
        assert {n.id: (n.name_zh, n.name_en) for n in found} == {n.id: (n.name_zh, n.name_en) for n in wanted}  # type: ignore[attr-defined]
    for device in told.devices + trucks.devices + guests.DEVICES:
        assert [(c.code, c.unit, c.interval_s) for c in registry.device(device.id).channels] == [
            (c.code, c.unit, c.interval_s) for c in device.channels
        ]


def test_the_simulators_credentials_work(settings: Settings, registry: Registry) -> None:
    """Every gateway's password, every party's key and the API key handed out are the registered ones; a guest can be signed in."""
    register_demo(settings, registry, CLOCK)
    told = kept(settings)
    assert all(registry.check_gateway(gateway, password) for part in ("gateways", "trucks") for gateway, password in told[part].items())
    assert set(told["gateways"]) == {g.id for g in scenario().gateways}
    assert set(told["trucks"]) == {g.id for g in fleet().gateways}
    assert set(told["author_keys"]) == {p.id for p in scenario().parties}
    for party, key in told["author_keys"].items():
        found = registry.key(key["key"])
        assert found.party == party
        assert found.public_key == bytes(nacl.signing.SigningKey(bytes.fromhex(key["seed"])).verify_key)
        assert found.valid_at(to_ms(CLOCK.now() - timedelta(days=399)))
    for gateway, seed in told["gateway_seeds"].items():
        (key,) = registry.gateway_keys(gateway)
        assert key.public_key == bytes(nacl.signing.SigningKey(bytes.fromhex(seed)).verify_key)
    assert set(told["gateway_seeds"]) == set(told["gateways"]) | set(told["trucks"])
    caller = registry.check_api_key(told["api_key"])
    assert caller is not None and caller.role == "service"
    assert registry.person("guest").role == "guest"


def test_only_their_owner_reads_the_secrets(settings: Settings, registry: Registry) -> None:
    """The file is 0600 in a folder of 0700, and no seed lies in the records."""
    register_demo(settings, registry, CLOCK)
    path = settings.keys_folder / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    records = (settings.data / "records.db").read_bytes() + (settings.data / "records.db-wal").read_bytes()
    for secret in [
        *kept(settings)["gateways"].values(),
        *kept(settings)["trucks"].values(),
        *kept(settings)["gateway_seeds"].values(),
        *(k["seed"] for k in kept(settings)["author_keys"].values()),
    ]:
        assert secret.encode() not in records
        assert not (len(secret) == 64 and bytes.fromhex(secret) in records)


def test_a_second_start_changes_nothing(settings: Settings, registry: Registry) -> None:
    """The file stays byte for byte, and no key is added."""
    register_demo(settings, registry, CLOCK)
    before = (settings.keys_folder / "demo.json").read_bytes()
    register_demo(settings, registry, FixedClock(CLOCK.now() + timedelta(days=3)))
    assert (settings.keys_folder / "demo.json").read_bytes() == before
    assert len(registry.signing_keys()) == len(scenario().parties)
    assert len(registry.api_keys()) == 1


def test_a_lost_file_is_made_good(settings: Settings, registry: Registry) -> None:
    """Without the file, passwords nobody knows are replaced, and the new file works."""
    register_demo(settings, registry, CLOCK)
    old = kept(settings)
    (settings.keys_folder / "demo.json").write_text("{ half a fi")
    register_demo(settings, registry, CLOCK)
    new = kept(settings)
    assert all(registry.check_gateway(gateway, password) for gateway, password in new["gateways"].items())
    assert not any(registry.check_gateway(gateway, password) for gateway, password in old["gateways"].items())
    assert registry.check_api_key(new["api_key"]) is not None


def test_lost_records_are_made_good(settings: Settings, registry: Registry, tmp_path: Path) -> None:
    """Where the records are new but the file is old, what the file says is no longer believed."""
    register_demo(settings, registry, CLOCK)
    (tmp_path / "other").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path / 'other' / 'records.db'}")
    metadata.create_all(engine)
    fresh = Registry(engine, CLOCK)
    register_demo(settings, fresh, CLOCK)
    told = kept(settings)
    assert all(fresh.check_gateway(gateway, password) for gateway, password in told["gateways"].items())
    assert {k.id for k in fresh.signing_keys()} == {k["key"] for k in told["author_keys"].values()}


def test_a_start_killed_half_way_is_finished_by_the_next(settings: Settings, registry: Registry) -> None:
    """Devices and a gateway that are missing come in at the next start, and what was there keeps its credentials."""
    register_demo(settings, registry, CLOCK)
    before = kept(settings)
    with open_engine(settings.records_url).begin() as connection:
        connection.execute(delete(store.device).where(store.device.c.gateway == "by-06-gw"))
        connection.execute(delete(store.gateway_key).where(store.gateway_key.c.gateway == "by-06-gw"))
        connection.execute(delete(store.gateway).where(store.gateway.c.id == "by-06-gw"))
    register_demo(settings, registry, CLOCK)
    after = kept(settings)
    assert registry.check_gateway("by-06-gw", after["gateways"]["by-06-gw"])
    assert len(registry.devices()) == len(scenario().devices) + len(fleet().devices) + len(guests.DEVICES)
    assert {g: p for g, p in after["gateways"].items() if g != "by-06-gw"} == {
        g: p for g, p in before["gateways"].items() if g != "by-06-gw"
    }
    assert after["author_keys"] == before["author_keys"]


def test_gateways_of_other_makers_are_fed_and_named(settings: Settings, registry: Registry) -> None:
    """Their feeds, their names and the station's password are registered once; a second start changes nothing."""
    register_demo(settings, registry, CLOCK)
    first = registry.feed_book()
    assert {(f.id, f.gateway, f.format) for f in first.feeds} == {(f.id, f.gateway, f.format) for f in guests.FEEDS}
    assert {(n.feed, n.name, n.device) for n in first.devices} == {(n.feed, n.name, n.device) for n in guests.NAMES}
    assert all(f.secret_hash for f in first.feeds if f.station)
    register_demo(settings, registry, CLOCK)
    assert registry.feed_book() == first
