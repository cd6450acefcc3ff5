"""Import of a whole file or table of quotes, with a report: what was kept, what was refused row by row and why, what is odd about it.

The plan: (1) the bytes are kept as they came; (2) rows stream through the gate, are counted, and put aside by series; (3) in one
transaction each part is ordered, compared with what stands and appended. Memory does not grow with the file, and a process killed at any
moment leaves either the old state or the new.
"""

from __future__ import annotations

import csv
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.csv_cells import csv_text
from foundation.errors import BadInput, NotFound
from pricing import store
from pricing.appending import Appended, Stage, room_for_pages
from pricing.bulk import KINDS, PAST, Part, arrange_all, check_ordinals, gate, gate_all
from pricing.clean import REASONS, Refusal, quote_of
from pricing.findings import FAR, Findings
from pricing.mapping import Mapping
from pricing.quotes import Quote
from pricing.rows import raw_of
from pricing.series_book import SeriesBook
from pricing.spill import ROWS_IN_MEMORY, Spill
from pricing.streaming import frames_of_file, frames_of_table, look_at
from pricing.tabular import LARGEST_UPLOAD, Table, read_table

if TYPE_CHECKING:
    import polars as pl

# Refused rows named in a report; every one is in the records, however many.
MOST_NAMED = 20_000
_PART = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `findings` counts what is odd in the file whatever was done about it.

    `refused` names the refused rows, at most MOST_NAMED of them; `reasons` counts all.
    """

    file: str
    mapping: str
    sha256: str
    rows: int
    kept: int
    copies: int
    new: int
    revised: int
    refused: tuple[Refusal, ...]
    findings: dict[str, Any]
    reasons: dict[str, int]
    run_id: int = 0
    notes: tuple[str, ...] = ()

    @property
    def refused_rows(self) -> int:
        """How many rows were refused."""
        return sum(self.reasons.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the report for a script."""
        return {
            "file": self.file, "mapping": self.mapping, "sha256": self.sha256, "rows": self.rows, "kept": self.kept,
            "copies": self.copies, "new": self.new, "revised": self.revised, "reasons": self.reasons, "findings": self.findings,
            "notes": list(self.notes),
            "refused": [
                {"row": r.row, "day": r.day.isoformat(), "name": r.name, "reason": r.reason, "detail": r.detail} for r in self.refused
            ],
        }  # fmt: skip

    def summary(self) -> str:
        """Return the report for a person."""
        f = self.findings
        lines = [
            f"{self.file}: {self.rows:,} rows, {f['days']} days, {f['names']} names",
            *self.notes,
            f"taken: {self.kept:,} quotes ({self.new:,} new, {self.revised:,} revised), {self.copies:,} exact copies left out",
            f"refused: {self.refused_rows:,} rows",
            *(f"  {n:>6,}  {REASONS[reason]}" for reason, n in sorted(self.reasons.items(), key=lambda x: -x[1])),
            f"repeated keys: {f['repeated_keys']:,}, of which {f['exact_copies']:,} exact copies; the others keep an ordinal",
            f"averages that are not the midpoint: {f['mid_not_midpoint']:,}",
        ]
        if f["doubled_days"]:
            lines.append("days loaded twice: " + ", ".join(f["doubled_days"]))
        if f["days_without_quotes"]:
            lines.append(
                f"days without a quote between the first and the last: {f['days_without_quotes']} ({spans_text(f['silent_days'])})"
            )
        if f["quoted_twice"]:
            lines.append("two prices under one key: " + ", ".join(f"{n} on {d} days" for n, d in list(f["quoted_twice"].items())[:8]))
        if f["unmapped_names"]:
            lines.append(f"{f['unmapped_names']} names mean none of our products; their quotes are kept under the source's name")
        if f["far_from_own_past"]:
            lines.append(f"{f['far_from_own_past']:,} quotes lie far from the {PAST} before them; they were taken")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row of a preview: its number, and the quote it would become or why it would be refused."""

    row: int
    quote: Quote | None
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do with a table: its first rows, and how many of all rows would be taken and refused, for which reasons."""

    rows: tuple[PreviewRow, ...]
    taken: int
    refused: int
    reasons: dict[str, int]
    # Names that mean none of our products; their quotes are kept under the source's name.
    unknown_names: tuple[str, ...]
    first_day: date | None
    last_day: date | None


