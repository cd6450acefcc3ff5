"""The raw answers of sites as they were kept: bytes compressed in the blob folder, hash and what was asked in the records."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from foundation.blobs import BlobFolder
from foundation.errors import NotFound
from pricing import store
from pricing.fetching import Payload
from pricing.source import Request
from pricing.terms import is_open


@dataclass(frozen=True, slots=True)
class StoredPayload:
    """One answer: the run that got it, what was asked, when, its SHA-256 and size in bytes, and on what terms it may be shown.

    `open` says that anybody may have it; otherwise it is for those who signed in. `request` is None for answers of before requests were
    kept, and for imported files: these cannot be read again by a source.
    """

    run_id: int
    number: int
    source: str
    url: str
    fetched_ms: int
    size: int
    sha256: str
    blob: str
    licence: str
    open: bool
    request: Request | None


def compressed(body: bytes) -> bytes:
    """Return the same compressed bytes for the same payload, so that a page that did not change is stored once."""
    return gzip.compress(body, 6, mtime=0)


def raw_bytes(blobs: BlobFolder, blob: str) -> bytes:
    """Return a payload as it came."""
    return gzip.decompress(blobs.get(blob))


def as_received(blobs: BlobFolder, stored: StoredPayload) -> bytes:
    """Return a payload byte for byte: an imported file that came compressed was kept as it came."""
    kept = blobs.get(stored.blob)
    return kept if stored.blob == stored.sha256 else gzip.decompress(kept)


def note_payloads(connection: Connection, run_id: int, payloads: Sequence[Payload], blobs: Sequence[str]) -> None:
    """Keep what was asked in a run and which blobs hold the answers."""
    rows = [
        {"run_id": run_id, "number": k, "url": p.url[:2000], "fetched_ms": p.fetched_ms, "size": len(p.body), "sha256": p.sha256,
         "blob": blob, "request": _written(p.request)}
        for k, (p, blob) in enumerate(zip(payloads, blobs, strict=True), 1)
    ]  # fmt: skip
    if rows:
        connection.execute(insert(store.price_payload), rows)


def payloads_of(connection: Connection, run_id: int, licences: dict[str, str]) -> list[StoredPayload]:
    """Return the payloads of a run in the order they came; `licences` is source -> licence."""
    p, r = store.price_payload.c, store.price_run.c
    rows = connection.execute(
        select(p.run_id, p.number, r.source, p.url, p.fetched_ms, p.size, p.sha256, p.blob, p.request)
        .join(store.price_run, r.id == p.run_id)
        .where(p.run_id == run_id)
        .order_by(p.number)
    )
    return [_stored(row, licences.get(row.source, "")) for row in rows]


def payload_of(connection: Connection, run_id: int, number: int, licences: dict[str, str]) -> StoredPayload:
    """Return one payload; raise NotFound where there is none."""
    for found in payloads_of(connection, run_id, licences):
        if found.number == number:
            return found
    raise NotFound("no such payload", got=f"run {run_id}, number {number}")


def _stored(row: Any, licence: str) -> StoredPayload:
    return StoredPayload(
        row.run_id, row.number, row.source, row.url, row.fetched_ms, row.size, row.sha256, row.blob, licence, is_open(licence),
        _read(row.request),
    )  # fmt: skip


def _written(request: Request) -> str:
    plain = {"path": request.path, "form": request.form, "params": request.params, "market": request.market, "json": request.json,
             "note": request.note}  # fmt: skip
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, default=dict)


def _read(text: str | None) -> Request | None:
    return Request(**json.loads(text)) if text else None
