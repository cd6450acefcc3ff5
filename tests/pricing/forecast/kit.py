"""A price service with weekly prices in it, made up by a rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from foundation.clock import FixedClock, to_ms
from pricing import store
from pricing.quotes import Series
from pricing.service import Prices

# The first Monday of three years of weeks.
FIRST = date(2023, 11, 27)


def after(weeks: int) -> datetime:
    """Return Monday morning in Shanghai after so many weeks from the first."""
    day = FIRST + timedelta(weeks=weeks)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def quote(prices: Prices, product: str, market: str, mids: Sequence[int | None], first: date = FIRST, source: str = "xinfadi") -> None:
    """Record one quote on the Wednesday of each week; None is a silent week."""
    with prices.engine.begin() as connection:
        known = store.series_ids(connection, source)
        series = Series(source, market, product, product=product)
        found = store.add_series(connection, known, [series])[series.key]
        rows = [
            {"series_id": found, "valid_date": first + timedelta(days=7 * k + 2), "ordinal": 0, "low": mid, "mid": mid, "high": mid,
             "mid_kind": "single", "volume_kg": None, "raw_price": str(mid), "raw_unit": "kg", "run_id": 1, "status": "quoted",
             "observed_ms": to_ms(after(k + 1))}
            for k, mid in enumerate(mids) if mid is not None
        ]  # fmt: skip
        store.append(connection, rows)


def clock_after(weeks: int) -> FixedClock:
    """Return a clock on the Monday after so many weeks."""
    return FixedClock(after(weeks))
