"""`/readyz` while the store of readings is down, and after it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import namedtuple
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dashboards.app import create_app
from foundation.clock import FixedClock
from foundation.database import open_engine
from foundation.settings import Settings
from ingest import writability
from ingest.catalog import Catalog
from ingest.writability import Writability, writable
from suhe.bootstrap import build_services
from suhe.migrate import migrate
from tests.waiting import wait_until

Usage = namedtuple("Usage", ["total", "used", "free"])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return the folder of an empty store."""
    Catalog(tmp_path / "readings").close()
    return tmp_path / "readings"


@contextlib.contextmanager
def held(store: Path) -> Any:
    """Hold the catalogue's lock for a block."""
    with contextlib.closing(sqlite3.connect(store / "catalog.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_not_ready_while_the_store_is_locked(tmp_path: Path) -> None:
    """503 with the reason in words while somebody holds the lock, 200 again when it is let go; health is asked nothing of it."""
    settings = Settings(data=tmp_path)
    migrate(open_engine(settings.records_url))
    Catalog(settings.readings_folder).close()
    services = build_services(settings, clock=FixedClock(datetime(2026, 7, 1, 4, tzinfo=UTC)))
    with TestClient(create_app(services)) as client:
        assert client.get("/readyz").json()["checks"]["readings"]["ok"]
        with held(settings.readings_folder):
            wait_until(lambda: client.get("/readyz").status_code == 503, 20, what="not ready")
            told = client.get("/readyz").json()
            assert [name for name, check in told["checks"].items() if not check["ok"]] == ["readings"]
            assert "locked" in told["checks"]["readings"]["detail"]
            assert client.get("/healthz").status_code == 200
        wait_until(lambda: client.get("/readyz").status_code == 200, 20, what="ready again")
    services.readings.close()


def test_a_full_disk_or_a_folder_that_is_none(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large disk may be nearly full and a small one nearly empty; both at once, or a folder that takes no file, is told."""
    for total, free, holds in ((4e12, 1e9, True), (1e9, 4e8, True), (4e12, 4e8, False)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, t=total, f=free: Usage(int(t), int(t - f), int(f)))
        assert writable(store)[0] is holds
    monkeypatch.undo()
    (store / "segments").write_text("a file where a folder should be")
    holds, told = writable(store)
    assert not holds and "folder" in told
    assert writable(store / "none") == (True, "nothing stored yet")


def test_one_thread_asks_and_the_store_is_left_as_it_was(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is believed for a moment, and asking leaves nothing behind."""
    monkeypatch.setattr(writability, "BELIEVE_S", 1e9)
    before = sorted(path.name for path in store.iterdir())
    asked = Writability(store)
    assert asked.now()[0]
    with held(store):
        assert asked.now()[0], "found a moment ago"
        assert not writable(store, 0.05)[0]
    assert writable(store)[0] and sorted(p.name for p in store.iterdir() if not p.name.endswith(("-wal", "-shm"))) == before
