"""One run of one source: claim, fetch and keep the payloads, read, gate, compare with the usual, record or quarantine."""

from __future__ import annotations

import gzip
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.errors import SuheError
from foundation.log import get_logger
from pricing import index_store, store
from pricing.clean import Refusal, quote_of
from pricing.desk.aside import hold_back
from pricing.fetching import Pause, Payload, fetch
from pricing.guards import Usual, inspect, unknown_share
from pricing.quotes import Quote, Window
from pricing.recording import Changes, Standing, changes, with_ordinals
from pricing.source import Page, Source

if TYPE_CHECKING:
    import httpx

# A run that was killed may be claimed again after this long.
CLAIM_MS = 10 * 60_000
_AROUND = timedelta(days=14)
_USUAL_RUNS = 20


@dataclass(frozen=True, slots=True)
class RunReport:
    """What one run did. `state` is ok, quarantined (answered, not believed), failed (no answer) or taken (another process had it)."""

    source: str
    window: Window
    state: str
    why: str = ""
    warnings: tuple[str, ...] = ()
    received: int = 0
    kept: int = 0
    copies: int = 0
    new: int = 0
    revised: int = 0
    withdrawn: int = 0
    refused: tuple[Refusal, ...] = ()
    run_id: int | None = None
    seconds: float = field(default=0.0, compare=False)

    @property
    def changed(self) -> int:
        """How many rows of the history the run appended."""
        return self.new + self.revised + self.withdrawn


@dataclass(slots=True)
class Batch:
    """Everything one run received."""

    payloads: list[Payload] = field(default_factory=list)
    blobs: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)


