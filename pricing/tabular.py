"""Tables of text from outside: a CSV file, a sheet, or what a person pasted. Nothing is guessed: NA, 0 and blank stay what they are."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from foundation.errors import BadInput

# A page's upload; larger files are imported by `suhe price import`, which streams them.
LARGEST_UPLOAD = 20 * 1024 * 1024
MOST_COLUMNS = 200
MOST_ROWS = 200_000
SEPARATORS = (",", "\t", ";", "|")
# A title above the header is common; the header is looked for in this many rows.
HEADER_WITHIN = 10


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under one header.

    `first_row` is the number of the first row below it as a person counts; `notes` say what was found out about the file.
    """

    name: str
    kind: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = field(repr=False)
    first_row: int = 2
    encoding: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_header(self.header)


def read_table(name: str, content: bytes) -> Table:
    """Return the table in an uploaded file: CSV (gzip too) or XLSX, told apart by its bytes.

    Raises:
        BadInput: the file is too large, broken, or holds what cannot be imported; the message says what and where.

    """
    if len(content) > LARGEST_UPLOAD:
        raise BadInput(
            "this file is too large for a page", expected=f"at most {LARGEST_UPLOAD // 2**20} MB", todo="use `suhe price import`"
        )
    if content[:4] == b"PK\x03\x04":
        from pricing.spreadsheet import read_sheet

        return read_sheet(name, content)
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise BadInput("this is a workbook of the old XLS kind", expected="XLSX or CSV", todo="save it as XLSX")
    if content[:2] == b"\x1f\x8b":
        content = _inflated(content)
    encoding = encoding_of(content[: 1 << 20], whole=len(content) <= 1 << 20)
    return _parsed(name, "csv", _decoded(content, encoding), encoding)


def read_pasted(text: str) -> Table:
    """Return the table in text pasted from a spreadsheet: cells apart by tabs, or by commas."""
    if len(text) > LARGEST_UPLOAD:
        raise BadInput("too much was pasted at once", expected="at most 20 MB", todo="save it as a file")
    return _parsed("", "pasted", text, "")


def encoding_of(head: bytes, *, whole: bool = True) -> str:
    """Return the encoding of a file by its beginning: a byte order mark, else UTF-8 where it fits, else GB 18030 (which GBK is part of).

    Raises:
        BadInput: it fits neither, or is no text.

    """
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\x00" in head:
        raise BadInput("this file is no text", expected="CSV or XLSX", got="bytes of zero")
    for encoding in ("utf-8", "gb18030"):
        # A character cut in two at the end of the head is no fault.
        for cut in range(1 if whole else 4):
            try:
                head[: len(head) - cut].decode(encoding)
            except UnicodeDecodeError:
                continue
            return encoding
    raise BadInput("the letters of this file cannot be read", expected="UTF-8 or GB 18030 (GBK)", todo="save the file as CSV UTF-8")


def separator_of(lines: Sequence[str]) -> str:
    """Return what stands between the cells of some first lines."""
    return max(SEPARATORS, key=lambda s: sum(line.count(s) for line in lines))


def check_header(header: Sequence[str]) -> None:
    """Raise BadInput where a header has no names, too many, or one twice."""
    if len(header) > MOST_COLUMNS:
        raise BadInput("this table has too many columns", expected=f"at most {MOST_COLUMNS}", got=f"{len(header):,}")
    told = [h for h in header if h]
    if not told:
        raise BadInput("this table has no header", expected="a first row with the names of the columns")
    twice = sorted({h for h in told if told.count(h) > 1})
    if twice:
        raise BadInput("two columns have one name", got=", ".join(twice)[:120], todo="rename one of them")


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Return which of the first rows is the header: the first in which two cells are headings we know, else the first with a cell."""
    from pricing.proposing import field_of

    for number, row in enumerate(rows[:HEADER_WITHIN]):
        if sum(field_of(cell) is not None for cell in row) >= 2:
            return number
    return next((number for number, row in enumerate(rows) if any(row)), 0)


def _parsed(name: str, kind: str, text: str, encoding: str) -> Table:
    if not text.strip():
        raise BadInput("there is nothing in this table")
    lines = text[:1_000_000].splitlines()[:HEADER_WITHIN]
    separator = separator_of(lines)
    widest = max(line.count(separator) for line in lines) + 1
    if widest > MOST_COLUMNS:
        raise BadInput("this table has too many columns", expected=f"at most {MOST_COLUMNS}", got=f"{widest:,}")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[str, ...]] = []
    try:
        for line in reader:
            rows.append(tuple(line))
            if len(rows) > MOST_ROWS:
                raise BadInput("this table has too many rows for a page", expected=f"at most {MOST_ROWS:,}", todo="use `suhe price import`")
    except csv.Error as error:
        raise BadInput(
            "this table cannot be read as CSV", expected="cells apart by commas or tabs", got=f"row {reader.line_num}: {error}"
        ) from error
    notes = ["the file is written in GB 18030 (GBK)"] if encoding == "gb18030" else []
    return table_of(name, kind, rows, encoding, notes)


def table_of(name: str, kind: str, rows: Sequence[tuple[str, ...]], encoding: str, notes: list[str]) -> Table:
    """Return a table of rows of which one of the first is the header."""
    top = header_row(rows)
    if top:
        notes = [*notes, f"{top} rows above the header were left out"]
    header = tuple(cell.strip().lstrip("\ufeff") for cell in rows[top])
    while header and not header[-1]:
        header = header[:-1]
    width = len(header)
    below = []
    for number, row in enumerate(rows[top + 1 :], top + 2):
        if any(row[width:]):
            raise BadInput("a row has more cells than the header", expected=f"{width} cells", got=f"{len(row)} in row {number}")
        below.append(tuple(row[:width]) + ("",) * (width - len(row)))
    while below and not any(below[-1]):
        below.pop()
    if not below:
        raise BadInput("the table has no rows below its header")
    return Table(name, kind, header, below, top + 2, encoding, tuple(notes))


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadInput(
            "some letters of this file cannot be read",
            expected=encoding,
            got=f"bytes {content[error.start : error.start + 4].hex()} in row {line}",
        ) from error


def _inflated(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            found = stream.read(LARGEST_UPLOAD + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput("this gzip file is broken", got=str(error)[:80]) from error
    if len(found) > LARGEST_UPLOAD:
        raise BadInput(
            "this file is too large when unpacked", expected=f"at most {LARGEST_UPLOAD // 2**20} MB", todo="use `suhe price import`"
        )
    return found
