"""Every scheduled job of an installation, in one table; `suhe/leader.py` runs it, in one process at a time.

This table is the truth: a job that is not in it does not come back from the records, which keep nothing of a job but when it is due, so
that one that was missed while nothing ran is run after the start. What must happen once is kept by the records, too: one row per
(source, slot) for a run, and a lease so that a second scheduler stands by.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from foundation.clock import SHANGHAI, market_day
from suhe.demo_alerts import seed_alert_rules

if TYPE_CHECKING:
    import httpx

    from pricing.collecting import RunReport
    from pricing.lease import Fence
    from pricing.quotes import Window
    from suhe.bootstrap import Services

# Forecasts take one core for so long at a time, then leave it to the rest of the house until their next turn.
FORECAST_SECONDS = 10.0
DAY_MS = 86_400_000
# Live quotes of a demo come a round a minute: accelerated, and labelled so.
DEMO_PERIOD_MS = 60_000
# So many changed rows make a snapshot of prices worth writing before the night.
SNAPSHOT_CHANGES = 50_000
# How long the solver may think of a county's day; a demo shares its two cores with everything else.
FREIGHT_LIMIT_S, DEMO_FREIGHT_LIMIT_S = 20.0, 1.5
# A job that was late by less than its grace still runs, once (coalesce); the library's own default of one second drops jobs silently.
GRACE_SECONDS = 3600
NIGHTLY_GRACE_SECONDS, WEEKLY_GRACE_SECONDS = 20 * 3600, 6 * 86_400


@dataclass
class Work:
    """What a job works with."""

    services: Services
    sources: Mapping[str, str]
    client: httpx.Client
    demo: bool
    stop: threading.Event
    fence: Fence | None = None
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

    def collect(self, source: str, window: Window | None, kind: str, slot: str = "") -> RunReport:
        """Ask one source, one run at a time; a word to stop ends its waits."""
        with self.lock(source):
            return self.services.prices.collect(
                source, self.address(source), window, self.client, kind=kind, slot=slot, pause=self.stop.wait, fence=self.fence
            )

    def lock(self, source: str) -> threading.Lock:
        """Return the lock that keeps two runs of one source apart."""
        return self.locks.setdefault(source, threading.Lock())


@dataclass(frozen=True)
class Job:
    """One line of the table: what, when in an ordinary installation, and when in a demo.

    `per_source` makes one job per source. A job at fixed times that was missed is run late, but no later than `grace_seconds`. What
    `waits` for other people's machines has threads of its own, so that a slow site keeps nothing else from its time.
    """

    name: str
    run: Callable[..., None]
    live: Mapping[str, Any] | None
    demo: Mapping[str, Any] | None
    per_source: bool = False
    grace_seconds: int = GRACE_SECONDS
    waits: bool = False


def collect_round(work: Work, source: str) -> None:
    """Ask one source for the last few days. Two schedulers that start the same round at somewhat other moments mean one slot."""
    now = work.services.clock.now().astimezone(SHANGHAI)
    work.collect(source, None, "round", f"round:{now:%Y-%m-%dT%H:%M}" if work.demo else f"round:{now:%Y-%m-%dT%H}")


def collect_asked(work: Work) -> None:
    """Ask the sources for which somebody wants an answer now."""
    for source in work.services.prices.asked_rounds():
        if source in work.sources:
            work.collect(source, None, "asked")


def reread_week(work: Work, source: str) -> None:
    """Ask a source again for the last 7 days: sites correct their quotes for some time."""
    _reread(work, source, 7)


def reread_five_weeks(work: Work, source: str) -> None:
    """Ask a source again for the last 35 days."""
    _reread(work, source, 35)


def _reread(work: Work, source: str, days: int) -> None:
    for window in work.services.prices.reread_windows(source, days):
        if work.stop.is_set():
            return
        work.collect(source, window, "reread", f"reread:{days}:{window}")


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
    if work.demo:
        seed_alert_rules(work.services)
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


def retain_readings(work: Work) -> None:
    """Take readings and windows away that are older than they are kept for."""
    from ingest.retention import Keep

    settings = work.services.settings
    work.services.readings.store.retain(Keep(settings.keep_readings_months, settings.keep_5min_months))


def build_normals(work: Work) -> None:
    """Add the months that are over to the normals readings are held against."""
    work.services.readings.quality.build_normals()


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
        "price-round", collect_round, per_source=True, waits=True,
        live={"trigger": "cron", "hour": "6,10,15", "minute": 20, "jitter": 300},
        demo={"trigger": "interval", "seconds": DEMO_PERIOD_MS // 1000},
    ),
    # Only complete weeks count, so a day is over after its first turns; the last reread of a week comes before.
    Job(
        "price-forecast", make_forecasts, live={"trigger": "cron", "hour": "4-5", "minute": "*/2"},
        demo={"trigger": "interval", "seconds": 20},
    ),
    Job(
        "price-asked", collect_asked, waits=True,
        live={"trigger": "interval", "seconds": 5}, demo={"trigger": "interval", "seconds": 2},
    ),
    Job(
        "price-reread-7", reread_week, per_source=True, waits=True, grace_seconds=NIGHTLY_GRACE_SECONDS, demo=None,
        live={"trigger": "cron", "hour": 2, "minute": 40, "jitter": 600},
    ),
    Job(
        "price-reread-35", reread_five_weeks, per_source=True, waits=True, grace_seconds=WEEKLY_GRACE_SECONDS, demo=None,
        live={"trigger": "cron", "day_of_week": "sun", "hour": 3, "minute": 40, "jitter": 600},
    ),
    Job("price-snapshot", snapshot_prices, live={"trigger": "cron", "hour": 4, "minute": 25}, demo={"trigger": "interval", "seconds": 120}),
    Job("price-snapshot-large", snapshot_after_import, live={"trigger": "interval", "seconds": 300}, demo=None),
    Job("cold-chain", watch_cold_chain, live={"trigger": "interval", "seconds": 15}, demo={"trigger": "interval", "seconds": 5}),
    Job("price-alerts", look_at_price_alerts, live={"trigger": "interval", "minutes": 3}, demo={"trigger": "interval", "seconds": 10}),
    Job("messages-forget", forget_messages, live={"trigger": "cron", "hour": 3, "minute": 10}, demo=None),
    Job("scans-forget", forget_scans, live={"trigger": "cron", "minute": 3}, demo={"trigger": "cron", "minute": 3}),
    Job(
        "quality-normals", build_normals, live={"trigger": "cron", "hour": 3, "minute": 50}, demo=None,
        grace_seconds=NIGHTLY_GRACE_SECONDS,
    ),
    Job("freight-plan", plan_freight, live={"trigger": "cron", "minute": "*/20"}, demo={"trigger": "interval", "seconds": 30}),
    Job("log-checkpoint", make_checkpoint, live={"trigger": "interval"}, demo={"trigger": "interval"}),
    Job("log-verifier", state_verifier, live={"trigger": "interval", "hours": 1}, demo={"trigger": "interval", "hours": 1}),
    Job(
        "readings-retention", retain_readings, demo=None, grace_seconds=NIGHTLY_GRACE_SECONDS,
        live={"trigger": "cron", "hour": 3, "minute": 30},
    ),
    # A demo's history is some thousand plot-days: it is sealed in a few minutes, after everything else is there.
    Job("seal-days", seal_days, live={"trigger": "interval", "seconds": 300}, demo={"trigger": "interval", "seconds": 8}),
    # A look costs a few requests on loopback or the network; how often something is anchored is a setting of its own.
    Job("log-anchor", keep_anchor, live={"trigger": "interval", "seconds": 30}, demo={"trigger": "interval", "seconds": 4}),
)  # fmt: skip
