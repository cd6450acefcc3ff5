"""Times for which a device told more than one value: all of them are kept, the one received last counts, and the answer says so."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.raw import RawSeries


@dataclass(frozen=True, slots=True)
class Told:
    """One value that was told for a time. `counts` is true of the one that is shown."""

    value: float
    flag: int
    received_ms: int
    seq: int
    counts: bool


@dataclass(frozen=True, slots=True)
class Revision:
    """A time with every value told for it, in the order they first came."""

    t_ms: int
    told: tuple[Told, ...]


def revisions_in(raw: RawSeries, limit: int) -> list[Revision]:
    """Return the times of a series that were revised, oldest first, at most `limit`."""
    import numpy as np

    revised = np.unique(raw.times[~raw.counts])[:limit]
    rows = np.flatnonzero(np.isin(raw.times, revised))
    found: dict[int, list[Told]] = {}
    for k in rows.tolist():
        told = Told(float(raw.values[k]), int(raw.flags[k]), int(raw.received[k]), int(raw.seqs[k]), bool(raw.counts[k]))
        found.setdefault(int(raw.times[k]), []).append(told)
    return [Revision(t_ms, tuple(told)) for t_ms, told in found.items()]


def revised_times(raw: RawSeries) -> int:
    """Return for how many times of a series more than one value was told."""
    import numpy as np

    return len(np.unique(raw.times[~raw.counts]))
