"""The first sheet of an XLSX workbook as text. A workbook is a zip from outside: its size is looked at before anything is unpacked."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime, time
from typing import Any

from foundation.errors import BadInput
from pricing.tabular import HEADER_WITHIN, MOST_COLUMNS, MOST_ROWS, Table, header_row, table_of

# What a sheet of two hundred thousand rows unpacks to, with room; a zip bomb unpacks to thousands of times its size.
LARGEST_UNPACKED = 256 * 1024 * 1024
MOST_PARTS = 2000
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')


def read_sheet(name: str, content: bytes) -> Table:
    """Return the first sheet of a workbook; numbers and days become text as a CSV would hold them.

    Raises:
        BadInput: the file is broken, locked, a zip bomb, too wide or too long; a cell holds a formula; the header is merged cells.

    """
    _check_zip(content)
    import openpyxl  # type: ignore[import-untyped]

    rows: list[tuple[str, ...]] = []
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
        sheet: Any = book.worksheets[0]
        for number, line in enumerate(sheet.iter_rows(max_col=MOST_COLUMNS + 1), 1):
            if number > MOST_ROWS + HEADER_WITHIN:
                raise BadInput(
                    "this sheet has too many rows", expected=f"at most {MOST_ROWS:,}", todo="save it as CSV and use `suhe price import`"
                )
            rows.append(tuple(_text(cell, number) for cell in line))
    except BadInput:
        raise
    except Exception as error:
        raise BadInput("this workbook cannot be read", expected="XLSX", got=f"{type(error).__name__}: {error}"[:160]) from error
    if not any(any(row) for row in rows):
        raise BadInput("the first sheet of this workbook is empty")
    if any(row[MOST_COLUMNS:] and any(row[MOST_COLUMNS:]) for row in rows):
        raise BadInput("this table has too many columns", expected=f"at most {MOST_COLUMNS}")
    _check_merged(content, header_row(rows) + 1)
    notes = [f"only the first of {len(book.worksheets)} sheets was read"] if len(book.worksheets) > 1 else []
    return table_of(name, "xlsx", rows, "", notes)


def _check_zip(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            told = parts.infolist()
    except zipfile.BadZipFile as error:
        raise BadInput("this workbook is broken", expected="XLSX", got=str(error)[:80]) from error
    unpacked = sum(p.file_size for p in told)
    if len(told) > MOST_PARTS or unpacked > LARGEST_UNPACKED:
        raise BadInput(
            "this workbook unpacks to more than any price list needs", expected=f"at most {LARGEST_UNPACKED // 2**20} MB",
            got=f"{unpacked // 2**20:,} MB in {len(told):,} parts",
        )  # fmt: skip
    if any(p.flag_bits & 1 for p in told):
        raise BadInput("this workbook is locked with a password", todo="save it without one")


def _check_merged(content: bytes, header: int) -> None:
    """Raise BadInput where the header is made of merged cells: which column a price stands in would be a guess."""
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        sheets = sorted(p.filename for p in parts.infolist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", p.filename))
        if not sheets:
            return
        # The list of merged cells stands after the rows; the unpacked size is known to be bearable.
        body = parts.read(sheets[0])
    for left, top, right, bottom in _MERGED.findall(body):
        if int(top) <= header <= int(bottom):
            at = f"{left.decode()}{top.decode()}:{right.decode()}{bottom.decode()}"
            raise BadInput("the header has merged cells", expected="one cell per column", got=at, todo="unmerge them and name each column")


def _text(cell: Any, row: int) -> str:
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f" or (isinstance(value, str) and value.startswith("=")):
        raise BadInput(
            "a cell holds a formula, whose result may be old", got=f"{str(value)[:40]} in {cell.column_letter}{row}",
            todo="copy the sheet and paste it as values",
        )  # fmt: skip
    if cell.data_type == "e":
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        # 2.5 and 3, not 3.0: what a person sees in the cell. Binary noise beyond twelve digits was never typed.
        return f"{value:.12g}" if abs(value) < 1e12 else repr(value)
    return str(value).strip()
