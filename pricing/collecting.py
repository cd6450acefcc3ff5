"""One run of one source: claim, fetch and keep the payloads, read, gate, compare with the usual, record or quarantine."""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.errors import Conflict, SuheError
from foundation.log import get_logger
from pricing import index_store, store
from pricing.addresses import AddressRefused
from pricing.clean import Refusal, quote_of
from pricing.desk.aside import hold_back
from pricing.desk.judging import Held
from pricing.fetching import FetchFailed, Pause, Payload, Policy, Stopped, fetch, manners_for, policy_of
from pricing.guards import Finding, inspect, unknown_share
from pricing.hosts import HostBook
from pricing.lease import Fence, LeaseLost
from pricing.payloads import compressed, note_payloads, raw_bytes
from pricing.quotes import Quote, Window
from pricing.recording import Changes, Standing, changes, with_ordinals
from pricing.reviews import decide
from pricing.source import Page, Request, Source
from pricing.usual import note_days, usual_of

if TYPE_CHECKING:
    import httpx

# What a run that was killed had claimed may be claimed again after this long, and at once by a scheduler that took over from it.
CLAIM_MS = 60 * 60_000
_AROUND = timedelta(days=14)


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

    def take(self, source: Source, page: Page, today: date) -> None:
        """Read a page: each row becomes a quote or a refusal. Rows are numbered through the batch: two pages may both have a first row."""
        before = self.received
        self.pages.append(page)
        for number, raw in enumerate(page.rows, before + 1):
            found = quote_of(raw, source.id, today, raw.currency or source.currency)
            if isinstance(found, Quote):
                self.quotes.append(found)
            else:
                self.refused.append(replace(found, row=number))

    @property
    def received(self) -> int:
        """How many rows came."""
        return sum(len(p.rows) for p in self.pages)

    @property
    def shape(self) -> str:
        """The columns the rows had, in order of their names."""
        return " ".join(sorted(frozenset[str]().union(*(p.shape for p in self.pages))))


@dataclass(frozen=True, slots=True)
class _Run:
    """One claimed run."""

    id: int
    kind: str
    source: Source
    window: Window
    address: str
    began: float
    fence: Fence | None


