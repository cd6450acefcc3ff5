"""What counts, as line protocol, to a server store: in batches, with refusals counted and corrections made to count there too."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from foundation.log import get_logger
from ingest.catalog import Catalog
from ingest.cursors import Cursor
from ingest.history import Answer, History
from ingest.lines import reading_lines, series_head
from ingest.sinks import Refusal, Target

BATCH_LINES = 5_000
_LAST_MS, _MOST_POINTS = 2**62, 2**31


class Store(Protocol):
    """A server store, see `sinks.Server`."""

    target: Target

    def write(self, lines: Sequence[str]) -> list[Refusal]:
        """Write lines; return what was refused for good."""
        ...

    def started(self) -> float | None:
        """Return when the server's process started, None where it does not tell."""
        ...

    def forget_series(self, channel: str, device: str) -> bool:
        """Delete a channel of a device where the server needs that before a correction; tell whether it did."""
        ...


class Sender:
    """Writes answers of our history to one server store."""

    def __init__(self, store: Store, catalog: Catalog, history: History, cursor: Cursor, now_ms: Callable[[], int]) -> None:
        self._store, self._catalog, self._history, self._cursor, self._now_ms = store, catalog, history, cursor, now_ms
        self._heads: dict[int, str] = {}
        self._log = get_logger(__name__)

    def send(self, blocks: Iterator[list[Answer]]) -> set[int]:
        """Write what counts, in batches of one size whatever the blocks are; return the series for which another value was told before."""
        revised: set[int] = set()
        rows = (row for block in blocks for row in block)
        while part := list(itertools.islice(rows, BATCH_LINES)):
            if any(sid not in self._heads for sid, *_ in part):
                self._heads = {s.sid: series_head(s) for s in self._catalog.series()}
            lines = reading_lines(self._heads, (row[:4] for row in part if row[0] in self._heads))
            if lines:
                self._count(self._store.write(lines))
            revised |= {row[0] for row in part if row[4]}
        return revised

    def mend(self, sids: Iterable[int]) -> None:
        """Have a server that keeps both of two values for one time, and tells either, forget the series, and write it whole."""
        for series in self._catalog.series(f"sid IN ({','.join(map(str, sorted(sids)))})"):
            if not self._store.forget_series(series.channel, series.device):
                return  # it overwrites, as InfluxDB does
            points = self._history.points(series.sid, 0, _LAST_MS, _MOST_POINTS)
            self.send(iter([[(series.sid, p.t_ms, p.value, p.flag, False) for p in points]]))

    def forget_names(self) -> None:
        """Read names and tags anew: a device may have moved to another gateway."""
        self._heads = {}

    def _count(self, refusals: Sequence[Refusal]) -> None:
        for one in refusals:
            self._log.error("the server store refused readings for good", readings=one.count, why=one.why)
            self._cursor.refuse(one.count, one.why, one.lines, self._now_ms())
