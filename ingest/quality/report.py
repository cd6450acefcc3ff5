"""What the tests said of a device's readings: counts by test and result, and the readings that were flagged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.asking import Asker, among, source
from ingest.quality import unpack
from ingest.reading import SUSPECT


@dataclass(frozen=True)
class FlagCounts:
    """One channel's readings in a stretch of time: how many had which flag, and of each test by name how many had which result.

    A test that does not apply to any of them is left out. Names of tests are those of `quality.TESTS`, results QARTOD's numbers.
    """

    device: str
    channel: str
    readings: int
    flags: Mapping[int, int]
    tests: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True)
class FlaggedReading:
    """A suspect or failed reading, with the result of each test that applied. `final` says that its flag came after its arrival."""

    device: str
    channel: str
    t_ms: int
    value: float
    flag: int
    tests: Mapping[str, int]
    final: bool


def count_flags(asker: Asker, names: Mapping[int, tuple[str, str]], start_ms: int, end_ms: int) -> list[FlagCounts]:
    """Return the counts of these series (number -> device and channel) in [start, end), by device and channel."""
    rows = _ask(asker, names, start_ms, end_ms, "SELECT sid, flag, tests, count(*) FROM one GROUP BY ALL")
    flags: dict[int, Counter[int]] = {sid: Counter() for sid in names}
    tests: dict[int, dict[str, Counter[int]]] = {sid: {} for sid in names}
    for sid, flag, packed, count in rows:
        flags[sid][int(flag)] += count
        for test, result in unpack(int(packed)).items():
            tests[sid].setdefault(test, Counter())[result] += count
    ordered = sorted(names, key=lambda sid: names[sid])
    return [
        FlagCounts(*names[s], flags[s].total(), dict(sorted(flags[s].items())), {t: dict(sorted(c.items())) for t, c in tests[s].items()})
        for s in ordered
    ]


def flagged_readings(asker: Asker, names: Mapping[int, tuple[str, str]], start_ms: int, end_ms: int, limit: int) -> list[FlaggedReading]:
    """Return the newest suspect, failed and missing readings of these series in [start, end), newest first."""
    query = f"SELECT sid, t, x, flag, tests, version FROM one WHERE flag >= {SUSPECT} ORDER BY t DESC, sid LIMIT {int(limit)}"
    rows = _ask(asker, names, start_ms, end_ms, query)
    return [FlaggedReading(*names[sid], t, x, flag, unpack(int(tests)), bool(version)) for sid, t, x, flag, tests, version in rows]


def _ask(asker: Asker, names: Mapping[int, tuple[str, str]], start_ms: int, end_ms: int, query: str) -> Sequence[tuple[Any, ...]]:
    if not names:
        return []
    sids = list(names)

    def ask() -> Sequence[tuple[Any, ...]]:
        files = [asker.path(f) for f in asker.files_of(sids, start_ms, end_ms)]
        last = "(received, seq, x, coalesce(version, 0))"
        one = (
            f"SELECT sid, t, arg_max(x, (received, seq, x)) AS x, arg_max(flag, {last}) AS flag, "
            f"arg_max(coalesce(tests, 0), {last}) AS tests, arg_max(coalesce(version, 0), {last}) AS version FROM {source(files)} "
            f"WHERE {among(sids)} AND t >= {int(start_ms)} AND t < {int(end_ms)} GROUP BY sid, t"
        )
        found: list[tuple[Any, ...]] = asker.cursor().execute(f"WITH one AS ({one}) {query}").fetchall()
        return found

    return asker.again(ask)
