"""Every scheduled job of an installation, in one table, run by one process at a time.

The job store is in memory on purpose: this table is the truth, and a job that is not in it must not come back from a file. What must
happen once is kept by the records instead: one row per (source, slot) for a run, and a lease so that a second scheduler stands by.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.clock import SHANGHAI, market_day, to_ms
from foundation.files import write_durably
from foundation.log import get_logger
from pricing.lease import Lease
from pricing.quotes import Window

if TYPE_CHECKING:
    import httpx

    from suhe.bootstrap import Services

LEASE_SECONDS = 15.0
# Forecasts take one core for so long at a time, then leave it to the rest of the house until their next turn.
FORECAST_SECONDS = 10.0
DAY_MS = 86_400_000
# Live quotes of a demo come a round a minute: accelerated, and labelled so.
DEMO_PERIOD_MS = 60_000
# So many changed rows make a snapshot of prices worth writing before the night.
SNAPSHOT_CHANGES = 50_000
# How long the solver may think of a county's day; a demo shares its two cores with everything else.
FREIGHT_LIMIT_S, DEMO_FREIGHT_LIMIT_S = 20.0, 1.5
# A job that was late by less than this still runs, once (coalesce); the library's own default of one second drops jobs silently.
MISFIRE_GRACE_SECONDS = 3600


@dataclass
class Work:
    """What a job works with."""

    services: Services
    sources: Mapping[str, str]
    client: httpx.Client
    demo: bool
    stop: threading.Event
    locks: dict[str, threading.Lock] = field(default_factory=dict)
    noted: dict[str, int] = field(default_factory=dict)

    def address(self, source: str) -> str:
        """Return where a source is now: a simulated site that was restarted may have moved."""
        if self.demo:
            try:
                told: dict[str, str] = json.loads((self.services.settings.data / "simulator" / "markets.json").read_text())
                return told.get(source, self.sources[source])
            except (OSError, ValueError):
                pass
        return self.sources[source]

    def lock(self, source: str) -> threading.Lock:
        """Return the lock that keeps two runs of one source apart."""
        return self.locks.setdefault(source, threading.Lock())


@dataclass(frozen=True)
class Job:
    """One line of the table: what, when in an ordinary installation, and when in a demo; `per_source` makes one job per source."""

    name: str
    run: Callable[..., None]
    live: Mapping[str, Any] | None
    demo: Mapping[str, Any] | None
    per_source: bool = False


def collect_round(work: Work, source: str) -> None:
    """Ask one source for the last few days."""
    now = work.services.clock.now()
    slot = f"round:{now:%Y-%m-%dT%H:%M}"
    with work.lock(source):
        work.services.prices.collect(source, work.address(source), None, work.client, kind="round", slot=slot)


def collect_asked(work: Work) -> None:
    """Ask the sources for which somebody wants an answer now."""
    for source in work.services.prices.asked_rounds():
        if source in work.sources:
            with work.lock(source):
                work.services.prices.collect(source, work.address(source), None, work.client, kind="asked")


def reread(work: Work, days: int) -> None:
    """Ask every source again for the last days: sites correct their quotes for some time."""
    today = work.services.prices.round_window().end
    for source in work.sources:
        window = Window(today.fromordinal(today.toordinal() - days + 1), today)
        with work.lock(source):
            work.services.prices.collect(source, work.address(source), window, work.client, kind="reread", slot=f"reread:{days}:{window}")


def reread_week(work: Work) -> None:
    """Ask again for the last 7 days."""
    reread(work, 7)


def reread_five_weeks(work: Work) -> None:
    """Ask again for the last 35 days."""
    reread(work, 35)


def snapshot_prices(work: Work) -> None:
    """Write the snapshot of prices anew where anything changed; in a demo not before its history is in."""
    if work.demo and not work.services.readiness()["prices"][0]:
        return
    work.services.prices.build_snapshot()


def snapshot_after_import(work: Work) -> None:
    """Write the snapshot anew without waiting for the night where very much changed since, or there is none."""
    work.services.prices.build_snapshot(at_least=SNAPSHOT_CHANGES)


def make_checkpoint(work: Work) -> None:
    """Sign where the trace log stands."""
    work.services.trace.make_checkpoint()


def state_verifier(work: Work) -> None:
    """State in the log the hash of the verifier we give out, where it is new."""
    from dashboards.verifier import publish

    publish(work.services)


def forget_scans(work: Work) -> None:
    """Destroy the keys of days that are over and delete scans that were kept long enough."""
    work.services.scans.forget()


def watch_cold_chain(work: Work) -> None:
    """Judge the legs of which something new may be known."""
    work.services.logistics.cold_chain.watch()


def keep_anchor(work: Work) -> None:
    """Look at the chain and anchor the newest checkpoint when it is time."""
    work.services.anchors.keep_up()


def look_at_price_alerts(work: Work) -> None:
    """Judge every alert rule, and hand over what is to be told; a demo waits for its prices."""
    if work.demo and not work.services.readiness().get("prices", (True, ""))[0]:
        return
    work.services.price_alerts.evaluate()
    work.services.price_alerts.deliver()


def forget_messages(work: Work) -> None:
    """Delete messages that were sent or given up long ago."""
    work.services.price_alerts.outbox.forget()


def plan_freight(work: Work) -> None:
    """Plan every county's day anew where its picked lots have changed; in a demo not before its season is written."""
    services = work.services
    if work.demo and not services.readiness()["season"][0]:
        return
    for county in services.registry.counties():
        if work.stop.is_set():
            return
        services.logistics.freight.plan_day(county.code, limit_s=DEMO_FREIGHT_LIMIT_S if work.demo else FREIGHT_LIMIT_S)


