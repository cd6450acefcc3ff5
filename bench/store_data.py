"""A store of any size without a broker: made-up fields for the questions, real weather for the bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ingest.catalog import Catalog, put_latest
from ingest.merging import Merge
from ingest.rollups import DAY_MS, day_number, day_start
from ingest.segments import frame_of

METRICS = ("air_temperature", "air_humidity", "soil_moisture", "wind_speed")
DEVICES_A_FIELD = 20
FIRST_DAY = day_number(1_780_000_000_000)
COUNTY = "371522"


def field_devices(field: int) -> list[str]:
    """Return the devices of a field; a field's devices are registered together."""
    return [f"sx-f{field:03d}-d{n:02d}" for n in range(DEVICES_A_FIELD)]


def make_store(folder: Path, fields: int, points: int, days: int = 30, seed: int = 7) -> int:
    """Write a compacted store of `fields` x 20 devices x 4 metrics with `points` readings a series; return how many readings it holds."""
    import numpy as np

    catalog, dice = Catalog(folder), np.random.default_rng(seed)
    names = [(COUNTY, f"sx-f{f:03d}-gw", d, m, "") for f in range(fields) for d in field_devices(f) for m in METRICS]
    catalog.add_series(names)
    sids = np.array([s.sid for s in catalog.series()], dtype=np.uint32)
    step = days * DAY_MS // points
    times = day_start(FIRST_DAY) + np.arange(points, dtype=np.int64) * step
    total = 0
    merge = Merge(folder, catalog, int(times[-1]) + 60_000)
    for day in range(FIRST_DAY, FIRST_DAY + days):
        here = times[(times >= day_start(day)) & (times < day_start(day + 1))]
        columns = day_columns(sids, here, dice)
        merge.write(COUNTY, day, day, frame_of(columns), [])
        total += len(columns["sid"])
    merge.finish()
    last = [(int(sid), int(times[-1]), 20.0, 1, int(times[-1]) + 300) for sid in sids]
    with catalog.transaction() as db:
        put_latest(db, last)
    catalog.close()
    return total


def day_columns(sids: Any, times: Any, dice: Any) -> dict[str, Any]:
    """Return a day's readings: values with one decimal around a daily course, one in five hundred suspect, received within a second."""
    import numpy as np

    n, k = len(sids), len(times)
    course = 20 + 6 * np.sin(times / DAY_MS * 2 * np.pi)
    values = np.round(course[None, :] + dice.normal(0, 1.5, (n, k)), 1)
    sent = times[None, :] + dice.integers(40, 900, (n // 4, k))
    return {
        "sid": np.repeat(sids, k), "t": np.tile(times, n), "x": values.ravel(),
        "flag": np.where(dice.random(n * k) < 0.002, 3, 1).astype(np.uint8),
        "received": np.repeat(sent, 4, axis=0).ravel(), "seq": np.tile(np.arange(k, dtype=np.int64) + 1, n),
        "tests": np.full(n * k, 0x11111, dtype=np.uint32),
    }  # fmt: skip
