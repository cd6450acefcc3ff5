"""Tables as frames of text with our column names, in blocks of bounded size: a CSV file of any length, or a table already in memory."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from foundation.errors import BadInput, NotFound
from pricing.mapping import Mapping
from pricing.rows import FIELDS
from pricing.tabular import HEADER_WITHIN, MOST_COLUMNS, Table, check_header, encoding_of, header_row, separator_of

if TYPE_CHECKING:
    import polars as pl

BLOCK = 16 * 1024 * 1024
LARGEST_FILE = 4 * 1024**3
# A gzip file may unpack to a thousand times its size; no price list does.
LARGEST_TEXT = 16 * 1024**3
_HEAD = 1024 * 1024
_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file (gzip too) looked at but not read: its header, how it is written, and how many lines stand above its rows."""

    path: Path
    header: tuple[str, ...]
    encoding: str
    separator: str
    above: int
    notes: tuple[str, ...]


def look_at(path: Path, encoding: str = "auto") -> CsvFile:
    """Return what a CSV file looks like.

    Raises:
        NotFound: it cannot be opened.
        BadInput: it is too large, no text, or has no header.

    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise BadInput("this file is too large", expected=f"at most {LARGEST_FILE // 2**30} GB", todo="split it")
        with _opened(path) as stream:
            head = stream.read(_HEAD)
            whole = len(head) < _HEAD
    except OSError as error:
        raise NotFound("this file cannot be read", got=f"{path}: {error.strerror or error}") from error
    except (EOFError, zlib.error) as error:
        raise BadInput("this gzip file is broken", got=str(error)[:80]) from error
    written = encoding_of(head, whole=whole) if encoding == "auto" else encoding
    try:
        text = codecs.getincrementaldecoder(written)().decode(head)
    except (UnicodeDecodeError, LookupError) as error:
        told = encoding_of(head, whole=whole)
        raise BadInput(f"this file is not written in {written}", expected=written, got=told, todo="say so in the mapping") from error
    import csv

    lines = text[: 1 << 16].splitlines()[:HEADER_WITHIN]
    if not any(line.strip() for line in lines):
        raise BadInput("there is nothing in this file")
    separator = separator_of(lines)
    widest = max(line.count(separator) for line in lines) + 1
    if widest > MOST_COLUMNS:
        raise BadInput("this table has too many columns", expected=f"at most {MOST_COLUMNS}", got=f"{widest:,}")
    try:
        rows = list(csv.reader(lines, delimiter=separator))
    except csv.Error as error:
        raise BadInput("this file cannot be read as CSV", got=str(error)[:120]) from error
    above = header_row(rows)
    header = tuple(cell.strip().lstrip("\ufeff") for cell in rows[above])
    check_header(header)
    notes = ["the file is written in GB 18030 (GBK)"] if written == "gb18030" else []
    notes += [f"{above} rows above the header were left out"] if above else []
    return CsvFile(path, header, written, separator, above + 1, tuple(notes))


def frames_of_file(file: CsvFile, mapping: Mapping) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file in frames of some hundred thousand; memory does not grow with the file.

    Raises:
        BadInput: a row has more cells than the header, a quotation mark is not closed, or letters cannot be read.

    """
    import polars as pl

    check_columns(file.header, mapping)
    names = [h or f"\x00{k}" for k, h in enumerate(file.header)]
    ours = mapping.columns.model_dump()
    # The few different texts of these columns are numbered while they are read.
    few = {ours[c] for c in ("name", "unit", "spec", "grade", "origin", "market")}
    schema = {f"c{k}": pl.Categorical if n in few else pl.String for k, n in enumerate(names)}
    # A header of our own before each block: a row with fewer cells than the header is then short, and no narrower table.
    head = (file.separator.join(schema) + "\n").encode()
    first = file.above + 1
    try:
        for block in _blocks(file):
            frame = pl.read_csv(head + block, separator=file.separator, schema=schema)
            frame.columns = names
            yield _ours(frame, mapping, first)
            first += len(frame)
    except pl.exceptions.PolarsError as error:
        raise BadInput(
            "this file cannot be read as CSV", expected=f"{len(names)} cells in each row",
            got=f"after row {first - 1}: {' '.join(str(error).split())}"[:160], todo="look for an open quotation mark or a cell too many",
        ) from error  # fmt: skip
    except UnicodeDecodeError as error:
        told = f"after row {first - 1}: {error.reason}"
        raise BadInput("some letters of this file cannot be read", expected=file.encoding, got=told) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadInput("this gzip file is broken", got=str(error)[:80]) from error


