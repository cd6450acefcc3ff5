"""The hard gate for millions of rows: each distinct text is read once by the gate of one quote, the rest is arithmetic on whole numbers.

Printed prices, units, names and days are few and come again and again. What is not plain (a pack, a price per piece, a zero, a row that
breaks any rule) goes through clean.quote_of itself, one by one: this way may be slow for a bad file but cannot take what that refuses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from foundation.errors import BadInput
from foundation.units import KILOGRAMS_PER_UNIT
from pricing.clean import LARGEST_MILLI, Refusal, amount_of, piece_in_name, quote_of, rounding_of, series_of
from pricing.mapping import Mapping
from pricing.names import clean_name
from pricing.ordering import MOST_ORDINALS
from pricing.quotes import Quote, Series
from pricing.rows import market_of, raw_of, volume_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

KINDS = ("midpoint", "reported", "single")
# A column of names that holds more than this many different ones is no column of names.
MOST_SERIES = 500_000
_BLANK, _NOT_PLAIN = -(2**60), -(2**60) - 1
_EPOCH = date(1970, 1, 1).toordinal()
# Where every combination of two columns fits in a table of this size, the table is faster than a sort.
_TABLE = 1 << 24


@dataclass(slots=True)
class SeriesBook:
    """The series met so far in one import, numbered from 0."""

    series: list[Series] = field(default_factory=list)
    numbers: dict[Series, int] = field(default_factory=dict)

    def number(self, series: Series) -> int:
        """Return the number of a series, giving it one where it is new."""
        found = self.numbers.get(series)
        if found is None:
            found = self.numbers[series] = len(self.series)
            self.series.append(series)
            if found >= MOST_SERIES:
                raise BadInput(
                    "this file names more products than any market has", expected=f"at most {MOST_SERIES:,}",
                    got=series.name[:40], todo="look at which column holds the names",
                )  # fmt: skip
        return found


@dataclass(frozen=True, slots=True)
class Gated:
    """All rows of a frame as columns, and why some were refused.

    Columns: row, home (the series its texts name, -1 for none), series (-1 where refused), day (since 1970), low, mid, high, kind,
    volume (-1 where not told), raw_price, raw_unit.
    """

    rows: pl.DataFrame
    refused: list[Refusal]


def gate(frame: pl.DataFrame, mapping: Mapping, today: date, book: SeriesBook) -> Gated:
    """Pass a frame of texts (pricing.rows.FIELDS, and `row`) through the hard gate.

    Raises:
        BadInput: a day cannot be read; the message names the row.

    """
    import numpy as np
    import polars as pl

    day_texts, day_codes = distinct(frame["day"])
    day = _days(frame, day_texts, day_codes, mapping)[day_codes]
    series = _series(frame, mapping, book)
    unit_texts, unit_codes = distinct(frame["unit"])
    weights = [KILOGRAMS_PER_UNIT.get(u.strip()) for u in unit_texts]
    low, mid, high = (_amounts(frame[c], unit_codes, weights) for c in ("low", "mid", "high"))
    has_low, has_mid, has_high = low != _BLANK, mid != _BLANK, high != _BLANK
    plain = (series >= 0) & (day <= today.toordinal() - _EPOCH) & (has_low == has_high) & (has_low | has_mid)
    single = ~has_low
    low, high = np.where(single, mid, low), np.where(single, mid, high)
    mid = np.where(has_mid, mid, (low + high + 1) // 2)
    plain &= (low > 0) & (high <= LARGEST_MILLI) & (low <= mid) & (mid <= high)
    rounding = np.array([rounding_of(w) if w else 0 for w in weights], np.int64)[unit_codes]
    kind = (has_mid & (np.abs(2 * mid - low - high) > rounding)).astype(np.int64)
    kind[single] = 2
    texts, codes = distinct(frame["volume"])
    volume = np.array([-1 if (v := volume_of(t)) is None else v for t in texts], np.int64)[codes]
    columns = {"home": series, "series": series, "day": day, "low": low, "mid": mid, "high": high, "kind": kind, "volume": volume}
    raw_unit, refused = frame["unit"], []
    if not plain.all():
        places = np.flatnonzero(~plain)
        columns["series"] = np.where(plain, series, -1)
        units: dict[int, str] = {}
        for place, row in zip(places.tolist(), frame[places].iter_rows(named=True), strict=True):
            raw = raw_of(row, mapping)
            found = quote_of(raw, mapping.source, today, mapping.currency)
            if isinstance(found, Refusal):
                refused.append(found)
                continue
            for name, value in _columns(found, book).items():
                columns[name][place] = value
            if found.raw_unit != row["unit"]:
                units[place] = found.raw_unit
        if units:
            raw_unit = raw_unit.clone().scatter(list(units), list(units.values()))
    raw_price = frame.select(pl.concat_str("low", "mid", "high", separator="|"))
    return Gated(
        pl.DataFrame({"row": frame["row"], **columns, "raw_price": raw_price.to_series(), "raw_unit": raw_unit}), refused
    )  # fmt: skip


def distinct(column: pl.Series) -> tuple[list[str], Whole]:
    """Return the distinct texts of a column, and for each row the place of its text among them."""
    import numpy as np
    import polars as pl

    texts = column.unique()
    codes = column.cast(pl.Enum(texts)).to_physical().to_numpy().astype(np.int64)
    return texts.to_list(), codes


def together(columns: list[tuple[list[str], Whole]]) -> tuple[list[tuple[str, ...]], Whole]:
    """Return the distinct combinations of several columns of texts, and for each row the place of its own."""
    import numpy as np

    texts, codes = columns[0]
    found: list[tuple[str, ...]] = [(t,) for t in texts]
    for more_texts, more_codes in columns[1:]:
        if len(more_texts) == 1:
            found = [(*f, more_texts[0]) for f in found]
            continue
        both = codes * len(more_texts) + more_codes
        if len(found) * len(more_texts) <= _TABLE:
            met = np.zeros(len(found) * len(more_texts), bool)
            met[both] = True
            pairs = np.flatnonzero(met)
            codes = (np.cumsum(met) - 1)[both]
        else:
            pairs, codes = np.unique(both, return_inverse=True)
        found = [(*found[p // len(more_texts)], more_texts[p % len(more_texts)]) for p in pairs.tolist()]
    return found, codes


def _series(frame: pl.DataFrame, mapping: Mapping, book: SeriesBook) -> Whole:
    """Return each row's series number, or -1 where the row is not plain: no name, a piece in the name, an unknown market."""
    import numpy as np

    combinations, codes = together([distinct(frame[c]) for c in ("market", "name", "spec", "grade", "origin")])
    numbers = np.empty(len(combinations), np.int64)
    for k, (told, *texts) in enumerate(combinations):
        name, spec, grade, origin = map(clean_name, texts)
        market = market_of(told, mapping)
        if market is None or not name or piece_in_name(name):
            numbers[k] = -1
        else:
            numbers[k] = book.number(series_of(mapping.source, market, name, spec, grade, origin, mapping.currency))
    return numbers[codes]


