"""What is odd about a file of quotes, whatever was done about it: counted while it streams by, from its own texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from foundation.errors import BadInput
from pricing.bulk import distinct, together
from pricing.series_book import MOST_SERIES

if TYPE_CHECKING:
    import polars as pl

# A day of which this share repeats a key was loaded twice: two stalls under one name make up a few per cent of a day.
DOUBLED_SHARE = 0.4
# The last digit of a printed average may have been rounded either way: twice 0.005, in millionths.
_ROUNDING = 10_000
_NONE = -1
_TEXT = -2
_MOST_LISTED = 400
# A quote so many standard deviations off the mean of the thirty before it is counted as far from its own past.
FAR = 4.0
_KEY = ("market", "name", "spec", "grade", "origin", "unit")


@dataclass(slots=True)
class Findings:
    """Counts over all rows of a file so far. `keys` are the distinct texts that name a series: market, name, spec, grade, origin, unit."""

    rows: int = 0
    first: int = 10**6
    last: int = -(10**6)
    zero_prices: int = 0
    low_above_high: int = 0
    mid_not_midpoint: int = 0
    prices_with_text: int = 0
    repeated_keys: int = 0
    exact_copies: int = 0
    far_from_own_past: int = 0
    keys: dict[tuple[str, ...], int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    rows_of_day: Counter[int] = field(default_factory=Counter)
    keys_of_day: Counter[int] = field(default_factory=Counter)
    quoted_twice: Counter[str] = field(default_factory=Counter)

    def note_rows(self, frame: pl.DataFrame) -> Any:
        """Count what a row alone tells, and return each row's key number."""
        import numpy as np

        self.rows += len(frame)
        low, mid, high = (_millionths(frame[c]) for c in ("low", "mid", "high"))
        self.zero_prices += int(((low == 0) | (mid == 0) | (high == 0)).sum())
        both = (low >= 0) & (high >= 0)
        self.low_above_high += int((both & (low > high)).sum())
        self.mid_not_midpoint += int((both & (mid >= 0) & (np.abs(low + high - 2 * mid) > _ROUNDING)).sum())
        self.prices_with_text += int(((low == _TEXT) | (mid == _TEXT) | (high == _TEXT)).sum())
        columns = [distinct(frame[c]) for c in _KEY]
        places, codes = together(columns)
        keys = zip(*([texts[at] for at in place.tolist()] for place, (texts, _) in zip(places, columns, strict=True)), strict=True)
        numbers = np.fromiter((self._number(k) for k in keys), np.int64, len(places[0]))
        return numbers[codes]

    def note_part(self, part: pl.DataFrame) -> None:
        """Count what the rows of whole keys tell together: key, day and the three prices as written."""
        import polars as pl

        whole = part.select("key", "day", "raw_price").unique()
        prices = whole.group_by("key", "day").len("prices")
        self.exact_copies += len(part) - len(whole)
        self.repeated_keys += len(part) - len(prices)
        self.rows_of_day.update(dict(part.group_by("day").len().iter_rows()))
        self.keys_of_day.update(dict(prices.group_by("day").len().iter_rows()))
        for key, days in prices.filter(pl.col("prices") > 1).group_by("key").len().iter_rows():
            self.quoted_twice[self.names[key]] += days

    def note_days(self, days: pl.Series) -> None:
        """Note the days of a frame, taken or not."""
        self.first, self.last = min(self.first, int(days.min())), max(self.last, int(days.max()))  # type: ignore[arg-type]

    def span(self) -> tuple[date, date]:
        """Return the first and the last day of the file."""
        return _day(self.first), _day(self.last)

    def as_dict(self, unmapped_names: int) -> dict[str, Any]:
        """Return the findings for the report."""
        days = sorted(self.rows_of_day)
        doubled = [d for d in days if self.rows_of_day[d] - self.keys_of_day[d] >= DOUBLED_SHARE * self.rows_of_day[d]]
        silent = _days_between(days)
        return {
            "days": len(days), "names": len(set(self.names)), "repeated_keys": self.repeated_keys, "exact_copies": self.exact_copies,
            "zero_prices": self.zero_prices, "low_above_high": self.low_above_high, "mid_not_midpoint": self.mid_not_midpoint,
            "prices_with_text": self.prices_with_text, "doubled_days": [_day(d).isoformat() for d in doubled],
            "quoted_twice": dict(sorted(self.quoted_twice.items(), key=lambda x: (-x[1], x[0]))), "unmapped_names": unmapped_names,
            "days_without_quotes": len(silent), "silent_days": [_day(d).isoformat() for d in silent[:_MOST_LISTED]],
            "far_from_own_past": self.far_from_own_past,
        }  # fmt: skip

    def _number(self, key: tuple[str, ...]) -> int:
        found = self.keys.get(key)
        if found is None:
            found = self.keys[key] = len(self.names)
            self.names.append(key[1])
            if found >= MOST_SERIES:
                raise BadInput(
                    "this file names more products than any market has", expected=f"at most {MOST_SERIES:,}", got=key[1][:40],
                    todo="look at which column holds the names",
                )  # fmt: skip
        return found


def _millionths(column: pl.Series) -> Any:
    """Return prices as written in millionths, whatever their unit; blank is -1 and text -2."""
    import numpy as np

    texts, codes = distinct(column)
    return np.fromiter(map(_of_text, texts), np.int64, len(texts))[codes]


def _of_text(text: str) -> int:
    plain = text.strip().replace(",", "")
    if not plain:
        return _NONE
    try:
        value = float(plain)
    except ValueError:
        return _TEXT
    return round(value * 1_000_000) if 0 <= value < 1e9 else _TEXT


def _days_between(days: list[int]) -> list[int]:
    """Return the days between the first and the last on which there is nothing."""
    return [d for a, b in pairwise(days) if b - a <= _MOST_LISTED for d in range(a + 1, b)]


def _day(since_1970: int) -> date:
    return date(1970, 1, 1) + timedelta(days=since_1970)
