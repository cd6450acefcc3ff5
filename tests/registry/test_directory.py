"""What ingest asks at every message: quick, soon right, and still there when the database is not."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from registry.devices import GatewayKey
from registry.directory import RegistryDirectory
from registry.feeds import FeedBook
from registry.service import Registry
from tests.registry.examples import LEVEL


class CountingRegistry:
    """A registry that counts how often it is asked, and fails when told."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.asked = 0
        self.down = False

    def who_speaks_for_what(self) -> tuple[dict[str, str], dict[str, frozenset[str]]]:
        """Answer as the registry does."""
        self.asked += 1
        if self.down:
            raise OperationalError("SELECT", {}, Exception("no database"))
        return self._registry.who_speaks_for_what()

    def gateway_keys(self) -> list[GatewayKey]:
        """Answer as the registry does."""
        return self._registry.gateway_keys()

    def feed_book(self) -> FeedBook:
        """Answer as the registry does."""
        return self._registry.feed_book()


@pytest.fixture
def counting(filled: Registry) -> CountingRegistry:
    """Return a registry that counts."""
    return CountingRegistry(filled)


@pytest.fixture
def now() -> list[float]:
    """Return a time that is moved by hand."""
    return [100.0]


@pytest.fixture
def directory(counting: CountingRegistry, now: list[float]) -> Iterator[RegistryDirectory]:
    """Return a directory that asks it every five seconds."""
    return RegistryDirectory(counting, 5.0, monotonic=lambda: now[0])  # type: ignore[arg-type, return-value]


def test_what_is_known_is_asked_once(directory: RegistryDirectory, counting: CountingRegistry, now: list[float]) -> None:
    """Thousands of readings cost one query in five seconds."""
    for _ in range(5000):
        assert directory.device_allowed("by-01-gw", LEVEL.id)
    assert directory.gateway_county("by-01-gw") == "321023"
    assert counting.asked == 1
    now[0] += 5.0
    assert directory.device_allowed("by-01-gw", LEVEL.id)
    assert counting.asked == 2


def test_a_new_device_is_known_within_a_moment(
    directory: RegistryDirectory, filled: Registry, counting: CountingRegistry, now: list[float]
) -> None:
    """A device registered a moment ago is not refused for five seconds, and strangers cannot make a query of every message."""
    assert not directory.device_allowed("by-01-gw", "new")
    filled.add_device(dataclasses.replace(LEVEL, id="new"))
    now[0] += 0.25
    assert directory.device_allowed("by-01-gw", "new")
    asked = counting.asked
    for _ in range(1000):
        assert not directory.device_allowed("by-01-gw", "stranger")
        assert directory.gateway_county("stranger") is None
    assert counting.asked <= asked + 1


def test_a_device_speaks_through_its_own_gateway_only(directory: RegistryDirectory, filled: Registry) -> None:
    """Another gateway's device is refused."""
    filled.register_gateway("by-02-gw", "321023", "by-01", "网关二", "Gateway 2")
    assert not directory.device_allowed("by-02-gw", LEVEL.id)
    assert not directory.device_allowed("nobody", LEVEL.id)


def test_a_revoked_gateway_is_out_after_the_refresh(directory: RegistryDirectory, filled: Registry, now: list[float]) -> None:
    """Within five seconds its readings are refused, and its password lets it in nowhere; rotating lets it in again."""
    assert directory.gateway_county("by-01-gw") == "321023"
    filled.revoke_gateway("by-01-gw")
    assert filled.broker_credentials() == []
    now[0] += 5.0
    assert directory.gateway_county("by-01-gw") is None
    assert not directory.device_allowed("by-01-gw", LEVEL.id)
    assert filled.check_gateway("by-01-gw", filled.rotate_gateway("by-01-gw"))
    now[0] += 5.0
    assert directory.gateway_county("by-01-gw") == "321023"


def test_without_the_database_the_last_answer_stands(directory: RegistryDirectory, counting: CountingRegistry, now: list[float]) -> None:
    """Readings go on being stored while the records cannot be read; a directory that never read them says so."""
    assert directory.gateway_county("by-01-gw") == "321023"
    counting.down = True
    now[0] += 60.0
    assert directory.gateway_county("by-01-gw") == "321023"
    assert directory.device_allowed("by-01-gw", LEVEL.id)
    with pytest.raises(SQLAlchemyError):
        RegistryDirectory(counting, 5.0).gateway_county("by-01-gw")  # type: ignore[arg-type]
