"""A message number used again for other readings: a gateway with a new disk that counts from 1, or two with one identity.

A message whose number is known is a repeat, and a repeat holds nothing newer than what is stored of its series, or what is stored itself: a
reading from a clock ahead is no newest value when it comes. One that holds anything else is no repeat: its readings are stored all the
same, and it is told, because the loss ledger cannot count such a gateway's messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.asking import Asker, among, source
from ingest.payloads import Refused
from ingest.quality import FUTURE_SUSPECT_MS

if TYPE_CHECKING:
    from ingest.batch import Batch
    from ingest.catalog import Catalog

# A dead letter of each gateway so often; every case is counted.
TELL_MS = 60_000


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message with a known number: its readings as (series, time, value). `signs`: its gateway's messages are tied to signatures."""

    gateway: str
    seq: int
    topic: str
    body: bytes
    received_ms: int
    rows: tuple[tuple[int, int, float], ...]
    signs: bool


class ReuseWatch:
    """Looks at messages with known numbers when all that came before them is written."""

    def __init__(self, folder: Path, catalog: Catalog, correction: Callable[[int], int]) -> None:
        self._catalog = catalog
        self._asker = Asker(folder, catalog)
        self._correction = correction
        self._told: dict[str, int] = {}

    def settle(self, batch: Batch) -> None:
        """Put the readings of messages that are no repeats into the batch; `latest` must be up to date."""
        doubts, batch.doubts = batch.doubts, []
        newest = self._newest({sid for doubt in doubts for sid, _, _ in doubt.rows}, batch)
        newer = [
            [
                (sid, t, x)
                for sid, t, x in doubt.rows
                if newest.get(sid, -1) < t + self._correction(sid) and t - doubt.received_ms <= FUTURE_SUSPECT_MS
            ]
            for doubt in doubts
        ]
        stored = self._stored({row for rows in newer for row in rows}, batch)
        for doubt, rows in zip(doubts, newer, strict=True):
            if not stored.issuperset(rows):
                self._take(doubt, batch)

    def _take(self, doubt: Doubt, batch: Batch) -> None:
        batch.reused[doubt.gateway] = batch.reused.get(doubt.gateway, 0) + 1
        if doubt.signs:
            # Its readings would be followed to another message's signature.
            why = f"number {doubt.seq} was used before for other readings, and this gateway signs: give it a new id, or count on"
            batch.refused.setdefault(doubt.gateway, []).append(Refused(doubt.seq, why))
            batch.dead.append((doubt.received_ms, doubt.gateway, doubt.topic, why, doubt.body))
            return
        for sid, t, x in doubt.rows:
            batch.sids.append(sid)
            batch.times.append(t)
            batch.values.append(x)
            batch.seqs.append(doubt.seq)
            batch.received.append(doubt.received_ms)
        batch.readings[doubt.gateway] = batch.readings.get(doubt.gateway, 0) + len(doubt.rows)
        if doubt.received_ms - self._told.get(doubt.gateway, 0) >= TELL_MS:
            self._told[doubt.gateway] = doubt.received_ms
            why = f"number {doubt.seq} was used before for other readings; these are stored, but losses cannot be seen: has it a new disk?"
            batch.dead.append((doubt.received_ms, doubt.gateway, doubt.topic, why, doubt.body))

    def _stored(self, rows: set[tuple[int, int, float]], batch: Batch) -> set[tuple[int, int, float]]:
        """Return which of these rows are on disk or in the batch, under the time told or the one it was corrected to."""
        if not rows:
            return set()
        sids = sorted({sid for sid, _, _ in rows})
        times = [t + shift for sid, t, _ in rows for shift in (0, self._correction(sid))]
        low, high = min(times), max(times)

        def ask() -> set[tuple[int, int, float]]:
            files = [self._asker.path(f) for f in self._asker.files_of(sids, low, high + 1)]
            query = f"SELECT DISTINCT sid, t, x FROM {source(files)} WHERE {among(sids)} AND t BETWEEN {low} AND {high}"
            return set(self._asker.cursor().execute(query).fetchall()) if files else set()

        there = self._asker.again(ask)
        if len(batch):
            arrays = batch.arrays()
            there.update(zip(*(arrays[name].tolist() for name in ("sid", "t", "x")), strict=True))
        return {(sid, t, x) for sid, t, x in rows if (sid, t, x) in there or (sid, t + self._correction(sid), x) in there}

    def _newest(self, sids: set[int], batch: Batch) -> dict[int, int]:
        wanted, found = sorted(sids), dict[int, int]()
        for at in range(0, len(wanted), 500):
            part = wanted[at : at + 500]
            rows = self._catalog.rows(f"SELECT sid, t FROM latest WHERE sid IN ({','.join('?' * len(part))})", part)
            found.update((int(str(sid)), int(str(t))) for sid, t in rows)
        if len(batch):
            arrays = batch.arrays()
            for sid, t in zip(arrays["sid"].tolist(), arrays["t"].tolist(), strict=True):
                if sid in sids:
                    found[sid] = max(found.get(sid, t), t + self._correction(sid))
        return found
