"""A long answer is read in blocks of bounded size, and holds nothing open between them."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import insert

from pricing import store
from pricing.open_rows import Selection, blocks, cursor_text, read_cursor
from pricing.service import Prices

SERIES, DAYS = 6, 90


def test_memory_is_bounded_by_a_block_and_a_series(lite_prices: Prices) -> None:
    """Whatever the number of rows, a block is at most its size and one series more; together they are everything, in order."""
    with lite_prices.engine.begin() as connection:
        for k in range(SERIES):
            told = {"source": "xinfadi", "market": "xinfadi", "name": f"n{k}", "spec": "", "grade": "", "origin": "", "currency": "CNY"}
            connection.execute(insert(store.price_series), told)
            day = {"series_id": k + 1, "observed_ms": 1, "low": 1, "mid": 2, "high": 3, "mid_kind": "single", "raw_price": "",
                   "raw_unit": "", "run_id": 1}  # fmt: skip
            rows = [{**day, "valid_date": date(2026, 1, 1) + timedelta(days=d // 2), "ordinal": d % 2} for d in range(DAYS)]
            connection.execute(insert(store.quote_current), rows)
    terms = lite_prices.open_data.terms(demo=False)
    reading = lite_prices._reading
    found, sizes = [], []
    for block in blocks(reading, Selection(), terms, size=100):
        assert reading.pool.checkedout() == 0  # type: ignore[attr-defined]
        sizes.append(len(block))
        found += [(i, r.valid_date, r.ordinal) for i, r in block]
    assert found == sorted(set(found)) and len(found) == SERIES * DAYS
    assert len(sizes) >= 3 and max(sizes) < 100 + DAYS
    for i, block in enumerate(blocks(reading, Selection(), terms, size=10_000)):
        assert i == 0
        after = block[137]
        rest = [x for part in blocks(reading, Selection(), terms, read_cursor(cursor_text(*after)), 50) for x in part]
        assert rest == block[138:]
