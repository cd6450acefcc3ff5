"""Batches in quarantine: what was promised, what came, and what a person decided. It is the raw answers that are read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select, true

from foundation.blobs import BlobFolder
from foundation.clock import from_ms, market_day
from foundation.errors import Conflict, NotFound, SuheError
from pricing import store
from pricing.clean import Refusal
from pricing.collecting import Batch
from pricing.fetching import read_answer
from pricing.guards import Finding
from pricing.payloads import StoredPayload, raw_bytes
from pricing.quotes import Quote, Window
from pricing.reviews import price_review
from pricing.source import Source

SAMPLE_ROWS = 12


@dataclass(frozen=True, slots=True)
class HeldBatch:
    """A batch that went to quarantine. `decision` is empty, accepted, left, or overtaken where a later good answer covers its days."""

    run_id: int
    source: str
    kind: str
    window: Window
    started_ms: int
    why: str
    findings: tuple[Finding, ...]
    received: int
    kept: int
    refused: int
    decision: str = ""
    decided_by: str = ""
    decided_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody should still look at it."""
        return not self.decision


@dataclass(frozen=True, slots=True)
class HeldDetail:
    """A batch in quarantine as its raw answers read today; `unreadable` says why they cannot be read and hence not accepted."""

    batch: HeldBatch
    payloads: tuple[StoredPayload, ...]
    quotes: tuple[Quote, ...]
    refused: tuple[Refusal, ...]
    unreadable: str


def held_batches(connection: Connection, source: str | None, limit: int) -> list[HeldBatch]:
    """Return the batches that are or were in quarantine, the newest first."""
    t, v = store.price_run, price_review
    mine = t.c.source == source if source is not None else true()
    inside = select(t.c.id).where(t.c.state == "quarantined", mine).order_by(t.c.id.desc()).limit(limit)
    decided = select(v.c.run_id).join(t, t.c.id == v.c.run_id).where(mine).order_by(v.c.run_id.desc()).limit(limit)
    ids = sorted({*connection.execute(inside).scalars(), *connection.execute(decided).scalars()}, reverse=True)[:limit]
    wanted = select(t, v.c.decision, v.c.decided_by, v.c.decided_ms).outerjoin(v, v.c.run_id == t.c.id).where(t.c.id.in_(ids))
    rows = connection.execute(wanted.order_by(t.c.id.desc())).all()
    good = _good_runs(connection, sorted({r.source for r in rows}), min((r.started_ms for r in rows), default=0))
    return [_held(r, good.get(r.source, ())) for r in rows]


def open_counts(connection: Connection, since_ms: int) -> dict[str, int]:
    """Return source -> batches in quarantine since then that nobody decided about and no later good answer overtook."""
    q, g, v = store.price_run.alias("q"), store.price_run.alias("g"), price_review
    later = select(g.c.id).where(
        g.c.source == q.c.source, g.c.state == "ok", g.c.received > 0, g.c.started_ms > q.c.started_ms,
        g.c.window_start <= q.c.window_start, g.c.window_end >= q.c.window_end,
    )  # fmt: skip
    counted = (
        select(q.c.source, func.count())
        .outerjoin(v, v.c.run_id == q.c.id)
        .where(q.c.state == "quarantined", q.c.started_ms >= since_ms, v.c.run_id.is_(None), ~later.exists())
        .group_by(q.c.source)
    )
    return {row[0]: row[1] for row in connection.execute(counted)}


def held_batch(connection: Connection, run_id: int) -> HeldBatch:
    """Return one batch that is or was in quarantine; raise NotFound where there is none."""
    t, v = store.price_run, price_review
    row = connection.execute(
        select(t, v.c.decision, v.c.decided_by, v.c.decided_ms)
        .outerjoin(v, v.c.run_id == t.c.id)
        .where(t.c.id == run_id, (t.c.state == "quarantined") | v.c.run_id.is_not(None))
    ).first()
    if row is None:
        raise NotFound("no such batch in quarantine", got=str(run_id))
    return _held(row, _good_runs(connection, [row.source], row.started_ms).get(row.source, ()))


def read_again(source: Source, window: Window, payloads: Sequence[StoredPayload], blobs: BlobFolder, today: date) -> Batch:
    """Return what a batch's raw answers say, read as the source is read today.

    Raises:
        Conflict: an answer of before requests were kept.
        SuheError: an answer that cannot be read.

    """
    newest: dict[str, StoredPayload] = {}
    for p in payloads:
        if p.request is None:
            raise Conflict("this answer cannot be read again", todo="ask the source once more", got=f"run {p.run_id}, {p.url[:80]}")
        # The same question asked twice was a second try: the last answer counts.
        newest[repr(p.request)] = p
    batch = Batch()
    for p in newest.values():
        assert p.request is not None
        batch.take(source, read_answer(source, raw_bytes(blobs, p.blob), p.request), today)
    if not batch.pages:
        raise Conflict("this batch holds no answer", got=str(window))
    return batch


def told_since(connection: Connection, batch: HeldBatch) -> list[Window]:
    """Return the days that good answers since this batch told: what was said later stands."""
    return [w for at, w in _good_runs(connection, [batch.source], batch.started_ms).get(batch.source, ()) if at > batch.started_ms]


def without_days(batch: Batch, told: Sequence[Window]) -> Batch:
    """Return a batch without the days that a later good answer told."""
    rest = [q for q in batch.quotes if not any(w.start <= q.valid_date <= w.end for w in told)]
    return Batch(batch.payloads, batch.blobs, batch.pages, rest, batch.refused)


def detail(batch: HeldBatch, source: Source, payloads: Sequence[StoredPayload], blobs: BlobFolder) -> HeldDetail:
    """Return a batch with its raw answers and what they say, or why they say nothing."""
    try:
        read = read_again(source, batch.window, payloads, blobs, market_day(from_ms(batch.started_ms)))
    except SuheError as error:
        return HeldDetail(batch, tuple(payloads), (), (), error.explain())
    return HeldDetail(batch, tuple(payloads), tuple(read.quotes[:SAMPLE_ROWS]), tuple(read.refused[:SAMPLE_ROWS]), "")


def findings_of(text: str, why: str) -> tuple[Finding, ...]:
    """Return what the guards saw; of before findings were kept only the sentence is left."""
    found = tuple(Finding(**f) for f in json.loads(text or "[]"))
    return found or ((Finding(True, why),) if why else ())


def _good_runs(connection: Connection, sources: Sequence[str], since_ms: int) -> dict[str, list[tuple[int, Window]]]:
    t = store.price_run.c
    rows = connection.execute(
        select(t.source, t.started_ms, t.window_start, t.window_end)
        .where(t.source.in_(list(sources)), t.state == "ok", t.started_ms >= since_ms, t.received > 0)
    )  # fmt: skip
    found: dict[str, list[tuple[int, Window]]] = {}
    for r in rows:
        found.setdefault(r.source, []).append((r.started_ms, Window(r.window_start, r.window_end)))
    return found


def _held(row: Any, good: Sequence[tuple[int, Window]]) -> HeldBatch:
    decision = row.decision or ""
    if not decision and any(at > row.started_ms and w.start <= row.window_start and row.window_end <= w.end for at, w in good):
        decision = "overtaken"
    return HeldBatch(
        row.id, row.source, row.kind, Window(row.window_start, row.window_end), row.started_ms, row.why,
        findings_of(row.findings, row.why), row.received, row.kept, row.refused, decision, row.decided_by or "", row.decided_ms,
    )  # fmt: skip
