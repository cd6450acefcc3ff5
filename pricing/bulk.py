"""The hard gate for millions of rows: each distinct text is read once by the gate of one quote, the rest is arithmetic on whole numbers.

Printed prices, units, names and days are few and come again and again. What is not plain (a pack, a price per piece, a zero, a row that
breaks any rule) goes through clean.quote_of itself, one by one: this way may be slow for a bad file but cannot take what that refuses.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from foundation.errors import BadInput
from foundation.units import KILOGRAMS_PER_UNIT
from pricing.clean import LARGEST_MILLI, Refusal, amount_of, quote_of, rounding_of, shown
from pricing.days import read_day
from pricing.mapping import Mapping
from pricing.names import clean_name
from pricing.ordering import MOST_ORDINALS, in_order, over_own_past
from pricing.quotes import Quote
from pricing.rows import UNKNOWN_MARKET, market_of, raw_of, volume_of
from pricing.series_book import COLUMNS, SeriesBook

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    Whole = NDArray[np.int64]

Done = TypeVar("Done")
KINDS = ("midpoint", "reported", "single")
# How many quotes of its own series a quote is held against.
PAST = 30
_BLANK, _NOT_PLAIN = -(2**60), -(2**60) - 1
_EPOCH = date(1970, 1, 1).toordinal()
# Where every combination of two columns fits in a table of this size, the table is faster than a sort.
_TABLE = 1 << 24


@dataclass(frozen=True, slots=True)
class Gated:
    """All rows of a frame as columns, and why some were refused.

    Columns: home (the series its texts name, -1 for none), series (-1 where refused), day (since 1970), low, mid, high, kind,
    volume (-1 where not told), raw_unit.
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
    low, mid, high = _amounts(frame, unit_codes, unit_texts)
    has_low, has_mid, has_high = low != _BLANK, mid != _BLANK, high != _BLANK
    told = (has_low == has_high) & (has_low | has_mid)
    # A missing value written as zero is what is refused most often by far: the one reason that is told here and not one by one.
    zero = told & (low >= _BLANK) & (mid >= _BLANK) & (high >= _BLANK) & ((low == 0) | (mid == 0) | (high == 0))
    zero &= ((low >= 0) | ~has_low) & ((mid >= 0) | ~has_mid) & ((high >= 0) | ~has_high)
    plain = told & (series >= 0) & (day <= today.toordinal() - _EPOCH)
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
        columns["series"] = np.where(plain, series, -1)
        refused += _zeros(frame, np.flatnonzero(zero), mapping)
        places = np.flatnonzero(~plain & ~zero)
        units: dict[int, str] = {}
        for place, row in zip(places.tolist(), frame[places].rows(named=True), strict=True):
            found = quote_of(raw_of(row, mapping), mapping.source, today, mapping.currency)
            if isinstance(found, Refusal):
                refused.append(found)
                continue
            for name, value in _columns(found, book).items():
                columns[name][place] = value
            if found.raw_unit != row["unit"]:
                units[place] = found.raw_unit
        if units:
            raw_unit = raw_unit.clone().scatter(list(units), list(units.values()))
    # Thirty-two bits hold all but volumes, and half the memory moves in half the time.
    narrow = {c: v.astype(np.int64 if c == "volume" else np.int8 if c == "kind" else np.int32) for c, v in columns.items()}
    return Gated(pl.DataFrame({**narrow, "raw_unit": raw_unit}), refused)


def _zeros(frame: pl.DataFrame, places: Whole, mapping: Mapping) -> list[Refusal]:
    rows = frame[places].select("row", "low", "mid", "high", "unit", "name", "market", "day").rows()
    return [
        Refusal(row, "zero", shown(low, mid, high, unit), clean_name(name), market_of(market, mapping) or UNKNOWN_MARKET,
                read_day(day, mapping.day_format))
        for row, low, mid, high, unit, name, market, day in rows
    ]  # fmt: skip


def gate_all(
    frames: Iterable[pl.DataFrame], mapping: Mapping, today: date, book: SeriesBook, workers: int = 2
) -> Iterator[tuple[pl.DataFrame, Gated]]:
    """Yield each frame with its gated rows, in order; a few frames are under way at once and no more are held."""
    return _ahead(frames, lambda frame: gate(frame, mapping, today, book), workers)


@dataclass(frozen=True, slots=True)
class Part:
    """Whole series of an import, in order: exact copies left out, ordinals given, each quote held beside its series' own past.

    `rows` are the places of the kept quotes in `whole`, which has refused rows and copies too. `mean` and `deviation` are over the PAST
    quotes up to each kept one, NaN where there are fewer.
    """

    whole: pl.DataFrame
    rows: Whole
    series: Whole
    day: Whole
    mid: Whole
    ordinals: Whole
    copies: int
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]


def arrange(part: pl.DataFrame) -> Part:
    """Return a part in order."""
    import numpy as np

    columns = {c: part[c].to_numpy().astype(np.int64) for c in ("series", "day", "low", "mid", "high", "kind", "volume")}
    taken = np.flatnonzero(columns["series"] >= 0)
    if len(taken) < len(part):
        columns = {c: v[taken] for c, v in columns.items()}
    order = in_order(*columns.values())
    series, mid = columns["series"][order.rows], columns["mid"][order.rows]
    mean, deviation = over_own_past(series, mid, PAST)
    return Part(part, taken[order.rows], series, columns["day"][order.rows], mid, order.ordinals, order.copies, mean, deviation)


