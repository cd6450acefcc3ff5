"""How every source is: when it last answered, what it is owed and what it did wrong, and whether it has been silent for too long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, select

from foundation.clock import from_ms, to_ms
from pricing import store
from pricing.desk.imports import import_sources
from pricing.desk.tellers import TELEPHONE
from pricing.hosts import HostState
from pricing.politeness import is_loopback
from pricing.quarantine import open_counts
from pricing.source import Source
from pricing.sources import SOURCES
from pricing.usual import price_day

# A source that was silent for one and a half of its periods is stale.
SILENT_PERIODS = 1.5
# A batch that nobody decided about for so long is not counted any more.
HELD_MS = 35 * 86_400_000


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How one source is: ok, stale (silent too long), quarantined (answered, not believed), failing (no answer) or never.

    `quarantined` counts the batches that somebody should still look at. `newest_day` is the newest market day it told. Of its host:
    whether its breaker is closed, open (left alone until `rests_until_ms`) or half-open; the bytes it gave today of `daily_bytes`; and
    `robots`: unasked (loopback or not yet), allows, or the line that forbids us something. `enabled` is whether the source is read
    unless an operator says otherwise; `covers` what it tells.
    """

    id: str
    name_zh: str
    name_en: str
    state: str
    why: str
    last_success_ms: int | None
    last_attempt_ms: int | None
    next_run_ms: int | None
    rows_last: int
    quarantined: int
    licence: str
    permission: str
    address: str
    markets: tuple[str, ...]
    newest_day: date | None = None
    period_ms: int | None = None
    breaker: str = "closed"
    rests_until_ms: int | None = None
    bytes_today: int = 0
    daily_bytes: int | None = None
    robots: str = "unasked"
    enabled: bool = True
    covers_zh: str = ""
    covers_en: str = ""


@dataclass(frozen=True, slots=True)
class SilentSource:
    """A source without a good answer for more than one and a half of its periods, days on which its markets are closed not counted."""

    id: str
    name_zh: str
    name_en: str
    last_success_ms: int | None
    silent_ms: int
    period_ms: int
    why: str


def health(connection: Connection, hosts: dict[str, HostState], now: datetime) -> list[SourceHealth]:
    """Return how every source is."""
    rows = {r.id: r for r in connection.execute(select(store.price_source))}
    held = open_counts(connection, to_ms(now) - HELD_MS)
    d = price_day.c
    newest = {r[0]: r[1] for r in connection.execute(select(d.source, func.max(d.day)).group_by(d.source))}
    # The telephone and imported files are sources once somebody has used them.
    imported = import_sources(connection) if rows.keys() - SOURCES.keys() - {TELEPHONE.id} else []
    known = [*SOURCES.values(), *(s for s in (TELEPHONE, *imported) if s.id in rows)]
    return [_of(s, rows.get(s.id), held.get(s.id, 0), newest.get(s.id), hosts, now) for s in known]


def silent(connection: Connection, now: datetime) -> list[SilentSource]:
    """Return the sources that have been silent too long; one that is not asked at regular times is never silent."""
    found = []
    for r in connection.execute(select(store.price_source).where(store.price_source.c.period_ms.is_not(None))).all():
        s = SOURCES.get(r.id)
        if s is None or not r.period_ms:
            continue
        since = r.last_success_ms
        if since is None:
            t = store.price_run.c
            since = connection.execute(select(func.min(t.started_ms)).where(t.source == r.id)).scalar_one_or_none()
        if since is None:
            continue
        ms = s.calendar.open_ms(from_ms(since), now)
        if ms > SILENT_PERIODS * r.period_ms:
            found.append(SilentSource(s.id, s.name_zh, s.name_en, r.last_success_ms, ms, r.period_ms, r.why))
    return found


def _of(s: Source, row: Any, held: int, newest: date | None, hosts: dict[str, HostState], now: datetime) -> SourceHealth:
    if row is None:
        return SourceHealth(
            s.id, s.name_zh, s.name_en, "never", "", None, None, None, 0, held, s.licence, s.permission, s.address, s.markets,
            enabled=s.enabled, covers_zh=s.covers_zh, covers_en=s.covers_en,
        )  # fmt: skip
    state, why = (row.state, row.why) if row.last_attempt_ms is not None else ("never", "")
    if state == "ok" and row.period_ms and row.last_success_ms:
        ms = s.calendar.open_ms(from_ms(row.last_success_ms), now)
        if ms > SILENT_PERIODS * row.period_ms:
            state, why = "stale", f"silent for {ms // 60_000} minutes"
    address = row.address or s.address
    host = hosts.get(urlsplit(address).netloc.lower())
    now_ms = to_ms(now)
    breaker = host.breaker.state(now_ms) if host else "closed"
    robots = "unasked" if host is None or host.robots is None else host.refusal or "allows"
    return SourceHealth(
        s.id, s.name_zh, s.name_en, state, why, row.last_success_ms, row.last_attempt_ms, row.next_run_ms, row.rows_last, held, s.licence,
        s.permission, address, s.markets, newest, row.period_ms, breaker,
        host.breaker.open_until_ms if host and breaker == "open" else None, host.bytes_today if host else 0,
        None if is_loopback(address) else s.daily_bytes, robots,
        s.enabled, s.covers_zh, s.covers_en,
    )  # fmt: skip
