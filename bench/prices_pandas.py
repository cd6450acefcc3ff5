"""Normalise, deduplicate and look at each series' own past: ours against pandas, on the same texts, in the same run, results equal.

`python -m bench.prices pandas [--quick]`. Ours is what an import runs (pricing.bulk, pricing.ordering). The pandas way is what a good
analyst writes: whole columns, categories for the keys, no Python loop. Both begin in memory as each reads a
file: prices and days as text, keys and units as categories; reading the
file, which is quicker with ours as well, is not in the figure.
"""

from __future__ import annotations

import resource
import time
from datetime import date
from typing import TYPE_CHECKING, Any

from bench.prices_data import MAPPING, quotes
from bench.report import Row
from pricing.bulk import PAST, arrange_all, gate_all
from pricing.rows import FIELDS
from pricing.series_book import SeriesBook
from pricing.spill import Spill

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

TODAY = date(2040, 1, 1)
_PER_KILOGRAM = {"斤": 2000.0, "公斤": 1000.0}
# About the rows of one block of a file.
_SLICE = 1 << 19
_KEY = ["name", "spec", "origin"]


def rows(*, quick: bool) -> list[Row]:
    """Measure both ways in turn and hold the results against each other."""
    count, rounds = (400_000, 1) if quick else (5_000_000, 3)
    texts = quotes(count, markets=400 if not quick else 32)
    frame = _ours_of(texts)
    theirs = _theirs_of(texts)
    ours_s: list[dict[str, float]] = []
    theirs_s: list[dict[str, float]] = []
    for _ in range(rounds):
        steps, ours = _ours(frame)
        ours_s.append(steps)
        steps, told = _pandas(theirs)
        theirs_s.append(steps)
    _must_be_equal(ours, told)
    scale = f"{count / 1e6:g} M rows of text, {len(ours['mid']):,} quotes kept" + (" (full: 5 M)" if quick else f", best of {rounds}")
    a, b = min(ours_s, key=lambda s: sum(s.values())), min(theirs_s, key=lambda s: sum(s.values()))
    whole = Row("normalise-dedupe-rolling", count / sum(a.values()), "rows/s", scale, "pandas", count / sum(b.values()), at_least=10)
    parts = [Row(f"  {step}", count / a[step], "rows/s", scale, "pandas", count / b[step]) for step in a]
    seconds = Row("pandas way in all", sum(b.values()), "s", scale)
    peak = Row("peak memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB", "this process, both ways and the texts")
    return [whole, *parts, seconds, peak]


def _ours(frame: pl.DataFrame) -> tuple[dict[str, float], dict[str, Any]]:
    import numpy as np

    start = time.perf_counter()
    book, spill = SeriesBook(), Spill(rows_in_memory=1 << 60)
    for _, found in gate_all(frame.iter_slices(_SLICE), MAPPING, TODAY, book):
        spill.add(found.rows)
    gated = time.perf_counter()
    parts = list(arrange_all(spill.parts()))
    ended = time.perf_counter()
    told = {c: np.concatenate([p.whole[c].to_numpy()[p.rows] for p in parts]) for c in ("low", "high")}
    told |= {c: np.concatenate([getattr(p, c) for p in parts]) for c in ("series", "day", "mid", "ordinals", "mean", "deviation")}
    told["names"] = [(s.name, s.spec, s.origin) for s in (book[n] for n in range(len(book)))]
    return {"normalise and gates": gated - start, "dedupe, order, rolling": ended - gated}, told


def _pandas(texts: pd.DataFrame) -> tuple[dict[str, float], pd.DataFrame]:
    import numpy as np
    import pandas as pd

    start = time.perf_counter()
    factor = texts["unit"].map(_PER_KILOGRAM).astype(float)
    found = texts[_KEY].copy()
    found["day"] = pd.to_datetime(texts["day"], format="%Y-%m-%d")
    for column in ("low", "mid", "high"):
        found[column] = np.floor(pd.to_numeric(texts[column], errors="coerce") * factor + 0.5)
    fine = (found["low"] > 0) & (found["low"] <= found["mid"]) & (found["mid"] <= found["high"]) & (found["high"] <= 100_000_000)
    found = found[fine]
    gated = time.perf_counter()
    found["series"] = found.groupby(_KEY, sort=False, observed=True).ngroup()
    found = found.drop_duplicates(["series", "day", "low", "mid", "high"])
    found = found.sort_values(["series", "day", "low", "mid", "high"], ignore_index=True)
    found["ordinals"] = found.groupby(["series", "day"], sort=False).cumcount()
    window = found.groupby("series", sort=False)["mid"].rolling(PAST)
    found["mean"] = window.mean().to_numpy()
    found["deviation"] = window.std().to_numpy()
    ended = time.perf_counter()
    return {"normalise and gates": gated - start, "dedupe, order, rolling": ended - gated}, found


def _must_be_equal(ours: dict[str, Any], theirs: pd.DataFrame) -> None:
    """Hold every row of both results against each other: series by its name, prices exactly, means to nine digits."""
    import numpy as np
    import pandas as pd

    told = pd.DataFrame({c: ours[c] for c in ("series", "day", "low", "mid", "high", "ordinals", "mean", "deviation")})
    names = pd.DataFrame(ours["names"], columns=_KEY)
    told = told.join(names, on="series").sort_values([*_KEY, "day", "ordinals"], ignore_index=True)
    other = theirs.assign(**{c: theirs[c].astype(str) for c in _KEY}).sort_values([*_KEY, "day", "ordinals"], ignore_index=True)
    assert len(told) == len(other), f"{len(told)} rows of ours, {len(other)} of theirs"
    assert (other["day"].astype("datetime64[s]").astype("int64") // 86_400 == told["day"]).all()
    for column in ("low", "mid", "high", "ordinals"):
        assert (told[column] == other[column]).all(), column
    # Their running sums lose some digits over a series of sticky prices; where nothing moved their deviation may be a crumb above zero.
    assert np.allclose(told["mean"], other["mean"], rtol=1e-9, equal_nan=True)
    assert np.allclose(told["deviation"], other["deviation"], rtol=1e-6, atol=1e-2, equal_nan=True)


def _ours_of(texts: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return texts.with_row_index("row", 2).select(
        pl.col("row").cast(pl.Int64),
        pl.col("name", "unit", "spec", "origin").cast(pl.Categorical),
        "day",
        "low",
        "mid",
        "high",
        *(pl.lit("").alias(c) for c in FIELDS if c not in texts.columns),
    )


def _theirs_of(texts: pl.DataFrame) -> pd.DataFrame:
    import pandas as pd

    made = pd.DataFrame({c: texts[c].to_list() for c in texts.columns})
    # Keys and units are few: an analyst makes them categories when the file is read.
    return made.astype(dict.fromkeys(["name", "spec", "origin", "unit"], "category"))
