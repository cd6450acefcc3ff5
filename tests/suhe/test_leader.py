"""Jobs keep their times over a restart, and two schedulers at once do nothing twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, update

import suhe.job_store
from foundation.blobs import BlobFolder
from foundation.clock import SHANGHAI, SystemClock, to_ms
from foundation.database import metadata, open_engine
from pricing import store
from pricing.lease import Lease
from pricing.quotes import Window
from pricing.service import Prices
from suhe.job_store import DueTimes, schedule_job
from suhe.leader import run_as_leader, run_scheduler
from suhe.schedule import JOBS, Job, Work
from tests.pricing.hosts_of_tests import served
from tests.pricing.tables import fingerprints
from tests.pricing.test_politeness import DATA, DAY
from tests.waiting import wait_until

assert suhe.job_store
# A moment of the year that no test runs at.
YEARLY = {"trigger": "cron", "month": 2, "day": 29, "hour": 3}
CLOCK = SystemClock()


class _WithoutPast(Prices):
    """Prices that need no history."""

    def history_windows(self, source_id: str, days: int = 0) -> list[tuple[str, Window]]:
        """Return that nothing is left to fetch."""
        return []


@pytest.fixture
def services(records_url: str, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """Yield what a scheduler of a live installation works with, on either database."""
    engine = open_engine(records_url)
    metadata.create_all(engine)
    settings = SimpleNamespace(data=tmp_path, contact="", checkpoint_seconds=1.0, private_price_hosts=["127.0.0.1"])
    yield SimpleNamespace(settings=settings, clock=CLOCK, prices=_WithoutPast(engine, CLOCK, BlobFolder(tmp_path / "blobs")))
    engine.dispose()


@contextmanager
def running(services: SimpleNamespace, *jobs: Job, sources: dict[str, str] | None = None) -> Iterator[None]:
    """Run a scheduler with these jobs for a while."""
    stop = threading.Event()
    options = {"demo": False, "stop_event": stop, "jobs": jobs}
    thread = threading.Thread(target=run_scheduler, args=(services, sources or {}), kwargs=options)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def _due(services: SimpleNamespace, job: str) -> int | None:
    with services.prices.engine.connect() as connection:
        found = connection.execute(select(schedule_job.c.due_ms).where(schedule_job.c.id == job)).scalar_one_or_none()
    return int(found) if found is not None else None


def _move_due(services: SimpleNamespace, job: str, back: timedelta) -> None:
    """As if the scheduler had been stopped over the time of the job."""
    with services.prices.engine.begin() as connection:
        moved = update(schedule_job).where(schedule_job.c.id == job).values(due_ms=to_ms(CLOCK.now() - back))
        assert connection.execute(moved).rowcount == 1


def test_a_job_that_was_missed_runs_once_after_a_restart(services: SimpleNamespace) -> None:
    """Due while nothing ran and late within its grace, it runs once; the start after that runs nothing; beyond its grace it is left out."""
    ran: list[float] = []
    nightly = Job("nightly", lambda _work: ran.append(time.monotonic()), live=YEARLY, demo=None, grace_seconds=3600)
    with running(services, nightly):
        wait_until(lambda: _due(services, "nightly"), 10)
    first = _due(services, "nightly")
    assert (ran, first is not None and first > to_ms(CLOCK.now())) == ([], True)
    _move_due(services, "nightly", timedelta(minutes=50))
    with running(services, nightly):
        wait_until(lambda: ran, 10)
    assert _due(services, "nightly") == first
    with running(services, nightly):
        wait_until(lambda: _due(services, "nightly") == first, 10)
        time.sleep(0.3)
    assert len(ran) == 1
    _move_due(services, "nightly", timedelta(hours=2))
    with running(services, nightly):
        wait_until(lambda: _due(services, "nightly") == first, 10)
        time.sleep(0.3)
    assert len(ran) == 1


def test_the_table_of_jobs_is_the_truth(services: SimpleNamespace) -> None:
    """A job that left the table is forgotten and not run, and one whose times were changed keeps no old time."""
    ran: Counter[str] = Counter()
    gone = Job("gone", lambda _work: ran.update(["gone"]), live=YEARLY, demo=None)
    moved = Job("moved", lambda _work: ran.update(["moved"]), live=YEARLY, demo=None)
    with running(services, gone, moved):
        wait_until(lambda: _due(services, "moved"), 10)
    _move_due(services, "gone", timedelta(minutes=5))
    _move_due(services, "moved", timedelta(minutes=5))
    with running(services, Job("moved", moved.run, live={**YEARLY, "hour": 4}, demo=None)):
        wait_until(lambda: (_due(services, "moved") or 0) > to_ms(CLOCK.now()), 10)
        time.sleep(0.3)
    assert _due(services, "gone") is None
    assert ran == {}


def test_only_times_are_kept_of_a_job(services: SimpleNamespace) -> None:
    """Nothing in the records could be run: a name, the text of its times and a number; only the holder of the lease writes them."""
    columns = {c.name: str(c.type) for c in schedule_job.columns}
    assert columns == {"id": "TEXT", "times": "TEXT", "due_ms": "BIGINT"}
    one, two = (Lease(services.prices, CLOCK, "scheduler", h, -1) for h in ("one", "two"))
    assert one.take()
    times = DueTimes(services.prices.engine, one.fence)
    times.keep("a", "cron", CLOCK.now())
    time.sleep(0.005)  # a lease without length is over at once
    assert two.take()
    with pytest.raises(Exception, match="taken over"):
        times.keep("a", "cron", CLOCK.now() + timedelta(days=1))


def test_every_job_is_explicit_about_being_late() -> None:
    """Each job of the table has a grace; rereads are caught up with on the same day or within the week; every zone is Shanghai's."""
    assert all(j.grace_seconds >= 3600 for j in JOBS)
    by_name = {j.name: j for j in JOBS}
    assert by_name["price-reread-7"].grace_seconds > 12 * 3600
    assert by_name["price-reread-35"].grace_seconds > 5 * 86_400
    assert str(SHANGHAI) == "Asia/Shanghai"