@dataclass(slots=True)
class _Reading:
    """What is known of a file once all of its rows went through the gate."""

    book: SeriesBook = field(default_factory=lambda: SeriesBook())
    findings: Findings = field(default_factory=Findings)
    refused: list[pl.DataFrame] = field(default_factory=list)
    named: list[Refusal] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    unknown: int = 0
    unmapped: set[str] = field(default_factory=set)
    first: int = 2**31
    last: int = -(2**31)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    sha256: str
    blob: str
    size: int
    notes: tuple[str, ...]


class Importer:
    """Imports files and tables into the store."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder, *, rows_in_memory: int = ROWS_IN_MEMORY) -> None:
        self._engine = engine
        self._clock = clock
        self._blobs = blobs
        self._rows_in_memory = rows_in_memory

    def run(self, path: Path, mapping: Mapping) -> ImportReport:
        """Import a CSV file (gzip too) of any length, or an XLSX workbook; the same file twice changes nothing.

        Raises:
            NotFound: no such file.
            BadInput: the file lacks a column, is no CSV, or holds a day that cannot be read.

        """
        if _is_workbook(path):
            return self.run_table(read_table(path.name, path.read_bytes()), mapping)
        file = look_at(path, mapping.encoding)
        digest, size = hashlib.sha256(), 0
        for part in _parts(path):
            digest.update(part)
            size += len(part)
        blob = self._blobs.put_parts(_squeezed(path))  # 1
        kept = _File(path.name, digest.hexdigest(), blob, size, file.notes)
        return self._import(kept, frames_of_file(file, mapping), mapping)

    def run_table(self, table: Table, mapping: Mapping) -> ImportReport:
        """Import a table in memory; the same rows twice change nothing."""
        text = io.StringIO()
        csv.writer(text).writerows([table.header, *table.rows])
        body = text.getvalue().encode()
        blob = self._blobs.put(_gzip(body))  # 1
        kept = _File(table.name or table.kind, hashlib.sha256(body).hexdigest(), blob, len(body), table.notes)
        return self._import(kept, frames_of_table(table, mapping), mapping)

    def preview(self, table: Table, mapping: Mapping, shown: int = 20) -> Preview:
        """Return what an import would take and refuse; nothing is stored."""
        today, reading = market_day(self._clock.now()), _Reading()
        rows: list[PreviewRow] = []
        unknown: set[str] = set()
        for frame in frames_of_table(table, mapping):
            found = gate(frame, mapping, today, reading.book)
            _note(reading, found.rows, found.refused)
            unknown |= {s.name for s in _taken_series(reading.book, found.rows) if s.product is None}
            for row in frame.head(shown - len(rows)).iter_rows(named=True):
                told = quote_of(raw_of(row, mapping), mapping.source, today, mapping.currency)
                rows.append(PreviewRow(row["row"], told, None) if isinstance(told, Quote) else PreviewRow(row["row"], None, told))
        first, last = (_day(reading.first), _day(reading.last)) if reading.taken else (None, None)
        refused = sum(reading.reasons.values())
        return Preview(tuple(rows), reading.taken, refused, dict(reading.reasons), tuple(sorted(unknown)), first, last)

    def _import(self, file: _File, frames: Iterable[pl.DataFrame], mapping: Mapping) -> ImportReport:
        reading = _Reading()
        with Spill(rows_in_memory=self._rows_in_memory) as spill:
            self._read(frames, mapping, reading, spill)  # 2
            if not reading.findings.rows:
                raise BadInput("the file has no rows")
            with self._engine.begin() as connection, room_for_pages(connection):  # 3
                run_id = self._begin(connection, mapping, file.sha256, reading)
                copies, appended = self._append(connection, mapping, reading, spill, run_id)
                self._end(connection, run_id, file, reading, appended)
        return ImportReport(
            file.name, mapping.name, file.sha256, reading.findings.rows, reading.taken - copies, copies, appended.new, appended.revised,
            tuple(reading.named), reading.findings.as_dict(len(reading.unmapped)), dict(reading.reasons), run_id, file.notes,
        )  # fmt: skip

    def _read(self, frames: Iterable[pl.DataFrame], mapping: Mapping, reading: _Reading, spill: Spill) -> None:
        import polars as pl

        today = market_day(self._clock.now())
        for frame, found in gate_all(frames, mapping, today, reading.book):
            keys = reading.findings.note_rows(frame)
            reading.findings.note_days(found.rows["day"])
            _note(reading, found.rows, found.refused)
            raw_price = frame.select(pl.concat_str("low", "mid", "high", separator="|")).to_series()
            rows = found.rows.with_columns(key=pl.Series(keys), raw_price=raw_price)
            # A row that names no series goes where all rows of its own texts go.
            home = pl.when(pl.col("home") < 0).then(pl.col("key")).otherwise(pl.col("home"))
            spill.add(rows.with_columns(home=home))

    def _begin(self, connection: Connection, mapping: Mapping, digest: str, reading: _Reading) -> int:
        t = store.price_run
        slot = f"import:{mapping.name}:{digest}"
        days = reading.findings.span()
        begun = {
            "kind": "import", "window_start": days[0], "window_end": days[1], "started_ms": to_ms(self._clock.now()), "state": "running",
        }  # fmt: skip
        known: int | None = connection.execute(select(t.c.id).where(t.c.source == mapping.source, t.c.slot == slot)).scalar()
        if known is None:
            return int(connection.execute(t.insert().values(source=mapping.source, slot=slot, **begun).returning(t.c.id)).scalar_one())
        connection.execute(update(t).where(t.c.id == known).values(**begun))
        for table in (store.price_payload, store.price_refused):
            connection.execute(delete(table).where(table.c.run_id == known))
        return known

    def _append(self, connection: Connection, mapping: Mapping, reading: _Reading, spill: Spill, run_id: int) -> tuple[int, Appended]:
        """Order each part, compare it with what stands and append; a file is never complete, so nothing counts as withdrawn."""
        import numpy as np
        import polars as pl

        ids = store.series_ids(connection, mapping.source)
        stage, now = Stage(connection), to_ms(self._clock.now())
        copies, total = 0, Appended(0, 0, 0)
        for part in arrange_all(spill.parts()):
            reading.findings.note_part(part.whole)
            if not len(part.rows):
                continue
            copies += part.copies
            check_ordinals(part, reading.book)
            reading.findings.far_from_own_past += far_from_own_past(part)
            numbers, quotes = (a.tolist() for a in np.unique(part.series, return_counts=True))
            for number, count in zip(numbers, quotes, strict=True):
                told_by = reading.book[number]
                if told_by.product is None:
                    reading.unmapped.add(told_by.name)
                    reading.unknown += count
            ids = store.add_series(connection, ids, map(reading.book.__getitem__, numbers))
            by_number = np.zeros(numbers[-1] + 1, np.int64)
            by_number[numbers] = [ids[reading.book[n].key] for n in numbers]
            stage.add_frame(part.whole[part.rows].select(
                pl.Series("series_id", by_number[part.series]), pl.col("day").cast(pl.Int32).cast(pl.Date).alias("valid_date"),
                pl.Series("ordinal", part.ordinals), "low", "mid", "high",
                pl.col("kind").replace_strict(dict(enumerate(KINDS)), return_dtype=pl.String).alias("mid_kind"),
                pl.when(pl.col("volume") >= 0).then(pl.col("volume")).alias("volume_kg"), "raw_price", "raw_unit",
            ))  # fmt: skip
            total = total + stage.append_changed(run_id, now)
        return copies, total

    def _end(self, connection: Connection, run_id: int, file: _File, reading: _Reading, appended: Appended) -> None:
        now = to_ms(self._clock.now())
        t = store.price_run
        refused = sum(reading.reasons.values())
        ended = {
            "finished_ms": now, "state": "ok", "received": reading.taken + refused, "kept": reading.taken, "refused": refused,
            "unknown": reading.unknown,
            "changed": appended.new + appended.revised,
        }  # fmt: skip
        connection.execute(update(t).where(t.c.id == run_id).values(**ended))
        payload = {
            "run_id": run_id, "number": 1, "url": f"file:{file.name}", "fetched_ms": now, "size": file.size, "sha256": file.sha256,
            "blob": file.blob,
        }  # fmt: skip
        connection.execute(insert(store.price_payload), [payload])
        for frame in reading.refused:
            connection.execute(insert(store.price_refused), [{"run_id": run_id, **row} for row in frame.iter_rows(named=True)])


def far_from_own_past(part: Part) -> int:
    """Return how many quotes lie more than FAR standard deviations off the mean of the PAST before them in their series."""
    import numpy as np

    known = (part.series[1:] == part.series[:-1]) & (part.deviation[:-1] > 0)
    return int((known & (np.abs(part.mid[1:] - part.mean[:-1]) > FAR * part.deviation[:-1])).sum())


def write_refused(connection: Connection, run_id: int, path: Path) -> int:
    """Write every refused row of an import with its reason to a CSV file that is safe to open in a spreadsheet; return how many."""
    t = store.price_refused.c
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["row", "day", "name", "reason", "why", "detail"])
        for r in connection.execute(select(t.row, t.day, t.name, t.reason, t.detail).where(t.run_id == run_id).order_by(t.row)):
            writer.writerow([r.row, r.day, csv_text(r.name), r.reason, REASONS.get(r.reason, ""), csv_text(r.detail)])
            count += 1
    return count


def spans_text(days: list[str]) -> str:
    """Return ISO days as spans: 2015-02-17..2015-02-21, 2015-03-01."""
    spans: list[list[date]] = []
    for day in map(date.fromisoformat, days):
        if spans and day - spans[-1][1] == timedelta(days=1):
            spans[-1][1] = day
        else:
            spans.append([day, day])
    return ", ".join(str(a) if a == b else f"{a}..{b}" for a, b in spans)


def _note(reading: _Reading, rows: pl.DataFrame, refused: list[Refusal]) -> None:
    import polars as pl

    reading.taken += len(rows) - len(refused)
    reading.reasons.update(r.reason for r in refused)
    reading.named += refused[: max(0, MOST_NAMED - len(reading.named))]
    if refused:
        reading.refused.append(pl.DataFrame(
            [(r.row, r.market, r.name, r.day, r.reason, r.detail) for r in refused], orient="row",
            schema={"row": pl.Int64, "market": pl.String, "name": pl.String, "day": pl.Date, "reason": pl.Categorical, "detail": pl.String},
        ))  # fmt: skip
    days = rows.filter(pl.col("series") >= 0)["day"]
    if len(days):
        reading.first, reading.last = min(reading.first, int(days.min())), max(reading.last, int(days.max()))  # type: ignore[arg-type]


def _taken_series(book: SeriesBook, rows: pl.DataFrame) -> Iterator[Any]:
    for number in rows["series"].unique().to_list():
        if number >= 0:
            yield book[number]


def _is_workbook(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            found = stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise NotFound("this file cannot be read", got=f"{path}: {error.strerror}") from error
    if found and path.stat().st_size > LARGEST_UPLOAD:
        raise BadInput("this workbook is too large", expected=f"at most {LARGEST_UPLOAD // 2**20} MB", todo="save it as CSV")
    return found


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while part := stream.read(_PART):
            yield part


def _squeezed(path: Path) -> Iterator[bytes]:
    """Yield a file compressed, whatever it is; the same file always gives the same bytes."""
    squeeze = zlib.compressobj(1, wbits=31)
    for part in _parts(path):
        yield squeeze.compress(part)
    yield squeeze.flush()


def _gzip(body: bytes) -> bytes:
    squeeze = zlib.compressobj(6, wbits=31)
    return squeeze.compress(body) + squeeze.flush()


def _day(since_1970: int) -> date:
    return date(1970, 1, 1) + timedelta(days=since_1970)
