"""The tests themselves, as pure functions of arrays: readings sorted by series and time, one time once.

`first` marks the first reading of each series. Thresholds are numbers, or arrays as long as the readings. Each function returns a flag for
each reading (uint8): good, suspect, fail, or not evaluated where what it needs is not there.
"""

from __future__ import annotations

from typing import Any

from ingest.quality import FIRST_SENSIBLE_MS, FUTURE_FAIL_MS, FUTURE_SUSPECT_MS
from ingest.reading import FAIL, GOOD, MISSING, NOT_EVALUATED, SUSPECT

HOUR_MS = 3_600_000.0


def on_time(t: Any, received: Any) -> Any:
    """Hold times against the receiver's clock: lateness is nothing, minutes ahead are suspect, a day ahead and years ago fail."""
    import numpy as np

    ahead = t - np.asarray(received, dtype=np.int64)
    flags = np.full(len(t), GOOD, dtype=np.uint8)
    flags[ahead > FUTURE_SUSPECT_MS] = SUSPECT
    flags[(ahead > FUTURE_FAIL_MS) | (t < FIRST_SENSIBLE_MS)] = FAIL
    return flags


def gross_range(x: Any, fail: tuple[Any, Any], suspect: tuple[Any, Any]) -> Any:
    """Hold values against what the sensor can say and what the climate can do. Bounds are inside; NaN is missing."""
    import numpy as np

    flags = np.full(len(x), GOOD, dtype=np.uint8)
    flags[(x < suspect[0]) | (x > suspect[1])] = SUSPECT
    flags[(x < fail[0]) | (x > fail[1])] = FAIL
    flags[np.isnan(x)] = MISSING
    return flags


def step(t: Any, x: Any, first: Any, suspect: tuple[Any, Any], fail: tuple[Any, Any], within_ms: Any, *, forgive: bool = True) -> Any:
    """Hold each value against the one before: (at once, per hour) is allowed, whichever is more. The time between counts as it is.

    Values more than `within_ms` apart are not compared. With `forgive`, a value beside one that jumped itself is held against the last
    but one as well, so that the way back from a spike is not called a jump.
    """
    import numpy as np

    flags = _against(1, t, x, first, suspect, fail, within_ms)
    if forgive:
        # The last but one is there unless a series began in between.
        jumped = flags >= SUSPECT
        back = jumped.copy()
        back[:2] = False
        back[2:] &= jumped[1:-1] & ~first[1:-1]
        at = np.flatnonzero(back)
        if len(at):
            again = _against(2, t, x, first, suspect, fail, within_ms, at)
            flags[at] = np.where(again == NOT_EVALUATED, flags[at], np.minimum(flags[at], again))
    return flags


def _against(
    distance: int, t: Any, x: Any, first: Any, suspect: tuple[Any, Any], fail: tuple[Any, Any], within_ms: Any, at: Any = None
) -> Any:
    """Return the step from the reading `distance` places before, for all readings or for those at `at`."""
    import numpy as np

    if at is None:
        at = slice(distance, None)
        before = slice(None, -distance)
        comparable = ~first[at]
    else:
        before = at - distance
        comparable = ~first[at]
    hours = (t[at] - t[before]) / HOUR_MS
    jump = np.abs(x[at] - x[before])
    found = np.full(len(jump), GOOD, dtype=np.uint8)
    found[jump > np.maximum(_some(at, suspect[0]), _some(at, suspect[1]) * hours)] = SUSPECT
    found[jump > np.maximum(_some(at, fail[0]), _some(at, fail[1]) * hours)] = FAIL
    found[~comparable | (hours * HOUR_MS > _some(at, within_ms)) | np.isnan(jump)] = NOT_EVALUATED
    if isinstance(at, slice):
        found = np.concatenate([np.full(min(distance, len(x)), NOT_EVALUATED, dtype=np.uint8), found])
    return found


def _some(at: Any, values: Any) -> Any:
    """Return an array's values at some places; a number is the same everywhere."""
    return values[at] if getattr(values, "ndim", 0) else values


def spike(t: Any, x: Any, first: Any, suspect: Any, fail: Any, within_ms: Any, *, method: str = "differential") -> Any:
    """Hold each value against both its neighbours; the last of a series cannot be judged yet.

    NaN is missing. `average`: how far from their mean. `differential`: the smaller of the steps to it and from it, where these have
    opposite signs.
    """
    import numpy as np

    flags = np.where(np.isnan(x), MISSING, NOT_EVALUATED).astype(np.uint8)
    if len(x) < 3:
        return flags
    up, down = x[1:-1] - x[:-2], x[2:] - x[1:-1]
    size = np.abs(up - down) / 2 if method == "average" else np.where(up * down < 0, np.minimum(np.abs(up), np.abs(down)), 0.0)
    inside = slice(1, -1)
    found = np.full(len(size), GOOD, dtype=np.uint8)
    found[size > _some(inside, suspect)] = SUSPECT
    found[size > _some(inside, fail)] = FAIL
    within = _some(inside, within_ms)
    apart = (t[1:-1] - t[:-2] > within) | (t[2:] - t[1:-1] > within)
    found[first[1:-1] | first[2:] | apart | np.isnan(up) | np.isnan(down)] = NOT_EVALUATED
    flags[1:-1] = np.where(np.isnan(x[1:-1]), MISSING, found)
    return flags