def frames_of_table(table: Table, mapping: Mapping) -> Iterator[pl.DataFrame]:
    """Yield the rows of a table in memory as frames."""
    import polars as pl

    check_columns(table.header, mapping)
    names = [h or f"\x00{k}" for k, h in enumerate(table.header)]
    for start in range(0, len(table.rows), _ROWS):
        frame = pl.DataFrame(list(table.rows[start : start + _ROWS]), schema=dict.fromkeys(names, pl.String), orient="row")
        yield _ours(frame, mapping, table.first_row + start)


def check_columns(header: Sequence[str], mapping: Mapping) -> None:
    """Raise BadInput where a table lacks a column the mapping names."""
    missing = [c for c in mapping.columns.named if c not in header]
    if missing:
        raise BadInput("the file lacks columns the mapping names", expected=", ".join(missing), got=", ".join(header)[:200])


def _ours(frame: pl.DataFrame, mapping: Mapping, first: int) -> pl.DataFrame:
    """Return a frame with our columns and row numbers; rows with nothing in them are left out."""
    import polars as pl

    told = mapping.columns.model_dump()
    fixed = {"unit": mapping.unit}
    ours = [pl.col(told[f]).fill_null("").alias(f) if told[f] else pl.lit(fixed.get(f, "")).alias(f) for f in FIELDS]
    empty = pl.all_horizontal((pl.col(c).is_null() | (pl.col(c) == "")) for c in frame.columns)
    numbered = frame.with_row_index("\x00row", first).filter(~empty)
    return numbered.select(pl.col("\x00row").cast(pl.Int64).alias("row"), *ours)


def _blocks(file: CsvFile) -> Iterator[bytes]:
    """Yield the text below the header as UTF-8 in whole records: no block ends inside quotation marks."""
    decoder = codecs.getincrementaldecoder(file.encoding)()
    plain = file.encoding in ("utf-8", "utf-8-sig")
    above, rest, total = file.above, b"", 0
    with _opened(file.path) as stream:
        start = stream.read(3)
        if start != codecs.BOM_UTF8 or not plain:
            rest = start if plain else decoder.decode(start).encode()
        while True:
            part = stream.read(BLOCK)
            total += len(part)
            if total > LARGEST_TEXT:
                raise BadInput("this file unpacks to more than any price list", expected=f"at most {LARGEST_TEXT // 2**30} GB")
            rest += part if plain else decoder.decode(part, final=not part).encode()
            while above and (end := rest.find(b"\n")) >= 0:
                rest, above = rest[end + 1 :], above - 1
            if not part:
                break
            cut = _cut(rest)
            if cut:
                yield rest[:cut]
                rest = rest[cut:]
            elif len(rest) > 8 * BLOCK:
                raise BadInput("a quotation mark in this file is opened and not closed")
    if rest.strip() and not above:
        yield rest


def _cut(text: bytes) -> int:
    """Return where the last whole record of a text ends, 0 where there is none."""
    end = text.rfind(b"\n") + 1
    marks = text.count(b'"', 0, end)
    while end and marks % 2:
        before = text.rfind(b"\n", 0, end - 1) + 1
        marks -= text.count(b'"', before, end)
        end = before
    return end


def _opened(path: Path) -> IO[bytes]:
    stream = path.open("rb")
    if stream.peek(2)[:2] == b"\x1f\x8b":
        return io.BufferedReader(gzip.GzipFile(fileobj=stream))
    return stream
