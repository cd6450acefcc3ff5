"""Import of a whole file of quotes, with a report: what was kept, what was refused row by row and why, what is odd about the file."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, delete, select, update

from foundation.blobs import BlobFolder
from foundation.clock import Clock, market_day, to_ms
from foundation.errors import BadInput, NotFound
from pricing import store
from pricing.clean import REASONS, Refusal, quote_of
from pricing.collecting import note_refused
from pricing.days import read_day
from pricing.guards import unknown_share
from pricing.mapping import Mapping
from pricing.payloads import compressed
from pricing.quotes import Quote, RawQuote
from pricing.recording import Changes, Standing, changes, with_ordinals
from pricing.tabular import Table, encoding_of

if TYPE_CHECKING:
    import pandas as pd

LARGEST_FILE = 512 * 1024 * 1024
# A day of which this share repeats a key was loaded twice: two stalls under one name make up a few per cent of a day.
DOUBLED_SHARE = 0.4
# The last digit of a printed average may have been rounded either way.
ROUNDING = 0.005 + 1e-9


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `findings` counts what is odd in the file whatever was done about it; `refused` names every row not taken."""

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

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows were refused for each reason."""
        return dict(Counter(r.reason for r in self.refused))

    def as_dict(self) -> dict[str, Any]:
        """Return the report for a script; refused rows are listed whole."""
        return {
            "file": self.file, "mapping": self.mapping, "sha256": self.sha256, "rows": self.rows, "kept": self.kept,
            "copies": self.copies, "new": self.new, "revised": self.revised, "reasons": self.reasons, "findings": self.findings,
            "refused": [
                {"row": r.row, "day": r.day.isoformat(), "name": r.name, "reason": r.reason, "detail": r.detail} for r in self.refused
            ],
        }  # fmt: skip

    def summary(self) -> str:
        """Return the report for a person."""
        f = self.findings
        lines = [
            f"{self.file}: {self.rows:,} rows, {f['days']} days, {f['names']} names",
            f"taken: {self.kept:,} quotes ({self.new:,} new, {self.revised:,} revised), {self.copies:,} exact copies left out",
            f"refused: {len(self.refused):,} rows",
            *(f"  {n:>6,}  {REASONS[reason]}" for reason, n in sorted(self.reasons.items(), key=lambda x: -x[1])),
            f"repeated keys: {f['repeated_keys']:,}, of which {f['exact_copies']:,} exact copies; the others keep an ordinal",
            f"averages that are not the midpoint: {f['mid_not_midpoint']:,}",
        ]
        if f["doubled_days"]:
            lines.append("days loaded twice: " + ", ".join(f["doubled_days"]))
        if f["quoted_twice"]:
            lines.append("two prices under one key: " + ", ".join(f"{n} on {d} days" for n, d in list(f["quoted_twice"].items())[:8]))
        if f["unmapped_names"]:
            lines.append(f"{f['unmapped_names']} names mean none of our products; their quotes are kept under the source's name")
        return "\n".join(lines)

    def write_refused(self, path: Path) -> None:
        """Write every refused row with its reason to a CSV file."""
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["row", "day", "name", "reason", "why", "detail"])
            writer.writerows([r.row, r.day, r.name, r.reason, r.text, r.detail] for r in self.refused)


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


class Importer:
    """Imports files and tables into the store."""

    def __init__(self, engine: Engine, clock: Clock, blobs: BlobFolder) -> None:
        self._engine = engine
        self._clock = clock
        self._blobs = blobs

    def run(self, path: Path, mapping: Mapping) -> ImportReport:
        """Import a CSV file (gzip too) whole, in one transaction; the same file twice changes nothing.

        Raises:
            NotFound: no such file.
            BadInput: the file lacks a column, is no CSV, or holds a day that cannot be read.

        """
        body = _bytes_of(path)
        return self._import(path.name, body, _frame(body, mapping), mapping, 2)

    def run_table(self, table: Table, mapping: Mapping) -> ImportReport:
        """Import a table whole, in one transaction; the same rows twice change nothing."""
        text = io.StringIO()
        csv.writer(text).writerows([table.header, *table.rows])
        body = text.getvalue().encode()
        return self._import(table.name or table.kind, body, _renamed(_of_table(table), mapping), mapping, table.first_row)

    def preview(self, table: Table, mapping: Mapping, shown: int = 20) -> Preview:
        """Return what an import would take and refuse; nothing is stored."""
        quotes, refused = self._gate(_renamed(_of_table(table), mapping), mapping, table.first_row)
        told = dict(quotes) | {r.row: r for r in refused}
        rows = tuple(
            PreviewRow(n, found if isinstance(found, Quote) else None, found if isinstance(found, Refusal) else None)
            for n, found in sorted(told.items())[:shown]
        )
        days = [q.valid_date for _, q in quotes]
        unknown = sorted({q.series.name for _, q in quotes if q.series.product is None})
        reasons = dict(Counter(r.reason for r in refused))
        return Preview(rows, len(quotes), len(refused), reasons, tuple(unknown), min(days, default=None), max(days, default=None))

    def _import(self, name: str, body: bytes, frame: pd.DataFrame, mapping: Mapping, first_row: int) -> ImportReport:
        digest = hashlib.sha256(body).hexdigest()
        blob = self._blobs.put(body if body[:2] == b"\x1f\x8b" else compressed(body))
        numbered, refused = self._gate(frame, mapping, first_row)
        quotes = [q for _, q in numbered]
        with self._engine.begin() as connection:
            run_id = self._begin(connection, mapping, digest, frame)
            change = self._record(connection, mapping, quotes, run_id)
            self._end(connection, run_id, name, body, digest, blob, quotes, refused, change)
        return ImportReport(
            name, mapping.name, digest, len(frame), len(quotes) - change.copies, change.copies, change.new, change.revised,
            tuple(refused), _findings(frame, quotes),
        )  # fmt: skip

    def _gate(self, frame: pd.DataFrame, mapping: Mapping, first_row: int) -> tuple[list[tuple[int, Quote]], list[Refusal]]:
        today = market_day(self._clock.now())
        quotes: list[tuple[int, Quote]] = []
        refused: list[Refusal] = []
        columns = [frame[c].tolist() for c in ("name", "day", "low", "mid", "high", "unit", "spec", "grade", "origin")]
        for row, (name, day, low, mid, high, unit, spec, grade, origin) in enumerate(zip(*columns, strict=True), first_row):
            raw = RawQuote(mapping.market, name, _day(day, mapping.day_format, row), low, mid, high, unit, spec, grade, origin, None, row)
            found = quote_of(raw, mapping.source, today, mapping.currency)
            if isinstance(found, Quote):
                quotes.append((row, found))
            else:
                refused.append(found)
        return quotes, refused

    def _begin(self, connection: Connection, mapping: Mapping, digest: str, frame: pd.DataFrame) -> int:
        t = store.price_run
        slot = f"import:{mapping.name}:{digest}"
        days = [_day(d, mapping.day_format, 0) for d in frame["day"].unique()]
        begun = {
            "kind": "import", "window_start": min(days), "window_end": max(days), "started_ms": to_ms(self._clock.now()),
            "state": "running",
        }  # fmt: skip
        known: int | None = connection.execute(select(t.c.id).where(t.c.source == mapping.source, t.c.slot == slot)).scalar()
        if known is None:
            return int(connection.execute(t.insert().values(source=mapping.source, slot=slot, **begun).returning(t.c.id)).scalar_one())
        connection.execute(update(t).where(t.c.id == known).values(**begun))
        for table in (store.price_payload, store.price_refused):
            connection.execute(delete(table).where(table.c.run_id == known))
        return known

    def _record(self, connection: Connection, mapping: Mapping, quotes: list[Quote], run_id: int) -> Changes:
        keyed, copies = with_ordinals(quotes)
        ids = store.add_series(connection, store.series_ids(connection, mapping.source), (q.series for q in quotes))
        standing: dict[store.Key, Standing] = {}
        if quotes:
            first, last = min(q.valid_date for q in quotes), max(q.valid_date for q in quotes)
            rows = store.current_rows(connection, list(ids.values()), first, last)
            standing = {(r[0], r[1], r[2]): Standing((r[3], r[4], r[5], r[6], r[7]), r[8], r[9]) for r in rows}
        # A file is never complete: what it does not mention is not withdrawn.
        change = changes(keyed, copies, ids, standing, [], run_id, to_ms(self._clock.now()))
        store.append(connection, change.observed)
        return change

    def _end(
        self, connection: Connection, run_id: int, name: str, body: bytes, digest: str, blob: str, quotes: list[Quote],
        refused: list[Refusal], change: Changes,
    ) -> None:  # fmt: skip
        now = to_ms(self._clock.now())
        t = store.price_run
        ended = {
            "finished_ms": now, "state": "ok", "received": len(quotes) + len(refused), "kept": len(quotes), "refused": len(refused),
            "unknown": round(unknown_share(quotes) * len(quotes)), "changed": len(change.observed),
        }  # fmt: skip
        connection.execute(update(t).where(t.c.id == run_id).values(**ended))
        payload = {
            "run_id": run_id,
            "number": 1,
            "url": f"file:{name}",
            "fetched_ms": now,
            "size": len(body),
            "sha256": digest,
            "blob": blob,
        }
        connection.execute(store.price_payload.insert(), [payload])
        note_refused(connection, run_id, refused)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput("this file is too large", expected=f"at most {LARGEST_FILE} bytes", todo="split it")
        return path.read_bytes()
    except OSError as error:
        raise NotFound("this file cannot be read", got=f"{path}: {error.strerror}") from error


def _frame(body: bytes, mapping: Mapping) -> pd.DataFrame:
    """Return the file as text, columns renamed to ours. Nothing is guessed: NA, 0 and blank stay what they are."""
    import pandas as pd

    try:
        content = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        frame = pd.read_csv(BytesIO(content), dtype=str, keep_default_na=False, encoding=_encoding(mapping, content))
    except (ValueError, OSError, EOFError, pd.errors.ParserError) as error:
        raise BadInput("this file cannot be read as CSV", expected="CSV", got=str(error)[:160]) from error
    return _renamed(frame, mapping)


def _encoding(mapping: Mapping, content: bytes) -> str:
    return encoding_of(content[: 1 << 20], whole=len(content) <= 1 << 20) if mapping.encoding == "auto" else mapping.encoding


def _of_table(table: Table) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(list(table.rows), columns=list(table.header), dtype=str)


def _renamed(frame: pd.DataFrame, mapping: Mapping) -> pd.DataFrame:
    import pandas as pd

    missing = [c for c in mapping.columns.named if c not in frame.columns]
    if missing:
        raise BadInput(
            "the file lacks columns the mapping names", expected=", ".join(missing), got=", ".join(map(str, frame.columns))[:200]
        )
    if frame.empty:
        raise BadInput("the file has no rows")
    ours = mapping.columns.model_dump()
    return pd.DataFrame({key: frame[column] if column else (mapping.unit if key == "unit" else "") for key, column in ours.items()})


def _findings(frame: pd.DataFrame, quotes: list[Quote]) -> dict[str, Any]:
    import pandas as pd

    key = ["name", "spec", "grade", "origin", "unit", "day"]
    whole = [*key, "low", "mid", "high"]
    numbers = frame[["low", "mid", "high"]].apply(pd.to_numeric, errors="coerce")
    low, mid, high = numbers["low"], numbers["mid"], numbers["high"]
    repeated = frame.duplicated(key)
    share = repeated.groupby(frame["day"]).mean()
    prices = frame.drop_duplicates(whole).groupby(key).size()
    twice = prices[prices > 1].reset_index().groupby("name").size().sort_values(ascending=False)
    return {
        "days": int(frame["day"].nunique()),
        "names": int(frame["name"].nunique()),
        "repeated_keys": int(repeated.sum()),
        "exact_copies": int(frame.duplicated(whole).sum()),
        "zero_prices": int((numbers == 0).any(axis=1).sum()),
        "low_above_high": int((low > high).sum()),
        "mid_not_midpoint": int((((low + high) / 2 - mid).abs() > ROUNDING).sum()),
        "prices_with_text": int((numbers.isna() & (frame[["low", "mid", "high"]] != "")).any(axis=1).sum()),
        "doubled_days": sorted(str(d) for d in share[share >= DOUBLED_SHARE].index),
        "quoted_twice": {str(name): int(n) for name, n in twice.items()},
        "unmapped_names": len({q.series.name for q in quotes if q.series.product is None}),
    }


def _day(text: str, written: str, row: int) -> date:
    try:
        return read_day(text, written)
    except BadInput as error:
        raise BadInput("a day of this file cannot be read", expected=written, got=f"{text[:40]!r} in row {row}") from error
