"""Made-up quotes put straight into the tables: a year's wave, sticky days, days without a quote, and sources in any state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Engine, insert

from pricing import store
from pricing.sources import SOURCES

PRODUCTS = ("tomato", "cucumber", "lotus_root", "melon")
MARKETS = (("shenxian", "shenxian_origin"), ("xinfadi", "xinfadi"), ("shouguang", "ncpscxx"), ("zhongcai", "ncpscxx"),
           ("kuangshan", "ncpscxx"), ("lianyi", "ncpscxx"), ("jiangqiao", "ncpscxx"), ("baishazhou", "ncpscxx"))  # fmt: skip


def fill(engine: Engine, today: date, now_ms: int, *, days: int = 800, products: Sequence[str] = PRODUCTS,
         markets: Sequence[tuple[str, str]] = MARKETS) -> None:  # fmt: skip
    """Write `days` days of quotes up to `today` for every product in every market, one in seventeen days left out."""
    with engine.begin() as connection:
        for k, (product, (market, source)) in enumerate((p, m) for p in products for m in markets):
            series = {"id": k + 1, "source": source, "market": market, "name": product, "spec": "", "grade": "", "origin": "",
                      "currency": "CNY", "product": product}  # fmt: skip
            connection.execute(insert(store.price_series), series)
            connection.execute(insert(store.quote_current), list(_quotes(k, today, now_ms, days)))
        for number, s in enumerate(SOURCES.values()):
            state = {"id": s.id, "address": s.address, "state": "ok", "why": "", "rows_last": 40 + number,
                     "last_success_ms": now_ms - 45_000,
                     "last_attempt_ms": now_ms - 45_000, "next_run_ms": now_ms + 20_000, "period_ms": 60_000}  # fmt: skip
            connection.execute(insert(store.price_source), state)


def trouble(engine: Engine, source: str, state: str, why: str) -> None:
    """Put a source into a state."""
    with engine.begin() as connection:
        store.upsert_source(connection, source, {"state": state, "why": why})


def _quotes(k: int, today: date, now_ms: int, days: int) -> Any:
    for back in range(days):
        day = today - timedelta(days=back)
        if back and (day.toordinal() + k) % 17 == 3:
            continue
        # Prices change every third day, as sticky reporting does.
        wave = math.sin((day.timetuple().tm_yday + 23 * k) / 58) + 0.25 * math.sin((day.toordinal() // 3 + 5 * k) / 6)
        mid = round(3200 + 350 * (k % 5) + 900 * wave)
        yield {"series_id": k + 1, "valid_date": day, "ordinal": 0, "observed_ms": now_ms - back * 86_400_000 - 45_000, "low": mid - 180,
               "mid": mid, "high": mid + 220, "mid_kind": "midpoint", "volume_kg": None, "raw_price": f"{mid / 2000:.2f}", "raw_unit": "斤",
               "run_id": 1}  # fmt: skip
