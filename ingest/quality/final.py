"""Final flags of a whole stretch of stored readings, all series of a county together: what the compaction writes into daily files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.quality import (
    CLIMATOLOGY,
    FLAT_LINE,
    GROSS_RANGE,
    INTERNAL,
    NEIGHBOUR,
    SPIKE,
    STEP,
    TIME,
    result_of,
    with_result,
    worst,
)  # fmt: skip
from ingest.quality import tests as tests_of
from ingest.quality.beside import BATTERY_WITHIN_MS, month_of, relation
from ingest.quality.plan import COLUMN, MOST_NEIGHBOURS, Plan
from ingest.reading import FAIL, NOT_EVALUATED, SUSPECT


def final_flags(plan: Plan, columns: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return `flag` and `tests` for each row of `columns` (`sid`, `t`, `x`, `received`, `seq`, `tests`), in the order given.

    Each reading is judged among its true neighbours, the last word for each time; an earlier word keeps what it was told on arrival.
    A test that cannot be made from what is given keeps the result it had, so a stretch needs no margin; with one (rows of some hours before
    and after, whose results are thrown away) its first and last readings are judged as well.
    """
    import numpy as np

    sid, t, x = (np.asarray(columns[name], dtype=kind) for name, kind in (("sid", np.int64), ("t", np.int64), ("x", np.float64)))
    told = np.array(columns["tests"], dtype=np.uint32)
    if not len(sid):
        return worst(told), told
    limits = plan.limits
    # 1. What an earlier release stored without results gets those that need nothing else.
    blank = np.flatnonzero(told == 0)
    if len(blank):
        told[blank] = _alone(limits[:, sid[blank]], t[blank], x[blank], np.asarray(columns["received"])[blank])
    # 2. The last words in order of series and time; what cannot be is nobody's neighbour.
    order = np.lexsort((x, columns["seq"], columns["received"], t, sid))
    s, at = sid[order], t[order]
    usable = (result_of(told, TIME)[order] < SUSPECT) & (result_of(told, GROSS_RANGE)[order] < FAIL) & np.isfinite(x[order])
    # A final word whose reading is not here is no reading.
    version = np.asarray(columns["version"])[order] if "version" in columns else np.zeros(len(sid), dtype=np.uint8)
    last = _last_word(s, at, version == 0)
    rows = order[last & usable]
    if not len(rows):
        return worst(told), told
    line = _Stretch(plan, sid[rows], t[rows], x[rows])
    # 3. Each test that could be made replaces what was told.
    before = told[rows]
    for test, results in line.results(before):
        kept = result_of(told[rows], test)
        told[rows] = with_result(told[rows], test, np.where((results == NOT_EVALUATED) & (kept != 0), kept, results))
    return worst(told), told


def _last_word(sid: Any, t: Any, reading: Any) -> Any:
    """Tell which of sorted rows are the last reading of their series and time; rows of version 1 are none."""
    import numpy as np

    found = np.zeros(len(sid), dtype=bool)
    at = np.flatnonzero(reading)
    found[at] = np.append((sid[at][1:] != sid[at][:-1]) | (t[at][1:] != t[at][:-1]), True)[: len(at)]
    return found


def _alone(limits: Any, t: Any, x: Any, received: Any) -> Any:
    import numpy as np

    gross = tests_of.gross_range(x, (limits[0], limits[1]), (limits[2], limits[3]))
    gross[np.isnan(limits[0]) & ~np.isnan(x)] = 0
    return with_result(with_result(np.zeros(len(x), dtype=np.uint32), GROSS_RANGE, gross), TIME, tests_of.on_time(t, received))


