"""The scheduler: one at a time, three years of history and then rounds, and nothing of it lost to a restart."""

from __future__ import annotations

import json
import threading
import time
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pricing.store
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, SystemClock
from foundation.database import metadata, open_engine
from pricing.lease import Lease
from pricing.service import Prices
from simulators.markets import break_market, heal, run_markets
from suhe.leader import run_scheduler
from suhe.schedule import JOBS, Work, make_forecasts
from tests.waiting import wait_until

assert pricing.store


class _Log:
    """A trace that counts its checkpoints."""

    made = 0

    def make_checkpoint(self) -> None:
        """Count one."""
        self.made += 1

    def keep_up(self) -> None:
        """Stand in for the anchors too."""


def _prices(url: str, tmp_path: Path, clock: SystemClock | FixedClock) -> Prices:
    engine = open_engine(url)
    metadata.create_all(engine)
    return Prices(engine, clock, BlobFolder(tmp_path / "blobs"))


def test_a_lease_has_one_holder_and_passes_on(records_url: str, tmp_path: Path) -> None:
    """While one holds it nobody else gets it; when it falls silent or gives up, another does."""
    clock = FixedClock(SystemClock().now())
    prices = _prices(records_url, tmp_path, clock)
    one, two = (Lease(prices, clock, "scheduler", holder, 15) for holder in ("one", "two"))
    assert one.take()
    assert one.take()
    assert not two.take()
    clock.advance(timedelta(seconds=16))
    assert two.take()
    assert not one.take()
    two.give_up()
    assert one.take()


def test_a_scheduler_told_to_stop_before_it_runs_ends(tmp_path: Path) -> None:
    """A SIGTERM that comes between taking the lease and starting ends the process and gives the lease back."""
    clock = SystemClock()
    prices = _prices(f"sqlite:///{tmp_path / 'records.db'}", tmp_path, clock)
    settings = SimpleNamespace(data=tmp_path, contact="", checkpoint_seconds=0.5, private_price_hosts=[])
    services = SimpleNamespace(prices=prices, trace=_Log(), anchors=_Log(), settings=settings, clock=clock)

    class Told(threading.Event):
        """Set from the second time it is asked: the first is before the lease is taken."""

        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            if self.asked > 1:
                self.set()
            return super().is_set()

        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return super().wait(timeout)

    arguments = {"demo": True, "stop_event": Told()}
    running = threading.Thread(target=run_scheduler, args=(services, {}), kwargs=arguments, daemon=True)
    running.start()
    running.join(10)
    assert not running.is_alive()
    assert Lease(prices, clock, "scheduler", "the next one", 15).take()


def test_noting_the_next_runs_never_keeps_a_scheduler_from_ending(tmp_path: Path) -> None:
    """Told to stop while it writes down when sources are asked next, a scheduler ends; a job that asked it then would wait for ever."""
    clock = SystemClock()
    prices = _prices(f"sqlite:///{tmp_path / 'records.db'}", tmp_path, clock)
    settings = SimpleNamespace(data=tmp_path, contact="", checkpoint_seconds=60.0, private_price_hosts=[])
    services = SimpleNamespace(prices=prices, trace=_Log(), anchors=_Log(), settings=settings, clock=clock)
    stop, noting = threading.Event(), threading.Event()

    def note_next_run(*_: object) -> None:
        noting.set()
        stop.wait(20)
        time.sleep(0.3)  # the leader is shutting down now, if anything lets it

    prices.note_next_run = note_next_run  # type: ignore[method-assign]
    sources = {"xinfadi": "http://127.0.0.1:9", "ncpscxx": "http://127.0.0.1:9"}
    run = threading.Thread(target=run_scheduler, args=(services, sources), kwargs={"demo": False, "stop_event": stop}, daemon=True)
    run.start()
    assert noting.wait(20)
    stop.set()
    run.join(20)
    assert not run.is_alive()


def test_every_job_has_a_name_of_its_own_and_a_time() -> None:
    """The table is complete: a job without a live time could never run in a real installation."""
    assert len({j.name for j in JOBS}) == len(JOBS)
    assert all(j.live for j in JOBS)