def _often(work: Work) -> None:
    slot = f"round:{int(work.services.clock.now().timestamp() * 4)}"
    work.collect("shenxian_origin", Window(DAY, DAY), "round", slot)


def _two_at_once(services: SimpleNamespace, start: Callable[[threading.Event, int], None]) -> Counter[str]:
    """Run two schedulers for some rounds; return how often each state of a run came, and how often the site was asked."""
    with served(lambda *_: (200, {}, DATA)) as host:
        stop = threading.Event()
        services.sources = {"shenxian_origin": host.url}
        threads = [threading.Thread(target=start, args=(stop, k)) for k in range(2)]
        for t in threads:
            t.start()
        wait_until(lambda: _runs(services)["ok"] >= 3, 30, what="three rounds")
        stop.set()
        for t in threads:
            t.join(20)
        return _runs(services) + Counter(asked=len(host.asked))


def _runs(services: SimpleNamespace) -> Counter[str]:
    t = store.price_run.c
    with services.prices.engine.connect() as connection:
        return Counter({r[0]: r[1] for r in connection.execute(select(t.state, func.count()).group_by(t.state))})


ROUND = Job("price-round", _often, live={"trigger": "interval", "seconds": 0.25}, demo=None)


def test_of_two_schedulers_at_once_one_works(services: SimpleNamespace) -> None:
    """Over the same records one holds the lease and the other stands by: every slot is asked for once."""

    def start(stop: threading.Event, _number: int) -> None:
        run_scheduler(services, services.sources, demo=False, stop_event=stop, jobs=[ROUND])

    told = _two_at_once(services, start)
    assert told["asked"] == told["ok"] == told.total() - told["asked"]
    with services.prices.engine.connect() as connection:
        assert connection.execute(select(store.price_lease.c.fence)).scalar_one() <= 2


def test_two_that_both_believe_to_lead_do_nothing_twice(services: SimpleNamespace) -> None:
    """Were the lease to fail altogether, the claim of each slot still lets one of them ask; the quotes are those of one run."""

    def start(stop: threading.Event, number: int) -> None:
        lease = Lease(services.prices, CLOCK, f"scheduler-{number}", str(number), 15)
        assert lease.take()
        run_as_leader(services, services.sources, lease, demo=False, stop_event=stop, jobs=[ROUND])

    told = _two_at_once(services, start)
    assert told["asked"] == told["ok"]
    assert told["running"] == 0
    counts = services.prices.counts()
    assert counts["current"] == counts["observed"] == 5
    assert fingerprints(services.prices)
