"""Large questions to the snapshot: `python -m bench.prices query [--quick]`.

50 million synthetic market days (300 products x 400 markets x 5 years, 23 % quoted) are written straight into the snapshot's form by
DuckDB; that is set-up. The questions are those of `Prices.large`, Python objects and all, each about another product or market. The
peers are the records on SQLite holding one product of the same shape, asked by the same verbs without a snapshot.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from bench.report import Row
from foundation.blobs import BlobFolder
from foundation.clock import FixedClock, to_ms
from foundation.database import metadata, open_engine
from pricing import store
from pricing.quotes import Window
from pricing.service import Prices
from pricing.snapshot import SnapshotState, publish
from pricing.snapshot_build import finish, open_new
from pricing.snapshot_index import Basket

NOW = datetime(2026, 11, 29, 4, 0, tzinfo=UTC)
LAST = date(2026, 11, 28)
DAYS = 1826
FIRST = LAST - timedelta(days=DAYS - 1)
QUOTED = 0.23
SOURCE = "ncpscxx"
_POINTS = """
INSERT INTO points SELECT p, m, day, 1, (mid * 0.95)::INTEGER, mid, (mid * 1.05)::INTEGER, epoch_ms(day::TIMESTAMP) + 7200000, 1 FROM (
  SELECT p::SMALLINT AS p, m::SMALLINT AS m, (DATE '{first}' + d::INTEGER)::DATE AS day,
         (1500 + hash(p) % 8000 + 500 * sin((d + 23 * p) / 58.0) * (1 + hash(m) % 10 / 20.0)
          + hash(p * 1000003 + m * 7919 + d // 3) % 300)::INTEGER AS mid
  FROM range({start}, {stop}) a(p), range(1, {markets} + 1) b(m), range({days}) c(d) WHERE hash(p * 31 + m * 17 + d * 101) % 1000 < {share})
ORDER BY p, m, day
"""


def rows(*, quick: bool) -> list[Row]:
    """Return the figures."""
    products, markets = (60, 80) if quick else (300, 400)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prices, points = _house(folder, products, markets)
        scale = f"{points / 1e6:.1f} M quotes, {products} products, {markets} markets, 5 y"
        found = _dashboard(prices, scale, products, markets, quick=quick) + _index(prices, scale, quick=quick) + _opening(folder, scale)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        return [*found, Row("peak memory", peak, "MB", "this process, the making of the file included")]


def _dashboard(prices: Prices, scale: str, products: int, markets: int, *, quick: bool) -> list[Row]:
    dice = random.Random(7)
    lone = _records(prices, 20 if quick else 60)
    five = date(LAST.year - 5, LAST.month, LAST.day)
    asks: dict[str, tuple[Callable[[str], Any], Callable[[Prices], Any]]] = {
        "series, 5 y": (
            lambda p: prices.large.series(p, _m(dice.randrange(1, markets + 1)), five, LAST),
            lambda lone: lone.large.series("p001", "shouguang", five, LAST),
        ),
        "median and quartiles, 5 y": (
            lambda p: prices.large.quartiles(p, five, LAST),
            lambda lone: lone.large.quartiles("p001", five, LAST),
        ),
        "latest per market": (lambda p: prices.large.latest(p, LAST), lambda lone: lone.large.latest("p001", LAST)),
    }
    found = []
    for name, (ask, peer) in asks.items():
        times = _times(lambda ask=ask: ask(_p(dice.randrange(1, products + 1))), 40 if quick else 300)  # type: ignore[misc]
        theirs = _times(lambda peer=peer: peer(lone), 3)  # type: ignore[misc]
        found.append(Row(f"{name}, p95", _share(times, 0.95), "ms", scale, at_most=150))
        found.append(Row(f"{name}, p50", _share(times, 0.5), "ms", scale))
        found.append(
            Row(f"{name}, of records", _share(theirs, 0.5), "ms", f"one product in {20 if quick else 60} markets, SQLite, no snapshot")
        )
    return found


def _index(prices: Prices, scale: str, *, quick: bool) -> list[Row]:
    dice = random.Random(8)
    base = Window(date(FIRST.year + 1, 1, 1), date(FIRST.year + 1, 12, 31))

    def ask() -> None:
        first = dice.randrange(1, 11) if quick else dice.randrange(1, 251)
        told = prices.large.index(Basket({_p(first + k): 1.0 + k for k in range(50)}, SOURCE), base, FIRST, LAST)
        assert len(told) == DAYS and told[0].value

    times = _times(ask, 5 if quick else 20)
    return [Row("50-product daily index", _share(times, 0.5), "ms", scale, at_most=500),
            Row("the same, slowest", max(times), "ms", scale)]  # fmt: skip


def _opening(folder: Path, scale: str) -> list[Row]:
    """A cursor on the one connection of a process, against a connection for each question."""
    import duckdb

    # Under another name: DuckDB gives a process one instance of a file, and that one is open.
    other = folder / "other.duckdb"
    os.link(next((folder / "prices").glob("quotes-*.duckdb")), other)

    def anew() -> None:
        with duckdb.connect(str(other), read_only=True) as own:
            own.execute("SELECT count(*) FROM points WHERE p = 1 AND m = 1").fetchall()

    times = _times(anew, 10)
    shared = duckdb.connect(str(other), read_only=True)

    def again() -> None:
        shared.cursor().execute("SELECT count(*) FROM points WHERE p = 1 AND m = 1").fetchall()

    return [Row("opening the file anew", _share(times, 0.5), "ms", scale), Row("a cursor", _share(_times(again, 20), 0.5), "ms", scale)]


def _house(folder: Path, products: int, markets: int) -> tuple[Prices, int]:
    engine = open_engine(f"sqlite:///{folder / 'records.db'}")
    metadata.create_all(engine)
    (folder / "prices").mkdir()
    name = "quotes-bench.duckdb"
    duck = open_new(folder / "prices" / name)
    duck.execute("SET memory_limit = '2GB'")
    _names(duck, products, markets)
    for start in range(1, products + 1, 5):
        stop = min(start + 5, products + 1)
        duck.execute(_POINTS.format(first=FIRST, start=start, stop=stop, markets=markets, days=DAYS, share=round(QUOTED * 1000)))
    points, pairs, first, last = finish(duck)
    duck.close()
    size = (folder / "prices" / name).stat().st_size
    print(f"{points:,} points, {size / 1e6:,.0f} MB", file=sys.stderr)
    now = to_ms(NOW)
    publish(folder / "prices", SnapshotState(name, now, now, points, points, pairs, first, last, size))
    return Prices(engine, FixedClock(NOW), BlobFolder(folder / "blobs"), folder / "prices"), points


def _names(duck: Any, products: int, markets: int) -> None:
    duck.execute(f"INSERT INTO products SELECT p, printf('p%03d', p) FROM range(1, {products + 1}) a(p)")
    duck.execute(f"INSERT INTO markets SELECT m, printf('m%03d', m), 'wholesale', 'CNY', true FROM range(1, {markets + 1}) a(m)")
    duck.execute("INSERT INTO sources VALUES (1, ?)", [SOURCE])


def _records(prices: Prices, most: int) -> Prices:
    """Return a service without a snapshot, its records holding one product in `most` markets."""
    dice = random.Random(9)
    engine = prices.engine
    with engine.begin() as connection:
        told = {"source": SOURCE, "name": "x", "grade": "", "origin": "", "currency": "CNY", "product": "p001", "market": "shouguang"}
        for m in range(1, most + 1):
            market = "shouguang" if m == 1 else f"m{m:03}"
            connection.execute(insert(store.price_series), {**told, "id": m, "spec": str(m), "market": market})
            days = [d for d in range(DAYS) if dice.random() < QUOTED]
            quote = {"series_id": m, "ordinal": 0, "observed_ms": 1, "low": 900, "mid": 1000, "high": 1100, "mid_kind": "midpoint",
                     "raw_price": "", "raw_unit": "斤", "run_id": 1}  # fmt: skip
            connection.execute(insert(store.quote_current), [{**quote, "valid_date": FIRST + timedelta(days=d)} for d in days])
    return Prices(engine, FixedClock(NOW), BlobFolder(Path("unused")))


def _times(ask: Callable[[], Any], n: int) -> list[float]:
    found = []
    for _ in range(n):
        began = time.perf_counter()
        ask()
        found.append(1000 * (time.perf_counter() - began))
    return found


def _share(times: list[float], share: float) -> float:
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def _p(number: int) -> str:
    return f"p{number:03}"


def _m(number: int) -> str:
    return f"m{number:03}"