def seal_days(work: Work) -> None:
    """Seal some hundred plot-days that are over, or that late readings came for; in a demo not before its history is in."""
    if work.demo:
        checks = work.services.readiness()
        if not (checks["season"][0] and checks["history"][0]):
            return
    work.services.seals.seal_due()


def make_forecasts(work: Work) -> None:
    """Forecast what has new weeks, some seconds at a time; in a demo once its history is in. A day on which nothing is left is over."""
    services = work.services
    today = market_day(services.clock.now()).toordinal()
    if work.noted.get("forecast") == today or (work.demo and not services.readiness()["prices"][0]):
        return
    begun = time.monotonic()
    services.forecasts.make_all(FORECAST_SECONDS, stopped=work.stop.is_set)
    if time.monotonic() - begun < FORECAST_SECONDS:
        work.noted["forecast"] = today


JOBS: tuple[Job, ...] = (
    Job(
        "price-round", collect_round, per_source=True,
        live={"trigger": "cron", "hour": "6,10,15", "minute": 20, "jitter": 300},
        demo={"trigger": "interval", "seconds": DEMO_PERIOD_MS // 1000},
    ),
    Job("price-asked", collect_asked, live={"trigger": "interval", "seconds": 5}, demo={"trigger": "interval", "seconds": 2}),
    # Only complete weeks count, so a day is over after its first turns; the last reread of a week comes before.
    Job("price-forecast", make_forecasts, live={"trigger": "cron", "hour": "4-5", "minute": "*/2"},
        demo={"trigger": "interval", "seconds": 20}),
    Job("price-reread-7", reread_week, live={"trigger": "cron", "hour": 2, "minute": 40, "jitter": 600}, demo=None),
    Job(
        "price-reread-35", reread_five_weeks, demo=None,
        live={"trigger": "cron", "day_of_week": "sun", "hour": 3, "minute": 40, "jitter": 600},
    ),
    Job("price-snapshot", snapshot_prices, live={"trigger": "cron", "hour": 4, "minute": 25}, demo={"trigger": "interval", "seconds": 120}),
    Job("price-snapshot-large", snapshot_after_import, live={"trigger": "interval", "seconds": 300}, demo=None),
    Job("cold-chain", watch_cold_chain, live={"trigger": "interval", "seconds": 15}, demo={"trigger": "interval", "seconds": 5}),
    Job("price-alerts", look_at_price_alerts, live={"trigger": "interval", "minutes": 3}, demo={"trigger": "interval", "seconds": 10}),
    Job("messages-forget", forget_messages, live={"trigger": "cron", "hour": 3, "minute": 10}, demo=None),
    Job("scans-forget", forget_scans, live={"trigger": "cron", "minute": 3}, demo={"trigger": "cron", "minute": 3}),
    Job("freight-plan", plan_freight, live={"trigger": "cron", "minute": "*/20"}, demo={"trigger": "interval", "seconds": 30}),
    Job("log-checkpoint", make_checkpoint, live={"trigger": "interval"}, demo={"trigger": "interval"}),
    Job("log-verifier", state_verifier, live={"trigger": "interval", "hours": 1}, demo={"trigger": "interval", "hours": 1}),
    # A demo's history is some thousand plot-days: it is sealed in a few minutes, after everything else is there.
    Job("seal-days", seal_days, live={"trigger": "interval", "seconds": 300}, demo={"trigger": "interval", "seconds": 8}),
    # A look costs a few requests on loopback or the network; how often something is anchored is a setting of its own.
    Job("log-anchor", keep_anchor, live={"trigger": "interval", "seconds": 30}, demo={"trigger": "interval", "seconds": 4}),
)  # fmt: skip


def run_scheduler(services: Services, sources: Mapping[str, str], *, demo: bool, stop_event: threading.Event) -> None:
    """Hold the lease and run every job until told to stop. Where another scheduler holds it, stand by and take over when it is gone."""
    holder = f"{socket.gethostname()}:{os.getpid()}"
    lease = Lease(services.prices, services.clock, "scheduler", holder, LEASE_SECONDS)
    log = get_logger(__name__)
    while not stop_event.is_set():
        if not lease.take():
            log.info("another scheduler is at work; standing by")
            stop_event.wait(LEASE_SECONDS / 3)
            continue
        try:
            _run_as_leader(services, sources, lease, demo=demo, stop_event=stop_event)
        finally:
            lease.give_up()


def _run_as_leader(services: Services, sources: Mapping[str, str], lease: Lease, *, demo: bool, stop_event: threading.Event) -> None:
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.jobstores.memory import MemoryJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    from pricing.fetching import open_client

    lost = threading.Event()
    with open_client(services.settings.contact) as client:
        work = Work(services, sources, client, demo, threading.Event())
        scheduler = BackgroundScheduler(
            timezone=SHANGHAI,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(4)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE_SECONDS},
        )
        for job in JOBS:
            _add(scheduler, job, work, services.settings.checkpoint_seconds)
        scheduler.add_job(_beat, "interval", seconds=LEASE_SECONDS / 3, args=[lease, lost], id="lease")
        scheduler.add_job(
            _note_next_runs, "interval", seconds=5, args=[work, scheduler], id="next-runs", next_run_time=datetime.now(SHANGHAI)
        )

        scheduler.add_listener(_log_errors, _error_events())
        # Started and ended by this one thread: whenever the word to stop comes, there is a running scheduler to end.
        scheduler.start()
        # Once and as long as it takes, so not a job with a time. (The library also trips over one-off jobs while it shuts down.)
        history = threading.Thread(target=_fill_history_and_tell, args=[work], name="price-history")
        history.start()
        try:
            while not stop_event.wait(0.2) and not lost.is_set():
                pass
        finally:
            work.stop.set()
            scheduler.shutdown(wait=True)
            history.join()


