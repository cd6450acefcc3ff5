"""Flags while readings arrive: a batch at a time, each reading against what is remembered of its series and of those beside it.

A spike is known when the next value has come: until then its test counts as not evaluated. What then turns out worse is told by a row of
version 1; what turns out good is left for the compaction, which sees the whole day. After a start only the newest reading of each series
is known. Each writer knows only what passes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.quality import CLIMATOLOGY, FLAT_LINE, GROSS_RANGE, SPIKE, STEP, TIME, with_result, worst
from ingest.quality import tests as tests_of
from ingest.quality.beside import beside, month_of
from ingest.quality.memory import KEPT, NEVER, Memory
from ingest.quality.plan import COLUMN, Plan, Watched
from ingest.quality.still import stand_still
from ingest.reading import FAIL, NOT_EVALUATED, SUSPECT
from registry.devices import DevicePlace


@dataclass(frozen=True)
class Judged:
    """The flags of a batch; `finals` are columns of rows that say a worse final flag of readings told before, if any."""

    flag: Any
    tests: Any
    finals: Mapping[str, Any] | None
    touched: Any
    before: dict[str, Any]


class Flagger:
    """Judges batches in the order in which they are stored. One thread judges; series may be added by another."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._memory = Memory()
        self._waiting: deque[Watched] = deque()
        self._seeds: dict[int, tuple[int, float]] = {}

    def watch(self, sid: int, county: str, device: str, channel: str) -> None:
        """Take a series in; any thread may."""
        self._waiting.append(Watched(sid, county, device, channel))

    def place(self, places: Mapping[str, DevicePlace]) -> None:
        """Take in where devices stand."""
        self._take_series()
        self.plan.place(places)

    def seed(self, newest: Iterable[tuple[int, int, float]]) -> None:
        """Remember (series, time, value) of the newest stored reading of each series."""
        import numpy as np

        found = list(newest)
        if not found:
            return
        sids = np.array([sid for sid, _, _ in found])
        self._memory.grow(int(sids.max()) + 1)
        self._memory.t[sids, KEPT - 1] = [t for _, t, _ in found]
        self._memory.x[sids, KEPT - 1] = [x for _, _, x in found]

    def judge(self, columns: Mapping[str, Any], syntax: Mapping[int, int] | None = None) -> Judged:
        """Return the flags of a batch of columns `sid`, `t`, `x`, `received`, `seq`, and remember it.

        `syntax` tells, by row, what the sender itself said of a value: it joins the time test.
        """
        import numpy as np

        self._take_series()
        sid, t, x = (np.asarray(columns[name], dtype=kind) for name, kind in (("sid", np.int64), ("t", np.int64), ("x", np.float64)))
        if len(sid) and int(sid.max()) >= len(self.plan):
            self.plan.grow(int(sid.max()) + 1)
            self._memory.grow(len(self.plan))
        limits = self.plan.limits.take(sid, axis=1)
        on_time = tests_of.on_time(t, columns["received"])
        for row, result in (syntax or {}).items():
            on_time[row] = max(on_time[row], result)
        gross = tests_of.gross_range(x, (limits[0], limits[1]), (limits[2], limits[3]))
        gross[np.isnan(limits[0]) & ~np.isnan(x)] = 0
        tests = shifted(on_time, TIME) | shifted(gross, GROSS_RANGE) | self._climatology(sid, t, x, limits)
        # A value the sensor cannot say, or a time that cannot be, is nobody's neighbour.
        usable = (on_time < SUSPECT) & (gross < FAIL)
        rows = np.flatnonzero(usable)
        if len(rows) < len(sid):
            lost = np.flatnonzero(~usable)
            tests[lost] |= not_evaluated(limits[:, lost])
        there = np.zeros(len(self.plan), dtype=bool)
        there[sid[rows]] = True
        touched = np.flatnonzero(there)
        before = self._memory.copy(touched)
        line = _Line.of(touched, before, rows, {**columns, "sid": sid, "t": t, "x": x})
        self._in_line(line, tests, before["t"][:, KEPT - 1])
        finals = self._finals(line)
        self._keep(touched, line)
        tests |= beside(self.plan, self._memory, sid, t, x, limits)
        # Those remembered have all their results now.
        kept = line.row[line.at] >= 0
        self._memory.tests[line.sid[line.at][kept], line.place[kept]] = tests[line.row[line.at][kept]]
        return Judged(worst(tests), tests, finals, touched, before)

    def withdraw(self, judged: Judged) -> None:
        """Forget a batch that did not become durable."""
        self._memory.restore(judged.touched, judged.before)

    def _take_series(self) -> None:
        new = []
        while self._waiting:
            new.append(self._waiting.popleft())
        if new:
            self.plan.add(new)
            self._gather()
        self._memory.grow(len(self.plan))

    def _gather(self) -> None:
        self.plan.gather()

    def _climatology(self, sid: Any, t: Any, x: Any, limits: Any) -> Any:
        import numpy as np

        found = np.zeros(len(sid), dtype=np.uint32)
        deviations = limits[COLUMN["deviations"]]
        at = np.flatnonzero(~np.isnan(deviations))
        if len(at) and self.plan.has_normals:
            month = month_of(t[at])
            found[at] = shifted(
                tests_of.climatology(x[at], self.plan.mean[sid[at], month], self.plan.sd[sid[at], month], deviations[at]), CLIMATOLOGY
            )
        else:
            found[at] = NOT_EVALUATED << (4 * CLIMATOLOGY)
        return found

    def _in_line(self, line: _Line, tests: Any, newest: Any) -> None:
        """Put the results of step, spike and flat line into `tests`, and into the line."""
        import numpy as np

        limits = self.plan.limits.take(line.sid, axis=1)
        first = np.append(True, line.sid[1:] != line.sid[:-1])[: len(line.sid)]
        c = COLUMN
        steps = tests_of.step(
            line.t, line.x, first, (limits[c["step_once"]], limits[c["step_hour"]]),
            (limits[c["step_fail_once"]], limits[c["step_fail_hour"]]), limits[c["step_within"]],
        )  # fmt: skip
        steps[np.isnan(limits[c["step_once"]])] = 0
        line.spike = tests_of.spike(line.t, line.x, first, limits[c["spike"]], limits[c["spike_fail"]], limits[c["spike_within"]])
        line.spike[np.isnan(limits[c["spike"]])] = 0
        still = np.where(np.isnan(limits[c["flat"]]), 0, NOT_EVALUATED).astype(np.uint8)
        ordered = np.flatnonzero((line.row >= 0) & (still > 0) & (line.t > np.repeat(newest, line.lengths)))
        if len(ordered):
            some = tuple(
                limits[c[name], ordered] for name in ("flat", "flat_ms", "flat_fail_ms", "flat_readings", "flat_below", "flat_above")
            )
            still[ordered] = stand_still(self._memory, line.sid[ordered], line.t[ordered], line.x[ordered], some)
        found = shifted(steps, STEP) | shifted(line.spike, SPIKE) | shifted(still, FLAT_LINE)
        new = np.flatnonzero(line.row >= 0)
        tests[line.row[new]] |= found[new]
        line.tests[new] = tests[line.row[new]]
        if len(line.again):
            # What another word for the same time replaced: the same value has the same results, another one is held against nothing.
            same = line.again_x == line.x[line.last_word]
            tests[line.again] |= np.where(same, found[line.last_word], not_evaluated(limits[:, line.last_word]))

    def _finals(self, line: _Line) -> Mapping[str, Any] | None:
        """Return rows for what was told before and now turns out to be a spike."""
        import numpy as np

        known = (line.row < 0) & ~line.final & (line.spike != NOT_EVALUATED)
        at = np.flatnonzero(known & (line.spike >= SUSPECT))
        line.final |= line.spike != NOT_EVALUATED
        if not len(at):
            return None
        line.tests[at] = with_result(line.tests[at], SPIKE, line.spike[at])
        told = {"sid": line.sid[at], "t": line.t[at], "x": line.x[at], "received": line.received[at], "seq": line.seq[at]}
        return {**told, "flag": worst(line.tests[at]), "tests": line.tests[at]}

    def _keep(self, touched: Any, line: _Line) -> None:
        """Remember the newest readings of each series of the line."""
        import numpy as np

        ends = np.cumsum(line.lengths)
        where = ends[:, None] - np.arange(KEPT, 0, -1)[None, :]
        there = where >= (ends - line.lengths)[:, None]
        m, at = self._memory, np.where(there, where, 0)
        m.t[touched] = np.where(there, line.t[at], NEVER)
        m.x[touched] = np.where(there, line.x[at], np.nan)
        m.received[touched], m.seq[touched] = line.received[at], line.seq[at]
        m.tests[touched], m.final[touched] = line.tests[at], line.final[at] | ~there
        line.at, line.place = where[there], np.broadcast_to(np.arange(KEPT), there.shape)[there]


