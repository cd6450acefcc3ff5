"""The registry keeps who and where, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import dataclasses

import nacl.signing
import pytest

from foundation.errors import Conflict, NotFound
from foundation.ids import shard_of
from foundation.passwords import password_fits
from registry.directory import RegistryDirectory
from registry.products import Product
from registry.service import Registry
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND


def test_what_is_added_is_found_again(filled: Registry) -> None:
    """Every noun comes back equal to what was put in, alone and in lists."""
    registry = filled
    assert registry.county("321023") == BAOYING
    assert registry.party("coop-1") == COOP
    assert registry.base("by-01") == BASE
    assert registry.plot("by-01-p1") == POND
    assert registry.product("lotus_root") == LOTUS
    assert registry.device("by-01-p1-level") == LEVEL
    assert registry.plots(county="321023") == registry.plots(base="by-01") == [POND]
    assert registry.plots(county="371522") == []
    assert registry.devices(plot="by-01-p1") == registry.devices(gateway="by-01-gw") == [LEVEL]


def test_adding_the_same_again_changes_nothing_and_another_is_refused(filled: Registry) -> None:
    """Registration is idempotent; the same id with other content is a conflict that leaves everything as it was."""
    registry = filled
    registry.add_all([BAOYING, COOP, BASE, POND, LOTUS, LEVEL])
    with pytest.raises(Conflict, match="this plot is registered otherwise"):
        registry.add_all([Product("extra", "外", "Extra", "kg", "short"), dataclasses.replace(POND, area_mu=16.0)])
    assert [p.id for p in registry.products()] == ["lotus_root"]


def test_a_gateway_password_is_shown_once_and_fits_until_rotated(filled: Registry) -> None:
    """The password fits, its hash is in mosquitto's format and does not contain it, and rotation ends it."""
    registry = filled
    password = registry.rotate_gateway("by-01-gw")
    assert registry.check_gateway("by-01-gw", password)
    assert not registry.check_gateway("by-01-gw", password + "x")
    assert not registry.check_gateway("nobody", password)
    ((gateway, hashed),) = registry.broker_credentials()
    assert gateway == "by-01-gw"
    assert hashed.startswith("$7$")
    assert password not in hashed
    assert password_fits(password, hashed)
    assert registry.gateway("by-01-gw").shard == shard_of("by-01-gw")
    new = registry.rotate_gateway("by-01-gw")
    assert registry.check_gateway("by-01-gw", new)
    assert not registry.check_gateway("by-01-gw", password)
    with pytest.raises(Conflict):
        registry.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")


def test_a_key_is_valid_between_its_times_and_before_its_revocation(filled: Registry) -> None:
    """A key holds from its first to its last instant, and a revocation ends it and never moves later."""
    registry = filled
    public = bytes(nacl.signing.SigningKey.generate().verify_key)
    key = registry.add_key("coop-1", public, 1000, 5000)
    assert registry.add_key("coop-1", public, 1000, 5000) == key
    assert [key.valid_at(ms) for ms in (999, 1000, 4999, 5000)] == [False, True, True, False]
    registry.revoke_key(key.id, 3000)
    registry.revoke_key(key.id, 4000)
    assert [registry.key(key.id).valid_at(ms) for ms in (2999, 3000, 3999)] == [True, False, False]
    with pytest.raises(NotFound, match="signing key"):
        registry.key("0" * 16)


def test_a_mu_is_a_fifteenth_of_a_hectare() -> None:
    """Fifteen mu are one hectare exactly."""
    assert POND.area_hectares == 1.0


def test_the_directory_binds_devices_to_one_gateway(filled: Registry) -> None:
    """A gateway may speak for its own devices only, and a new one is known at once where nobody asked for it a moment ago."""
    registry = filled
    now = [0.0]
    directory = RegistryDirectory(registry, 5.0, monotonic=lambda: now[0])
    assert directory.gateway_county("by-01-gw") == "321023"
    assert directory.device_allowed("by-01-gw", "by-01-p1-level")
    assert not directory.device_allowed("other", "by-01-p1-level")
    registry.register_gateway("by-02-gw", "321023", "by-01", "网关二", "Gateway 2")
    now[0] = 0.3
    assert directory.gateway_county("by-02-gw") == "321023"
