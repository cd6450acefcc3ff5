"""Synthetic quotes as files write them: prices as text, two units, repeated keys, copies, zeros and slips, a fixed share of each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pricing.mapping import Columns, Mapping

if TYPE_CHECKING:
    import polars as pl

PRODUCTS, MARKETS, YEARS = 300, 400, 5
_WRITTEN = 1_000_000
# Of all rows: a second price under the same key, a copy of the row before, a zero, low above high, a price per piece.
SECOND, COPY, ZERO, SWAPPED, PIECE = 0.04, 0.01, 0.004, 0.0003, 0.0001
MAPPING = Mapping(
    name="bench", source="import-bench", market="xinfadi", licence="made up", unit="",
    columns=Columns(name="name", day="day", low="low", mid="mid", high="high", unit="unit", spec="spec", origin="origin"),
)  # fmt: skip


def quotes(count: int, *, products: int = PRODUCTS, markets: int = MARKETS, seed: int = 7) -> pl.DataFrame:
    """Return `count` rows of texts in the order of days, as files come: name, day, low, mid, high, unit, spec, origin."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(seed)
    series = rng.integers(0, products * markets, count)
    day = np.sort(rng.integers(0, YEARS * 365, count))
    level = 2 + rng.lognormal(0.6, 0.5, products * markets)
    season = 1 + 0.3 * np.sin((day + 23 * (series % products)) / 58)
    low = np.maximum(0.2, level[series] * season * rng.normal(1, 0.06, count)).round(2)
    high = (low * (1 + rng.uniform(0, 0.25, count))).round(2)
    again = rng.random(count)
    # The row before, with the same day: once with another price, once word for word.
    second, copy = again < SECOND, (again >= SECOND) & (again < SECOND + COPY)
    both = np.flatnonzero((second | copy) & (np.arange(count) > 0))
    series[both], day[both] = series[both - 1], day[both - 1]
    same = np.flatnonzero(copy & (np.arange(count) > 0))
    low[same], high[same] = low[same - 1], high[same - 1]
    kilo = series % 3 == 0
    low, high = np.where(kilo, (2 * low).round(2), low), np.where(kilo, (2 * high).round(2), high)
    slip = rng.random(count)
    slip[same] = 1
    swapped = (slip >= ZERO) & (slip < ZERO + SWAPPED) & (high > low)
    low, high = np.where(swapped, high, low), np.where(swapped, low, high)
    low = np.where(slip < ZERO, 0, low)
    mid = ((low + high) / 2).round(2)
    piece = (slip >= ZERO + SWAPPED) & (slip < ZERO + SWAPPED + PIECE)
    text = pl.DataFrame({"series": series, "day": day, "low": low, "mid": mid, "high": high, "kilo": kilo, "piece": piece})
    price = [pl.when("piece").then(pl.format("{}（个）", c)).otherwise(pl.col(c).cast(pl.String)).alias(c) for c in ("low", "mid", "high")]
    return text.select(
        pl.format("品{}", pl.col("series") % products).alias("name"),
        (pl.lit(19000) + pl.col("day")).cast(pl.Int32).cast(pl.Date).dt.to_string().alias("day"), *price,
        pl.when("kilo").then(pl.lit("公斤")).otherwise(pl.lit("斤")).alias("unit"), pl.lit("普通").alias("spec"),
        pl.format("场{}", pl.col("series") // products).alias("origin"),
    )  # fmt: skip


def csv_file(folder: Path, count: int) -> Path:
    """Write a CSV file of `count` rows, some eighty to a series, as a few years of some markets are."""
    file = folder / f"{count}.csv"
    with file.open("wb") as out:
        for number, part in enumerate(range(0, count, _WRITTEN)):
            size = min(_WRITTEN, count - part)
            quotes(size, markets=max(1, size // 12_500), seed=7 + number).write_csv(out, include_header=not part)
    return file
