"""The board: for every product and market the newest price that stands, what it was before, how old it is and whether to trust it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from pricing.markets import currency_of
from pricing.store import price_series, quote_current, quote_obs

# Yesterday's quote is normal before today's is out; older is stale. Spring Festival is no excuse: it is still an old price.
FRESH_DAYS = 1
_LOOK_BACK = 14


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One product in one market; prices in thousandths of the currency per kilogram over all specs, grades and origins quoted that day."""

    product: str
    market: str
    low: int
    mid: int
    high: int
    valid_date: date
    observed_ms: int
    age_days: int
    change_pct: float | None
    previous: int | None
    previous_date: date | None
    source: str
    stale: bool
    quotes: int


@dataclass(frozen=True, slots=True)
class Point:
    """One market day of one product in one market."""

    valid_date: date
    low: int
    mid: int
    high: int
    observed_ms: int
    source: str
    quotes: int


@dataclass(frozen=True, slots=True)
class Line:
    """One row that stands, with what it is a price of."""

    product: str
    market: str
    source: str
    series_id: int
    valid_date: date
    low: int
    mid: int
    high: int
    observed_ms: int


def board_rows(connection: Connection, markets: Iterable[str], day: date, troubled: Mapping[str, str]) -> list[BoardRow]:
    """Return the board of `day`. `troubled` names the sources whose last answer failed or was not believed: their rows are stale."""
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    ids = _series(connection, markets)
    for line in standing_lines(connection, ids, day - timedelta(days=_LOOK_BACK), day):
        groups[(line.product, line.market)].append(line)
    for pair in {(s.product, s.market) for s in ids.values()} - groups.keys():
        last = _last_day(connection, [i for i, s in ids.items() if (s.product, s.market) == pair], day)
        if last is not None:
            some = {i: s for i, s in ids.items() if (s.product, s.market) == pair}
            groups[pair] = standing_lines(connection, some, last - timedelta(days=_LOOK_BACK), last)
    rows = [_row(lines, day, troubled) for lines in groups.values()]
    return sorted(rows, key=lambda r: (r.product, r.market))


def points(connection: Connection, product: str, market: str, start: date, end: date, as_of_ms: int | None = None) -> list[Point]:
    """Return the days from `start` to `end`, both included, oldest first; `as_of_ms` answers as it was known then."""
    t = price_series.c
    query = select(t.id, t.product, t.market, t.source, t.currency).where(t.product == product, t.market == market)
    ids = {r.id: r for r in connection.execute(query) if in_its_currency(r)}
    lines = standing_lines(connection, ids, start, end) if as_of_ms is None else _lines_as_of(connection, ids, start, end, as_of_ms)
    days: dict[date, list[Line]] = defaultdict(list)
    for line in lines:
        days[line.valid_date].append(line)
    return [point_of(days[day]) for day in sorted(days)]


def _row(lines: list[Line], day: date, troubled: Mapping[str, str]) -> BoardRow:
    days: dict[date, list[Line]] = defaultdict(list)
    for line in lines:
        days[line.valid_date].append(line)
    last = max(days)
    now = point_of(days[last])
    earlier = [d for d in days if d < last]
    before = point_of(days[max(earlier)]) if earlier else None
    age = (day - last).days
    return BoardRow(
        lines[0].product, lines[0].market, now.low, now.mid, now.high, last, now.observed_ms, age,
        _change(days[last], days[before.valid_date]) if before else None, before.mid if before else None,
        before.valid_date if before else None, now.source, age > FRESH_DAYS or now.source in troubled, now.quotes,
    )  # fmt: skip


def point_of(lines: list[Line]) -> Point:
    """Return the market day that the lines of one product, market and day make together."""
    # Where two sources quote one market, the one that spoke last is shown; they are never averaged.
    source = max(lines, key=lambda x: (x.observed_ms, x.source)).source
    of = [x for x in lines if x.source == source]
    return Point(
        of[0].valid_date, min(x.low for x in of), round(sum(x.mid for x in of) / len(of)), max(x.high for x in of),
        max(x.observed_ms for x in of), source, len(of),
    )  # fmt: skip


def _change(now: list[Line], before: list[Line]) -> float | None:
    """Return the change in percent over what was quoted on both days: a grade that is missing today is not a fall in price."""
    a = _mean_by_series(before)
    b = _mean_by_series(now)
    both = a.keys() & b.keys()
    if not both:
        return None
    return 100.0 * (sum(b[k] for k in both) / sum(a[k] for k in both) - 1)


def _mean_by_series(lines: list[Line]) -> dict[int, float]:
    values: dict[int, list[int]] = defaultdict(list)
    for line in lines:
        values[line.series_id].append(line.mid)
    return {k: sum(v) / len(v) for k, v in values.items()}


def _series(connection: Connection, markets: Iterable[str]) -> dict[int, Any]:
    t = price_series.c
    query = select(t.id, t.product, t.market, t.source, t.currency).where(t.product.is_not(None), t.market.in_(list(markets)))
    return {r.id: r for r in connection.execute(query) if in_its_currency(r)}


def in_its_currency(series: Any) -> bool:
    """Tell whether a series is in the currency of its market: two currencies never stand side by side as if they were one."""
    return currency_of(series.market) in (None, series.currency)


def standing_lines(connection: Connection, series: Mapping[int, Any], start: date, end: date) -> list[Line]:
    """Return what stands of some series (id -> product, market, source) in the days `start` to `end`, both included."""
    t = quote_current.c
    found = connection.execute(
        select(t.series_id, t.valid_date, t.low, t.mid, t.high, t.observed_ms)
        .where(t.series_id.in_(list(series)), t.valid_date.between(start, end))
    )  # fmt: skip
    return [Line(s.product, s.market, s.source, r[0], r[1], r[2], r[3], r[4], r[5]) for r in found for s in (series[r[0]],)]


def _lines_as_of(connection: Connection, series: Mapping[int, Any], start: date, end: date, as_of_ms: int) -> list[Line]:
    t = quote_obs.c
    found = connection.execute(
        select(t.series_id, t.valid_date, t.ordinal, t.low, t.mid, t.high, t.observed_ms, t.status)
        .where(t.series_id.in_(list(series)), t.valid_date.between(start, end), t.observed_ms <= as_of_ms)
        .order_by(t.observed_ms)
    )  # fmt: skip
    newest = {(r.series_id, r.valid_date, r.ordinal): r for r in found}
    return [
        Line(s.product, s.market, s.source, r.series_id, r.valid_date, r.low, r.mid, r.high, r.observed_ms)
        for r in newest.values()
        if r.status == "quoted"
        for s in (series[r.series_id],)
    ]


def _last_day(connection: Connection, ids: list[int], day: date) -> date | None:
    t = quote_current.c
    last: date | None = connection.execute(select(func.max(t.valid_date)).where(t.series_id.in_(ids), t.valid_date <= day)).scalar()
    return last
