"""One writer: decode, flag, segment fsynced, catalogue committed. Whoever gave it messages may acknowledge them then.

Several writers share a store, each with a name of its own: one per ingest worker, and `web` for what comes over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput
from foundation.log import get_logger
from ingest import catalog as cat
from ingest.catalog import Catalog, StoredFile
from ingest.payloads import Up, decode_up, sequence_in
from ingest.quality import FUTURE_SUSPECT_MS, GrossRange
from ingest.segments import COLUMNS, SegmentName, clean, messages_in, parse_name, write_segment
from ingest.sequences import Sequences

# What the registry said is believed this long; then series are looked up again, so that a moved device is noticed.
FORGET_SERIES_MS = 30_000


class Directory(Protocol):
    """What ingest asks the registry."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a registered gateway, or None."""
        ...

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is bound to this gateway."""
        ...


@dataclass
class Batch:
    """Messages taken but not yet on disk, and what becomes of each."""

    columns: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    stored: dict[str, list[int]] = field(default_factory=dict)
    settled: dict[str, list[int]] = field(default_factory=dict)
    refused: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    dead: list[tuple[int, str, str, str, bytes]] = field(default_factory=list)
    readings: dict[str, int] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["sid"])

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write and nothing to answer."""
        return not (self.settled or self.refused or self.dead)


