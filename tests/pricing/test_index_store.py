"""Official indices: as published, append-only, and told as they were known."""

from __future__ import annotations

from datetime import date

from pricing import index_store
from pricing.indices import IndexPoint
from pricing.service import Prices

FRIDAY, MONDAY = date(2026, 11, 20), date(2026, 11, 23)


def test_a_corrected_index_stands_and_the_past_is_told_as_it_was(prices: Prices) -> None:
    """The same value again appends nothing; another one does, and as of before it the old one is told."""
    first = [IndexPoint("A", FRIDAY, 118_520, "118.52"), IndexPoint("AE", FRIDAY, 131_070, "131.07")]
    with prices.engine.begin() as connection:
        assert index_store.record(connection, "pfsc", 1, first, 1000) == 2
        assert index_store.record(connection, "pfsc", 2, first, 2000) == 0
        later = [IndexPoint("A", FRIDAY, 118_600, "118.60"), IndexPoint("A", MONDAY, 118_900, "118.9")]
        assert index_store.record(connection, "pfsc", 3, later, 3000) == 2
        assert index_store.record(connection, "pfsc", 3, [], 3000) == 0
    now = prices.official_index("A", FRIDAY, MONDAY)
    assert [(p.day, p.raw, p.observed_ms) for p in now] == [(FRIDAY, "118.60", 3000), (MONDAY, "118.9", 3000)]
    assert [p.raw for p in prices.official_index("A", FRIDAY, MONDAY, as_of_ms=2999)] == ["118.52"]
    assert prices.official_index("A", FRIDAY, MONDAY, as_of_ms=999) == []
    assert [p.raw for p in prices.official_index("AE", FRIDAY, MONDAY)] == ["131.07"]


def test_a_clock_that_goes_back_never_loses_a_correction(prices: Prices) -> None:
    """A correction is kept after what it corrects, whatever the clock says."""
    with prices.engine.begin() as connection:
        index_store.record(connection, "pfsc", 1, [IndexPoint("A", FRIDAY, 118_520, "118.52")], 5000)
        index_store.record(connection, "pfsc", 2, [IndexPoint("A", FRIDAY, 118_600, "118.60")], 4000)
    assert [p.raw for p in prices.official_index("A", FRIDAY, FRIDAY)] == ["118.60"]
