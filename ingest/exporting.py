"""Readings as files for others: CSV, Parquet, Influx line protocol; what counts for each series and time, in bounded memory.

Sorted by stretches of whole days, in these by series and time. A row has the columns `device`, `channel`, `unit`, `time` (RFC 3339, UTC),
`value` and `flag` (QARTOD).
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.clock import from_ms
from foundation.errors import BadInput
from ingest.asking import Asker, among, counted
from ingest.lines import reading_lines, series_head
from ingest.rollups import DAY_MS, day_number, day_start
from ingest.windows import Stretch

if TYPE_CHECKING:
    from ingest.catalog import Series

HEAD = ("device", "channel", "unit", "time", "value", "flag")
FORMATS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet", "lines": "text/plain; charset=utf-8"}
# So many rows are in memory at once.
ROWS_AT_ONCE = 100_000
_BLOCK = 1 << 20


def export(asker: Asker, form: str, series: Sequence[Series], start_ms: int, end_ms: int, *, good_only: bool = False) -> Iterator[bytes]:
    """Yield the readings of series observed in [start, end) in a format of `FORMATS`."""
    if form not in FORMATS:
        raise BadInput("this format is not exported", expected=", ".join(FORMATS), got=form[:40])
    blocks = _blocks(asker, [s.sid for s in series], start_ms, end_ms, good_only=good_only)
    if form == "parquet":
        yield from _parquet(blocks, series)
    elif form == "lines":
        heads = {s.sid: series_head(s) for s in series}
        for block in blocks:
            lines = reading_lines(heads, block)
            if lines:
                yield ("\n".join(lines) + "\n").encode()
    else:
        yield (",".join(HEAD) + "\r\n").encode()
        names = {s.sid: (s.device, s.channel, s.unit) for s in series}
        for block in blocks:
            out = io.StringIO()
            csv.writer(out).writerows((*names[sid], _time(t), x, flag) for sid, t, x, flag in block)
            yield out.getvalue().encode()


def _blocks(
    asker: Asker, sids: Sequence[int], start_ms: int, end_ms: int, *, good_only: bool
) -> Iterator[list[tuple[int, int, float, int]]]:
    """Yield what counts as (series, time, value, flag), in stretches of time that hold about as many rows as are to be in memory."""
    good = " WHERE flag < 3" if good_only else ""
    for a, b in _stretches(asker, sids, start_ms, end_ms) if sids else ():

        def ask(a: int = a, b: int = b) -> list[tuple[int, int, float, int]]:
            files = [asker.path(f) for f in asker.files_of(sids, a, b)]
            one = counted(files, f"{among(sids)} AND t >= {a} AND t < {b}")
            found: list[tuple[int, int, float, int]] = (
                asker.cursor().execute(f"SELECT sid, t, x, flag FROM ({one}){good} ORDER BY sid, t").fetchall()
            )
            return found

        rows = asker.again(ask)
        if rows:
            yield rows


def _stretches(asker: Asker, sids: Sequence[int], start_ms: int, end_ms: int) -> Iterator[Stretch]:
    """Yield the parts of [start, end): a day, several where they are small together, or parts of a large one."""
    rows: dict[int, float] = {}
    for f in asker.files_of(sids, start_ms, end_ms):
        first, last = day_number(max(f.min_t, start_ms)), day_number(min(f.max_t, end_ms - 1))
        whole = day_number(f.max_t) - day_number(f.min_t) + 1
        for day in range(first, last + 1):
            rows[day] = rows.get(day, 0.0) + f.rows / whole
    begin, held = None, 0.0
    for day in sorted(rows):
        a, b = max(day_start(day), start_ms), min(day_start(day + 1), end_ms)
        if rows[day] > ROWS_AT_ONCE:
            if begin is not None:
                yield begin, a
                begin, held = None, 0.0
            parts = int(rows[day] // ROWS_AT_ONCE) + 1
            step = DAY_MS // parts + 1
            yield from ((at, min(at + step, b)) for at in range(a, b, step))
            continue
        if begin is not None and held + rows[day] > ROWS_AT_ONCE:
            yield begin, a
            begin, held = None, 0.0
        begin, held = a if begin is None else begin, held + rows[day]
    if begin is not None:
        yield begin, min(day_start(max(rows) + 1), end_ms)


def _parquet(blocks: Iterator[list[tuple[int, int, float, int]]], series: Sequence[Series]) -> Iterator[bytes]:
    """Write a file beside, block by block, then give it out: a Parquet file is known only when its end is."""
    import duckdb
    import numpy as np

    names: dict[str, Any] = {"sid": np.array([s.sid for s in series], dtype=np.uint32)}
    names |= {key: np.array([getattr(s, key) for s in series], dtype=object) for key in ("device", "channel", "unit")}
    with tempfile.TemporaryDirectory(prefix="suhe-export-") as folder:
        parts = []
        database = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "1GB", "temp_directory": folder})
        database.register("names", names)
        kinds = {"sid": np.uint32, "t": np.int64, "x": np.float64, "flag": np.uint8}
        told = "SELECT device, channel, unit, make_timestamptz(t * 1000) AS time, x AS value, flag"
        options = "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, WRITE_BLOOM_FILTER false"
        for number, block in enumerate(blocks):
            columns = {name: np.array(values, dtype=kinds[name]) for name, values in zip(kinds, zip(*block, strict=True), strict=True)}
            database.register("rows", columns)
            parts.append(f"{folder}/{number:06d}.parquet")
            database.execute(f"COPY ({told} FROM rows JOIN names USING (sid) ORDER BY sid, t) TO '{parts[-1]}' ({options})")
            database.unregister("rows")
        whole = Path(folder) / "whole.parquet"
        if parts:
            given = ", ".join(f"'{part}'" for part in parts)
            database.execute("SET preserve_insertion_order = true")
            database.execute(f"COPY (FROM read_parquet([{given}])) TO '{whole}' ({options})")
        else:
            empty = "SELECT '' AS device, '' AS channel, '' AS unit, make_timestamptz(0) AS time, 0.0::DOUBLE AS value, 0::UTINYINT AS flag"
            database.execute(f"COPY ({empty} WHERE false) TO '{whole}' ({options})")
        database.close()
        with whole.open("rb") as file:
            while block_ := file.read(_BLOCK):
                yield block_


def _time(t: int) -> str:
    told = from_ms(t)
    return told.strftime("%Y-%m-%dT%H:%M:%S") + (f".{t % 1000:03d}Z" if t % 1000 else "Z")
