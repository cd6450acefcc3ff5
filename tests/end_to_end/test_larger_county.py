"""The same demo on PostgreSQL, with two web processes and two ingest workers, by configuration alone."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from foundation.files import find_program
from tests import servers
from tests.end_to_end.county import County
from tests.waiting import wait_until

READINGS = 3_000_000
PAGES = ("/", "/c/{c}", "/c/{c}/field", "/c/{c}/lots", "/c/{c}/prices", "/sources")


@pytest.fixture
def county(postgres_url: str, tmp_path: Path) -> Iterator[County]:
    """Yield a demo that differs from the ordinary one by three settings."""
    if not find_program("mosquitto"):
        servers.require(lambda: servers.program("mosquitto"))
    larger = {"SUHE_DATABASE_URL": postgres_url, "SUHE_WEB_PROCESSES": "2", "SUHE_INGEST_WORKERS": "2"}
    made = County(tmp_path, "mosquitto", settings=larger)
    try:
        made.start()
        yield made
    finally:
        made.end()


def listening(pid: int, port: int) -> bool:
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in psutil.Process(pid).net_connections("tcp"))


def test_postgresql_two_web_processes_and_two_ingest_workers_run_the_demo(county: County, postgres_url: str) -> None:
    """All history comes in, shared by both workers; records are in PostgreSQL alone; either web process answers without the other."""
    wait_until(lambda: county.status("/readyz") == 200, 300, every=0.5, what=f"ready: {county.json('/readyz')}")
    assert county.metric("suhe_readings_stored_total") >= READINGS
    assert county.metric("suhe_dead_letters_total") == 0

    assert not (county.folder / "data" / "records.db").exists()
    with psycopg.connect(postgres_url) as connection:
        (events,) = connection.execute("SELECT count(*) FROM event").fetchone() or (0,)
        (quotes,) = connection.execute("SELECT count(*) FROM quote_current").fetchone() or (0,)
    assert events > 500 and quotes > 5_000
    assert "everything holds" in county.suhe("trace", "verify", "--all")

    segments = [p.name for folder in ("segments", "daily") for p in (county.folder / "data" / "readings" / folder).glob("*.parquet")]
    writers = Counter(name.split("-")[0] for name in segments if name[0].isdigit())
    assert set(writers) >= {"0", "1"}, writers

    children = county.children()
    assert {"web", "web-1", "ingest-0", "ingest-1"} <= set(children)
    assert all(listening(children[name], county.port) for name in ("web", "web-1"))
    for down in ("web", "web-1"):
        hold = county.folder / "data" / "control" / f"hold-{down}"
        hold.touch()  # the supervisor kills it and keeps it down, so that what answers is the other one
        wait_until(lambda down=down: down not in county.children(), 10, what=f"{down} is down")
        seen = {path.format(c=c): county.status(path.format(c=c)) for c in ("321023", "371522") for path in PAGES}
        assert set(seen.values()) == {200}, (down, seen)
        hold.unlink()
        wait_until(lambda down=down: down in county.children(), 20, what=f"{down} is back")
        wait_until(lambda down=down: listening(county.children()[down], county.port), 20, what=f"{down} listens again")

    before = county.metric("suhe_readings_stored_total")
    os.kill(children["ingest-1"], signal.SIGKILL)
    wait_until(lambda: county.children().get("ingest-1") not in (None, children["ingest-1"]), 20, what="the worker is back")
    wait_until(lambda: county.metric("suhe_readings_stored_total") > before + 200, 60, what="readings of both workers' shards go on")
