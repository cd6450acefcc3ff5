"""Whatever a market site does, the board keeps what it had and says so."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock
from foundation.database import metadata, open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.quotes import Window
from pricing.service import Prices
from simulators.markets import MODES, SITES, break_market, heal, run_markets
from simulators.markets_sites import COUNTED
from tests.pricing.tables import fingerprints
from tests.waiting import wait_until

assert pricing.store
POLLED = [s for s, site in SITES.items() if site.polled]
UNPOLLED = [s for s, site in SITES.items() if not site.polled]
TODAY = date(2026, 11, 23)


@pytest.fixture
def county(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Prices, dict[str, str], FixedClock, Path]]:
    """Yield prices that know the last twenty days of the sites asked for, the sites' addresses, the clock and the simulators' folder."""
    clock = FixedClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    prices = Prices(engine, clock, BlobFolder(tmp_path / "blobs"))
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"clock": clock, "quirks": False, "every": True})
    serve.start()
    told = tmp_path / "simulator" / "markets.json"
    wait_until(told.exists, 10)
    addresses = json.loads(told.read_text())
    with open_client(allow=LOOPBACK_HOSTS) as client:
        for source in request.param:
            assert prices.collect(source, addresses[source], Window(TODAY - timedelta(days=20), TODAY), client).state == "ok"
    yield prices, addresses, clock, tmp_path / "simulator"
    stop.set()
    serve.join(10)
    engine.dispose()


@pytest.mark.parametrize("county", [POLLED], indirect=True, ids=["polled"])
@pytest.mark.parametrize("source", POLLED)
def test_rubbish_does_not_change_the_board(county, source: str) -> None:
    """A page for JSON, nothing, switched units, a renamed column, 502 or missing rows: not one row changes, and the rows turn stale."""
    prices, addresses, clock, folder = county
    with open_client(allow=LOOPBACK_HOSTS) as client:
        for mode in MODES:
            if mode == "short" and source not in COUNTED:
                continue
            before, board = fingerprints(prices), {(r.product, r.market): r.mid for r in prices.board(None, None)}
            break_market(folder, source, mode)
            clock.advance(timedelta(minutes=1))
            report = prices.collect(source, addresses[source], None, client, pause=lambda _seconds: None)
            assert report.state == ("failed" if mode == "down" else "quarantined"), (mode, report)
            assert report.changed == 0
            assert fingerprints(prices) == before
            rows = prices.board(None, None)
            assert {(r.product, r.market): r.mid for r in rows} == board
            # National averages are on no board.
            assert {r.source for r in rows if r.stale} == {source} - {"pfsc"}
            health = {s.id: s for s in prices.sources()}[source]
            assert health.state in ("quarantined", "failing")
            assert health.why
            heal(folder)
            clock.advance(timedelta(minutes=1))
            assert prices.collect(source, addresses[source], None, client).state == "ok"
            assert not any(r.stale for r in prices.board(None, None))


@pytest.mark.parametrize(("county", "source"), [([s], s) for s in UNPOLLED], indirect=["county"], ids=UNPOLLED)
def test_rubbish_from_a_site_the_board_does_not_show_changes_nothing(county, source: str) -> None:
    """The same holds for sites in other money, files of many countries and those that need leave."""
    prices, addresses, clock, folder = county
    before = fingerprints(prices)
    with open_client(allow=LOOPBACK_HOSTS) as client:
        for mode in MODES:
            if mode == "short" and source not in COUNTED:
                continue
            break_market(folder, source, mode)
            clock.advance(timedelta(minutes=1))
            report = prices.collect(source, addresses[source], None, client, pause=lambda _seconds: None)
            assert report.state == ("failed" if mode == "down" else "quarantined"), (mode, report)
            assert fingerprints(prices) == before
        heal(folder)
        clock.advance(timedelta(minutes=1))
        assert prices.collect(source, addresses[source], None, client).state == "ok"


def test_throttling_and_spells_are_sat_out(tmp_path: Path) -> None:
    """With the sites' ordinary habits, a hundred rounds lose not one: an empty body or a 502 now and then only costs a second try."""
    clock = FixedClock(datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    engine = open_engine(f"sqlite:///{tmp_path / 'prices.db'}")
    metadata.create_all(engine)
    prices = Prices(engine, clock, BlobFolder(tmp_path / "blobs"))
    stop = threading.Event()
    serve = threading.Thread(target=run_markets, args=(0, tmp_path, stop), kwargs={"clock": clock})
    serve.start()
    wait_until((tmp_path / "simulator" / "markets.json").exists, 10)
    addresses = json.loads((tmp_path / "simulator" / "markets.json").read_text())
    tries = 0

    def pause(_seconds: float) -> None:
        nonlocal tries
        tries += 1

    with open_client(allow=LOOPBACK_HOSTS) as client:
        for n in range(100):
            source = ("xinfadi", "ncpscxx")[n % 2]
            clock.advance(timedelta(seconds=1))
            assert prices.collect(source, addresses[source], Window(TODAY, TODAY), client, pause=pause).state == "ok"
    assert tries > 3
    stop.set()
    serve.join(10)
    engine.dispose()
