"""Days on which flags were given anew after their readings were stored: whoever told numbers of such a day has to look again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from ingest.catalog import Catalog
from ingest.rollups import DAY_MS, ZONE_MS

# So long a change is told of; whoever looks more seldom than that looks at everything.
KEPT_MS = 400 * DAY_MS


def changed_days(columns: Mapping[str, Any], before: Any) -> set[tuple[int, int]]:
    """Return (series, day) of rows whose flag is another one than before."""
    import numpy as np

    at = np.flatnonzero(np.asarray(columns["flag"]) != before)
    return days_of(columns["sid"][at], columns["t"][at])


def days_of(sid: Any, t: Any) -> set[tuple[int, int]]:
    """Return (series, day in Shanghai) of rows."""
    return set(zip(sid.tolist(), ((t + ZONE_MS) // DAY_MS).tolist(), strict=True))


def put_changes(db: sqlite3.Connection, days: Iterable[tuple[int, int]], now_ms: int) -> None:
    """Keep that these days have other flags since now."""
    db.executemany("INSERT OR REPLACE INTO reflagged VALUES (?,?,?)", [(sid, day, now_ms) for sid, day in days])
    db.execute("DELETE FROM reflagged WHERE at < ?", (now_ms - KEPT_MS,))


def reflagged(catalog: Catalog, since_ms: int, before_ms: int) -> set[tuple[int, int]]:
    """Return (series, day) of days that began before `before_ms` and whose flags changed after `since_ms`."""
    rows = catalog.rows("SELECT sid, day FROM reflagged WHERE at > ? AND day * ? - ? < ?", (since_ms, DAY_MS, ZONE_MS, before_ms))
    return {(int(str(sid)), int(str(day))) for sid, day in rows}
