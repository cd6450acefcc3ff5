"""Windows of many readings: from rollups where these tell the whole of a day, from the readings themselves everywhere else.

A day's rollups are taken where they were made from the daily file that the manifest names now, and no waiting segment holds a reading
of that day. So an answer never depends on when a compaction ran. Of a day whose readings retention took, the rollups are what is left;
what came late for it is added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest import manifest
from ingest.asking import Asker, among, counted, listed, quoted, source
from ingest.catalog import StoredFile
from ingest.manifest import PLACES, RolledDay, RollupFile
from ingest.reading import SUSPECT
from ingest.rollups import DAY_MS, LEVELS, ZONE_MS, Level, day_number, day_start

# What may be asked for, how rows of one window are added up, and how it comes from single readings.
PLAIN = ("n", "total", "low", "high", "flagged")
TURNING = ("sine", "cosine")
_ADDED = {"low": "min", "high": "max"}
_FROM_READING = {
    "n": "({good})::INTEGER", "total": "CASE WHEN {good} THEN x ELSE 0 END", "low": "CASE WHEN {good} THEN x END",
    "high": "CASE WHEN {good} THEN x END", "flagged": f"(flag >= {SUSPECT})::INTEGER", "squares": "CASE WHEN {good} THEN x * x ELSE 0 END",
    "sine": "CASE WHEN {good} THEN sin(radians(x)) ELSE 0 END", "cosine": "CASE WHEN {good} THEN cos(radians(x)) ELSE 0 END",
}  # fmt: skip
# Of a segment that reaches over more days than this it is asked which of them it holds.
_FEW_DAYS = 3

Stretch = tuple[int, int]


@dataclass
class Plan:
    """Where a question about one county's series is answered: stretches of time by file of rollups, and of the readings."""

    sids: list[int]
    rolled: dict[RollupFile, list[Stretch]] = field(default_factory=dict)
    readings: list[Stretch] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)

    def by_length(self) -> Iterator[tuple[list[str], list[Stretch]]]:
        """Yield the names of files of one length of window, which share no day, with all their stretches: one scan instead of many."""
        for length in sorted({f.window_ms for f in self.rolled}):
            files = sorted((f for f in self.rolled if f.window_ms == length), key=lambda f: f.first)
            joined: list[Stretch] = []
            for a, b in sorted(stretch for f in files for stretch in self.rolled[f]):
                _join(joined, a, b)
            yield [f.name for f in files], joined