class _Line:
    """What is remembered and what is new of the series of a batch, sorted by series and time, one word for one time: the last."""

    def __init__(self, columns: Mapping[str, Any], order: Any, lengths: Any) -> None:
        self.sid, self.t, self.x = columns["sid"][order], columns["t"][order], columns["x"][order]
        self.received, self.seq = columns["received"][order], columns["seq"][order]
        self.tests, self.final, self.row = columns["tests"][order], columns["final"][order], columns["row"][order]
        self.lengths = lengths
        self.spike: Any = None
        self.at: Any = None
        self.place: Any = None
        # Rows of the batch that another word for their time replaced, their values, and where that word stands in the line.
        self.again: Any = ()
        self.again_x: Any = None
        self.last_word: Any = None

    @classmethod
    def of(cls, touched: Any, before: Mapping[str, Any], rows: Any, told: Mapping[str, Any]) -> _Line:
        """Line up what is remembered with the rows of a batch."""
        import numpy as np

        there = (before["t"] != NEVER).ravel()
        columns = {"sid": np.concatenate([np.repeat(touched, KEPT)[there], told["sid"][rows]])}
        for name in ("t", "x", "received", "seq"):
            columns[name] = np.concatenate([before[name].ravel()[there], np.asarray(told[name])[rows]])
        columns["tests"] = np.concatenate([before["tests"].ravel()[there], np.zeros(len(rows), dtype=np.uint32)])
        columns["final"] = np.concatenate([before["final"].ravel()[there], np.zeros(len(rows), dtype=bool)])
        columns["row"] = np.concatenate([np.full(int(there.sum()), -1), rows])
        order = in_order(columns["sid"], columns["t"])
        s, t = columns["sid"][order], columns["t"][order]
        stands = np.append((s[1:] != s[:-1]) | (t[1:] != t[:-1]), True)[: len(s)]
        kept = order if stands.all() else order[stands]
        line = cls(columns, kept, np.diff(np.append(np.searchsorted(columns["sid"][kept], touched), len(kept))))
        if len(kept) < len(order):
            gone = np.flatnonzero(~stands)
            after = np.searchsorted(np.flatnonzero(stands), gone)
            new = columns["row"][order[gone]] >= 0
            line.again, line.last_word = columns["row"][order[gone[new]]], after[new]
            line.again_x = told["x"][line.again]
        return line


def in_order(sid: Any, t: Any) -> Any:
    """Return the order by series and time; of equals the first comes first."""
    import numpy as np

    if len(sid) and int(sid.max()) < 1 << 21 and int(t.min()) >= 0 and int(t.max()) < 1 << 42:
        return np.argsort(sid << 42 | t, kind="stable")
    return np.lexsort((t, sid))


def shifted(results: Any, test: int) -> Any:
    """Return results at the place of their test."""
    import numpy as np

    return results.astype(np.uint32) << np.uint32(4 * test)


def not_evaluated(limits: Any) -> Any:
    """Return the results of a reading that can be held against no other of its series."""
    import numpy as np

    found = np.zeros(limits.shape[1], dtype=np.uint32)
    for test, name in ((STEP, "step_once"), (SPIKE, "spike"), (FLAT_LINE, "flat")):
        found[~np.isnan(limits[COLUMN[name]])] |= np.uint32(NOT_EVALUATED << (4 * test))
    return found