def arrange_all(parts: Iterable[pl.DataFrame], workers: int = 2) -> Iterator[Part]:
    """Yield each part in order; a few are under way at once and no more are held."""
    return (done for _, done in _ahead(parts, arrange, workers))


def _ahead(items: Iterable[pl.DataFrame], work: Callable[[pl.DataFrame], Done], workers: int) -> Iterator[tuple[pl.DataFrame, Done]]:
    with ThreadPoolExecutor(workers) as pool:
        under_way: deque[tuple[pl.DataFrame, Future[Done]]] = deque()
        for item in items:
            under_way.append((item, pool.submit(work, item)))
            if len(under_way) > workers:
                first, done = under_way.popleft()
                yield first, done.result()
        while under_way:
            first, done = under_way.popleft()
            yield first, done.result()


def distinct(column: pl.Series) -> tuple[list[str], Whole]:
    """Return the distinct texts of a column that has rows, and for each row the place of its text among them."""
    import numpy as np
    import polars as pl

    if column.dtype != pl.Categorical:
        if (column == column[0]).all():
            return [column[0]], np.zeros(len(column), np.int32)
        column = column.cast(pl.Categorical)
    # The numbers of one process are shared and may be far apart; the last place of each leads to its text.
    numbers = column.to_physical().to_numpy()
    seen = np.full(int(numbers.max()) + 1, -1, np.int32)
    seen[numbers] = np.arange(len(numbers), dtype=np.int32)
    met = np.flatnonzero(seen >= 0)
    texts = column[seen[met]].cast(pl.String).to_list()
    seen[met] = np.arange(len(met), dtype=np.int32)
    return texts, np.take(seen, numbers)


def together(columns: list[tuple[list[str], Whole]]) -> tuple[list[Whole], Whole]:
    """Return the distinct combinations of several columns, and for each row the place of its own.

    A combination is told by a place among the texts of each column.
    """
    import numpy as np

    codes, kept = columns[0][1], [np.arange(len(columns[0][0]))]
    for texts, more in columns[1:]:
        width = len(texts)
        if width == 1:
            kept.append(np.zeros(len(kept[0]), np.int64))
            continue
        fits = len(kept[0]) * width <= _TABLE
        both = codes * width + more if fits else codes.astype(np.int64) * width + more
        if fits:
            met = np.zeros(len(kept[0]) * width, bool)
            met[both] = True
            pairs = np.flatnonzero(met)
            codes = np.take(np.cumsum(met, dtype=np.int32) - 1, both)
        else:
            pairs, codes = np.unique(both, return_inverse=True)
        kept = [*(k[pairs // width] for k in kept), pairs % width]
    return kept, codes


def _series(frame: pl.DataFrame, mapping: Mapping, book: SeriesBook) -> Whole:
    """Return each row's series number, or -1 where the row is not plain: no name, a piece in the name, an unknown market."""
    import numpy as np

    columns = [distinct(frame[c]) for c in COLUMNS]
    places, codes = together(columns)
    return np.take(book.numbers([texts for texts, _ in columns], places, mapping), codes)


def _amounts(frame: pl.DataFrame, unit_codes: Whole, units: list[str]) -> Whole:
    """Return the low, middle and high amounts in thousandths per kilogram; for blank or not plain texts a number far below zero."""
    import numpy as np
    import polars as pl

    texts, codes = distinct(pl.concat([frame[c].alias("price") for c in ("low", "mid", "high")]))
    width = len(units)
    size = len(texts) * width
    codes = codes.reshape(3, -1) if size <= _TABLE else codes.reshape(3, -1).astype(np.int64)
    both = codes * width + unit_codes if width > 1 else codes
    if size > _TABLE:
        pairs, places = np.unique(both, return_inverse=True)
    else:
        met = np.zeros(size, bool)
        met[both] = True
        pairs, places = np.flatnonzero(met), None
    found = np.fromiter((_amount(texts[p // width], units[p % width]) for p in pairs.tolist()), np.int64, len(pairs))
    if places is not None:
        return np.take(found, places).reshape(3, -1)
    table = np.zeros(size, np.int64)
    table[pairs] = found
    return np.take(table, both)


@lru_cache(maxsize=1 << 18)
def _amount(text: str, unit: str) -> int:
    weight = KILOGRAMS_PER_UNIT.get(unit.strip())
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
        "series": book.number(q.series.key), "low": q.low, "mid": q.mid, "high": q.high, "kind": KINDS.index(q.mid_kind),
        "volume": -1 if q.volume_kg is None else q.volume_kg,
    }  # fmt: skip


def check_ordinals(part: Part, book: SeriesBook) -> None:
    """Raise BadInput where one series has more prices on one day than there are stalls: the file's key is another."""
    if len(part.ordinals) and int(part.ordinals.max()) > MOST_ORDINALS:
        raise BadInput(
            "one product has hundreds of prices on one day", expected=f"at most {MOST_ORDINALS}",
            got=book[int(part.series[part.ordinals.argmax()])].name[:40],
            todo="a column that tells them apart (market, specification, origin) is missing from the mapping",
        )  # fmt: skip
