"""Quotes as one Parquet file: blocks of rows are appended to a DuckDB file on disk and copied out, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pricing.open_rows import OpenRow

MEMORY = "256MB"
_TEXT = frozenset((
    "product", "variety", "market", "county", "kind", "source", "name", "spec", "grade", "origin", "currency", "mid_kind", "raw_price",
    "raw_unit", "licence",
))  # fmt: skip
_TYPES = {"valid_date": "DATE", "ordinal": "SMALLINT", "volume_kg": "BIGINT", "observed_ms": "BIGINT", "run_id": "INTEGER"}
COLUMNS = {name: "VARCHAR" if name in _TEXT else _TYPES.get(name, "INTEGER") for name in OpenRow._fields}
# Time as a type of its own, so that no reader has to know our milliseconds; text that is missing is missing, not empty.
_COPY = """
COPY (SELECT * EXCLUDE (observed_ms, licence), epoch_ms(observed_ms) AS observed_at, licence,
             replace('{raw}', '(run_id)', run_id::VARCHAR) AS raw FROM rows) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def write_parquet(path: Path, found: Iterable[list[OpenRow]], raw: str) -> int:
    """Write blocks of rows to a new file and return how many there were; `raw` is the address of a run's answers, with {run_id} in it."""
    import duckdb

    aside = path.with_name(path.name + ".rows")
    duck = duckdb.connect(str(aside), config={"threads": 1, "memory_limit": MEMORY, "temp_directory": f"{aside}.spill"})
    total = 0
    try:
        duck.execute(f"CREATE TABLE rows ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        for rows in found:
            duck.register("block", _columns(rows))
            duck.execute("INSERT INTO rows SELECT * FROM block")
            duck.unregister("block")
            total += len(rows)
        duck.execute(_COPY.format(path=str(path).replace("'", "''"), raw=raw.format(run_id="(run_id)").replace("'", "''")))
    finally:
        duck.close()
        for left in path.parent.glob(aside.name + "*"):
            left.unlink(missing_ok=True)
    return total


def _columns(rows: list[OpenRow]) -> dict[str, Any]:
    import numpy as np

    made: dict[str, Any] = {}
    for (name, kind), values in zip(COLUMNS.items(), zip(*rows, strict=True), strict=True):
        if kind == "VARCHAR":
            made[name] = np.array([v or None for v in values], dtype=object)
        elif name == "volume_kg":
            made[name] = np.ma.array([v or 0 for v in values], mask=[v is None for v in values], dtype=np.int64)
        elif kind == "DATE":
            made[name] = np.array(values, dtype="datetime64[D]").astype("datetime64[us]")
        else:
            made[name] = np.array(values, dtype=np.int64)
    return made
