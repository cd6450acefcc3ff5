"""How long nobody leads when the leading scheduler is gone, and what a host's book costs: `python -m bench.collector [--quick]`.

Two schedulers run over the same records in processes of their own. The one that leads is killed (SIGKILL) or stopped in its tracks
(SIGSTOP); the time runs until the lease has the next number. The book: runs of one small answer from a site on loopback, with nothing
owed and with everything owed to a host but the waiting (turns, robots.txt, bytes, breaker, ETag), taking turns.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import Engine, select

import suhe.job_store
from bench.report import Row, print_report
from foundation.blobs import BlobFolder
from foundation.clock import SystemClock
from foundation.database import metadata, open_engine
from pricing.addresses import LOOPBACK_HOSTS
from pricing.fetching import open_client
from pricing.politeness import Policy
from pricing.quotes import Window
from pricing.service import Prices
from pricing.store import price_lease

assert suhe.job_store
DAY = date(2026, 11, 22)
OWED = Policy(pause_seconds=0.001, daily_bytes=10**9, robots=True, breaker=True, validators=True)


def main() -> None:
    """Measure and print, or be one of the schedulers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--child", help="records of a scheduler to run")
    given = parser.parse_args()
    if given.child:
        _schedule(given.child)
    else:
        print_report("collector", rows(quick=given.quick))


def rows(*, quick: bool) -> list[Row]:
    """Return the figures; quick: one of each and twenty runs."""
    kills, runs = (1, 20) if quick else (5, 200)
    found = []
    with tempfile.TemporaryDirectory() as name:
        for engine, url in _engines(Path(name)):
            for what, sign in (("kill -9", signal.SIGKILL), ("standstill", signal.SIGSTOP)):
                taken = sorted(_without_leader(url, sign) for _ in range(kills))
                scale = f"{engine}, {kills} times, {taken[0]:.1f} to {taken[-1]:.1f}"
                found.append(Row(f"takeover, {what}", statistics.median(taken), "s", scale, at_most=20.0))
        owed, free = _book(f"sqlite:///{name}/book.db", Path(name), runs)
        found.append(Row("a run, all owed", 1000 * owed, "ms", f"SQLite, median of {runs}", "nothing owed", 1000 * free))
    return found


def _schedule(url: str) -> None:
    from suhe.leader import run_scheduler

    engine = open_engine(url)
    settings = SimpleNamespace(data=Path(), contact="", checkpoint_seconds=1.0, private_price_hosts=[])
    services = SimpleNamespace(settings=settings, clock=SystemClock(), prices=Prices(engine, SystemClock(), BlobFolder(Path("blobs"))))
    run_scheduler(services, {}, demo=False, stop_event=threading.Event(), jobs=[])  # type: ignore[arg-type]


def _without_leader(url: str, sign: signal.Signals) -> float:
    engine = open_engine(url)
    metadata.create_all(engine)
    before = _number(engine)
    children = [subprocess.Popen([sys.executable, "-m", "bench.collector", "--child", url], stdout=subprocess.DEVNULL)]
    try:
        _wait_for(engine, before + 1)
        children.append(subprocess.Popen([sys.executable, "-m", "bench.collector", "--child", url], stdout=subprocess.DEVNULL))
        time.sleep(5)  # the other stands by
        children[0].send_signal(sign)
        start = time.perf_counter()
        _wait_for(engine, before + 2)
        return time.perf_counter() - start
    finally:
        for child in children:
            child.kill()
            child.wait()
        engine.dispose()


def _number(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(price_lease.c.fence)).scalar_one_or_none() or 0)


def _wait_for(engine: Engine, number: int) -> None:
    give_up = time.monotonic() + 60
    while _number(engine) < number:
        if time.monotonic() > give_up:
            raise RuntimeError("nobody took over")
        time.sleep(0.02)


def _book(url: str, folder: Path, runs: int) -> tuple[float, float]:
    from tests.pricing.hosts_of_tests import served

    prices = Prices(open_engine(url), SystemClock(), BlobFolder(folder / "blobs"))
    metadata.create_all(prices.engine)
    told = [{"date": f"{DAY:%Y%m%d}", "product": "番茄", "grade": "", "town": f"{k}", "min": "1.10", "max": "1.50", "unit": "元/斤"}
            for k in range(50)]  # fmt: skip
    body = json.dumps({"code": 0, "data": {"total": len(told), "page": 1, "rows": told}}).encode()
    seconds: dict[bool, list[float]] = {True: [], False: []}
    with served(lambda *_: (200, {}, body)) as host, open_client(allow=LOOPBACK_HOSTS) as client:
        for k in range(2 * runs):
            owed = bool(k % 2)
            start = time.perf_counter()
            report = prices.collect("shenxian_origin", host.url, Window(DAY, DAY), client, policy=OWED if owed else Policy())
            seconds[owed].append(time.perf_counter() - start)
            assert report.state == "ok", report
    prices.engine.dispose()
    return statistics.median(seconds[True]), statistics.median(seconds[False])


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    from tests.servers import Missing, running, start_postgres

    try:
        server = start_postgres(folder / "postgres", durable=True)
    except Missing:
        yield ""
        return
    with running(server):
        yield server.url


def _engines(folder: Path) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder / 'records.db'}"
    with _cluster(folder) as url:
        if url:
            yield "PostgreSQL", url


if __name__ == "__main__":
    main()
