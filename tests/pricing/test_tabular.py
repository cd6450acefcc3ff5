"""Tables from outside are read or refused with a sentence: encodings, formulas, merged headers, bombs, too many columns."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from foundation.errors import BadInput
from pricing import streaming
from pricing.mapping import Columns, Mapping
from pricing.proposing import propose_mapping
from pricing.tabular import read_pasted, read_table

TEXT = "品名,最低价,最高价,单位,日期\n番茄,1.2,1.8,斤,2026-11-20\n藕,2,3,斤,2026-11-20\n"
MAPPING = Mapping(
    name="sheet", source="import-sheet", market="xinfadi", licence="own",
    columns=Columns(name="品名", low="最低价", high="最高价", unit="单位", day="日期"),
)  # fmt: skip


def _workbook(rows: list[list[Any]], merged: str = "") -> bytes:
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook()
    for row in rows:
        book.active.append(row)
    if merged:
        book.active.merge_cells(merged)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_the_encoding_is_found_out_and_told(encoding: str, tmp_path: Path) -> None:
    """UTF-8, UTF-16 and GBK give the same rows, by page and by file; GBK is said, since a person may not know."""
    table = read_table("x.csv", TEXT.encode(encoding))
    assert table.header == ("品名", "最低价", "最高价", "单位", "日期")
    assert table.rows[1] == ("藕", "2", "3", "斤", "2026-11-20")
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT.encode(encoding))
    file = streaming.look_at(path)
    frames = list(streaming.frames_of_file(file, MAPPING))
    assert [r["name"] for f in frames for r in f.iter_rows(named=True)] == ["番茄", "藕"]
    assert any("GBK" in n for n in (*table.notes, *file.notes)) == (encoding == "gb18030")


def test_a_wrong_encoding_in_the_mapping_is_said(tmp_path: Path) -> None:
    """A mapping that says UTF-8 of a GBK file is told what the file is."""
    path = tmp_path / "x.csv"
    path.write_bytes(TEXT.encode("gb18030"))
    with pytest.raises(BadInput, match="gb18030"):
        streaming.look_at(path, "utf-8-sig")


def test_pasted_cells_are_a_table() -> None:
    """What a spreadsheet puts on the clipboard is apart by tabs; a title above the header is left out and said."""
    table = read_pasted("某市场价格表\n" + TEXT.replace(",", "\t"))
    assert table.header[0] == "品名"
    assert table.first_row == 3
    assert table.notes == ("1 rows above the header were left out",)


def test_a_workbook_is_read_as_a_person_sees_it() -> None:
    """Numbers and days of a sheet become the text a CSV would hold."""
    from datetime import datetime

    table = read_table("x.xlsx", _workbook([["品名", "价格", "日期"], ["番茄", 2.5, datetime(2026, 11, 20)], ["藕", 3.0, "2026-11-20"]]))  # noqa: DTZ001
    assert table.rows == [("番茄", "2.5", "2026-11-20"), ("藕", "3", "2026-11-20")]


def _bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        for k in range(3):
            with parts.open(f"xl/worksheets/sheet{k}.xml", "w") as part:
                for _ in range(100):
                    part.write(b"0" * 2**20)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (lambda: _workbook([["品名", "价格"], ["番茄", "=B9*2"]]), "formula.*B2"),
        (lambda: _workbook([["品名", "价格", None], ["番茄", 1, 2]], "B1:C1"), "merged cells.*B1:C1"),
        (_bomb, "unpacks to more"),
        (lambda: b"PK\x03\x04 broken", "workbook is broken"),
        (lambda: ",".join(f"c{k}" for k in range(100_000)).encode() + b"\n", "too many columns"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", "old XLS"),
        (lambda: "品名,价格\n番茄,1,2\n".encode(), "more cells than the header"),
        (lambda: "品名,品名\n番茄,1\n".encode(), "two columns have one name"),
        (lambda: "品名,价格\n".encode(), "no rows below"),
        (lambda: b"  \n", "nothing"),
        (lambda: b"a\x00b,c\n", "no text"),
        (lambda: "品名,价格\n番茄,".encode() + b"\xff\xff\xff\n", "letters of this file"),
        (lambda: '品名,价格\n"番茄,1\n'.encode(), "cannot be read as CSV"),
        (lambda: gzip.compress(b"0" * 2**25), "too large when unpacked"),
        (lambda: gzip.compress(b"0" * 2**10)[:20], "gzip file is broken"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_with_a_sentence(content: Any, says: str) -> None:
    """Each kind of bad file is named for what it is, and where."""
    with pytest.raises(BadInput, match=says):
        read_table("x", content())


def test_blocks_of_a_file_end_between_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small the blocks, a line break inside quotation marks stays inside its cell, and row numbers count on."""
    rows = "".join(f'"番\n茄{k}",1,2,斤,2026-11-20\n\n' for k in range(60))
    (tmp_path / "x.csv").write_text(TEXT.split("\n")[0] + "\n" + rows)
    whole = [f.rows() for f in streaming.frames_of_file(streaming.look_at(tmp_path / "x.csv"), MAPPING)]
    monkeypatch.setattr(streaming, "BLOCK", 64)
    parts = [f.rows() for f in streaming.frames_of_file(streaming.look_at(tmp_path / "x.csv"), MAPPING)]
    assert len(whole) == 1 and len(parts) > 10
    assert [r for p in parts for r in p] == whole[0]
    assert len(whole[0]) == 60


@pytest.mark.parametrize(
    ("rows", "says"), [("番茄,1,2,斤,2026-11-20,9\n", "cannot be read as CSV"), ('"番茄,1,2\n', "cannot be read as CSV")]
)
def test_a_broken_row_of_a_long_file_is_refused(rows: str, says: str, tmp_path: Path) -> None:
    """A cell too many and an open quotation mark stop the import with the row they come after."""
    (tmp_path / "x.csv").write_text(TEXT + rows)
    with pytest.raises(BadInput, match=says):
        list(streaming.frames_of_file(streaming.look_at(tmp_path / "x.csv"), MAPPING))


def test_a_proposal_names_columns_and_leaves_the_rest_to_a_person() -> None:
    """Known headings are proposed, a unit in a heading is found, a day that reads two ways is not sure, and what is missing is said."""
    found = propose_mapping(("日期", "单品编码", "品名", "批发价格(元/千克)"), [("2020-07-01", "1", "藕", "3.88")])
    assert found.columns == {"day": "日期", "name": "品名", "mid": "批发价格(元/千克)"}
    assert (found.unit, found.missing, found.day_formats) == ("千克", (), ("%Y-%m-%d",))
    unsure = propose_mapping(("x", "Date", "min"), [("a", "03/04/2026", "1"), ("b", "05/04/2026", "2")])
    assert unsure.day_formats == ("%d/%m/%Y", "%m/%d/%Y")
    assert not next(g for g in unsure.guesses if g.field == "day").sure
    assert unsure.missing == ("name", "mid", "unit")
    roc = propose_mapping(("交易日期", "作物名稱"), [("106.08.27", "蓮藕")])
    assert roc.day_formats == ("roc",)
