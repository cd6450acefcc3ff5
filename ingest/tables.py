"""Windows of everything at once, as columns: what a board of a whole county or an export asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ingest.reading import WindowTable

if TYPE_CHECKING:
    from ingest.catalog import Catalog
    from ingest.history import History


def table_of(
    history: History, catalog: Catalog, span: tuple[int, int, int], county: str | None, channels: Sequence[str] | None, *, good_only: bool
) -> WindowTable:
    """Return the windows of [start, end) of the wanted series; `span` is start, end and length of a window."""
    import numpy as np

    where, parameters = "1", list[object]()
    if county is not None:
        where, parameters = "county = ?", [county]
    if channels is not None:
        where += f" AND channel IN ({','.join('?' * len(channels))})"
        parameters += list(channels)
    series = sorted(catalog.series(where, parameters), key=lambda s: (s.device, s.channel))
    columns, mean = history.window_columns([s.sid for s in series], *span, good_only=good_only)
    place = np.zeros(1 + max((s.sid for s in series), default=0), dtype=np.int64)
    place[[s.sid for s in series]] = np.arange(len(series))
    which = place[columns["sid"].astype(np.int64)]
    # The answer is sorted by series number, which is seldom the order of the names.
    order = np.argsort(which, kind="stable")
    whole = (
        columns["t"].astype(np.int64),
        columns["n"].astype(np.int64),
        mean,
        columns["low"],
        columns["high"],
        columns["flagged"].astype(np.int64),
    )
    return WindowTable(tuple((s.device, s.channel) for s in series), which[order], *(values[order] for values in whole))
