"""Quality flags on four real years of hourly weather with planted faults of known size: how large must a fault be to be seen.

    SUHE_CONFORMANCE_DATA=FOLDER python -m bench.quality_real [--seed N]

The station is Shunyi (UCI Beijing Multi-Site, in FOLDER/field, not part of the project). Faults are planted in air temperature, at times
drawn by a seed; everything goes through the final flags, with normals made of the series itself. What is flagged where nothing was
planted counts as a false alarm, although the real series has faults of its own. Intervals are Wilson's at 95 %.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.quality import share
from bench.report import Row, print_report
from ingest.quality.final import final_flags
from ingest.quality.plan import Plan, Watched
from ingest.quality.rules import packaged
from ingest.reading import SUSPECT

HOUR_MS = 3_600_000
SPIKES, STUCK, DRIFTS = (1.5, 2.5, 4.0, 6.0, 10.0), (4, 6, 9, 12), (3.0, 6.0, 12.0)
EACH = 150


def temperatures() -> tuple[Any, Any]:
    """Return times and values of the station."""
    path = Path(os.environ["SUHE_CONFORMANCE_DATA"]) / "field" / "prsa_weather_Shunyi.csv.gz"
    with gzip.open(path, "rt") as stream:
        rows = [r for r in csv.DictReader(stream) if r["TEMP"] != "NA"]
    at = [datetime(int(r["year"]), int(r["month"]), int(r["day"]), int(r["hour"]), tzinfo=UTC).timestamp() for r in rows]
    return np.array(at, dtype=np.int64) * 1000 - 8 * HOUR_MS, np.array([float(r["TEMP"]) for r in rows])


def flagged(t: Any, x: Any) -> Any:
    """Return which readings are suspect or failed; normals are those of the series itself, month by month."""
    plan = Plan(packaged())
    plan.add([Watched(1, "110113", "shunyi", "air_temperature")])
    month = (t + 8 * HOUR_MS).astype("datetime64[ms]").astype("datetime64[M]").astype(int) % 12
    plan.set_normals({1: {m + 1: (float(x[month == m].mean()), float(x[month == m].std())) for m in range(12)}})
    n = len(t)
    columns = {
        "sid": np.ones(n, dtype=np.uint32),
        "t": t,
        "x": x,
        "received": t,
        "seq": np.arange(n),
        "tests": np.zeros(n, dtype=np.uint32),
    }
    return final_flags(plan, columns)[0] >= SUSPECT


def main() -> None:
    """Plant, flag and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=20261130)
    dice = np.random.default_rng(parser.parse_args().seed)
    t, real = temperatures()
    untouched = flagged(t, real)
    rows = [Row("false alarms", round(1e4 * float(untouched.mean()), 2), "per 10,000", f"{len(t):,} real readings, nothing planted")]
    print(f"nothing planted: {share(int(untouched.sum()), len(t))} flagged")
    for kind, sizes in (("spike", SPIKES), ("stuck", STUCK), ("drift", DRIFTS)):
        for size in sizes:
            starts = np.sort(dice.choice(len(t) // 40 - 2, EACH, replace=False)) * 40 + 20
            x, seen, right = real.copy(), 0, np.zeros(len(t), dtype=bool)
            for k in starts.tolist():
                end = k + (1 if kind == "spike" else int(size) + 1 if kind == "stuck" else 24)
                if kind == "spike":
                    x[k] += size * dice.choice([-1, 1])
                elif kind == "stuck":
                    x[k:end] = x[k]
                else:
                    x[k:end] += np.linspace(0, size, end - k) * dice.choice([-1, 1])
                right[k : end + 2] = True
            bad = flagged(t, np.round(x, 1))
            seen = sum(
                bool(bad[k : k + (1 if kind == "spike" else int(size) + 1 if kind == "stuck" else 24)].any()) for k in starts.tolist()
            )
            told = f"{size:g} {'h' if kind == 'stuck' else 'Cel'}"
            new = share(int((bad & right & ~untouched).sum()), int((bad & ~untouched).sum()))
            print(f"{kind} of {told:<8} seen {share(seen, EACH):<36} of new alarms at or beside one: {new}")
            rows.append(Row(f"{kind} {told}", round(100 * seen / EACH, 1), "%", f"{EACH} planted"))
    print_report("quality_real", rows)


if __name__ == "__main__":
    main()