class Windows:
    """Answers questions about windows from one store."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def columns(
        self,
        sids: Sequence[int],
        start_ms: int,
        end_ms: int,
        window_ms: int,
        names: Sequence[str] = PLAIN,
        *,
        good_only: bool = True,
        together: bool = False,
    ) -> dict[str, Any]:
        """Return the windows that hold readings as arrays `sid`, `t` (their start) and `names`, sorted by series and time.

        Windows start at `start_ms` and are `window_ms` long. With `together` all series count as one and `sid` is 0. Where a window holds
        nothing good, `low` and `high` are NaN. Where the readings are gone, flagged ones stay out whatever `good_only` says, and windows
        are no finer than what was kept.
        """
        import numpy as np

        if not sids or start_ms >= end_ms:
            return {name: np.array([]) for name in ("sid", "t", *names)}

        def ask() -> Any:
            query = self._query(sids, start_ms, end_ms, window_ms, names, good_only=good_only, together=together)
            return self._asker.cursor().execute(query).fetchnumpy()

        found = dict(zip(("sid", "t", *names), self._asker.again(ask).values(), strict=True))
        return {name: np.ma.filled(values.astype(np.float64), np.nan) if name in names else values for name, values in found.items()}

    def _query(
        self, sids: Sequence[int], start_ms: int, end_ms: int, window_ms: int, names: Sequence[str], *, good_only: bool, together: bool
    ) -> str:
        good = f"flag < {SUSPECT}" if good_only else "true"
        told = ", ".join(names)
        parts = []
        for plan in self.plans(sids, start_ms, end_ms, fitting(start_ms, window_ms) if good_only else None):
            for names_of, stretches in plan.by_length():
                paths = quoted([str(self._asker.folder / PLACES["rollup"] / name) for name in names_of])
                parts.append(f"SELECT sid, t, {told} FROM read_parquet([{paths}]) WHERE {among(plan.sids)} AND {_within(stretches)}")
            if plan.readings and plan.files:
                one = counted([self._asker.path(f) for f in plan.files], f"{among(plan.sids)} AND {_within(plan.readings)}")
                parts.append(f"SELECT sid, t, {', '.join(_FROM_READING[x].format(good=good) for x in names)} FROM ({one})")
        if not parts:
            parts = [f"SELECT sid, t, {', '.join('x' for _ in names)} FROM {source([])}"]
        start = f"{int(start_ms)} + (t - {int(start_ms)}) // {int(window_ms)} * {int(window_ms)}"
        series = "0::UINTEGER" if together else "sid"
        sums = ", ".join(f"{_ADDED.get(x, 'sum')}({x})" for x in names)
        return f"SELECT {series}, {start}, {sums} FROM ({' UNION ALL '.join(parts)}) AS p(sid, t, {told}) GROUP BY 1, 2 ORDER BY 1, 2"

    def plans(self, sids: Sequence[int], start_ms: int, end_ms: int, level: Level | None) -> list[Plan]:
        """Say, county by county, which stretches are told by rollups and which by readings, from one look at the manifest."""
        catalog = self._asker.catalog
        first, last = day_number(start_ms), day_number(end_ms - 1)
        with catalog.snapshot():
            by_county: dict[str, list[int]] = defaultdict(list)
            for sid, county in catalog.rows(f"SELECT sid, county FROM series WHERE sid IN ({listed(sids)})"):
                by_county[str(county)].append(int(str(sid)))
            files = catalog.files("max_t >= ? AND min_t < ?", (start_ms, end_ms))
            told = manifest.rolled_days(catalog, "day BETWEEN ? AND ?", (first, last))
            kept = manifest.rollups(catalog, "last >= ? AND first <= ?", (first, last))
            spans = manifest.spans(catalog)
        found = []
        for county, mine in by_county.items():
            held: dict[int, str] = {}
            for f in files:
                if f.kind == "daily" and f.county == county:
                    low, high = spans.get(f.name, (f.day, f.day))
                    held |= {day: f.name if day not in held else "" for day in range(max(low, first), min(high, last) + 1)}
            segments = [f for f in files if f.kind == "segment"]
            rolled = {d.day: d for d in told if d.county == county}
            mine_kept = [f for f in kept if f.county == county]
            plan = Plan(mine)
            self._fill(plan, held, rolled, mine_kept, self._waiting(segments, mine), (start_ms, end_ms), level)
            plan.files = [f for f in files if f.kind == "segment" or f.county == county]
            plan.files = [f for f in plan.files if any(f.max_t >= a and f.min_t < b for a, b in plan.readings)]
            found.append(plan)
        return found

    def _fill(
        self, plan: Plan, held: dict[int, str], rolled: dict[int, RolledDay], kept: Sequence[RollupFile], waiting: set[int], span: Stretch,
        level: Level | None,
    ) -> None:  # fmt: skip
        """Give each day its place: rollups made from the file that holds it now, rollups that are all that is left of it, or readings."""
        start_ms, end_ms = span
        whole_until = end_ms if level is None else end_ms - (end_ms + ZONE_MS) % level.window_ms
        for day in sorted({*held, *rolled, *waiting}):
            a, b = max(day_start(day), start_ms), min(day_start(day + 1), end_ms)
            if a >= b:
                continue
            told = rolled.get(day)
            if told is not None and told.frozen:
                file = _finest(kept, day, level)
                if file is not None:
                    _join(plan.rolled.setdefault(file, []), a, b)
                if day in held or day in waiting:
                    _join(plan.readings, a, b)
                continue
            files = [f for f in kept if level is not None and f.window_ms == level.window_ms and f.first <= day <= f.last]
            if files and told is not None and held.get(day) == told.source and day not in waiting:
                until = min(b, whole_until)
                if a < until:
                    _join(plan.rolled.setdefault(files[0], []), a, until)
                if until < b:
                    _join(plan.readings, max(a, until), b)
            elif day in held or day in waiting:
                _join(plan.readings, a, b)

    def _waiting(self, segments: Sequence[StoredFile], sids: Sequence[int]) -> set[int]:
        """Return the days of which a waiting segment may hold a reading of these series."""
        days: set[int] = set()
        wide = []
        for f in segments:
            low, high = day_number(f.min_t), day_number(f.max_t)
            if high - low < _FEW_DAYS:
                days |= set(range(low, high + 1))
            else:
                wide.append(self._asker.path(f))
        if wide:
            query = f"SELECT DISTINCT (t + {ZONE_MS}) // {DAY_MS} FROM {source(wide)} WHERE {among(sids)}"
            days |= {int(day) for (day,) in self._asker.cursor().execute(query).fetchall()}
        return days


def fitting(start_ms: int, window_ms: int) -> Level | None:
    """Return the longest kept windows that these windows are made of, None where they begin or end inside one."""
    fit = [x for x in LEVELS if window_ms % x.window_ms == 0 and (start_ms + ZONE_MS) % x.window_ms == 0]
    return max(fit, key=lambda x: x.window_ms, default=None)


def _finest(kept: Iterable[RollupFile], day: int, level: Level | None) -> RollupFile | None:
    """Return the rollups of a day whose readings are gone: of the wanted length, else the shortest there is."""
    here = [f for f in kept if f.first <= day <= f.last]
    wanted = [f for f in here if level is not None and f.window_ms == level.window_ms]
    return next(iter(wanted), None) or min(here, key=lambda f: f.window_ms, default=None)


def _join(stretches: list[Stretch], a: int, b: int) -> None:
    if stretches and stretches[-1][1] == a:
        stretches[-1] = (stretches[-1][0], b)
    else:
        stretches.append((a, b))


def _within(stretches: Sequence[Stretch]) -> str:
    """Return the SQL condition that a time lies in one of these; bounds first, by which whole row groups are passed over."""
    if len(stretches) == 1:
        return "t >= {} AND t < {}".format(*stretches[0])
    each = " OR ".join(f"t >= {a} AND t < {b}" for a, b in stretches)
    return f"t >= {stretches[0][0]} AND t < {stretches[-1][1]} AND ({each})"