class Collector:
    """Runs sources against the store."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder) -> None:
        self._engine = engine
        self._clock = clock
        self._blobs = blobs
        self._log = get_logger(__name__)

    def run(
        self, source: Source, base_url: str, window: Window, client: httpx.Client, *, kind: str, slot: str, pause: Pause | None = None
    ) -> RunReport:
        """Collect one window. Whatever the site does, the outcome is a report and the board is either as before or better."""
        began = time.monotonic()
        run_id = self._claim(source.id, slot, kind, window)  # 1
        if run_id is None:
            return RunReport(source.id, window, "taken")
        batch = Batch()
        try:
            self._fill(batch, source, base_url, window, client, pause)  # 2, 3
        except SuheError as error:
            # 200 with a page or another shape is an answer we do not believe; no answer at all is a failure.
            state = "failed" if error.code == "source-failed" else "quarantined"
            return self._close(source, window, run_id, batch, state, error.explain(), base_url, began)
        with self._engine.begin() as connection:
            usual = self._usual(connection, source.id)
            ids = store.series_ids(connection, source.id)
            standing = self._standing(connection, ids, _hull(window, batch.quotes))
            found = inspect(window, batch.pages, batch.quotes, batch.refused, _mids(ids, standing), usual)  # 4
            warnings = tuple(f.text for f in found if not f.fatal)
            fatal = [f.text for f in found if f.fatal]
            if not fatal:
                change = self._record(connection, source, window, run_id, batch, ids, standing)  # 5
                points = (i for p in batch.pages for i in p.indices)
                index_store.record(connection, source.id, run_id, points, to_ms(self._clock.now()))
        if fatal:
            return self._close(source, window, run_id, batch, "quarantined", "; ".join(fatal), base_url, began, warnings)
        return self._close(source, window, run_id, batch, "ok", "", base_url, began, warnings, change)

    def try_out(self, source: Source, base_url: str, window: Window, client: httpx.Client) -> Batch:
        """Fetch and read one window and store nothing at all."""
        batch = Batch()
        for page in fetch(source, base_url, window, client, self._clock, batch.payloads.append):
            self._take(batch, source, page)
        return batch

    def _claim(self, source: str, slot: str, kind: str, window: Window) -> int | None:
        """Return the id of a run that is ours to do, or None: one row per source and slot, whoever comes first."""
        now = to_ms(self._clock.now())
        t = store.price_run
        begun = {"kind": kind, "window_start": window.start, "window_end": window.end, "started_ms": now, "state": "running", "why": ""}
        try:
            with self._engine.begin() as connection:
                made = connection.execute(insert(t).values(source=source, slot=slot, **begun).returning(t.c.id))
                return int(made.scalar_one())
        except IntegrityError:
            pass
        with self._engine.begin() as connection:
            again = (t.c.state.in_(("failed", "quarantined"))) | ((t.c.state == "running") & (t.c.started_ms < now - CLAIM_MS))
            done = connection.execute(update(t).where(t.c.source == source, t.c.slot == slot, again).values(**begun).returning(t.c.id))
            claimed = done.scalar_one_or_none()
            if claimed is not None:
                for table in (store.price_payload, store.price_refused):
                    connection.execute(table.delete().where(table.c.run_id == claimed))
            return int(claimed) if claimed is not None else None

    def _fill(self, batch: Batch, source: Source, base_url: str, window: Window, client: httpx.Client, pause: Pause | None) -> None:
        def keep(payload: Payload) -> None:
            batch.payloads.append(payload)
            # Kept before it is read: what a site really said can be looked at and read again.
            batch.blobs.append(self._blobs.put(compressed(payload.body)))

        for page in fetch(source, base_url, window, client, self._clock, keep, pause):
            self._take(batch, source, page)

    def _take(self, batch: Batch, source: Source, page: Page) -> None:
        today = market_day(self._clock.now())
        # Rows are numbered through the batch: two pages may both have a first row.
        before = sum(len(p.rows) for p in batch.pages)
        batch.pages.append(page)
        for number, raw in enumerate(page.rows, before + 1):
            found = quote_of(raw, source.id, today, raw.currency or source.currency)
            if isinstance(found, Quote):
                batch.quotes.append(found)
            else:
                batch.refused.append(replace(found, row=number))

    def _usual(self, connection: Connection, source: str) -> Usual:
        t = store.price_run.c
        past = connection.execute(
            select(t.received, t.unknown, t.kept, t.window_start, t.window_end)
            .where(t.source == source, t.state == "ok", t.received > 0)
            .order_by(t.id.desc())
            .limit(_USUAL_RUNS)
        ).all()
        shape = connection.execute(select(store.price_source.c.shape).where(store.price_source.c.id == source)).scalar_one_or_none()
        if not past:
            return Usual(frozenset(shape.split()) if shape else None)
        per_day = median(r.received / ((r.window_end - r.window_start).days + 1) for r in past)
        unknown = median(r.unknown / r.kept if r.kept else 0.0 for r in past)
        return Usual(frozenset(shape.split()) if shape else None, per_day, unknown)

    def _standing(self, connection: Connection, ids: Mapping[Any, int], window: Window) -> dict[store.Key, Standing]:
        rows = store.current_rows(connection, list(ids.values()), window.start - _AROUND, window.end + _AROUND)
        return {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9]) for r in rows}

    def _record(
        self, connection: Connection, source: Source, window: Window, run_id: int, batch: Batch, ids: dict[store.SeriesKey, int],
        standing: Mapping[store.Key, Standing],
    ) -> Changes:  # fmt: skip
        quotes, copies = with_ordinals(batch.quotes)
        known = store.add_series(connection, ids, (q.series for q in batch.quotes))
        # A refused row says nothing about what it replaces, so with any refused row nothing counts as withdrawn.
        expected: Sequence[store.Key] = []
        if not batch.refused and source.answers == "window":
            expected = [k for k in standing if window.start <= k[1] <= window.end]
        now = to_ms(self._clock.now())
        held = hold_back(connection, known, quotes, standing, run_id, now)
        # What waits for a person is said all the same: what stands for its day is not withdrawn.
        expected = [k for k in expected if k[:2] not in held.days]
        change = changes(held.quotes, copies, known, standing, expected, run_id, now)
        store.append(connection, [*change.observed, *held.observed])
        return change

    def _close(
        self, source: Source, window: Window, run_id: int, batch: Batch, state: str, why: str, base_url: str, began: float,
        warnings: tuple[str, ...] = (), change: Changes | None = None,
    ) -> RunReport:  # fmt: skip
        now = to_ms(self._clock.now())
        received = sum(len(p.rows) for p in batch.pages)
        shape = " ".join(sorted(frozenset[str]().union(*(p.shape for p in batch.pages))))
        t = store.price_run
        ended = {
            "finished_ms": now, "state": state, "why": why, "warnings": "; ".join(warnings), "shape": shape, "received": received,
            "kept": len(batch.quotes), "refused": len(batch.refused), "unknown": round(unknown_share(batch.quotes) * len(batch.quotes)),
            "changed": len(change.observed) if change else 0,
        }  # fmt: skip
        health: dict[str, Any] = {"address": base_url, "last_attempt_ms": now, "why": why}
        if state == "ok":
            health |= {"state": "ok", "last_success_ms": now, "rows_last": received} | ({"shape": shape} if shape else {})
        else:
            health["state"] = "failing" if state == "failed" else "quarantined"
        with self._engine.begin() as connection:
            connection.execute(update(t).where(t.c.id == run_id).values(**ended))
            store.upsert_source(connection, source.id, health)
            self._note_payloads(connection, run_id, batch)
        report = RunReport(
            source.id, window, state, why, warnings, received, len(batch.quotes), change.copies if change else 0,
            change.new if change else 0, change.revised if change else 0, change.withdrawn if change else 0,
            tuple(batch.refused), run_id, time.monotonic() - began,
        )  # fmt: skip
        if state != "ok":
            self._log.warning("price batch not taken", source=source.id, window=str(window), state=state, why=why)
        return report

    def _note_payloads(self, connection: Connection, run_id: int, batch: Batch) -> None:
        rows = [
            {"run_id": run_id, "number": k, "url": p.url, "fetched_ms": p.fetched_ms, "size": len(p.body), "sha256": p.sha256, "blob": blob}
            for k, (p, blob) in enumerate(zip(batch.payloads, batch.blobs, strict=True), 1)
        ]
        if rows:
            connection.execute(insert(store.price_payload), rows)
        note_refused(connection, run_id, batch.refused)


def _hull(window: Window, quotes: Sequence[Quote]) -> Window:
    """Return the days a batch speaks of: those asked for, and those a site told unasked."""
    days = [q.valid_date for q in quotes]
    return Window(min(window.start, *days), max(window.end, *days)) if days else window


def note_refused(connection: Connection, run_id: int, refused: Sequence[Refusal]) -> None:
    """Keep refused rows with their reasons."""
    rows = [
        {"run_id": run_id, "row": r.row, "market": r.market, "name": r.name, "day": r.day, "reason": r.reason, "detail": r.detail}
        for r in refused
    ]
    if rows:
        connection.execute(insert(store.price_refused), rows)


def compressed(body: bytes) -> bytes:
    """Return the same compressed bytes for the same payload, so that a page that did not change is stored once."""
    return gzip.compress(body, 6, mtime=0)


def _mids(ids: Mapping[store.SeriesKey, int], standing: Mapping[store.Key, Standing]) -> dict[tuple[str, ...], dict[date, int]]:
    keys = {i: key for key, i in ids.items()}
    found: dict[tuple[str, ...], dict[date, int]] = {}
    for (series, day, _), stands in standing.items():
        found.setdefault(keys[series], {})[day] = stands.values[1]
    return found