class Collector:
    """Runs sources against the store."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder, rng: random.Random | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._blobs = blobs
        self._rng = rng
        self._book = HostBook(engine, clock)
        self._log = get_logger(__name__)

    def run(
        self, source: Source, base_url: str, window: Window, client: httpx.Client, *, kind: str, slot: str, pause: Pause | None = None,
        policy: Policy | None = None, fence: Fence | None = None,
    ) -> RunReport:  # fmt: skip
        """Collect one window. Whatever the site does, the outcome is a report and the board is either as before or better.

        With a `fence` every write checks that its lease is still held: a scheduler that slept through its replacement raises LeaseLost.
        """
        began = time.monotonic()
        run_id = self._claim(source.id, slot, kind, window, fence)  # 1
        if run_id is None:
            return RunReport(source.id, window, "taken")
        run = _Run(run_id, kind, source, window, base_url, began, fence)
        policy = policy or policy_of(source, base_url)
        if kind == "history" and policy.daily_bytes is not None:
            # The past takes no more than half of a day's bytes: the rounds must not starve for it.
            policy = replace(policy, daily_bytes=policy.daily_bytes // 2)
        try:
            return self._work(run, Batch(), client, pause, policy)
        except LeaseLost:
            raise
        except Exception as error:
            # A fault of ours, such as a full disk: the days it claimed are given back, and it is told as what it is.
            self._give_back(run, f"the run broke off: {type(error).__name__}")
            raise

    def _work(self, run: _Run, batch: Batch, client: httpx.Client, pause: Pause | None, policy: Policy) -> RunReport:
        source, window = run.source, run.window
        try:
            self._fill(batch, run, client, pause, policy)  # 2, 3
        except SuheError as error:
            # 200 with a page or another shape is an answer we do not believe; no answer at all is a failure.
            state = "failed" if isinstance(error, FetchFailed | AddressRefused) else "quarantined"
            found = [Finding(True, error.explain(), "read", error.expected or "", error.got or "")]
            with self._writing(run.fence) as connection:
                return self._close(connection, run, batch, state, found, blame=not isinstance(error, Stopped))
        # What is recorded and that it was recorded are one transaction: a process killed here leaves the old state or the new one.
        with self._writing(run.fence) as connection:
            ids = store.series_ids(connection, source.id)
            standing = self._standing(connection, ids, _hull(window, batch.quotes))
            usual, today = usual_of(connection, source.id, window), market_day(self._clock.now())
            found = inspect(
                window, batch.pages, batch.quotes, batch.refused, _mids(ids, standing), usual, today=today, calendar=source.calendar
            )  # 4
            if any(f.fatal for f in found):
                return self._close(connection, run, batch, "quarantined", found)
            change = self._record(connection, source, window, run.id, batch, ids, standing)  # 5
            return self._close(connection, run, batch, "ok", found, change)

    def _give_back(self, run: _Run, why: str) -> None:
        ended = {"state": "failed", "why": why, "finished_ms": to_ms(self._clock.now())}
        with suppress(SQLAlchemyError, LeaseLost), self._writing(run.fence) as connection:
            connection.execute(update(store.price_run).where(store.price_run.c.id == run.id).values(**ended))

    def try_out(self, source: Source, base_url: str, window: Window, client: httpx.Client, policy: Policy | None = None) -> Batch:
        """Fetch and read one window and store no quote at all; what a host is owed is kept and paid as ever."""
        batch = Batch()
        manners = manners_for(policy or policy_of(source, base_url), self._book, self._clock, None, self._rng)
        today = market_day(self._clock.now())
        for page in fetch(source, base_url, window, client, self._clock, batch.payloads.append, manners):
            batch.take(source, page, today)
        return batch

    def take_file(self, source: Source, name: str, body: bytes) -> RunReport:
        """Record an answer of a source that a person brought as a file; the same file twice changes nothing, `taken` then.

        Nothing it does not mention counts as withdrawn, and it says nothing of how the source itself is.

        Raises:
            Blocked, SourceChanged: the file is no answer of this source.

        """
        began, now = time.monotonic(), to_ms(self._clock.now())
        digest = hashlib.sha256(body).hexdigest()
        batch = Batch()
        batch.take(source, source.parse(body, Request("/" + quote(name))), market_day(self._clock.now()))
        days = sorted({q.valid_date for q in batch.quotes} | {p.day for page in batch.pages for p in page.indices})
        window = Window(days[0], days[-1]) if days else Window(market_day(self._clock.now()), market_day(self._clock.now()))
        run_id = self._claim(source.id, f"file:{digest}", "file", window, None)
        if run_id is None:
            return RunReport(source.id, window, "taken")
        batch.payloads.append(Payload(f"file:{name}", body, digest, now, Request("/" + quote(name))))
        batch.blobs.append(self._blobs.put(compressed(body)))
        run = _Run(run_id, "file", source, window, "", began, None)
        with self._engine.begin() as connection:
            ids = store.series_ids(connection, source.id)
            change = self._record(connection, source, window, run_id, batch, ids, self._standing(connection, ids, window), believed=True)
            return self._close(connection, run, batch, "ok", [], change, blame=False)

    def accept(self, source: Source, run_id: int, window: Window, batch: Batch, by: str) -> RunReport:
        """Record a batch that was in quarantine and that a person believes: nothing it does not mention counts as withdrawn."""
        run = _Run(run_id, "accepted", source, window, "", time.monotonic(), None)
        with self._engine.begin() as connection:
            decide(connection, run_id, "accepted", by, to_ms(self._clock.now()))
            ids = store.series_ids(connection, source.id)
            standing = self._standing(connection, ids, _hull(window, batch.quotes))
            change = self._record(connection, source, window, run_id, batch, ids, standing, believed=True)
            now = to_ms(self._clock.now())
            t = store.price_run
            ended = {"state": "ok", **self._counts(batch), "changed": len(change.observed)}
            done = connection.execute(update(t).where(t.c.id == run_id, t.c.state == "quarantined").values(**ended))
            if not done.rowcount:
                raise Conflict("this batch is not in quarantine any more", got=f"run {run_id}")
            connection.execute(store.price_refused.delete().where(store.price_refused.c.run_id == run_id))
            note_refused(connection, run_id, batch.refused)
            note_days(connection, source.id, (raw for p in batch.pages for raw in p.rows))
            # What a person believed is from now on how the source looks.
            health = {"state": "ok", "why": "", "last_success_ms": now, "rows_last": batch.received}
            store.upsert_source(connection, source.id, health | ({"shape": batch.shape} if batch.shape else {}))
        return self._report(run, batch, "ok", [], change)

    def _writing(self, fence: Fence | None) -> AbstractContextManager[Connection]:
        return _fenced(self._engine, fence)

    def _claim(self, source: str, slot: str, kind: str, window: Window, fence: Fence | None) -> int | None:
        """Return the id of a run that is ours to do, or None: one row per source and slot, whoever comes first.

        The same days are asked for by one run at a time, whatever its slot. A run under an older number of the lease is dead: it could
        not write any more.
        """
        now = to_ms(self._clock.now())
        t = store.price_run
        begun = {
            "kind": kind, "window_start": window.start, "window_end": window.end, "started_ms": now, "finished_ms": None,
            "state": "running", "why": "", "fence": fence.number if fence else 0,
        }  # fmt: skip
        killed = t.c.started_ms < now - CLAIM_MS
        if fence is not None:
            killed |= (t.c.fence > 0) & (t.c.fence < fence.number)
        with self._writing(fence) as connection:
            ended = {"state": "failed", "why": "the run ended in the middle", "finished_ms": now}
            connection.execute(update(t).where(t.c.source == source, t.c.state == "running", killed).values(**ended))
        try:
            with self._writing(fence) as connection:
                made = connection.execute(insert(t).values(source=source, slot=slot, **begun).returning(t.c.id))
                return int(made.scalar_one())
        except IntegrityError:
            pass
        try:
            with self._writing(fence) as connection:
                again = (t.c.source == source) & (t.c.slot == slot) & t.c.state.in_(("failed", "quarantined"))
                claimed = connection.execute(update(t).where(again).values(**begun).returning(t.c.id)).scalar_one_or_none()
                if claimed is not None:
                    for table in (store.price_payload, store.price_refused):
                        connection.execute(table.delete().where(table.c.run_id == claimed))
                return int(claimed) if claimed is not None else None
        except IntegrityError:
            return None

    def _fill(self, batch: Batch, run: _Run, client: httpx.Client, pause: Pause | None, policy: Policy) -> None:
        def keep(payload: Payload) -> str:
            batch.payloads.append(payload)
            # Kept before it is read: what a site really said can be looked at and read again.
            batch.blobs.append(self._blobs.put(compressed(payload.body)))
            return batch.blobs[-1]

        manners = manners_for(policy, self._book, self._clock, pause, self._rng)
        today = market_day(self._clock.now())
        read = partial(raw_bytes, self._blobs)
        for page in fetch(run.source, run.address, run.window, client, self._clock, keep, manners, read):
            batch.take(run.source, page, today)

    def _standing(self, connection: Connection, ids: Mapping[Any, int], window: Window) -> dict[store.Key, Standing]:
        rows = store.current_rows(connection, list(ids.values()), window.start - _AROUND, window.end + _AROUND)
        return {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9]) for r in rows}

    def _record(
        self, connection: Connection, source: Source, window: Window, run_id: int, batch: Batch, ids: dict[store.SeriesKey, int],
        standing: Mapping[store.Key, Standing], *, believed: bool = False,
    ) -> Changes:  # fmt: skip
        quotes, copies = with_ordinals(batch.quotes)
        known = store.add_series(connection, ids, (q.series for q in batch.quotes))
        # A refused row says nothing about what it replaces, so with any refused row nothing counts as withdrawn.
        expected: Sequence[store.Key] = []
        if not believed and not batch.refused and source.answers == "window":
            expected = [k for k in standing if window.start <= k[1] <= window.end]
        now = to_ms(self._clock.now())
        # What a person believes as a whole is not held back row by row.
        held = Held(quotes) if believed else hold_back(connection, known, quotes, standing, run_id, now)
        # What waits for a person is said all the same: what stands for its day is not withdrawn.
        expected = [k for k in expected if k[:2] not in held.days]
        change = changes(held.quotes, copies, known, standing, expected, run_id, now)
        store.append(connection, [*change.observed, *held.observed])
        index_store.record(connection, source.id, run_id, (i for p in batch.pages for i in p.indices), now)
        return change

    def _close(
        self, connection: Connection, run: _Run, batch: Batch, state: str, found: Sequence[Finding], change: Changes | None = None, *,
        blame: bool = True,
    ) -> RunReport:  # fmt: skip
        """Write down how a run ended, what it received and what that says of the source."""
        now = to_ms(self._clock.now())
        report = self._report(run, batch, state, found, change)
        t = store.price_run
        ended = {
            "finished_ms": now, "state": state, "why": report.why, "warnings": "; ".join(report.warnings), "shape": batch.shape,
            "changed": len(change.observed) if change else 0, **self._counts(batch),
            "findings": json.dumps([asdict(f) for f in found], ensure_ascii=False),
        }  # fmt: skip
        connection.execute(update(t).where(t.c.id == run.id).values(**ended))
        note_payloads(connection, run.id, batch.payloads, batch.blobs)
        note_refused(connection, run.id, batch.refused)
        health: dict[str, Any] = {"address": run.address, "last_attempt_ms": now, "why": report.why}
        if state == "ok":
            note_days(connection, run.source.id, (raw for p in batch.pages for raw in p.rows))
            health |= {"state": "ok", "last_success_ms": now, "rows_last": batch.received}
            health |= {"shape": batch.shape} if batch.shape else {}
        else:
            health["state"] = "failing" if state == "failed" else "quarantined"
            self._log.warning("price batch not taken", source=run.source.id, window=str(run.window), state=state, why=report.why)
        if blame and not (run.kind == "history" and _in_trouble(connection, run.source.id, state)):
            store.upsert_source(connection, run.source.id, health)
        return report

    @staticmethod
    def _counts(batch: Batch) -> dict[str, int]:
        unknown = round(unknown_share(batch.quotes) * len(batch.quotes))
        return {"received": batch.received, "kept": len(batch.quotes), "refused": len(batch.refused), "unknown": unknown}

    @staticmethod
    def _report(run: _Run, batch: Batch, state: str, found: Sequence[Finding], change: Changes | None) -> RunReport:
        return RunReport(
            run.source.id, run.window, state, "; ".join(f.text for f in found if f.fatal), tuple(f.text for f in found if not f.fatal),
            batch.received, len(batch.quotes), change.copies if change else 0, change.new if change else 0,
            change.revised if change else 0, change.withdrawn if change else 0, tuple(batch.refused), run.id, time.monotonic() - run.began,
        )  # fmt: skip


@contextmanager
def _fenced(engine: Engine, fence: Fence | None) -> Iterator[Connection]:
    """Yield a transaction that belongs to the holder of the lease from its first statement to its end."""
    with engine.begin() as connection:
        if fence is not None:
            fence.check(connection)
        yield connection


def _in_trouble(connection: Connection, source: str, state: str) -> bool:
    """Tell whether a run about the past has nothing to say of a source's present: where either of the two is in trouble."""
    t = store.price_source.c
    now = connection.execute(select(t.state).where(t.id == source)).scalar_one_or_none()
    return now is not None and (state != "ok" or now in ("quarantined", "failing"))


def note_refused(connection: Connection, run_id: int, refused: Sequence[Refusal]) -> None:
    """Keep refused rows with their reasons."""
    rows = [
        {"run_id": run_id, "row": r.row, "market": r.market, "name": r.name, "day": r.day, "reason": r.reason, "detail": r.detail}
        for r in refused
    ]
    if rows:
        connection.execute(insert(store.price_refused), rows)


def _hull(window: Window, quotes: Sequence[Quote]) -> Window:
    """Return the days a batch speaks of: those asked for, and those a site told unasked."""
    days = [q.valid_date for q in quotes]
    return Window(min(window.start, *days), max(window.end, *days)) if days else window


def _mids(ids: Mapping[store.SeriesKey, int], standing: Mapping[store.Key, Standing]) -> dict[tuple[str, ...], dict[date, int]]:
    keys = {i: key for key, i in ids.items()}
    found: dict[tuple[str, ...], dict[date, int]] = {}
    for (series, day, _), stands in standing.items():
        found.setdefault(keys[series], {})[day] = stands.values[1]
    return found
