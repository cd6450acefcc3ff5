"""Quotes put straight into the tables, each lot of them as one run, as every writer of quotes does."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import insert, select

from foundation.clock import to_ms
from pricing import store
from pricing.quotes import Series
from pricing.service import Prices

TODAY = date(2026, 11, 23)


def put(
    prices: Prices, product: str, market: str, days: Mapping[date, float | None], *, source: str = "xinfadi", grade: str = "",
    currency: str = "CNY",
) -> None:  # fmt: skip
    """Write a series' days at the clock's time; None withdraws a day."""
    with prices.engine.begin() as connection:
        series = Series(source, market, product, "", grade, "", currency, product)
        ids = store.add_series(connection, store.series_ids(connection, source), [series])
        window = {"window_start": min(days), "window_end": max(days)}
        runs = len(connection.execute(select(store.price_run.c.id)).all())
        # No two lots at one instant, all of them before the clock's.
        now = to_ms(prices._clock.now()) - 1000 + runs
        run = {"source": source, "slot": f"test:{runs}", "kind": "round", **window, "started_ms": now, "finished_ms": now, "state": "ok",
               "received": len(days), "kept": len(days), "changed": len(days)}  # fmt: skip
        run_id = connection.execute(insert(store.price_run).values(**run).returning(store.price_run.c.id)).scalar_one()
        store.append(connection, [_row(ids[series.key], day, price, now, run_id) for day, price in days.items()])


def _row(series_id: int, day: date, price: float | None, now: int, run_id: int) -> dict[str, object]:
    mid = round(price) if price is not None else 1
    return {"series_id": series_id, "valid_date": day, "ordinal": 0, "observed_ms": now, "low": mid, "mid": mid, "high": mid,
            "mid_kind": "single", "volume_kg": None, "raw_price": str(mid), "raw_unit": "kg", "run_id": run_id,
            "status": "quoted" if price is not None else "withdrawn"}  # fmt: skip


def back(days: int, *, end: date = TODAY) -> list[date]:
    """Return the last `days` days up to `end`."""
    return [end - timedelta(days=k) for k in range(days - 1, -1, -1)]


def wave(days: Iterable[date], level: float = 3000.0, size: float = 0.1, shift: int = 0) -> dict[date, float | None]:
    """Return a seasonal price with a small restlessness of its own."""
    return {
        d: level * math.exp(size * math.sin((d.timetuple().tm_yday + shift) / 58) + 0.01 * math.sin(d.toordinal() * 0.37 + shift))
        for d in days
    }
