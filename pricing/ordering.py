"""Columns of quotes put in order: exact copies found, ordinals given, and means over a series' own past, all in whole numbers.

The laws are those of recording.with_ordinals, for millions of rows at once; a test holds the two against each other row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

_LOW_BITS = 27  # clean.LARGEST_MILLI fits
# More different prices of one series on one day than stalls a market has: what was taken for the key is none.
MOST_ORDINALS = 400


@dataclass(frozen=True, slots=True)
class Ordered:
    """Which rows to keep, in the order of (series, day, ordinal), their ordinals, and how many exact copies were left out."""

    rows: Whole
    ordinals: Whole
    copies: int


def in_order(series: Whole, day: Whole, low: Whole, mid: Whole, high: Whole, kind: Whole, volume: Whole) -> Ordered:
    """Return the rows in order of key and price. Of exact copies the first to come is kept; a volume that is not told is -1."""
    import numpy as np

    count = len(series)
    if not count:
        return Ordered(np.empty(0, np.int64), np.empty(0, np.int64), 0)
    span = int(day.max()) - int(day.min()) + 1
    key = series * span + (day - day.min())
    fits = int(key.max()).bit_length() + _LOW_BITS < 63
    order = np.argsort((key << _LOW_BITS) | low) if fits else np.lexsort((low, key))
    sorted_key = key[order]
    again = sorted_key[1:] == sorted_key[:-1]
    copies = 0
    if again.any():
        copy = _settle_pairs(order, again, (low, mid, high, kind, volume))
        # Only where a key comes more than twice does anything but the key matter still.
        more = np.zeros(count, bool)
        thrice = again[1:] & again[:-1]
        for shift in range(3):
            more[shift : count - 2 + shift] |= thrice
        if thrice.any():
            rows = order[more]
            by_value = rows[np.lexsort((rows, volume[rows], kind[rows], high[rows], mid[rows], low[rows], key[rows]))]
            same = np.ones(len(by_value) - 1, bool)
            for column in (key, low, mid, high, kind, volume):
                told = column[by_value]
                same &= told[1:] == told[:-1]
            copy[by_value[1:][same]] = True
            order[more] = rows[np.lexsort((rows, high[rows], mid[rows], low[rows], key[rows]))]
        copies = int(copy.sum())
        if copies:
            order = order[~copy[order]]
            sorted_key = key[order]
    starts = np.ones(len(order), bool)
    starts[1:] = sorted_key[1:] != sorted_key[:-1]
    if starts.all():
        return Ordered(order, np.zeros(len(order), np.int64), copies)
    place = np.arange(len(order))
    first = np.maximum.accumulate(np.where(starts, place, 0))
    return Ordered(order, place - first, copies)


def _settle_pairs(order: Whole, again: NDArray[np.bool_], columns: tuple[Whole, ...]) -> NDArray[np.bool_]:
    """Put rows whose key comes exactly twice in order, in place, and return which rows are copies of the other of their pair."""
    import numpy as np

    alone = again.copy()
    alone[1:] &= ~again[:-1]
    alone[:-1] &= ~again[1:]
    at = np.flatnonzero(alone)
    first, second = order[at], order[at + 1]
    # Later in time goes after; then, from the least to the most telling column, the smaller price first.
    swap = second < first
    same = np.ones(len(at), bool)
    for k, column in enumerate(reversed(columns)):
        a, b = column[first], column[second]
        same &= a == b
        if k >= 2:  # kind and volume tell copies apart, not the order
            swap = np.where(a == b, swap, b < a)
    order[at], order[at + 1] = np.where(swap, second, first), np.where(swap, first, second)
    copy = np.zeros(len(order), bool)
    copy[order[at + 1][same]] = True
    return copy


def over_own_past(series: Whole, value: Whole, window: int = 30) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and sample standard deviation over each row and the `window` - 1 rows before it in its series, NaN where there are fewer.

    Rows are in the order of series and day. Sums are exact: whole thousandths below a hundred million, and a window of at most thirty,
    keep every sum of squares within 63 bits; running totals may wrap around, their differences do not.
    """
    import numpy as np

    mean = np.full(len(value), np.nan)
    deviation = np.full(len(value), np.nan)
    if len(value) < window:
        return mean, deviation
    total = np.cumsum(value)
    squares = np.cumsum(value * value)
    sums = total[window - 1 :].copy()
    sums[1:] -= total[:-window]
    of_squares = squares[window - 1 :].copy()
    of_squares[1:] -= squares[:-window]
    whole = series[window - 1 :] == series[: len(series) - window + 1]
    mean[window - 1 :] = np.where(whole, sums / window, np.nan)
    spread = window * of_squares - sums * sums
    deviation[window - 1 :] = np.where(whole, np.sqrt(spread / (window * (window - 1))), np.nan)
    return mean, deviation