def _amounts(column: pl.Series, unit_codes: Whole, weights: list[Any]) -> Whole:
    """Return the amounts of a column in thousandths per kilogram; where a text is blank or no plain amount, a number far below zero."""
    import numpy as np

    texts, codes = distinct(column)
    both = codes * len(weights) + unit_codes
    size = len(texts) * len(weights)
    if size <= _TABLE:
        met = np.zeros(size, bool)
        met[both] = True
        pairs, places = np.flatnonzero(met), None
    else:
        pairs, places = np.unique(both, return_inverse=True)
    found = np.fromiter((_amount(texts[p // len(weights)], weights[p % len(weights)]) for p in pairs.tolist()), np.int64, len(pairs))
    if places is not None:
        told: Whole = found[places]
        return told
    table: Whole = np.zeros(size, np.int64)
    table[pairs] = found
    return np.take(table, both)


def _amount(text: str, weight: Any) -> int:
    if weight is None:
        return _NOT_PLAIN
    if not text.strip():
        return _BLANK
    try:
        return amount_of(text, weight)
    except BadInput:
        return _NOT_PLAIN


def _days(frame: pl.DataFrame, texts: list[str], codes: Whole, mapping: Mapping) -> Whole:
    import numpy as np

    from pricing.days import read_day

    found = np.empty(len(texts), np.int64)
    for k, text in enumerate(texts):
        try:
            found[k] = read_day(text, mapping.day_format).toordinal() - _EPOCH
        except BadInput as error:
            row = frame["row"][int(np.flatnonzero(codes == k)[0])]
            raise BadInput("a day of this file cannot be read", expected=mapping.day_format, got=f"{text[:40]!r} in row {row}") from error
    return found


def _columns(q: Quote, book: SeriesBook) -> dict[str, int]:
    return {
        "series": book.number(q.series), "low": q.low, "mid": q.mid, "high": q.high, "kind": KINDS.index(q.mid_kind),
        "volume": -1 if q.volume_kg is None else q.volume_kg,
    }  # fmt: skip


def check_ordinals(ordinals: Whole, name_of: Callable[[int], str]) -> None:
    """Raise BadInput where one series has more prices on one day than there are stalls: the file's key is another."""
    if len(ordinals) and int(ordinals.max()) > MOST_ORDINALS:
        raise BadInput(
            "one product has hundreds of prices on one day", expected=f"at most {MOST_ORDINALS}", got=name_of(int(ordinals.argmax())),
            todo="a column that tells them apart (market, specification, origin) is missing from the mapping",
        )  # fmt: skip
