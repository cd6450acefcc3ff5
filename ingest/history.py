"""Questions to the files, answered by an in-memory DuckDB in whichever process asks. Writers are never waited for.

For one series and time the newest received value counts; an older one stays in the files as a revision.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.catalog import Catalog, StoredFile
from ingest.channels import CHANNELS
from ingest.raw import RAW_QUERY, RawSeries, series_in
from ingest.reading import SUSPECT, Gap, Point, Window

# A silence counts as a gap beyond this many intervals.
GAP_INTERVALS = 1.5
_DAY_MS = 86_400_000
_BLOCK = 5_000

# Series, time, value, flag, and whether other values were told for that time before or after.
Answer = tuple[int, int, float, int, bool]


class History:
    """Reads one store; every method may be called from any thread."""

    def __init__(self, folder: Path, catalog: Catalog) -> None:
        self._folder = folder
        self._catalog = catalog
        self._lock = threading.Lock()
        self._database: Any = None

    def points(self, sid: int, start_ms: int, end_ms: int, limit: int) -> list[Point]:
        """Return the readings of a series in [start, end), oldest first."""
        rows = self._ask([sid], start_ms, end_ms, "SELECT t, x, flag FROM one ORDER BY t LIMIT $limit", {"limit": limit})
        return [Point(t, x, flag) for t, x, flag in rows]

    def windows(self, sids: Sequence[int], start_ms: int, end_ms: int, window_ms: int, *, good_only: bool) -> dict[int, list[Window]]:
        """Return, per series, the windows that hold readings. Windows start at `start_ms` and are `window_ms` long."""
        good = f"flag < {SUSPECT}" if good_only else "true"
        mean = f"avg(x) FILTER ({good})"
        turning = sorted(sid for sid in sids if sid in self._angles(sids))
        if turning:
            # The mean of 350 and 10 degrees is north, not south.
            circular = f"degrees(atan2(avg(sin(radians(x))) FILTER ({good}), avg(cos(radians(x))) FILTER ({good})))"
            mean = f"CASE WHEN sid IN ({', '.join(map(str, turning))}) THEN ({circular} + 360) % 360 ELSE {mean} END"
        query = (  # every word in it is ours or a number
            f"SELECT sid, $start + ((t - $start) // $window) * $window AS w, count(*) FILTER ({good}), {mean}, "
            f"min(x) FILTER ({good}), max(x) FILTER ({good}), count(*) FILTER (flag >= {SUSPECT}) FROM one GROUP BY sid, w ORDER BY sid, w"
        )
        found: dict[int, list[Window]] = {sid: [] for sid in sids}
        for sid, w, n, mean, low, high, flagged in self._ask(sids, start_ms, end_ms, query, {"start": start_ms, "window": window_ms}):
            found[sid].append(Window(int(w), n, mean, low, high, flagged))
        return found

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
        import duckdb

        if not names:
            return []
        for attempt in (1, 2, 3):
            query = RAW_QUERY.format(
                source=_source(self._files(list(names), start_ms, end_ms)),
                sids=", ".join(str(int(sid)) for sid in names),
                start=int(start_ms),
                end=int(end_ms),
            )
            try:
                return series_in(self._duck().execute(query).fetchnumpy(), dict(names))
            except duckdb.IOException:
                if attempt == 3:
                    raise
        raise AssertionError("unreachable")

    def days(self, zone_ms: int) -> set[tuple[str, int]]:
        """Return (county, day) of every day with a reading; days begin `zone_ms` before those of UTC."""
        return self._series_days(self._catalog.files("kind = 'segment'"), zone_ms, "true") | {
            (f.county, f.day) for f in self._catalog.files("kind = 'daily'")
        }

    def arrivals(self, received_ms: int, before_ms: int, zone_ms: int) -> set[tuple[int, int]]:
        """Return (series, day) of every reading of before `before_ms` that was received after `received_ms`."""
        files = self._catalog.files("made > ? AND min_t < ?", (received_ms, before_ms))
        where = f"received > {int(received_ms)} AND t < {int(before_ms)}"
        return self._days(files, zone_ms, where)

    def _series_days(self, files: Sequence[StoredFile], zone_ms: int, where: str) -> set[tuple[str, int]]:
        counties = {s.sid: s.county for s in self._catalog.series()}
        return {(counties[sid], day) for sid, day in self._days(files, zone_ms, where) if sid in counties}

    def _days(self, files: Sequence[StoredFile], zone_ms: int, where: str) -> set[tuple[int, int]]:
        import duckdb

        # A file that a compaction removed meanwhile is in another one now, and is looked at when asked again.
        there = [path for path in map(self._path, files) if Path(path).exists()]
        try:
            query = f"SELECT DISTINCT sid, (t + {int(zone_ms)}) // {_DAY_MS} FROM {_source(there)} WHERE {where}"
            return {(int(sid), int(day)) for sid, day in self._duck().execute(query).fetchall()}
        except duckdb.IOException:
            return set()

    def answers(self, paths: Sequence[Path]) -> Iterator[list[Answer]]:
        """Yield, in blocks, what now counts for every (series, time) these files hold, whichever file it stands in.

        Raises duckdb.IOException where a compaction removed one of them meanwhile: begin anew then.
        """
        keys = _source([str(path) for path in paths])
        # By day: one reading of 1970 beside one of today must not have all the years between them searched.
        days = self._duck().execute(f"SELECT min(t), max(t) FROM {keys} GROUP BY t // {_DAY_MS}").fetchall()
        files: dict[str, None] = {}
        for low, high in days:
            for f in self._catalog.files("max_t >= ? AND min_t <= ?", (low, high)):
                files[self._path(f)] = None
        found = self._duck().execute(
            "SELECT sid, t, arg_max(x, (received, seq, x)), arg_max(flag, (received, seq, x)), min(x) <> max(x) "
            f"FROM {_source(list(files))} SEMI JOIN (SELECT sid, t FROM {keys}) USING (sid, t) GROUP BY sid, t"
        )
        while block := found.fetchmany(_BLOCK):
            yield block

    def _ask(self, sids: Sequence[int], start_ms: int, end_ms: int, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        import duckdb

        wanted = ", ".join(str(int(sid)) for sid in sids)
        if not wanted:
            return []
        for attempt in (1, 2, 3):
            files = self._files(sids, start_ms, end_ms)
            # One value per series and time: the one received last; of one instant the later message's, of one message the larger.
            one = (
                "WITH one AS (SELECT sid, t, arg_max(x, (received, seq, x)) AS x, arg_max(flag, (received, seq, x)) AS flag "
                f"FROM {_source(files)} WHERE sid IN ({wanted}) AND t >= {int(start_ms)} AND t < {int(end_ms)} GROUP BY sid, t) "
            )
            try:
                used = {k: v for k, v in parameters.items() if f"${k}" in query}
                found: list[tuple[Any, ...]] = self._duck().execute(one + query, used).fetchall()
                return found
            except duckdb.IOException:
                # A compaction removed a file between the manifest and the read: ask the manifest again.
                if attempt == 3:
                    raise
        raise AssertionError("unreachable")

    def _angles(self, sids: Sequence[int]) -> set[int]:
        codes = [code for code, channel in CHANNELS.items() if channel.kind == "angle"]
        found = self._catalog.series(f"channel IN ({','.join('?' * len(codes))})", codes)
        return {s.sid for s in found} & set(sids)

    def _files(self, sids: Sequence[int], start_ms: int, end_ms: int) -> list[str]:
        found = self._catalog.files(
            "max_t >= ? AND min_t < ? AND (kind = 'segment' OR county IN "
            f"(SELECT county FROM series WHERE sid IN ({', '.join(str(int(sid)) for sid in sids)})))",
            (start_ms, end_ms),
        )
        return [self._path(f) for f in found]

    def _path(self, f: StoredFile) -> str:
        return str(self._folder / ("segments" if f.kind == "segment" else "daily") / f.name)

    def _duck(self) -> Any:
        """Return a cursor of this process's one in-memory database; cursors of several threads do not wait for each other."""
        import duckdb

        with self._lock:
            if self._database is None:
                self._database = duckdb.connect(":memory:", config={"threads": 2, "memory_limit": "1GB"})
            return self._database.cursor()


def _source(files: Sequence[str]) -> str:
    if not files:
        none = "0::UINTEGER AS sid, 0::BIGINT AS t, 0::DOUBLE AS x, 0::UTINYINT AS flag, 0::BIGINT AS received, 0::BIGINT AS seq, "
        none += "0::UINTEGER AS tests, 0::BIGINT AS shift, 0::UTINYINT AS version"
        return f"(SELECT {none} WHERE false)"
    names = ", ".join("'" + name.replace("'", "''") + "'" for name in files)
    # By name: files of an earlier release have fewer columns.
    return f"read_parquet([{names}], union_by_name = true)"
