"""The tables of forecasts: one row per forecast as it was made, one per week it speaks of. Rows are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Date, Float, ForeignKey, Index, Integer, SmallInteger, Table, Text, insert, select

from foundation.clock import from_ms, market_day
from foundation.database import metadata
from pricing.forecast.nouns import Forecast, ForecastPoint, Skill

price_forecast = Table(
    "price_forecast", metadata,
    Column("id", Integer, primary_key=True),
    Column("product", Text, nullable=False),
    Column("market", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("last_week", Date, nullable=False),
    Column("last_price", Integer, nullable=False),
    Column("weeks_used", Integer, nullable=False),
    Column("weeks_absent", Integer, nullable=False),
    Column("weeks_hash", Text, nullable=False),  # of the weekly prices it was made from
    Index("price_forecast_pair", "product", "market", "made_ms"),
)  # fmt: skip

price_forecast_point = Table(
    "price_forecast_point", metadata,
    Column("forecast_id", Integer, ForeignKey("price_forecast.id"), primary_key=True),
    Column("horizon", SmallInteger, primary_key=True),
    Column("week", Date, nullable=False),
    Column("p10", Integer, nullable=False),
    Column("p50", Integer, nullable=False),
    Column("p90", Integer, nullable=False),
    Column("method", Text, nullable=False),
    Column("mase", Float, nullable=False),
    Column("mase_naive", Float, nullable=False),
    Column("coverage", Float, nullable=False),
    Column("origins", Integer, nullable=False),
    sqlite_with_rowid=False,
)  # fmt: skip


def append(connection: Connection, made: Forecast, weeks_hash: str) -> None:
    """Add a forecast."""
    row = {
        "product": made.product, "market": made.market, "currency": made.currency, "source": made.source, "made_ms": made.made_ms,
        "last_week": made.last_week, "last_price": made.last_price, "weeks_used": made.weeks_used, "weeks_absent": made.weeks_absent,
        "weeks_hash": weeks_hash,
    }  # fmt: skip
    (forecast_id,) = connection.execute(insert(price_forecast).values(row)).inserted_primary_key or (None,)
    rows = [
        {"forecast_id": forecast_id, "horizon": p.horizon_weeks, "week": p.week, "p10": p.p10, "p50": p.p50, "p90": p.p90,
         "method": p.method, "mase": s.mase, "mase_naive": s.mase_naive, "coverage": s.coverage80, "origins": s.origins}
        for p, s in zip(made.points, made.skill, strict=True)
    ]  # fmt: skip
    connection.execute(insert(price_forecast_point), rows)


def newest_hashes(connection: Connection, market: str) -> dict[str, str]:
    """Return, for each product of a market, what its newest forecast was made from."""
    t = price_forecast.c
    found = connection.execute(select(t.product, t.weeks_hash).where(t.market == market).order_by(t.made_ms, t.id))
    return {r.product: r.weeks_hash for r in found}


def newest(connection: Connection, product: str, market: str) -> Forecast | None:
    """Return the newest forecast of a product in a market."""
    t = price_forecast.c
    asked = select(price_forecast).where(t.product == product, t.market == market).order_by(t.made_ms.desc(), t.id.desc()).limit(1)
    found = _forecasts(connection, connection.execute(asked).all())
    return found[0] if found else None


def all_of(connection: Connection, product: str, market: str) -> list[Forecast]:
    """Return every forecast of a product in a market, the oldest first."""
    t = price_forecast.c
    asked = select(price_forecast).where(t.product == product, t.market == market).order_by(t.made_ms, t.id)
    return _forecasts(connection, connection.execute(asked).all())


def _forecasts(connection: Connection, heads: Iterable[Any]) -> list[Forecast]:
    heads = list(heads)
    t = price_forecast_point
    parts: dict[int, list[Any]] = {h.id: [] for h in heads}
    ids = list(parts)
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        for r in connection.execute(select(t).where(t.c.forecast_id.in_(some)).order_by(t.c.forecast_id, t.c.horizon)):
            parts[r.forecast_id].append(r)
    return [
        Forecast(
            h.product, h.market, h.currency, h.source, h.made_ms, market_day(from_ms(h.made_ms)), h.last_week, h.last_price,
            h.weeks_used, h.weeks_absent,
            tuple(ForecastPoint(r.horizon, r.week, r.p10, r.p50, r.p90, r.method) for r in parts[h.id]),
            tuple(Skill(r.horizon, r.mase, r.mase_naive, r.coverage, r.origins) for r in parts[h.id]),
        )
        for h in heads
    ]  # fmt: skip
