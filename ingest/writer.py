"""One writer: segment fsynced, catalogue committed. Whoever gave it messages may acknowledge them then.

Several writers share a store, each with a name of its own: one per ingest worker, and `web` for what comes over HTTP.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foundation.log import get_logger
from ingest import catalog as cat
from ingest import ledger
from ingest.batch import Batch
from ingest.catalog import Catalog, StoredFile
from ingest.claims import Claim, claim_writer
from ingest.clock_keeping import ClockWatch
from ingest.edge_state import put_lives
from ingest.foreign import Feeds
from ingest.identities import put_identities
from ingest.intake import Directory, Intake
from ingest.links import put_links
from ingest.manifest import Digest, digest_of, put_digest
from ingest.newest import Newest, catch_up, newest_of
from ingest.quality.keeping import open_flagger
from ingest.quality.stream import Judged
from ingest.quarantine import put_held, release, settle
from ingest.reuse import ReuseWatch
from ingest.segments import COLUMNS, SegmentName, clean, messages_in, parse_name, read_rows, signed_in, write_segment
from ingest.signatures import GatewayKeys

# A segment's entry, its digest, and its rows.
Written = tuple[StoredFile, Digest, Mapping[str, Any]]


class Writer:
    """Makes batches durable. One thread takes into batches (`intake`), one thread flushes them, in the order they were filled."""

    def __init__(
        self,
        folder: Path,
        name: str,
        directory: Directory,
        claim: Claim | None = None,
        keys: GatewayKeys | None = None,
        feeds: Feeds | None = None,
        latest_s: float = 0.0,
    ) -> None:
        """Open a store for writing; `latest_s` is how long a busy writer may put `latest` off."""
        self._folder = folder / "segments"
        self._name = name
        self._claim = claim or claim_writer(folder, name)
        self._catalog = Catalog(folder)
        clean(self._folder, name)
        ledger.begin(self._catalog)
        self._number = adopt(folder, self._catalog, name)
        catch_up(folder, self._catalog, name)
        self._newest = Newest(name, latest_s)
        self._quality = open_flagger(folder, self._catalog, directory)
        self._clocks = ClockWatch(self._catalog)
        self._reuse = ReuseWatch(folder, self._catalog, self._clocks.correction)
        self.intake = Intake(self._catalog, directory, self._quality, keys=keys, feeds=feeds)

    @property
    def catalog(self) -> Catalog:
        """The catalogue this writer commits to."""
        return self._catalog

    def close(self) -> None:
        """Write what was put off, close the catalogue and give the name up. What a full disk does not take, the next start makes up for."""
        try:
            if self._newest.owed:
                self._settle()
        except sqlite3.Error as error:
            get_logger(__name__).error("the newest values could not be written", why=str(error))
        finally:
            self._catalog.close()
            self._claim.release()

    def flush(self, batch: Batch) -> None:
        """Make a batch durable: the segment first, then the catalogue. On return every message in it may be answered.

        After an error the same batch may be flushed again: its segment gets the same name.
        """
        if batch.empty:
            return
        if batch.new_series:
            # A segment whose series were lost in a power cut would later be read as another's.
            self._catalog.harden()
        if batch.doubts:
            if self._newest.owed:
                self._settle()
            self._reuse.settle(batch)
        stored = {gateway: seqs.as_tuples() for gateway, seqs in batch.new.items()}
        if not len(batch):
            self._commit(batch, stored, None)
            return
        arrays = self._clocks.correct(batch.arrays())
        judged = self._quality.judge(arrays, batch.said())
        try:
            self._commit(batch, stored, self._write(batch, stored, arrays, judged))
        except BaseException:
            self._quality.withdraw(judged)
            raise
        self._newest.committed()
        self._clocks.written()
        self._number += 1

    def settle(self) -> None:
        """Write what a busy writer has put off, where it is time; called when there is nothing else to do."""
        if self._newest.due:
            self._settle()

    def _settle(self) -> None:
        with self._catalog.transaction() as db:
            self._newest.settle(db)
        self._newest.committed()

    def _commit(self, batch: Batch, stored: Mapping[str, list[tuple[int, int]]], written: Written | None) -> None:
        gateways = {*batch.new, *batch.unnumbered, *batch.duplicates}
        with self._catalog.transaction() as db:
            if written is not None:
                file, digest, rows = written
                cat.put_file(db, file)
                put_digest(db, file.name, digest)
                self._newest.take(db, self._number, rows)
                cat.add_to(db, "readings", len(batch))
                self._clocks.put(db)
            ledger.record(db, stored, refused=batch.refused_whole, gone=batch.gone, noted=batch.noted, at_ms=batch.newest_ms)
            if batch.signed:
                cat.put_signed(db, batch.signed)
            for gateway, count in batch.ill_signed.items():
                cat.add_to(db, f"ill-signed:{gateway}", count)
            cat.put_gateway(
                db,
                [
                    (
                        g,
                        batch.counties[g],
                        batch.last_received[g],
                        (batch.new[g].count if g in batch.new else 0) + batch.unnumbered.get(g, 0),
                        batch.readings.get(g, 0),
                        batch.duplicates.get(g, 0),
                    )
                    for g in gateways
                ],
            )
            for gateway, count in batch.reused.items():
                cat.add_to(db, f"reused:{gateway}", count)
            for feed, count in batch.damaged.items():
                cat.add_to(db, f"damaged:{feed}", count)
            if batch.released:
                release(db, batch.released)
            if batch.identities:
                put_identities(db, batch.identities)
            if batch.held:
                put_held(db, batch.held)
            if batch.states:
                put_links(db, batch.states)
            if batch.settled:
                settle(db, batch.settled)
            if batch.lives:
                put_lives(db, batch.lives)
            for name, count in batch.counts.items():
                cat.add_to(db, name, count)
            if batch.dead:
                cat.put_dead_letters(db, batch.dead)

    def _write(self, batch: Batch, messages: Mapping[str, list[tuple[int, int]]], arrays: dict[str, Any], judged: Judged) -> Written:
        arrays["flag"], arrays["tests"] = judged.flag, judged.tests
        name = SegmentName(self._name, self._number)
        written = with_finals(arrays, judged.finals)
        digest = write_segment(self._folder, name, written, messages, batch.signed)
        return _entry(str(name), written), digest, arrays


def with_finals(arrays: dict[str, Any], finals: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a segment's columns with rows of version 1 behind its readings: final flags of readings stored before."""
    import numpy as np
    import polars as pl

    if finals is None:
        return arrays
    before, more = len(arrays["sid"]), len(finals["sid"])
    joined = {name: np.concatenate([values, finals[name].astype(values.dtype)]) for name, values in arrays.items() if name in finals}
    # What the clock's shift was stands in the reading's own row.
    rest = {name: pl.concat([values, pl.Series([None] * more, dtype=pl.Int64)]) for name, values in arrays.items() if name not in finals}
    return {**joined, **rest, "version": np.repeat(np.array([0, 1], dtype=np.uint8), [before, more])}


