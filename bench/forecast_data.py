"""Real daily prices as histories for the bench: read where they lie, never copied. Licences state nothing, so they stay outside."""

from __future__ import annotations

import csv
import gzip
import os
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from statistics import mean

from pricing.forecast.history import History, history_of

XINFADI = "xinfadi_veg_2013_2015.csv.gz"
CUMCM = "cumcm2023c_wholesale_2020_2023.csv.gz"
# Of the 103 weeks of Xinfadi two may be missing; of the other set's three years, which have gaps, as many weeks are asked for.
FEWEST_WEEKS = 101
_AFTER_ALL = date(2024, 1, 1)


def folder() -> Path:
    """Return where the data of conformance lie.

    Raises:
        SystemExit: there are none.

    """
    told = os.environ.get("SUHE_CONFORMANCE_DATA")
    for found in [Path(told)] if told else [Path(__file__).parents[2] / "shared" / "data"]:
        if (found / "pricing" / XINFADI).exists():
            return found / "pricing"
    raise SystemExit(f"bench.forecast needs {XINFADI}: set SUHE_CONFORMANCE_DATA to the folder of conformance data")


def xinfadi(where: Path) -> dict[str, History]:
    """Return, by name, Xinfadi's vegetables with enough weeks: 63, 2013-06-10 to 2015-05-31; several specs of a day are averaged."""
    days: dict[str, dict[date, set[tuple[str, float]]]] = defaultdict(lambda: defaultdict(set))
    for row in _rows(where / XINFADI):
        try:
            low, mid, high = (float(row[c]) for c in ("最低价", "平均价", "最高价"))
        except ValueError:
            continue
        if 0 < low <= mid <= high:
            days[row["品名"]][date.fromisoformat(row["发布日期"][:10])].add((row["规格"], mid))
    return _enough({name: {day: mean(mid for _, mid in said) for day, said in of.items()} for name, of in days.items()})


def cumcm(where: Path) -> dict[str, History]:
    """Return, by code, another buyer's wholesale prices, 2020-07 to 2023-06: items with as many weeks as asked of Xinfadi's."""
    days: dict[str, dict[date, float]] = defaultdict(dict)
    for row in _rows(where / CUMCM):
        if float(row["批发价格(元/千克)"]) > 0:
            days[row["单品编码"]][date.fromisoformat(row["日期"])] = float(row["批发价格(元/千克)"])
    return _enough(days)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as lines:
        yield from csv.DictReader(lines)


def _enough(days: dict[str, dict[date, float]]) -> dict[str, History]:
    found = {name: history_of(of.items(), _AFTER_ALL) for name, of in sorted(days.items())}
    return {name: h for name, h in found.items() if h is not None and h.weeks >= FEWEST_WEEKS}