class _Stretch:
    """Usable readings sorted by series and time, one time once."""

    def __init__(self, plan: Plan, sid: Any, t: Any, x: Any) -> None:
        import numpy as np

        self.plan, self.sid, self.t, self.x = plan, sid, t, x
        self.limits = plan.limits[:, sid]
        self.first = np.append(True, sid[1:] != sid[:-1])
        self.starts = {int(s): int(k) for s, k in zip(sid[self.first], np.flatnonzero(self.first), strict=True)}
        self.ends = dict(zip(self.starts, [*list(self.starts.values())[1:], len(sid)], strict=True))

    def results(self, told: Any) -> Any:
        """Yield (test, results); 0 where a test does not apply."""
        import numpy as np

        once, fail_once, hour, fail_hour, within = self._limits("step_once", "step_fail_once", "step_hour", "step_fail_hour", "step_within")
        steps = tests_of.step(self.t, self.x, self.first, (once, hour), (fail_once, fail_hour), within)
        yield STEP, np.where(np.isnan(once), 0, steps)
        suspect, fail, within = self._limits("spike", "spike_fail", "spike_within")
        yield SPIKE, np.where(np.isnan(suspect), 0, tests_of.spike(self.t, self.x, self.first, suspect, fail, within))
        flat = self._limits("flat", "flat_ms", "flat_fail_ms", "flat_readings", "flat_below", "flat_above")
        at = np.flatnonzero(~np.isnan(flat[0]))
        still = np.zeros(len(self.sid), dtype=np.uint8)
        if len(at):
            tolerance, suspect, fail, readings, below, above = (values[at] for values in flat)
            exempt = (self.x[at] < below) | (self.x[at] > above)
            still[at] = tests_of.flat_line(
                self.t[at], self.x[at], self.first[at], tolerance, suspect, fail, readings.astype(np.int64), exempt
            )
        yield FLAT_LINE, still
        yield CLIMATOLOGY, self._climatology()
        yield NEIGHBOUR, self._neighbour()
        yield INTERNAL, self._internal(worst(told))

    def _limits(self, *names: str) -> list[Any]:
        return [self.limits[COLUMN[name]] for name in names]

    def _climatology(self) -> Any:
        import numpy as np

        found = np.zeros(len(self.sid), dtype=np.uint8)
        at = np.flatnonzero(~np.isnan(self.limits[COLUMN["deviations"]]))
        if len(at):
            sid, month = self.sid[at], month_of(self.t[at])
            found[at] = tests_of.climatology(
                self.x[at], self.plan.mean[sid, month], self.plan.sd[sid, month], self.limits[COLUMN["deviations"], at]
            )
        return found

    def _neighbour(self) -> Any:
        import numpy as np

        found = np.zeros(len(self.sid), dtype=np.uint8)
        held = ~np.isnan(self.limits[COLUMN["near_least"]])
        for sid in np.unique(self.sid[held]).tolist():
            here = slice(self.starts[sid], self.ends[sid])
            beside = np.full((here.stop - here.start, MOST_NEIGHBOURS), np.nan)
            for k, (other, lift) in enumerate(zip(self.plan.beside[sid].tolist(), self.plan.lift[sid].tolist(), strict=True)):
                if other in self.starts:
                    place, there = self._nearest(other, self.t[here], float(self.limits[COLUMN["near_within"], here.start]))
                    beside[there, k] = self.x[place[there]] + lift
            found[here] = tests_of.neighbour(self.x[here], beside, float(self.limits[COLUMN["near_least"], here.start]))
        return found

    def _internal(self, flags: Any) -> Any:
        import numpy as np

        found = np.zeros(len(self.sid), dtype=np.uint8)
        related = ~np.isnan(self.limits[COLUMN["relation"]])
        for sid in np.unique(self.sid[related]).tolist():
            here, other = slice(self.starts[sid], self.ends[sid]), int(self.plan.other[sid])
            found[here] = NOT_EVALUATED
            if other in self.starts:
                rule, limit, within = (float(self.limits[COLUMN[n], here.start]) for n in ("relation", "relation_limit", "relation_within"))
                place, there = self._nearest(other, self.t[here], within)
                there &= flags[place] < SUSPECT
                agrees = relation(np.full(len(place), rule), self.x[here], self.x[place], limit)
                found[here] = np.where(there, agrees, NOT_EVALUATED)
        low_at = self.plan.limits[COLUMN["battery_low"]]
        cells = self.plan.battery[self.sid]
        for cell in np.unique(cells[cells >= 0]).tolist():
            if cell in self.starts and (self.x[self.starts[cell] : self.ends[cell]] < low_at[cell]).any():
                at = np.flatnonzero(cells == cell)
                place, there = self._nearest(cell, self.t[at], BATTERY_WITHIN_MS)
                found[at[there & (self.x[place] < low_at[cell])]] = SUSPECT
        return found

    def _nearest(self, sid: int, t: Any, within_ms: float) -> tuple[Any, Any]:
        """Return where a series' reading nearest in time to each instant stands, and whether it is near enough."""
        import numpy as np

        start, end = self.starts[sid], self.ends[sid]
        after = np.clip(start + np.searchsorted(self.t[start:end], t), start, end - 1)
        before = np.maximum(after - 1, start)
        place = np.where(t - self.t[before] <= self.t[after] - t, before, after)
        place = np.where(self.t[after] < t, after, place)
        return place, np.abs(self.t[place] - t) <= within_ms