class Writer:
    """Takes messages into batches and makes batches durable. Not thread-safe: one owner each."""

    def __init__(self, folder: Path, name: str, directory: Directory, clock: Clock) -> None:
        self._folder = folder / "segments"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._name = name
        self._directory = directory
        self._clock = clock
        self._catalog = Catalog(folder)
        self._ranges = GrossRange()
        self._series: dict[str, dict[tuple[str, str], int]] = {}
        self._forget_at = 0
        self._log = get_logger(__name__)
        clean(self._folder, name)
        self._number = self._adopt()
        self._seen = {gateway: Sequences(ranges) for gateway, ranges in self._catalog.sequences().items()}
        for series in self._catalog.series():
            self._ranges.set_series(series.sid, series.channel)

    @property
    def catalog(self) -> Catalog:
        """The catalogue this writer commits to."""
        return self._catalog

    def close(self) -> None:
        """Close the catalogue."""
        self._catalog.close()

    def take(self, batch: Batch, gateway: str, body: bytes, topic: str = "") -> None:
        """Decode one message into the batch. It never raises for what the message says: a bad one is a dead letter."""
        now = to_ms(self._clock.now())
        try:
            message = decode_up(body)
            county = self._directory.gateway_county(gateway)
            if county is None:
                raise BadInput("this gateway is not registered", got=gateway, todo="suhe user gateway")
            sids = self._sids(gateway, county, message, now)
        except BadInput as error:
            self._refuse(batch, gateway, body, topic, now, error)
            return
        batch.received[gateway] = now
        seen = self._seen.setdefault(gateway, Sequences())
        if not seen.add(message.seq):
            batch.duplicates[gateway] = batch.duplicates.get(gateway, 0) + 1
            batch.settled.setdefault(gateway, []).append(message.seq)
            return
        readings = message.readings
        n = len(readings)
        columns = batch.columns
        columns["sid"] += sids
        columns["t"] += [r.t for r in readings]
        columns["x"] += [r.x for r in readings]
        columns["received"] += [now] * n
        columns["seq"] += [message.seq] * n
        batch.readings[gateway] = batch.readings.get(gateway, 0) + n
        batch.stored.setdefault(gateway, []).append(message.seq)
        batch.settled.setdefault(gateway, []).append(message.seq)

    def bury(self, batch: Batch, topic: str, reason: str, body: bytes) -> None:
        """Keep a message of nobody's as a dead letter."""
        batch.dead.append((to_ms(self._clock.now()), "", topic[:200], reason, body))

    def flush(self, batch: Batch) -> None:
        """Make a batch durable: the segment first, then the catalogue. On return every settled message may be acknowledged."""
        if batch.empty:
            return
        files = self._write(batch) if len(batch) else None
        with self._catalog.transaction() as db:
            if files is not None:
                file, newest = files
                cat.put_file(db, file)
                cat.put_latest(db, newest)
                cat.count(db, "readings", file.rows)
            for gateway, sequences in batch.stored.items():
                cat.merge_sequences(db, gateway, sequences)
            cat.put_gateway(
                db,
                [
                    (
                        gateway,
                        self._directory.gateway_county(gateway) or "",
                        received,
                        len(batch.stored.get(gateway, ())),
                        batch.readings.get(gateway, 0),
                        batch.duplicates.get(gateway, 0),
                    )
                    for gateway, received in batch.received.items()
                ],
            )
            cat.put_dead_letters(db, batch.dead)

    def forget(self, batch: Batch) -> None:
        """Take back what `take` noted of a batch that could not be written, so that its redelivery is stored."""
        stored = self._catalog.sequences()
        for gateway in batch.stored:
            self._seen[gateway] = Sequences(stored.get(gateway, ()))

    def _write(self, batch: Batch) -> tuple[StoredFile, list[tuple[int, int, float, int, int]]]:
        import numpy as np

        columns = batch.columns
        flags = self._ranges.flags(columns["sid"], columns["x"], columns["t"], columns["received"])  # type: ignore[arg-type]
        arrays = {
            "sid": np.array(columns["sid"], dtype=np.uint32),
            "t": np.array(columns["t"], dtype=np.int64),
            "x": np.array(columns["x"], dtype=np.float64),
            "flag": flags,
            "received": np.array(columns["received"], dtype=np.int64),
            "seq": np.array(columns["seq"], dtype=np.int64),
        }
        name = SegmentName(self._name, self._number)
        write_segment(self._folder, name, arrays, batch.stored)
        self._number += 1
        times = arrays["t"]
        file = StoredFile(str(name), "segment", "", 0, len(times), int(times.min()), int(times.max()), int(arrays["received"].max()))
        return file, _newest(arrays)

    def _refuse(self, batch: Batch, gateway: str, body: bytes, topic: str, now: int, error: BadInput) -> None:
        reason = error.explain()
        batch.dead.append((now, gateway, topic, reason, body))
        seq = sequence_in(body)
        if seq is not None:
            batch.refused.setdefault(gateway, []).append((seq, reason[:300]))

    def _sids(self, gateway: str, county: str, message: Up, now: int) -> list[float]:
        if now > self._forget_at:
            self._series.clear()
            self._forget_at = now + FORGET_SERIES_MS
        known = self._series.get(gateway)
        if known is None:
            known = self._series[gateway] = {
                (s.device, s.channel): s.sid
                for s in self._catalog.series("gateway = ?", (gateway,))
                if self._directory.device_allowed(gateway, s.device)
            }
        try:
            return [known[r.d, r.c] for r in message.readings]
        except KeyError:
            self._add_series(gateway, county, message, known)
            return [known[r.d, r.c] for r in message.readings]

    def _add_series(self, gateway: str, county: str, message: Up, known: dict[tuple[str, str], int]) -> None:
        from ingest.channels import channel_of

        new = {}
        for r in message.readings:
            if (r.d, r.c) in known:
                continue
            if not self._directory.device_allowed(gateway, r.d):
                raise BadInput(
                    "this gateway may not speak for this device", got=f"{gateway}: {r.d}", todo="register the device on this gateway"
                )
            new[r.d, r.c] = (county, gateway, r.d, r.c, r.u or channel_of(r.c).unit)
        self._catalog.add_series(new.values())
        for series in self._catalog.series("gateway = ?", (gateway,)):
            if (series.device, series.channel) in new:
                known[series.device, series.channel] = series.sid
                self._ranges.set_series(series.sid, series.channel)

    def _adopt(self) -> int:
        """Take segments of ours that are on disk but not in the manifest, and return the next free number.

        That is what a crash between the rename and the commit leaves; nothing in them was acknowledged, but all of it is whole.
        """
        import polars as pl

        named = {f.name for f in self._catalog.files("kind = 'segment'")}
        gone = {str(name) for (name,) in self._catalog.rows("SELECT name FROM dropped")}
        highest = max((n.number for n in map(parse_name, named | gone) if n and n.writer == self._name), default=-1)
        for path in sorted(self._folder.glob(f"{self._name}-*.parquet")):
            found = parse_name(path.name)
            if found is None or found.writer != self._name:
                continue
            highest = max(highest, found.number)
            if path.name in named or path.name in gone:
                continue
            frame = pl.read_parquet(path)
            messages = messages_in(path)
            arrays = {name: frame[name].to_numpy() for name in COLUMNS}
            with self._catalog.transaction() as db:
                cat.put_file(
                    db,
                    StoredFile(
                        path.name,
                        "segment",
                        "",
                        0,
                        frame.height,
                        int(arrays["t"].min()),
                        int(arrays["t"].max()),
                        int(arrays["received"].max()),
                    ),
                )
                cat.put_latest(db, _newest(arrays))
                cat.count(db, "readings", frame.height)
                for gateway, sequences in messages.items():
                    cat.merge_sequences(db, gateway, sequences)
            self._log.info("adopted a segment", segment=path.name, rows=frame.height)
        next_free = self._catalog.rows("SELECT value FROM counter WHERE name = ?", (f"next:{self._name}",))
        return max(highest + 1, int(next_free[0][0]) if next_free else 0)  # type: ignore[call-overload]


def _newest(arrays: Mapping[str, object]) -> list[tuple[int, int, float, int, int]]:
    """Return (sid, t, x, flag, received) of the newest reading of each series; one from the future is never the latest."""
    import numpy as np

    sid, t, received = (np.asarray(arrays[name]) for name in ("sid", "t", "received"))
    sensible = np.flatnonzero(t - received <= FUTURE_SUSPECT_MS)
    order = sensible[np.lexsort((t[sensible], sid[sensible]))]
    last = order[np.append(sid[order][1:] != sid[order][:-1], True)] if len(order) else order
    x, flag = np.asarray(arrays["x"]), np.asarray(arrays["flag"])
    return [(int(sid[k]), int(t[k]), float(x[k]), int(flag[k]), int(received[k])) for k in last]


def settle(batch: Batch) -> Iterable[tuple[str, list[int], list[tuple[int, str]]]]:
    """Yield (gateway, acknowledged numbers, refused numbers with reasons) for every gateway of a durable batch."""
    for gateway in batch.settled.keys() | batch.refused.keys():
        yield gateway, batch.settled.get(gateway, []), batch.refused.get(gateway, [])
