"""Rollups: what a day's readings come to in windows of one length, kept beside the readings and long after them.

A row is one series and window: `n` good readings with their sum (`total`), `low`, `high` and sum of squares (`squares`), for an angle also
the sums of sine and cosine (0 elsewhere), and `flagged`, the suspect and failed ones, which are in none of the others. Windows begin at
Shanghai midnight or a whole number of windows after it. Rows of two sources for one window are added up, column by column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ingest.reading import SUSPECT
from ingest.settling import counting

# Days are cut at Shanghai midnight, which has been UTC+8 without summer time since 1992.
ZONE_MS = 8 * 3600 * 1000
DAY_MS = 86_400_000
MINUTES_5, HOUR, DAY = 300_000, 3_600_000, DAY_MS
COLUMNS = ("sid", "t", "n", "total", "low", "high", "flagged", "squares", "sine", "cosine")
_ADDED = ("n", "total", "flagged", "squares", "sine", "cosine")


@dataclass(frozen=True)
class Level:
    """Windows of one length. A file holds `days` days that begin at a multiple of it."""

    window_ms: int
    label: str
    days: int

    def block(self, day: int) -> tuple[int, int]:
        """Return first and last day of the file that a day stands in."""
        first = day // self.days * self.days
        return first, first + self.days - 1


# Made at every compaction. Windows of five minutes are made when the readings themselves go: until then these tell more.
HOURS, DAYS = Level(HOUR, "1h", 16), Level(DAY, "1d", 128)
FIVE_MINUTES = Level(MINUTES_5, "5min", 1)
KEPT_WITH_READINGS = (HOURS, DAYS)
LEVELS = (FIVE_MINUTES, HOURS, DAYS)


def day_number(t_ms: int) -> int:
    """Return the Shanghai calendar day of an instant as days since 1970-01-01."""
    return (t_ms + ZONE_MS) // DAY_MS


def day_start(day: int) -> int:
    """Return the first instant of a Shanghai day."""
    return day * DAY_MS - ZONE_MS


def roll(settled: dict[str, Any], window_ms: int, angles: set[int]) -> dict[str, Any]:
    """Return the rollup of settled columns; `angles` are the series whose mean is a direction."""
    import numpy as np

    counts = counting(settled)
    sid, x = settled["sid"][counts], settled["x"][counts]
    t = (settled["t"][counts] + ZONE_MS) // window_ms * window_ms - ZONE_MS
    good = settled["flag"][counts] < SUSPECT
    value = np.where(good, x, 0.0)
    turn = np.radians(value)
    turning = good & np.isin(sid, np.fromiter(angles, dtype=np.int64, count=len(angles))) if angles else np.zeros(len(sid), dtype=bool)
    return _grouped(
        {
            "sid": sid, "t": t, "n": good.astype(np.uint32), "total": value,
            "low": np.where(good, x, np.inf), "high": np.where(good, x, -np.inf), "flagged": (~good).astype(np.uint32),
            "squares": value * value, "sine": np.where(turning, np.sin(turn), 0.0), "cosine": np.where(turning, np.cos(turn), 0.0),
        }
    )  # fmt: skip


def add_up(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rollups of one window length put together, sorted by series and window."""
    import numpy as np

    whole = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
    order = np.lexsort([whole["t"], whole["sid"]])
    return _grouped({name: values[order] for name, values in whole.items()})


def _grouped(rows: dict[str, Any]) -> dict[str, Any]:
    """Return sorted rows with those of one series and window made one. A window without good readings has low and high of infinity."""
    import numpy as np

    sid, t = rows["sid"], rows["t"]
    if not len(sid):
        return rows
    starts = np.flatnonzero(np.append(True, (sid[1:] != sid[:-1]) | (t[1:] != t[:-1])))
    made = {"sid": sid[starts], "t": t[starts], "low": np.minimum.reduceat(rows["low"], starts)}
    made["high"] = np.maximum.reduceat(rows["high"], starts)
    made |= {name: np.add.reduceat(rows[name], starts) for name in _ADDED}
    return {name: made[name] for name in COLUMNS}


def only(rows: dict[str, Any], wanted: Any) -> dict[str, Any]:
    """Return the rows a mask or index picks."""
    return {name: values[wanted] for name, values in rows.items()}


def day_of(rows: dict[str, Any]) -> Any:
    """Return the Shanghai day of every row."""
    return (rows["t"] + ZONE_MS) // DAY_MS
