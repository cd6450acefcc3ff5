"""The three statements for polars, DuckDB and pandas in docs/readings.md give what our own history answers."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import polars as pl

from ingest.service import Readings
from tests.ingest.examples import HOUR_MS, NOW_MS, TwoGateways, clock, level, message

DOCS = Path(__file__).parents[2] / "docs"
KEYS = (("by-01-a", "water_level"), ("by-01-a", "water_temperature"))


def test_three_lines_read_what_counts(tmp_path: Path) -> None:
    """Over two counties, with a correction: each block has three statements, runs, and agrees with us."""
    readings = Readings(tmp_path / "readings", clock(), TwoGateways())
    readings.accept("by-01-gw", message(1, *(level(n * 20 + 1500, 1.0 + n % 3 / 10, device="by-01-a") for n in range(50))))
    readings.accept("sx-01-gw", message(1, level(1500, 2.0, device="sx-01-a")))
    warm = (level(n * 20 + 1500, 20.0 + n, device="by-01-a", channel="water_temperature") for n in range(5))
    readings.accept("by-01-gw", message(2, level(1500, 1.2, device="by-01-a"), *warm))
    readings.compact()
    folder = tmp_path / "readings"
    space: dict[str, Any] = {"DAILY": f"{folder}/daily/*.parquet", "WINDOWS": f"{folder}/rollup/*.1d.parquet", "DEVICE": "by-01-a"}
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "readings.md").read_text(), re.DOTALL)
    assert [len(ast.parse(block).body) for block in blocks] == [3, 3, 3]
    for block in blocks:
        exec(compile(block, "readings.md", "exec"), space)
    total = 0
    for key in KEYS:
        points = readings.range(*key, 0, NOW_MS, limit=1000)
        mine = space["counts"].filter(pl.col("channel") == key[1])
        assert mine.select("t", "x", "flag").rows() == [(p.t_ms, p.value, p.flag) for p in points]
        hourly = [(hour, round(mean, 9)) for device, channel, hour, mean in space["hourly"] if (device, channel) == key]
        start = min(p.t_ms for p in points) // HOUR_MS * HOUR_MS
        windows = readings.aggregate(*key, start, NOW_MS, HOUR_MS)
        assert hourly == [(w.start_ms // HOUR_MS, round(w.mean or 0, 9)) for w in windows if w.n]
        total += sum(p.flag < 3 for p in points)
    frame = space["frame"]
    assert frame["n"].sum() == total + 1
    assert set(zip(frame["device"], frame["channel"], strict=True)) == {*KEYS, ("sx-01-a", "water_level")}
    readings.close()
    _the_final_flag_counts(blocks[:2], space, tmp_path)


def _the_final_flag_counts(blocks: list[str], space: dict[str, Any], folder: Path) -> None:
    """A row that says a reading failed after all: both see the flag, and the hours leave the reading out."""
    before = len(space["counts"])
    one = pl.read_parquet(space["DAILY"]).filter(pl.col("device") == "by-01-a", pl.col("channel") == "water_temperature").head(1)
    said = one.with_columns(pl.lit(4).cast(pl.UInt8).alias("flag"), pl.lit(1).cast(pl.UInt8).alias("version"))
    pl.concat([said, pl.read_parquet(space["DAILY"])]).write_parquet(folder / "said.parquet")
    space["DAILY"] = str(folder / "said.parquet")
    means = len(space["hourly"])
    for block in blocks:
        exec(compile(block, "readings.md", "exec"), space)
    at = pl.col("channel") == "water_temperature", pl.col("t") == one["t"].item()
    assert len(space["counts"]) == before and space["counts"].filter(*at)["flag"].to_list() == [4]
    changed = {tuple(row) for row in space["hourly"] if row[1] == "water_temperature"}
    assert len(space["hourly"]) <= means and all(one["x"].item() != mean for *_, mean in changed)
