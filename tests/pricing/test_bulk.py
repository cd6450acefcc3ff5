"""What is done for millions of rows at once is what is done for one: same gate, same ordinals, same past."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.errors import BadInput
from pricing.bulk import KINDS, arrange, check_ordinals, gate
from pricing.clean import Refusal, quote_of
from pricing.mapping import Columns, Mapping
from pricing.ordering import in_order, over_own_past
from pricing.quotes import Quote, RawQuote
from pricing.recording import with_ordinals
from pricing.rows import FIELDS, raw_of
from pricing.series_book import SeriesBook

TODAY = date(2026, 11, 23)
MAPPING = Mapping(
    name="all", source="import-all", market="xinfadi", licence="made up",
    columns=Columns(name="name", day="day", low="low", mid="mid", high="high", unit="unit", market="market"),
)  # fmt: skip

_PRICES = st.one_of(
    st.sampled_from(
        ["", " ", "0", "0.00", "-1", "1.2", "1.20", "1,234.5", "2.7（个）", "1e9", "nan", "999999", "3.0000004", "x", "０.5", "1."]
    ),
    st.decimals(0, 9, places=2).map(str),
    st.from_regex(r"-?[0-9]{1,9}(\.[0-9]{0,6})?", fullmatch=True),
)
_ROW = st.fixed_dictionaries({
    "name": st.sampled_from(["番茄", "\ufeff番 茄", "西红柿", "净藕(2)", "椰青/个", "", "白条鹌鹑（只）", "藕带"]),
    "day": st.sampled_from(["2026-11-20", "2026-11-23", "2026-11-24", "2020-02-29"]),
    "low": _PRICES, "mid": _PRICES, "high": _PRICES,
    "unit": st.sampled_from(["斤", "公斤", "吨", "克", "两", " kg", "箱", "5kg/箱", "个", "", "元/斤", "carton", "quintal"]),
    "spec": st.sampled_from(["", "泡沫箱 10斤", "cartons 25 lb", "10-12斤"]),
    "grade": st.sampled_from(["", "一级"]), "origin": st.sampled_from(["", "鲁"]),
    "market": st.sampled_from(["xinfadi", "北京新发地", "Xinfadi, Beijing", "火星市场"]),
    "volume": st.sampled_from(["", "1,200", "12.5", "x"]), "pack": st.sampled_from(["", "10", "20斤"]),
})  # fmt: skip


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{**r, "row": k} for k, r in enumerate(rows, 2)], schema={**dict.fromkeys(FIELDS, pl.String), "row": pl.Int64})


def _one(row: dict[str, Any], raw_price: str, book: SeriesBook) -> Quote | None:
    if row["series"] < 0:
        return None
    day = date(1970, 1, 1) + timedelta(days=row["day"])
    volume = row["volume"] if row["volume"] >= 0 else None
    return Quote(book[row["series"]], day, row["low"], row["mid"], row["high"], KINDS[row["kind"]], raw_price,  # type: ignore[arg-type]
                 row["raw_unit"], volume)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(_ROW, min_size=1, max_size=30))
def test_a_frame_passes_the_gate_as_its_rows_would_one_by_one(rows: list[dict[str, Any]]) -> None:
    """Row by row, the gate of a frame takes the same quote or refuses for the same reason as the gate of one row."""
    frame, book = _frame(rows), SeriesBook()
    found = gate(frame, MAPPING, TODAY, book)
    refused = {r.row: r for r in found.refused}
    for row, told in zip(frame.iter_rows(named=True), found.rows.iter_rows(named=True), strict=True):
        expected = quote_of(raw_of(row, MAPPING), MAPPING.source, TODAY, MAPPING.currency)
        if isinstance(expected, Refusal):
            assert told["series"] < 0
            assert refused[row["row"]] == expected
        else:
            assert _one(told, raw_of(row, MAPPING).raw_price, book) == expected
            assert row["row"] not in refused


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 3), st.integers(0, 2), st.integers(-1, 1)), max_size=25)
)
def test_ordinals_of_columns_are_those_of_quotes(rows: list[tuple[int, int, int, int, int]]) -> None:
    """In whatever order rows come, keys, ordinals, values and the number of copies agree with the way of one batch."""
    quotes = []
    for series, day, low, more, volume in rows:
        raw = RawQuote("xinfadi", f"n{series}", TODAY - timedelta(days=day), str(low), "", str(low + more), "公斤", "", "", "",
                       None if volume < 0 else volume)  # fmt: skip
        found = quote_of(raw, "x", TODAY)
        assert isinstance(found, Quote)
        quotes.append(found)
    keyed, copies = with_ordinals(quotes)
    columns = [
        np.array([int(q.series.name[1:]) for q in quotes], np.int64), np.array([q.valid_date.toordinal() for q in quotes], np.int64),
        *(np.array([getattr(q, name) for q in quotes], np.int64) for name in ("low", "mid", "high")),
        np.array([KINDS.index(q.mid_kind) for q in quotes], np.int64),
        np.array([-1 if q.volume_kg is None else q.volume_kg for q in quotes], np.int64),
    ]  # fmt: skip
    order = in_order(*columns)
    assert order.copies == copies
    found_keys = {(quotes[r].series.key, quotes[r].valid_date, int(o)): quotes[r] for r, o in zip(order.rows, order.ordinals, strict=True)}
    assert found_keys == keyed
    told = [(int(columns[0][r]), int(columns[1][r]), int(o)) for r, o in zip(order.rows, order.ordinals, strict=True)]
    assert told == sorted(told)


def test_keys_too_wide_for_one_number_are_ordered_as_well() -> None:
    """Where series, day and price do not fit in 63 bits together, the slower way gives the same order."""
    series = np.array([2**40, 1, 2**40, 1], np.int64)
    ones = np.ones(4, np.int64)
    order = in_order(series, np.array([5, 1, 5, 0]), np.array([9, 3, 7, 1]), ones * 9, ones * 9, ones, -ones)
    assert order.rows.tolist() == [3, 1, 2, 0]
    assert order.ordinals.tolist() == [0, 0, 0, 1]


@given(values=st.lists(st.integers(1, 100_000_000), min_size=1, max_size=80), cut=st.integers(0, 80))
def test_means_over_a_series_own_past_are_exact_and_stay_in_the_series(values: list[int], cut: int) -> None:
    """Mean and deviation of a window are those of the standard library, and no window reaches into another series."""
    series = np.array([int(k >= cut) for k in range(len(values))], np.int64)
    mean, deviation = over_own_past(series, np.array(values, np.int64), 5)
    for k in range(len(values)):
        window = values[k - 4 : k + 1]
        if k < 4 or series[k - 4] != series[k]:
            assert np.isnan(mean[k]) and np.isnan(deviation[k])
        else:
            assert mean[k] == pytest.approx(statistics.fmean(window))
            assert deviation[k] == pytest.approx(statistics.stdev(window), rel=1e-9, abs=1e-9)


def test_a_key_that_is_none_is_refused_loudly() -> None:
    """Hundreds of prices of one product on one day mean that the column telling them apart was not mapped."""
    row = {**dict.fromkeys(FIELDS, ""), "name": "番茄", "day": "2026-11-20", "unit": "斤", "market": "xinfadi"}
    book = SeriesBook()
    frame = _frame([{**row, "mid": f"{k / 100:.2f}"} for k in range(1, 500)])
    with pytest.raises(BadInput, match="hundreds of prices"):
        check_ordinals(arrange(gate(frame, MAPPING, TODAY, book).rows), book)
