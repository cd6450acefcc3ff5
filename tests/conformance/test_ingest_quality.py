"""Published vectors of the spike test, and two real series: what is known to be wrong is found, and little else."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.quality import FLAT_LINE, TESTS, result_of
from ingest.quality import tests as tests_of
from ingest.quality.final import final_flags
from ingest.quality.plan import Plan, Watched
from ingest.quality.rules import packaged
from ingest.reading import FAIL, SUSPECT

HOUR_MS = 3_600_000
FOREVER = float("inf")
COLUMNS = {"TEMP": "air_temperature", "PRES": "air_pressure", "DEWP": "dew_point", "RAIN": "rain", "WSPM": "wind_speed"}


def spikes(values: list[float | None], suspect: float, fail: float, method: str) -> list[int]:
    """Return the spike flags of values an hour apart."""
    x = np.array([np.nan if v is None else v for v in values])
    t = np.arange(len(x)) * HOUR_MS
    return tests_of.spike(t, x, np.arange(len(x)) == 0, suspect, fail, FOREVER, method=method).tolist()  # type: ignore[no-any-return]


def test_the_published_spike_vectors(conformance_data: Path) -> None:
    """The eight values with 999.99 and 40, and the eighteen of both methods with one missing."""
    told = json.loads((conformance_data / "field" / "qartod_vectors.json").read_text())
    one, two = told["spike_average"], told["spike_methods"]
    assert spikes(one["inp"], one["suspect"], one["fail"], "average") == one["expect"]
    for method in ("average", "differential"):
        assert spikes(two["inp"], two["suspect"], two["fail"], method) == two[method], method


@pytest.fixture(scope="module")
def shunyi(conformance_data: Path) -> dict[str, tuple[Any, Any]]:
    """Return times and values of each channel of four years of hourly weather."""
    found: dict[str, list[tuple[int, float]]] = {code: [] for code in COLUMNS.values()}
    with gzip.open(conformance_data / "field" / "prsa_weather_Shunyi.csv.gz", "rt") as stream:
        for row in csv.DictReader(stream):
            at = datetime(int(row["year"]), int(row["month"]), int(row["day"]), int(row["hour"]), tzinfo=UTC)
            for column, code in COLUMNS.items():
                if row[column] != "NA":
                    found[code].append((int(at.timestamp() * 1000) - 8 * HOUR_MS, float(row[column])))
    return {code: (np.array([t for t, _ in rows]), np.array([x for _, x in rows])) for code, rows in found.items()}


def flagged(shunyi: dict[str, tuple[Any, Any]]) -> tuple[Plan, dict[int, str], Any, Any]:
    """Return the results of the packaged rules on every reading."""
    plan, names = Plan(packaged()), dict(enumerate(shunyi, 1))
    plan.add(Watched(sid, "110113", "shunyi", code) for sid, code in names.items())
    t, x = (np.concatenate([part[k] for part in shunyi.values()]) for k in (0, 1))
    sid = np.concatenate([np.full(len(shunyi[code][0]), k) for k, code in names.items()])
    columns = {
        "sid": sid,
        "t": t,
        "x": x,
        "received": t,
        "seq": np.zeros(len(t), dtype=np.int64),
        "tests": np.zeros(len(t), dtype=np.uint32),
    }
    return plan, names, sid, final_flags(plan, columns)


def test_four_real_years_raise_few_alarms(shunyi: dict[str, tuple[Any, Any]]) -> None:
    """Of 35,000 hourly values of each channel at Shunyi fewer than one in five hundred is flagged, and hardly any fails."""
    _, names, sid, (flag, tests) = flagged(shunyi)
    shares = {code: float((flag[sid == k] >= SUSPECT).mean()) for k, code in names.items()}
    by_test = {
        code: {name: int((result_of(tests[sid == k], n) >= SUSPECT).sum()) for n, name in enumerate(TESTS)} for k, code in names.items()
    }
    assert max(shares.values()) < 0.002, (shares, by_test)
    assert int((flag == FAIL).sum()) < 15, by_test


def test_stillness_at_shunyi_is_seldom(shunyi: dict[str, tuple[Any, Any]]) -> None:
    """Temperature holds still for six hours and more in seven stretches of four years; these and no others are suspect as flat."""
    _, names, sid, (_, tests) = flagged(shunyi)
    still = result_of(tests[sid == 1], FLAT_LINE) >= SUSPECT
    assert names[1] == "air_temperature" and int((still & ~np.append(False, still[:-1])).sum()) == 7
