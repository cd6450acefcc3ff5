"""Normals of months from a series' own history: what the climatology test holds values against.

A month that is over is added once, from the hourly means of good readings. Normals outlive the readings they were made of, which retention
may take.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from foundation.clock import SHANGHAI, Clock, from_ms, to_ms
from ingest.catalog import Catalog
from ingest.quality.plan import Plan

if TYPE_CHECKING:
    from ingest.history import History

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
# A month with fewer days of readings is no normal.
LEAST_DAYS = 20
# What arrives later than this after a month's end is left out of its normal.
SETTLED = timedelta(days=2)
_AT_ONCE = 200


def build_normals(catalog: Catalog, history: History, plan: Plan, clock: Clock) -> int:
    """Add every month that is over and not added yet; return how many normals were added."""
    done = {(int(str(y)), int(str(m))) for y, m in catalog.rows("SELECT year, month FROM month_built")}
    oldest = catalog.rows("SELECT min(min_t) FROM file")[0][0]
    if oldest is None:
        return 0
    now, added = clock.now().astimezone(SHANGHAI), 0
    for start, end in _months(from_ms(max(int(str(oldest)), to_ms(now) - 800 * DAY_MS)).astimezone(SHANGHAI), now - SETTLED):
        if (start.year, start.month) not in done:
            added += _build(catalog, history, plan, start, end, to_ms(now))
    return added


def _months(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    start = since.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while (end := (start + timedelta(days=32)).replace(day=1)) <= until:
        yield start, end
        start = end


def _build(catalog: Catalog, history: History, plan: Plan, start: datetime, end: datetime, now_ms: int) -> int:
    sids = [s.sid for s in plan.series() if plan.rules(s.sid).climatology is not None]
    rows: list[tuple[int, int, int, int, float, float, int]] = []
    for k in range(0, len(sids), _AT_ONCE):
        windows = history.windows(sids[k : k + _AT_ONCE], to_ms(start), to_ms(end), HOUR_MS, good_only=True)
        for sid, found in windows.items():
            means = [w.mean for w in found if w.mean is not None]
            days = len({(w.start_ms - to_ms(start)) // DAY_MS for w in found if w.n})
            if days >= LEAST_DAYS:
                mean = sum(means) / len(means)
                spread = (sum((x - mean) ** 2 for x in means) / len(means)) ** 0.5
                rows.append((sid, start.year, start.month, days, mean, spread, now_ms))
    with catalog.transaction() as db:
        db.executemany("INSERT OR REPLACE INTO month_normal VALUES (?,?,?,?,?,?,?)", rows)
        db.execute("INSERT OR REPLACE INTO month_built VALUES (?,?,?)", (start.year, start.month, now_ms))
    return len(rows)


def kept_normals(catalog: Catalog) -> dict[int, dict[int, tuple[float, float]]]:
    """Return mean and standard deviation by series and month, all years of a month together."""
    query = "SELECT sid, month, avg(mean), avg(sd * sd) + avg(mean * mean) - avg(mean) * avg(mean) FROM month_normal GROUP BY sid, month"
    found: dict[int, dict[int, tuple[float, float]]] = {}
    for sid, month, mean, variance in catalog.rows(query):
        found.setdefault(int(str(sid)), {})[int(str(month))] = (float(str(mean)), max(float(str(variance)), 0.0) ** 0.5)
    return found
