"""Questions to the files, answered by an in-memory DuckDB in whichever process asks. Writers are never waited for.

For one series and time the newest received value counts; an older one stays in the files as a revision.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.asking import Asker, among, counted, listed, source
from ingest.catalog import Catalog, StoredFile
from ingest.channels import CHANNELS
from ingest.manifest import rolled_days, spans
from ingest.quality.changes import reflagged
from ingest.raw import RAW_QUERY, RawSeries, series_in
from ingest.reading import SUSPECT, Gap, Point, Window
from ingest.windows import PLAIN, TURNING, Windows

# A silence counts as a gap beyond this many intervals.
GAP_INTERVALS = 1.5
_DAY_MS = 86_400_000
_BLOCK = 5_000

# Series, time, value, flag, and whether other values were told for that time before or after.
Answer = tuple[int, int, float, int, bool]


class History:
    """Reads one store; every method may be called from any thread."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._catalog = catalog
        self.asker = Asker(folder, catalog)
        self.asked_windows = Windows(self.asker)

    def points(self, sid: int, start_ms: int, end_ms: int, limit: int) -> list[Point]:
        """Return the readings of a series in [start, end), oldest first."""
        rows = self._ask([sid], start_ms, end_ms, "SELECT t, x, flag, revised FROM one ORDER BY t LIMIT $limit", {"limit": limit})
        return [Point(*row) for row in rows]

    def windows(self, sids: Sequence[int], start_ms: int, end_ms: int, window_ms: int, *, good_only: bool) -> dict[int, list[Window]]:
        """Return, per series, the windows that hold readings. Windows start at `start_ms` and are `window_ms` long."""
        found: dict[int, list[Window]] = {sid: [] for sid in sids}
        columns, mean = self.window_columns(sids, start_ms, end_ms, window_ms, good_only=good_only)
        for sid, window in zip(columns["sid"].tolist(), as_windows(columns, mean), strict=True):
            found[sid].append(window)
        return found

    def window_columns(
        self, sids: Sequence[int], start_ms: int, end_ms: int, window_ms: int, *, good_only: bool, together: bool = False
    ) -> tuple[dict[str, Any], Any]:
        """Return windows as arrays, and their means. The mean of an angle is a direction: that of 350 and 10 degrees is north."""
        import numpy as np

        angles = self._angles(sids)
        names = (*PLAIN, *TURNING) if angles else PLAIN
        columns = self.asked_windows.columns(sids, start_ms, end_ms, window_ms, names, good_only=good_only, together=together)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = columns["total"] / columns["n"]
        if angles:
            turning = np.isin(columns["sid"], [0] if together else sorted(angles)) & (columns["n"] > 0)
            mean = np.where(turning, (np.degrees(np.arctan2(columns["sine"], columns["cosine"])) + 360) % 360, mean)
        return columns, mean

    def together(self, sids: Sequence[int], start_ms: int, end_ms: int, window_ms: int, *, good_only: bool) -> list[Window]:
        """Return the windows of several series of one kind as if they were one."""
        return as_windows(*self.window_columns(sids, start_ms, end_ms, window_ms, good_only=good_only, together=True))

    def quantiles(self, sids: Sequence[int], start_ms: int, end_ms: int, shares: Sequence[float], *, good_only: bool) -> list[float | None]:
        """Return exact quantiles of the readings of series as one; None where there is no reading."""
        good = f"flag < {SUSPECT}" if good_only else "true"
        query = f"SELECT quantile_cont(x, [{', '.join(repr(float(q)) for q in shares)}]) FROM one WHERE {good}"
        (told,) = self._ask(sids, start_ms, end_ms, query, {})[0] if sids else (None,)
        return [None] * len(shares) if told is None else [float(x) for x in told]

    def gaps(self, sid: int, start_ms: int, end_ms: int, interval_ms: int) -> list[Gap]:
        """Return stretches of [start, end) without a reading that are longer than one and a half intervals."""
        query = (
            "SELECT before, t FROM (SELECT t, lag(t, 1, $start) OVER (ORDER BY t) AS before "
            "FROM (SELECT t FROM one UNION ALL SELECT $end)) WHERE t - before > $longest ORDER BY t"
        )
        rows = self._ask([sid], start_ms, end_ms, query, {"start": start_ms, "end": end_ms, "longest": int(interval_ms * GAP_INTERVALS)})
        return [Gap(before, t) for before, t in rows]

    def raw(self, names: Mapping[int, tuple[str, str]], start_ms: int, end_ms: int) -> list[RawSeries]:
        """Return every reading of these series (number -> device and channel) in [start, end), revisions too."""
        if not names:
            return []

        def ask() -> list[RawSeries]:
            files = [self.asker.path(f) for f in self._files(list(names), start_ms, end_ms)]
            query = RAW_QUERY.format(source=source(files), sids=listed(list(names)), start=int(start_ms), end=int(end_ms))
            return series_in(self.asker.cursor().execute(query).fetchnumpy(), dict(names))

        return self.asker.again(ask)

    def days(self, zone_ms: int) -> set[tuple[str, int]]:
        """Return (county, day) of every day with a reading; days begin `zone_ms` before those of UTC."""
        with self._catalog.snapshot():
            files, long = self._catalog.files("kind = 'daily'"), spans(self._catalog)
            told = rolled_days(self._catalog, "NOT frozen")
        waiting = self._series_days(self._catalog.files("kind = 'segment'"), zone_ms, "true")
        return waiting | {(f.county, f.day) for f in files if f.name not in long} | {(d.county, d.day) for d in told if d.source in long}

    def arrivals(self, received_ms: int, before_ms: int, zone_ms: int) -> set[tuple[int, int]]:
        """Return (series, day) of every reading of before `before_ms` that was received, or flagged anew, after `received_ms`."""
        files = self._catalog.files("made > ? AND min_t < ?", (received_ms, before_ms))
        where = f"received > {int(received_ms)} AND t < {int(before_ms)}"
        return self._days(files, zone_ms, where) | reflagged(self._catalog, received_ms, before_ms)

    def _series_days(self, files: Sequence[StoredFile], zone_ms: int, where: str) -> set[tuple[str, int]]:
        counties = {s.sid: s.county for s in self._catalog.series()}
        return {(counties[sid], day) for sid, day in self._days(files, zone_ms, where) if sid in counties}

    def _days(self, files: Sequence[StoredFile], zone_ms: int, where: str) -> set[tuple[int, int]]:
        import duckdb

        # A file that a compaction removed meanwhile is in another one now, and is looked at when asked again.
        there = [path for path in map(self.asker.path, files) if Path(path).exists()]
        try:
            query = f"SELECT DISTINCT sid, (t + {int(zone_ms)}) // {_DAY_MS} FROM {source(there)} WHERE {where}"
            return {(int(sid), int(day)) for sid, day in self.asker.cursor().execute(query).fetchall()}
        except duckdb.IOException:
            return set()

    def answers(self, paths: Sequence[Path]) -> Iterator[list[Answer]]:
        """Yield, in blocks, what now counts for every (series, time) these files hold, whichever file it stands in.

        Raises duckdb.IOException where a compaction removed one of them meanwhile: begin anew then.
        """
        keys = source([str(path) for path in paths])
        # By day: one reading of 1970 beside one of today must not have all the years between them searched.
        days = self.asker.cursor().execute(f"SELECT min(t), max(t) FROM {keys} GROUP BY t // {_DAY_MS}").fetchall()
        files: dict[str, None] = {}
        for low, high in days:
            for f in self._catalog.files("max_t >= ? AND min_t <= ?", (low, high)):
                files[self.asker.path(f)] = None
        found = self.asker.cursor().execute(
            "SELECT sid, t, arg_max(x, (received, seq, x)), arg_max(flag, (received, seq, x, version)), "
            "min(x) <> max(x) OR min(flag) <> max(flag) "
            f"FROM {source(list(files))} SEMI JOIN (SELECT sid, t FROM {keys}) USING (sid, t) GROUP BY sid, t"
        )
        while block := found.fetchmany(_BLOCK):
            yield block

    def _ask(self, sids: Sequence[int], start_ms: int, end_ms: int, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        if not sids:
            return []

        def ask() -> list[tuple[Any, ...]]:
            files = [self.asker.path(f) for f in self._files(sids, start_ms, end_ms)]
            one = counted(files, f"{among(sids)} AND t >= {int(start_ms)} AND t < {int(end_ms)}")
            used = {k: v for k, v in parameters.items() if f"${k}" in query}
            found: list[tuple[Any, ...]] = self.asker.cursor().execute(f"WITH one AS ({one}) {query}", used).fetchall()
            return found

        return self.asker.again(ask)

    def _angles(self, sids: Sequence[int]) -> set[int]:
        codes = [code for code, channel in CHANNELS.items() if channel.kind == "angle"]
        found = self._catalog.series(f"channel IN ({','.join('?' * len(codes))})", codes)
        return {s.sid for s in found} & set(sids)

    def _files(self, sids: Sequence[int], start_ms: int, end_ms: int) -> list[StoredFile]:
        return self.asker.files_of(sids, start_ms, end_ms)


def as_windows(columns: Mapping[str, Any], mean: Any) -> list[Window]:
    """Return columns of windows as objects."""
    import numpy as np

    whole = [columns["t"].tolist(), columns["n"].astype(np.int64).tolist(), *(x.tolist() for x in (mean, columns["low"], columns["high"]))]
    whole.append(columns["flagged"].astype(np.int64).tolist())
    return [
        Window(t, count, mid, low, high, flagged) if count else Window(t, 0, None, None, None, flagged)
        for t, count, mid, low, high, flagged in zip(*whole, strict=True)
    ]