def test_forecasts_wait_for_a_demos_history_and_are_made_once_a_day() -> None:
    """Not before three years are in; then every turn until nothing is left, and not again before another day."""
    clock = FixedClock(SystemClock().now())
    turns: list[float] = []
    ready = {"prices": (False, "")}
    forecasts = SimpleNamespace(make_all=lambda budget, stopped: turns.append(budget))
    services = SimpleNamespace(clock=clock, forecasts=forecasts, readiness=lambda: ready)
    work = Work(services, {}, None, True, threading.Event())  # type: ignore[arg-type]
    make_forecasts(work)
    assert turns == []
    ready["prices"] = (True, "")
    make_forecasts(work)
    make_forecasts(work)
    assert len(turns) == 1
    clock.advance(timedelta(days=1))
    make_forecasts(work)
    assert len(turns) == 2


def test_a_demo_fills_its_history_runs_rounds_and_answers_wishes(tmp_path: Path) -> None:
    """From nothing to a board, every source asked, checkpoints made; a broken site shows within ten seconds of the wish."""
    prices = _prices(f"sqlite:///{tmp_path / 'records.db'}", tmp_path, SystemClock())
    stop, stop_sites = threading.Event(), threading.Event()
    sites = threading.Thread(target=run_markets, args=(0, tmp_path, stop_sites))
    sites.start()
    wait_until((tmp_path / "simulator" / "markets.json").exists, 10)
    addresses = json.loads((tmp_path / "simulator" / "markets.json").read_text())
    log = _Log()
    settings = SimpleNamespace(data=tmp_path, contact="", checkpoint_seconds=0.5, private_price_hosts=[])
    services = SimpleNamespace(settings=settings, clock=SystemClock(), prices=prices, trace=log, anchors=log)
    run = threading.Thread(target=run_scheduler, args=(services, addresses), kwargs={"demo": True, "stop_event": stop})
    run.start()
    try:
        wait_until(lambda: len({r.market for r in prices.board(None, None)}) == 10, 20, what="a board of ten markets")
        wait_until(lambda: all(s.next_run_ms for s in prices.sources() if s.id in addresses), 10, what="the next round of every source")
        assert log.made > 0
        before = _days(prices, "shenxian_origin")
        break_market(tmp_path / "simulator", "shenxian_origin", "html")
        prices.ask_round("shenxian_origin")
        wait_until(lambda: _state(prices, "shenxian_origin") == "quarantined", 10, what="the broken site on the board")
        assert {r.source for r in prices.board(None, None) if r.stale} == {"shenxian_origin"}
        assert _days(prices, "shenxian_origin") == before
        heal(tmp_path / "simulator")
        prices.ask_round("shenxian_origin")
        wait_until(lambda: _state(prices, "shenxian_origin") == "ok", 10, what="the healed site on the board")
        progress = tmp_path / "simulator" / "prices.json"
        wait_until(lambda: json.loads(progress.read_text())["complete"], 120, what="three years of history")
        assert prices.counts()["current"] > 190_000
    finally:
        stop.set()
        stop_sites.set()
        run.join(20)
        sites.join(10)
    assert not run.is_alive()


def _days(prices: Prices, source: str) -> dict[tuple[str, str], date]:
    return {(r.product, r.market): r.valid_date for r in prices.board(None, None) if r.source == source}


def _state(prices: Prices, source: str) -> str:
    return {s.id: s.state for s in prices.sources()}[source]


def test_a_scheduler_without_sources_only_keeps_the_log(tmp_path: Path) -> None:
    """An installation that reads no market still signs its log and stops when told."""
    prices = _prices(f"sqlite:///{tmp_path / 'records.db'}", tmp_path, SystemClock())
    log, stop = _Log(), threading.Event()
    services = SimpleNamespace(
        settings=SimpleNamespace(data=tmp_path, contact="", checkpoint_seconds=0.1, private_price_hosts=[]),
        clock=SystemClock(),
        prices=prices,
        trace=log,
        anchors=log,
    )
    run = threading.Thread(target=run_scheduler, args=(services, {}), kwargs={"demo": False, "stop_event": stop})
    run.start()
    wait_until(lambda: log.made >= 2, 10)
    stop.set()
    run.join(10)
    assert not run.is_alive()
