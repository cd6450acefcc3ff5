"""What a day's rows come to once they are put together: repeats gone, final flags folded in, revisions kept, sorted.

Rows are sorted by series, time, receipt, number and value. A run of rows that tell the same value for the same time is one reading: the one
received first, with the flag and test results of the newest final word on any of them. A final word whose reading is not there yet stays
a row of its own (`version` 1) until the reading comes.
"""

from __future__ import annotations

from typing import Any

from ingest.segments import COLUMNS

ORDER = ("sid", "t", "received", "seq", "x", "version")


def settle(frame: Any) -> dict[str, Any]:
    """Return the columns of a frame of rows in any order, settled."""
    import numpy as np

    ordered = frame.sort(list(ORDER))
    columns: dict[str, Any] = {name: ordered[name].to_numpy() for name in COLUMNS if name != "shift"}
    shift = ordered["shift"]
    if not ordered.height:
        return {**columns, "shift": shift.to_numpy()}
    sid, t, x, version = (columns[name] for name in ("sid", "t", "x", "version"))
    starts = np.flatnonzero(np.append(True, (sid[1:] != sid[:-1]) | (t[1:] != t[:-1]) | (x[1:] != x[:-1])))
    at = np.arange(len(sid))
    real = np.minimum.reduceat(np.where(version == 0, at, len(sid)), starts)
    reading = np.where(real < len(sid), real, starts)
    final = np.maximum.reduceat(np.where(version > 0, at, -1), starts)
    word = np.where(final >= 0, final, reading)
    settled = {name: columns[name][reading] for name in ("sid", "t", "x", "received", "seq", "version")}
    settled |= {name: columns[name][word] for name in ("flag", "tests")}
    settled["shift"] = masked(shift.gather(reading))
    return {name: settled[name] for name in COLUMNS}


def masked(series: Any) -> Any:
    """Return a polars column that may hold nulls as a numpy array that DuckDB reads the nulls of."""
    import numpy as np

    if not series.null_count():
        return series.to_numpy()
    return np.ma.masked_array(series.fill_null(0).to_numpy(), mask=series.is_null().to_numpy())


def counting(columns: dict[str, Any]) -> Any:
    """Return the indices of the value that counts for each series and time: the one received last."""
    import numpy as np

    real = np.flatnonzero(columns["version"] == 0)
    sid, t = columns["sid"][real], columns["t"][real]
    if not len(real):
        return real
    return real[np.append((sid[1:] != sid[:-1]) | (t[1:] != t[:-1]), True)]
