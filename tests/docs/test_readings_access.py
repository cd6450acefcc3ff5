"""The three statements for polars, DuckDB and pandas in docs/readings.md give what our own history answers."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from ingest.service import Readings
from tests.ingest.examples import HOUR_MS, NOW_MS, TwoGateways, clock, level, message

DOCS = Path(__file__).parents[2] / "docs"
KEY = ("by-01-a", "water_level")


def test_three_lines_read_what_counts(tmp_path: Path) -> None:
    """Over two counties, with a correction: each block has three statements, runs, and agrees with us."""
    readings = Readings(tmp_path / "readings", clock(), TwoGateways())
    readings.accept("by-01-gw", message(1, *(level(n * 20 + 1500, 1.0 + n % 3 / 10, device="by-01-a") for n in range(50))))
    readings.accept("sx-01-gw", message(1, level(1500, 2.0, device="sx-01-a")))
    readings.accept("by-01-gw", message(2, level(1500, 1.2, device="by-01-a")))
    readings.compact()
    folder = tmp_path / "readings"
    space: dict[str, Any] = {"DAILY": f"{folder}/daily/*.parquet", "WINDOWS": f"{folder}/rollup/*.1d.parquet", "DEVICE": "by-01-a"}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "readings.md").read_text(), re.DOTALL)
    assert [len(ast.parse(block).body) for block in blocks] == [3, 3, 3]
    for block in blocks:
        exec(compile(block, "readings.md", "exec"), space)
    points = readings.range(*KEY, 0, NOW_MS, limit=1000)
    assert space["counts"].select("t", "x", "flag").rows() == [(p.t_ms, p.value, p.flag) for p in points]
    hourly = {(hour, round(mean, 9)) for device, hour, mean in space["hourly"] if device == "by-01-a"}
    start = points[0].t_ms // HOUR_MS * HOUR_MS
    assert hourly == {(w.start_ms // HOUR_MS, round(w.mean or 0, 9)) for w in readings.aggregate(*KEY, start, NOW_MS, HOUR_MS) if w.n}
    frame = space["frame"]
    assert frame["n"].sum() == sum(p.flag < 3 for p in points) + 1
    readings.close()