def adopt(folder: Path, catalog: Catalog, writer: str) -> int:
    """Take a writer's segments that are on disk but not in the manifest, and return its next free number.

    That is what a crash between the rename and the commit leaves; nothing in them was acknowledged, but all of it is whole.
    """
    import polars as pl

    place, log = folder / "segments", get_logger(__name__)
    known = {f.name for f in catalog.files("kind = 'segment'")} | {str(name) for (name,) in catalog.rows("SELECT name FROM dropped")}
    highest = max((n.number for n in map(parse_name, known) if n and n.writer == writer), default=-1)
    for path in sorted(place.glob(f"{writer}-*.parquet")):
        found = parse_name(path.name)
        if found is None or found.writer != writer:
            continue
        highest = max(highest, found.number)
        if path.name in known:
            continue
        try:
            frame, messages, signed = read_rows(path), messages_in(path), signed_in(path)
        except (OSError, ValueError, pl.exceptions.PolarsError) as error:
            log.error("a segment cannot be read; it is put aside", segment=path.name, why=str(error)[:200])
            path.replace(path.with_suffix(".unreadable"))
            continue
        entry = _entry(path.name, {name: frame[name].to_numpy() for name in ("t", "received")})
        told = frame.filter(pl.col("version") == 0)
        arrays = {name: told[name].to_numpy() for name in COLUMNS if name != "shift"}
        with catalog.transaction() as db:
            cat.put_file(db, entry)
            put_digest(db, path.name, digest_of(path))
            cat.put_latest(db, newest_of(arrays))
            cat.add_to(db, "readings", told.height)
            ledger.record(db, messages, at_ms=int(arrays["received"].max()))
            cat.put_signed(db, signed)
            cat.put_gateway(db, _counted(catalog, arrays, messages))
        log.info("adopted a segment", segment=path.name, rows=frame.height)
    kept = catalog.rows("SELECT value FROM counter WHERE name = ?", (f"next:{writer}",))
    return max(highest + 1, int(kept[0][0]) if kept else 0)  # type: ignore[call-overload]


def _counted(
    catalog: Catalog, arrays: Mapping[str, Any], messages: Mapping[str, Iterable[tuple[int, int]]]
) -> list[tuple[str, str, int, int, int, int]]:
    """Return, per gateway, what an adopted segment adds to its counts."""
    import numpy as np

    series = {s.sid: s for s in catalog.series()}
    sids, counts = np.unique(arrays["sid"], return_counts=True)
    readings, counties = Counter[str](), {}
    for sid, count in zip(sids.tolist(), counts.tolist(), strict=True):
        if sid in series:
            readings[series[sid].gateway] += count
            counties[series[sid].gateway] = series[sid].county
    last = int(arrays["received"].max())
    return [(g, counties.get(g, ""), last, sum(b - a + 1 for a, b in found), readings[g], 0) for g, found in messages.items()]


def _entry(name: str, arrays: Mapping[str, Any]) -> StoredFile:
    t = arrays["t"]
    return StoredFile(name, "segment", "", 0, len(t), int(t.min()), int(t.max()), int(arrays["received"].max()))
