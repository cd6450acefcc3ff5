"""Normalise, deduplicate and look at each series' own past: ours against pandas, on the same texts, in the same run, results equal.

`python -m bench.prices pandas [--quick]`. Ours is what an import runs (pricing.bulk, pricing.ordering). Both begin with the same columns of
text in memory. The pandas way is whole columns and no Python loop, with the texts as keys, as analysts write it; beside it stands a tuned
one, whose keys become categories and then one number per series. All three results are equal.
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
    """Measure the ways in turn and hold the results against each other."""
    count, rounds = (300_000, 1) if quick else (5_000_000, 3)
    texts = quotes(count, markets=400 if not quick else 24)
    frame, theirs = _ours_of(texts), _theirs_of(texts)
    # Loading the libraries is in no figure.
    for _ in (_ours(frame[:20_000]), _pandas(theirs[:20_000]), _tuned(theirs[:20_000])):
        pass
    ways: dict[str, list[dict[str, float]]] = {"ours": [], "pandas": [], "tuned": []}
    for turn in range(rounds):
        steps, ours = _ours(frame)
        ways["ours"].append(steps)
        for name, way in (("pandas", _pandas), ("tuned", _tuned)):
            if name == "tuned" and turn:
                continue
            steps, told = way(theirs)
            ways[name].append(steps)
            if not turn:
                _must_be_equal(ours, told)
    by_step = {step: count / took for step, took in _median(ways["pandas"]).items()}
    scale = f"{count / 1e6:g} M rows of text, {len(ours['mid']):,} quotes kept" + (
        " (full: 5 M, asked 10x)" if quick else f", median of {rounds}"
    )
    told_by = {name: _median(runs) for name, runs in ways.items()}
    speed = {name: count / sum(steps.values()) for name, steps in told_by.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # What is read once for each series weighs more in few rows: the small run asks half of what the whole one does.
    return [
        Row("normalise-dedupe-rolling", speed["ours"], "rows/s", scale, "pandas", speed["pandas"], at_least=5 if quick else 10),
        Row("  against tuned pandas", speed["ours"], "rows/s", scale, "pandas, tuned", speed["tuned"]),
        *(Row(f"  {step}", count / took, "rows/s", scale, "pandas", by_step[step]) for step, took in told_by["ours"].items()),
        Row("  ours in all", sum(told_by["ours"].values()), "s", scale),
        Row("  pandas in all", sum(told_by["pandas"].values()), "s", scale),
        Row("  peak memory", peak, "MB", "this process, all ways and the texts"),
    ]


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the steps of the run that took the median time in all."""
    return sorted(runs, key=lambda steps: sum(steps.values()))[len(runs) // 2]


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
    start = time.perf_counter()
    found = _normalised(texts)
    gated = time.perf_counter()
    found = found.drop_duplicates([*_KEY, "day", "low", "mid", "high"])
    found = found.sort_values([*_KEY, "day", "low", "mid", "high"], ignore_index=True)
    found["ordinals"] = found.groupby([*_KEY, "day"]).cumcount()
    window = found.groupby(_KEY)["mid"].rolling(PAST)
    found["mean"] = window.mean().to_numpy()
    found["deviation"] = window.std().to_numpy()
    return {"normalise and gates": gated - start, "dedupe, order, rolling": time.perf_counter() - gated}, found


def _tuned(texts: pd.DataFrame) -> tuple[dict[str, float], pd.DataFrame]:
    start = time.perf_counter()
    found = _normalised(texts.astype(dict.fromkeys([*_KEY, "unit"], "category")))
    gated = time.perf_counter()
    found["series"] = found.groupby(_KEY, sort=False, observed=True).ngroup()
    found = found.drop_duplicates(["series", "day", "low", "mid", "high"])
    found = found.sort_values(["series", "day", "low", "mid", "high"], ignore_index=True)
    found["ordinals"] = found.groupby(["series", "day"], sort=False).cumcount()
    window = found.groupby("series", sort=False)["mid"].rolling(PAST)
    found["mean"] = window.mean().to_numpy()
    found["deviation"] = window.std().to_numpy()
    return {"normalise and gates": gated - start, "dedupe, order, rolling": time.perf_counter() - gated}, found


def _normalised(texts: pd.DataFrame) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    factor = texts["unit"].map(_PER_KILOGRAM).astype(float)
    found = texts[_KEY].copy()
    found["day"] = pd.to_datetime(texts["day"], format="%Y-%m-%d")
    for column in ("low", "mid", "high"):
        found[column] = np.floor(pd.to_numeric(texts[column], errors="coerce") * factor + 0.5)
    fine = (found["low"] > 0) & (found["low"] <= found["mid"]) & (found["mid"] <= found["high"]) & (found["high"] <= 100_000_000)
    return found[fine]


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

    return pd.DataFrame({c: texts[c].to_list() for c in texts.columns})
