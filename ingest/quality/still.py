"""The flat-line test while readings arrive: since when has each series stayed within its tolerance."""

from __future__ import annotations

from typing import Any

from ingest.quality.memory import KEPT, NEVER, Memory
from ingest.quality.tests import HOUR_MS
from ingest.reading import FAIL, GOOD, NOT_EVALUATED, SUSPECT

GAP_MS = 3 * HOUR_MS
# Fewer series than this are gone through one reading at a time: arrays would cost more.
_FEW = 24


def stand_still(memory: Memory, sid: Any, t: Any, x: Any, limits: tuple[Any, ...]) -> Any:
    """Return the flat-line flags of readings newer than any before, sorted by series and time, and remember where each series stands.

    `limits`: tolerance, suspect and fail in ms, readings, and the values below and above which stillness is natural, each by reading. Once
    a value has left the tolerance the stillness begins anew with it, so this says nothing sooner than the whole series would.
    """
    import numpy as np

    tolerance, suspect_ms, fail_ms, readings, below, above = limits
    exempt = (x < below) | (x > above)
    first = np.concatenate([[True], sid[1:] != sid[:-1]])
    starts = np.flatnonzero(first)
    lengths = np.diff(np.append(starts, len(sid)))
    of = sid[starts]
    state = {name: getattr(memory, name)[of] for name in ("still_from", "still_low", "still_high", "still_count", "still_known")}
    since, low, high, count, known = state.values()
    last = memory.t[of, KEPT - 1].astype(np.float64)
    last[memory.t[of, KEPT - 1] == NEVER] = -np.inf
    begun, seen, sure = np.empty(len(sid), dtype=np.int64), np.empty(len(sid), dtype=np.int64), np.empty(len(sid), dtype=bool)
    place = 0
    group = np.arange(len(of))
    while len(group) >= _FEW:
        at = starts[group] + place
        here, now = x[at], t[at]
        lowest, highest = np.fmin(low[group], here), np.fmax(high[group], here)
        follows = (now - last[group] <= GAP_MS) & (count[group] > 0) & ~exempt[at]
        still = follows & (highest - lowest < tolerance[at])
        since[group] = np.where(still, since[group], now)
        low[group], high[group] = np.where(still, lowest, here), np.where(still, highest, here)
        count[group] = np.where(still, count[group] + 1, ~exempt[at])
        known[group] = np.where(still, known[group], follows)
        last[group] = now
        begun[at], seen[at], sure[at] = since[group], count[group], known[group]
        place += 1
        group = group[lengths[group] > place]
    for g in group.tolist():
        _one_by_one(g, slice(starts[g] + place, starts[g] + lengths[g]), t, x, tolerance, exempt, last, state, (begun, seen, sure))
    for name, values in state.items():
        getattr(memory, name)[of] = values
    long = t - begun
    flags = np.where(sure, GOOD, NOT_EVALUATED).astype(np.uint8)
    flags[(long >= suspect_ms) & (seen >= readings)] = SUSPECT
    flags[(long >= fail_ms) & (seen >= readings)] = FAIL
    flags[exempt] = 0
    return flags


def _one_by_one(
    g: int, rows: slice, t: Any, x: Any, tolerance: Any, exempt: Any, last: Any, state: dict[str, Any], told: tuple[Any, Any, Any]
) -> None:
    since, low, high, count, known = (values[g].item() for values in state.values())
    before = last[g].item()
    begun, seen, sure = [], [], []
    for now, here, within, free in zip(t[rows].tolist(), x[rows].tolist(), tolerance[rows].tolist(), exempt[rows].tolist(), strict=True):
        follows = count > 0 and now - before <= GAP_MS and not free
        if follows and max(high, here) - min(low, here) < within:
            low, high, count = min(low, here), max(high, here), count + 1
        else:
            since, low, high, count, known = now, here, here, int(not free), follows
        before = now
        begun.append(since)
        seen.append(count)
        sure.append(known)
    for array, values in zip(told, (begun, seen, sure), strict=True):
        array[rows] = values
    for values, value in zip(state.values(), (since, low, high, count, known), strict=True):
        values[g] = value