def _add(scheduler: Any, job: Job, work: Work, checkpoint_seconds: float) -> None:
    when = dict((job.demo if work.demo else job.live) or {})
    if not when:
        return
    if job.name == "log-checkpoint":
        when["seconds"] = checkpoint_seconds
    if when["trigger"] == "interval":
        when["next_run_time"] = datetime.now(SHANGHAI)
    for source in work.sources if job.per_source else [""]:
        arguments = [work, source] if job.per_source else [work]
        scheduler.add_job(job.run, args=arguments, id=f"{job.name}:{source}" if source else job.name, replace_existing=True, **when)


def _fill_history_and_tell(work: Work) -> None:
    try:
        fill_history(work)
    except Exception:  # noqa: BLE001 - the rounds go on; the next start goes on with the history
        get_logger(__name__).exception("history failed")


def fill_history(work: Work) -> None:
    """Fetch three years of every source, the most recent block of every source first; a restart goes on where this was."""
    path = work.services.settings.data / "simulator" / "prices.json"
    prices = work.services.prices
    total = sum(len(prices.all_history_windows()) for _ in work.sources)
    if not total:
        return
    for attempt in range(20):
        waiting = {s: prices.history_windows(s) for s in work.sources}
        left = sum(len(w) for w in waiting.values())
        _tell(work, path, total - left, total)
        if left == 0:
            return
        # Turn by turn, so that no source waits for another one's whole past.
        for turn in range(max(len(w) for w in waiting.values())):
            for source, windows in waiting.items():
                if work.stop.is_set():
                    return
                if turn < len(windows):
                    slot, window = windows[turn]
                    with work.lock(source):
                        report = prices.collect(source, work.address(source), window, work.client, kind="history", slot=slot)
                    left -= report.state == "ok"
                    _tell(work, path, total - left, total)
        if work.stop.wait(min(60.0, 2.0 * 2**attempt)):
            return


def _tell(work: Work, path: Path, done: int, total: int) -> None:
    if work.demo:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, json.dumps({"done": done, "total": total, "complete": done >= total}).encode())


def _note_next_runs(work: Work, scheduler: Any) -> None:
    for source in work.sources:
        job = scheduler.get_job(f"price-round:{source}")
        if job is not None and job.next_run_time is not None:
            next_ms = to_ms(job.next_run_time)
            if work.noted.get(source) != next_ms:
                work.services.prices.note_next_run(source, next_ms, DEMO_PERIOD_MS if work.demo else DAY_MS)
                work.noted[source] = next_ms


def _beat(lease: Lease, lost: threading.Event) -> None:
    if not lease.take():
        get_logger(__name__).warning("another scheduler took over")
        lost.set()


def _error_events() -> int:
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED

    return int(EVENT_JOB_ERROR | EVENT_JOB_MISSED)


def _log_errors(event: Any) -> None:
    # A job that failed is told and comes again at its next time; it never takes the others with it.
    get_logger(__name__).error("job failed", job=event.job_id, error=repr(getattr(event, "exception", None) or "missed"))
