"""The tests that hold a reading against other series: of its own device, and of the devices around it."""

from __future__ import annotations

from typing import Any

from ingest.quality import INTERNAL, NEIGHBOUR, worst
from ingest.quality import tests as tests_of
from ingest.quality.memory import KEPT, Memory
from ingest.quality.plan import COLUMN, Plan
from ingest.quality.rules import RELATIONS
from ingest.reading import GOOD, NOT_EVALUATED, SUSPECT

_ZONE_MS = 8 * 3_600_000
# A battery is read seldom.
BATTERY_WITHIN_MS = 3 * 3_600_000


def month_of(t: Any) -> Any:
    """Return the month of each instant in Shanghai, 0 for January."""
    import numpy as np

    return (t + _ZONE_MS).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12


def beside(plan: Plan, memory: Memory, sid: Any, t: Any, x: Any, limits: Any) -> Any:
    """Return the results of the neighbour and internal tests of a batch that is remembered already."""
    import numpy as np

    found = np.zeros(len(sid), dtype=np.uint32)
    newest_t, newest_x = memory.t[:, KEPT - 1], memory.x[:, KEPT - 1]
    related = np.flatnonzero(~np.isnan(limits[COLUMN["relation"]]))
    if len(related):
        other = plan.other[sid[related]]
        other_t, other_x = newest_t[other], newest_x[other]
        there = np.abs(t[related] - other_t) <= limits[COLUMN["relation_within"], related]
        # What is doubtful itself accuses nobody.
        there &= worst(memory.tests[other, KEPT - 1]) < SUSPECT
        results = relation(limits[COLUMN["relation"], related], x[related], other_x, limits[COLUMN["relation_limit"], related])
        found[related] = np.where(there, results, NOT_EVALUATED).astype(np.uint32) << np.uint32(4 * INTERNAL)
    cell = plan.battery[sid]
    low = np.flatnonzero((cell >= 0) & (newest_x[cell] < plan.limits[COLUMN["battery_low"], cell]))
    low = low[np.abs(t[low] - newest_t[cell[low]]) <= BATTERY_WITHIN_MS]
    if len(low):
        found[low] = np.uint32(SUSPECT << (4 * INTERNAL))
    held = np.flatnonzero(~np.isnan(limits[COLUMN["near_least"]]))
    if len(held):
        others = plan.beside[sid[held]]
        values = newest_x[others] + plan.lift[sid[held]]
        late = np.abs(t[held][:, None] - newest_t[others]) > limits[COLUMN["near_within"], held][:, None]
        values[late | (others < 0)] = np.nan
        found[held] |= tests_of.neighbour(x[held], values, limits[COLUMN["near_least"], held]).astype(np.uint32) << np.uint32(4 * NEIGHBOUR)
    return found


def relation(rule: Any, x: Any, other: Any, limit: Any) -> Any:
    """Return whether values agree with the channel they are held against, by the number of the rule in `RELATIONS`."""
    import numpy as np

    bad = np.select(
        [rule == RELATIONS.index("not_above"), rule == RELATIONS.index("dry_air"), rule == RELATIONS.index("saturation")],
        [x > other + limit, (x > 0) & (other < limit), x > limit / 100 * tests_of.oxygen_saturation(other)],
        False,
    )
    return np.where(bad, SUSPECT, GOOD).astype(np.uint8)
