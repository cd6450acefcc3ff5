"""Fixtures shared by all tests: real servers, one of each per run, and a fresh records database per test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers

_names = itertools.count()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[servers.Server]:
    """Yield a mosquitto of this test's own that lets anyone in."""
    server = servers.require(lambda: servers.start_mosquitto(tmp_path / "mosquitto"))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@pytest.fixture
def amqtt(tmp_path: Path) -> Iterator[servers.Server]:
    """Yield an embedded broker of this test's own that lets anyone in."""
    with servers.running(servers.start_amqtt(tmp_path / "amqtt")) as server:
        yield server


@pytest.fixture
def victoria_metrics(tmp_path: Path) -> Iterator[servers.Server]:
    """Yield an empty VictoriaMetrics."""
    server = servers.require(lambda: servers.start_victoria_metrics(tmp_path))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """Yield one PostgreSQL for the whole run."""
    folder = tmp_path_factory.mktemp("postgres")
    server = servers.require(lambda: servers.start_postgres(folder))
    assert isinstance(server, servers.Server)
    with servers.running(server):
        yield server


@pytest.fixture
def postgres_url(postgres: servers.Server) -> str:
    """Return the URL of an empty PostgreSQL database of this test's own."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_names)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return postgres.url.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(params=["sqlite", "postgresql"])
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of an empty records database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Yield one headless browser for the whole run."""
    path = servers.require(servers.chromium_path)
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP trace.test 127.0.0.1"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(path), args=flags)
        yield browser
        browser.close()


@pytest.fixture(params=[390, 1440], ids=["phone", "desktop"])
def chromium_page(chromium: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Yield a page, once as wide as a phone and once as wide as a desktop."""
    context = chromium.new_context(viewport={"width": request.param, "height": 844 if request.param == 390 else 900})
    page = context.new_page()
    yield page
    context.close()


@pytest.fixture(scope="session")
def conformance_data() -> Path:
    """Return the folder of outside data, or skip by name where it is not given."""
    folder = os.environ.get("SUHE_CONFORMANCE_DATA")
    if not folder or not Path(folder).is_dir():
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("SUHE_CONFORMANCE_DATA must name the folder of outside data under CI; .ci/run sets it")
        pytest.skip("SUHE_CONFORMANCE_DATA does not name the folder of outside data")
    return Path(folder)
