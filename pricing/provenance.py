"""Where a number comes from: every observation behind a product's price in one market on one day, down to the payload it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from pricing.payloads import StoredPayload, payloads_of
from pricing.store import price_series, quote_obs


@dataclass(frozen=True, slots=True)
class Observation:
    """One value as it was first seen; `raw_price` and `raw_unit` are the source's own text, prices are thousandths per kilogram."""

    source: str
    name: str
    spec: str
    grade: str
    origin: str
    currency: str
    ordinal: int
    observed_ms: int
    low: int
    mid: int
    high: int
    mid_kind: str
    raw_price: str
    raw_unit: str
    status: str
    stands: bool
    payloads: tuple[StoredPayload, ...]


def observations(connection: Connection, product: str, market: str, day: date, licences: dict[str, str]) -> list[Observation]:
    """Return every observation of a market day, series by series, the newest first; what was revised or withdrawn is there, too."""
    s, o = price_series.c, quote_obs.c
    rows = connection.execute(
        select(s.source, s.name, s.spec, s.grade, s.origin, s.currency, *quote_obs.c)
        .join_from(quote_obs, price_series, o.series_id == s.id)
        .where(s.product == product, s.market == market, o.valid_date == day)
        .order_by(s.source, s.name, s.spec, s.grade, s.origin, o.series_id, o.ordinal, o.observed_ms.desc())
    ).all()
    kept = {run: tuple(payloads_of(connection, run, licences)) for run in {r.run_id for r in rows}}
    found: list[Observation] = []
    newest: set[tuple[int, int]] = set()
    for row in rows:
        key = (row.series_id, row.ordinal)
        stands = key not in newest and row.status == "quoted"
        newest.add(key)
        found.append(
            Observation(
                row.source, row.name, row.spec, row.grade, row.origin, row.currency, row.ordinal, row.observed_ms, row.low, row.mid,
                row.high, row.mid_kind, row.raw_price, row.raw_unit, row.status, stands,
                kept[row.run_id],
            )
        )  # fmt: skip
    return found
