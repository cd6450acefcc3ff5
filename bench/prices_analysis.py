"""What the breakfast board asks of analysis: `python -m bench.prices analysis [--quick]`.

The simulated market sites' whole catalogue, three years of it on SQLite, put into the tables directly; that is set-up. "after a round"
is asked straight after every round, each of which changed today's quotes of one source: a page asks oftener than sources speak.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from bench.report import Row
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from pricing import store
from pricing.analysis.service import Analysis
from pricing.service import Prices
from pricing.touched import note_touched
from simulators.markets_prices import KILOGRAMS, PriceWorld

NOW = datetime(2026, 11, 29, 8, 0, tzinfo=UTC)
TODAY = date(2026, 11, 29)
COUNTY = "371522"


def rows(*, quick: bool) -> list[Row]:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as name:
        prices = _house(Path(name), 400 if quick else 1097)
        clock = FixedClock(NOW)
        scale = f"{prices.counts()['current']:,} quotes of {prices.counts()['series']} series, SQLite"
        analysis = Analysis(prices, clock, Path(name) / "analysis")
        first = _seconds(lambda: analysis.unusual(COUNTY))
        turns = 8 if quick else 60
        changed = _p95([_after_round(prices, analysis, k) for k in range(turns)])
        again = _p95([_seconds(lambda: analysis.unusual(COUNTY)) for _ in range(5 * turns)])
        pairs = [(p, m) for p in ("tomato", "cucumber", "celery", "lotus_root") for m in ("xinfadi", "shouguang", "zhongcai")]
        facts = _p95([_seconds(lambda p=p, m=m: analysis.product(p, m)) for p, m in pairs * (1 if quick else 5)])
        start = TODAY - timedelta(days=300 if quick else 1060)
        index = _p95([_seconds(lambda: analysis.index(COUNTY, start, TODAY)) for _ in range(turns)])
        then = _seconds(lambda: analysis.unusual(COUNTY, as_of_ms=to_ms(NOW)))
        return [
            Row("board, first look", 1000 * first, "ms", scale),
            Row("board, after a round p95", 1000 * changed, "ms", scale, at_most=150),
            Row("board, nothing new p95", 1000 * again, "ms", scale, at_most=50),
            Row("facts of a product p95", 1000 * facts, "ms", scale, at_most=150),
            Row("basket index p95", 1000 * index, "ms", f"{(TODAY - start).days} days, 9 products in 5 markets", at_most=500),
            Row("board as known then", 1000 * then, "ms", scale),
        ]


def _house(folder: Path, days: int) -> Prices:
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    world = PriceWorld(7)
    first = TODAY - timedelta(days=days - 1)
    with engine.begin() as connection:
        for number, q in enumerate(world.series, start=1):
            series = {"id": number, "source": q.source, "market": q.market, "name": q.name, "spec": q.spec, "grade": q.grade,
                      "origin": q.origin, "currency": "CNY", "product": q.product}  # fmt: skip
            connection.execute(insert(store.price_series), series)
            per = 1000 / KILOGRAMS[q.unit]
            quotes = [
                {"series_id": number, "valid_date": day, "ordinal": 0, "observed_ms": to_ms(NOW) - 60_000, "low": round(p.low * per),
                 "mid": round(p.mid * per), "high": round(p.high * per), "mid_kind": "midpoint", "volume_kg": None, "raw_price": str(p.mid),
                 "raw_unit": q.unit, "run_id": 1}
                for day, p in world.mids(number - 1, first, TODAY, NOW)
            ]  # fmt: skip
            store.append(connection, [{**row, "status": "quoted"} for row in quotes])
    return Prices(engine, FixedClock(NOW), BlobFolder(folder / "blobs"))


def _after_round(prices: Prices, analysis: Analysis, k: int) -> float:
    source = ("ncpscxx", "xinfadi", "shenxian_origin", "baoying_lotus")[k % 4]
    with prices.engine.begin() as connection:
        which = "series_id IN (SELECT id FROM price_series WHERE source = :s)"
        connection.execute(
            text(f"UPDATE quote_current SET mid = mid + 1 WHERE valid_date = :d AND {which}"), {"s": source, "d": str(TODAY)}
        )
        note_touched(connection, TODAY, TODAY, 20)
    return _seconds(lambda: analysis.unusual(COUNTY))


def _seconds(ask: Callable[[], object]) -> float:
    begun = time.perf_counter()
    ask()
    return time.perf_counter() - begun


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[18]