def flat_line(
    t: Any, x: Any, first: Any, tolerance: Any, suspect_ms: Any, fail_ms: Any, readings: Any, exempt: Any, gap_ms: float = 3 * HOUR_MS
) -> Any:
    """Find values that stayed within less than `tolerance` for so long, and for at least so many readings.

    A silence longer than `gap_ms` and an exempt reading end a stillness. Where too little is known of what was before, and what is known
    is still, the test is not made.
    """
    import numpy as np

    n = len(x)
    flags = np.full(n, GOOD, dtype=np.uint8)
    if not n:
        return flags
    place = np.arange(n)
    broken = first | exempt | np.concatenate([[True], (t[1:] - t[:-1]) > gap_ms]) | np.concatenate([[True], exempt[:-1]])
    begin = np.maximum.accumulate(np.where(broken, place, 0))
    tolerance, readings = np.broadcast_to(tolerance, (n,)), np.broadcast_to(readings, (n,))
    # A key that grows through all series, so that the reading of some hours ago is found by one search.
    span = np.int64(t.max() - t.min() + 1)
    key = np.cumsum(first).astype(np.int64) * span + (t - t.min())
    spread = _spread(x, begin, place)
    for window, result in ((suspect_ms, SUSPECT), (fail_ms, FAIL)):
        back = np.searchsorted(key, key - np.broadcast_to(window, (n,)).astype(np.int64), side="right") - 1
        start = np.minimum(back, place - (readings - 1))
        known = start >= begin
        at = np.flatnonzero(known)
        flags[at[_spread(x, start[at], at) < tolerance[at]]] = result
        if result == SUSPECT:
            flags[~known & (spread < tolerance)] = NOT_EVALUATED
    flags[exempt] = 0
    return flags


def _spread(x: Any, start: Any, end: Any) -> Any:
    """Return the largest less the smallest of x[start..end], both inside, for each pair: by ranges of powers of two."""
    import numpy as np

    length = end - start + 1
    level = np.frexp(length.astype(np.float64))[1] - 1
    found = np.empty(len(length), dtype=np.float64)
    high = low = np.asarray(x, dtype=np.float64)
    for k in range(int(level.max()) + 1 if len(level) else 0):
        if k:
            half = 1 << (k - 1)
            high = np.maximum(high[:-half], high[half:])
            low = np.minimum(low[:-half], low[half:])
        at = np.flatnonzero(level == k)
        if len(at):
            a, b = start[at], end[at] - (1 << k) + 1
            found[at] = np.maximum(high[a], high[b]) - np.minimum(low[a], low[b])
    return found


def climatology(x: Any, mean: Any, sd: Any, deviations: Any) -> Any:
    """Hold values against their month: beyond so many standard deviations they are suspect; without normals (NaN) nothing is said."""
    import numpy as np

    flags = np.full(len(x), GOOD, dtype=np.uint8)
    flags[np.abs(x - mean) > deviations * sd] = SUSPECT
    flags[np.isnan(mean) | np.isnan(sd) | np.isnan(x)] = NOT_EVALUATED
    return flags


def neighbour(x: Any, beside: Any, least: Any) -> Any:
    """Hold each value against the median of its neighbours (a row each, NaN where one says nothing), of which three are needed.

    Suspect beyond `least`, or beyond three times their scaled median deviation where that is more.
    """
    import numpy as np

    flags = np.full(len(x), NOT_EVALUATED, dtype=np.uint8)
    at = np.flatnonzero((~np.isnan(beside)).sum(axis=1) >= 3)
    if len(at):
        some = beside[at]
        middle = _median(some)
        scatter = _median(np.abs(some - middle[:, None]))
        far = np.abs(x[at] - middle) > np.maximum(_some(at, least), 3 * 1.4826 * scatter)
        flags[at] = np.where(far, SUSPECT, GOOD)
    return flags


def _median(rows: Any) -> Any:
    """Return the median of each row without its NaNs, which sorting puts last."""
    import numpy as np

    ordered = np.sort(rows, axis=1)
    count = (~np.isnan(rows)).sum(axis=1)
    at = np.arange(len(rows))
    return (ordered[at, (count - 1) // 2] + ordered[at, count // 2]) / 2


def oxygen_saturation(celsius: Any) -> Any:
    """Return saturated dissolved oxygen in mg/L in fresh water at sea level (APHA 4500-O)."""
    import numpy as np

    k = celsius + 273.15
    return np.exp(-139.34411 + 1.575701e5 / k - 6.642308e7 / k**2 + 1.243800e10 / k**3 - 8.621949e11 / k**4)
