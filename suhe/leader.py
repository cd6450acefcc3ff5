"""Run the table of jobs in one process at a time: hold the lease, keep every job's time, hand the work over when another took over."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from foundation.clock import SHANGHAI, to_ms
from foundation.log import get_logger
from pricing.lease import Lease
from suhe.job_store import DueTimes
from suhe.price_history import fill_history_and_tell
from suhe.schedule import DAY_MS, DEMO_PERIOD_MS, GRACE_SECONDS, JOBS, Job, Work

if TYPE_CHECKING:
    from suhe.bootstrap import Services

# A holder that missed two beats is silent, and who stands by takes over.
BEAT_SECONDS = 7.0
LEASE_SECONDS = 15.0
LOOK_SECONDS = 1.0
# When each source is asked next is noted for the pages so often.
NOTE_SECONDS = 5.0
# So many sites are asked at a time; each host has its own pace.
PRICE_THREADS, THREADS = 6, 4

# What the threads of a scheduler work with. The jobs themselves carry nothing: they are named by text, and their work is found here.
_at_work = threading.local()


def run_scheduler(
    services: Services, sources: Mapping[str, str], *, demo: bool, stop_event: threading.Event, jobs: Sequence[Job] = JOBS
) -> None:
    """Hold the lease and run every job until told to stop. Where another scheduler holds it, stand by and take over when it is gone."""
    # A process may hold the lease twice, one after the other; the two are not the same holder.
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    lease = Lease(services.prices, services.clock, "scheduler", holder, LEASE_SECONDS)
    log = get_logger(__name__)
    standing_by = False
    while not stop_event.is_set():
        if not lease.take():
            if not standing_by:
                log.info("another scheduler is at work; standing by")
            standing_by = True
            stop_event.wait(LOOK_SECONDS)
            continue
        standing_by = False
        try:
            run_as_leader(services, sources, lease, demo=demo, stop_event=stop_event, jobs=jobs)
        finally:
            lease.give_up()


def run_as_leader(
    services: Services, sources: Mapping[str, str], lease: Lease, *, demo: bool, stop_event: threading.Event, jobs: Sequence[Job] = JOBS
) -> None:
    """Run every job until told to stop or until the lease is lost."""
    from apscheduler.jobstores.memory import MemoryJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    from pricing.addresses import LOOPBACK_HOSTS
    from pricing.fetching import open_client
    from suhe.kept_jobs import KeptJobStore

    lost = threading.Event()
    allowed = LOOPBACK_HOSTS if demo else services.settings.private_price_hosts
    with open_client(services.settings.contact, allow=allowed) as client:
        work = Work(services, sources, client, demo, threading.Event(), lease.fence)
        times = DueTimes(services.prices.engine, lease.fence)
        scheduler = BackgroundScheduler(
            timezone=SHANGHAI,
            jobstores={"default": MemoryJobStore(), "kept": KeptJobStore(times)},
            executors={"default": _threads(THREADS, work, jobs), "prices": _threads(PRICE_THREADS, work, jobs)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": GRACE_SECONDS},
        )
        ids = [i for job in jobs for i in _add(scheduler, job, work, times, services.settings.checkpoint_seconds)]
        times.keep_only(ids)
        scheduler.add_listener(_log_errors, _error_events())
        # Started and ended by this one thread: whenever the word to stop comes, there is a running scheduler to end.
        scheduler.start()
        # Of its own, not a job: the lease must not wait for a thread that waits for a site.
        beat = threading.Thread(target=_beat, args=[lease, work.stop, lost], name="lease-beat")
        beat.start()
        # Once and as long as it takes, so not a job with a time. (The library also trips over one-off jobs while it shuts down.)
        history = threading.Thread(target=fill_history_and_tell, args=[work], name="price-history")
        history.start()
        noted = 0.0
        try:
            while not stop_event.wait(0.2) and not lost.is_set():
                # Not a job: one that asks the scheduler while it shuts down waits for it for ever, and it for the job.
                if time.monotonic() - noted >= NOTE_SECONDS:
                    _note_next_runs(work, scheduler)
                    noted = time.monotonic()
        finally:
            work.stop.set()
            scheduler.shutdown(wait=True)
            history.join()
            beat.join()


def run_job(name: str, source: str = "") -> None:
    """Run one job of the table; the scheduler names it by text."""
    job = _at_work.jobs[name]
    arguments = (source,) if job.per_source else ()
    job.run(_at_work.work, *arguments)


def _threads(number: int, work: Work, jobs: Sequence[Job]) -> Any:
    from apscheduler.executors.pool import ThreadPoolExecutor

    return ThreadPoolExecutor(number, pool_kwargs={"initializer": _begin_work, "initargs": (work, {j.name: j for j in jobs})})


def _begin_work(work: Work, jobs: Mapping[str, Job]) -> None:
    _at_work.work, _at_work.jobs = work, jobs


def _add(scheduler: Any, job: Job, work: Work, times: DueTimes, checkpoint_seconds: float) -> list[str]:
    """Add a job, due when it was due before this start, and return the ids of what is to be kept of it."""
    when = dict((job.demo if work.demo else job.live) or {})
    if not when:
        return []
    if job.name == "log-checkpoint":
        when["seconds"] = checkpoint_seconds
    kept = []
    for source in work.sources if job.per_source else [""]:
        job_id = f"{job.name}:{source}" if source else job.name
        trigger = _trigger(when)
        options: dict[str, Any] = {"jobstore": "default"}
        if when["trigger"] == "interval":
            options["next_run_time"] = datetime.now(SHANGHAI)
        else:
            kept.append(job_id)
            options = {"jobstore": "kept", "misfire_grace_time": job.grace_seconds}
            # Added anew, a job would be due at its next time from now: what it missed would be lost.
            due = times.due(job_id, str(trigger))
            if due is not None:
                options["next_run_time"] = due
        scheduler.add_job(
            "suhe.leader:run_job", trigger, args=[job.name, source], id=job_id, name=job_id, replace_existing=True,
            executor="prices" if job.waits else "default", **options,
        )  # fmt: skip
    return kept


def _trigger(when: Mapping[str, Any]) -> Any:
    from apscheduler.triggers.cron import CronTrigger
    from apscheduler.triggers.interval import IntervalTrigger

    given = dict(when)
    kind = CronTrigger if given.pop("trigger") == "cron" else IntervalTrigger
    return kind(timezone=SHANGHAI, **given)


def _note_next_runs(work: Work, scheduler: Any) -> None:
    for source in work.sources:
        job = scheduler.get_job(f"price-round:{source}")
        if job is not None and job.next_run_time is not None:
            next_ms = to_ms(job.next_run_time)
            if work.noted.get(source) != next_ms:
                work.services.prices.note_next_run(source, next_ms, DEMO_PERIOD_MS if work.demo else DAY_MS)
                work.noted[source] = next_ms


def _beat(lease: Lease, stop: threading.Event, lost: threading.Event) -> None:
    while not stop.wait(BEAT_SECONDS):
        try:
            held = lease.prolong()
        except Exception:  # noqa: BLE001 - a database that cannot be reached now: the lease is not ours once its time is over
            get_logger(__name__).exception("the lease cannot be prolonged")
            continue
        if not held:
            get_logger(__name__).warning("another scheduler took over")
            lost.set()
            return


def _error_events() -> int:
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED

    return int(EVENT_JOB_ERROR | EVENT_JOB_MISSED)


def _log_errors(event: Any) -> None:
    # A job that failed is told and comes again at its next time; it never takes the others with it.
    get_logger(__name__).error("job failed", job=event.job_id, error=repr(getattr(event, "exception", None) or "missed"))
