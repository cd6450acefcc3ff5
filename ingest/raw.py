"""Readings as they were received: every value ever told for a time, in an order that compaction cannot change.

What `History` answers is one value per series and time. Here the revisions stand beside it, so that a proof about the raw readings can be
made and checked. A repeat of a value for the same time is one reading, the one received first, because compaction keeps only that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class RawSeries:
    """The readings of one channel in a stretch of time, ordered by time and, within one time, by when they first came.

    `counts` marks the one value per time that counts, the one received last. `flags` and `seqs` are those of the first receipt.
    """

    sid: int
    device: str
    channel: str
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    seqs: npt.NDArray[np.int64]
    received: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.times)


# One row per series, time and value. Adding 0.0 turns a negative zero into zero: the two are equal and compaction keeps either. A final
# flag counts before the one on arrival.
RAW_ROWS = (
    "SELECT sid, t, x + 0.0 AS x, min(received) AS first, arg_min(seq, (received, seq)) AS seq, "
    "coalesce(arg_max(flag, (received, seq)) FILTER (version > 0), arg_min(flag, (received, seq))) AS flag, "
    "max((received, seq)) AS last FROM {source} WHERE sid IN ({sids}) AND t >= {start} AND t < {end} GROUP BY ALL"
)
RAW_QUERY = (
    "SELECT sid, t, x, first, seq, flag, row_number() OVER (PARTITION BY sid, t ORDER BY last DESC, x DESC) = 1 AS counts "
    f"FROM ({RAW_ROWS}) ORDER BY sid, t, first, seq, x"
)


def series_in(columns: dict[str, Any], names: dict[int, tuple[str, str]]) -> list[RawSeries]:
    """Return the series of a result of RAW_QUERY, given as one array per column; `names` tells device and channel by series."""
    import numpy as np

    sids = np.asarray(columns["sid"], dtype=np.int64)
    if not len(sids):
        return []
    starts = np.flatnonzero(np.append(True, sids[1:] != sids[:-1]))
    ends = np.append(starts[1:], len(sids))
    kinds = {"t": np.int64, "x": np.float64, "seq": np.int64, "first": np.int64, "flag": np.uint8, "counts": np.bool_}
    arrays: dict[str, Any] = {name: np.asarray(columns[name], dtype=kind) for name, kind in kinds.items()}
    found = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        sid = int(sids[start])
        device, channel = names[sid]
        found.append(RawSeries(sid, device, channel, *(arrays[name][start:end] for name in kinds)))
    return found
