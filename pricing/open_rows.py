"""Quotes as open data: one row for each quote as it stands or stood, in the order of series, day and ordinal, read in bounded blocks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, select

from foundation.clock import SHANGHAI, from_ms, to_ms
from foundation.errors import BadInput
from pricing.markets import MARKETS
from pricing.open_terms import Terms
from pricing.store import price_series, quote_current, quote_obs

BLOCK = 5_000
LARGEST_ID = 2**31 - 1
LAST_MS = to_ms(datetime(2200, 1, 1, tzinfo=UTC))

# Series, day and ordinal of the last row that was given.
Place = tuple[int, date, int]


class OpenRow(NamedTuple):
    """One quote, in thousandths of the currency per kilogram; text and unit are as the source wrote them, names as it calls things."""

    product: str
    variety: str
    market: str
    county: str
    kind: str
    source: str
    name: str
    spec: str
    grade: str
    origin: str
    currency: str
    valid_date: date
    ordinal: int
    low_milli_per_kg: int
    mid_milli_per_kg: int
    high_milli_per_kg: int
    mid_kind: str
    volume_kg: int | None
    raw_price: str
    raw_unit: str
    observed_ms: int
    run_id: int
    licence: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which quotes are asked for; empty means all. Days from `start` to before `end`; `as_of_ms` answers as it was known then."""

    products: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    county: str | None = None
    start: date = date(1990, 1, 1)
    end: date = date(2200, 1, 1)
    as_of_ms: int | None = None

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise BadInput("this range of days is empty", expected="start before end; the end is left out", got=f"{self.start}..{self.end}")

    @property
    def last(self) -> date:
        """The last day that belongs to it."""
        return self.end - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many rows of a source were left out, because of its licence."""

    source: str
    rows: int
    licence: str


def observed_at(observed_ms: int) -> str:
    """Return when a value was first seen as text, in UTC."""
    return from_ms(observed_ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_of_ms(text: str | None) -> int | None:
    """Return the moment a text means in ms UTC; a day means its end in Shanghai, a time without a zone is Shanghai's."""
    if text is None:
        return None
    try:
        if text.isdigit():
            found = int(text)
        elif len(text) <= 10:
            day = date.fromisoformat(text) + timedelta(days=1)
            found = to_ms(datetime.combine(day, time(), SHANGHAI)) - 1
        else:
            told = datetime.fromisoformat(text.replace(" ", "+"))
            found = to_ms(told if told.tzinfo else told.replace(tzinfo=SHANGHAI))
    except (ValueError, OverflowError) as error:
        raise BadInput("this moment cannot be read", expected="2026-11-29, 2026-11-29T06:00:00Z or ms UTC", got=text[:40]) from error
    if not 0 <= found <= LAST_MS:
        raise BadInput("this moment is out of range", expected=f"0..{LAST_MS} ms", got=text[:40])
    return found


def cursor_text(series_id: int, row: OpenRow) -> str:
    """Return the cursor that goes on after a row."""
    return base64.urlsafe_b64encode(f"{series_id}/{row.valid_date}/{row.ordinal}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> Place:
    """Return the place a cursor means."""
    try:
        series, day, ordinal = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("/")
        place = (int(series), date.fromisoformat(day), int(ordinal))
    except (ValueError, binascii.Error) as error:
        raise BadInput("this cursor cannot be read", expected="the `next` of the page before", got=text[:40]) from error
    if not (0 <= place[0] <= LARGEST_ID and 0 <= place[2] <= 32767):
        raise BadInput("this cursor cannot be read", expected="the `next` of the page before", got=text[:40])
    return place


def series_of(connection: Connection, selection: Selection) -> list[Any]:
    """Return the series of a selection in the order of their ids."""
    t = price_series.c
    query = select(price_series)
    for column, wanted in ((t.product, selection.products), (t.market, selection.markets), (t.source, selection.sources)):
        if wanted:
            query = query.where(column.in_(wanted))
    if selection.county is not None:
        query = query.where(t.market.in_([m.id for m in MARKETS.values() if m.county == selection.county]))
    return list(connection.execute(query.order_by(t.id)))


def blocks(
    reading: Engine, selection: Selection, terms: Mapping[str, Terms], after: Place | None = None, size: int = BLOCK
) -> Iterator[list[tuple[int, OpenRow]]]:
    """Yield (series id, row) in blocks of `size` rows or somewhat more, of the sources in `terms` only.

    Each block is read by itself, so that a slow reader holds nothing open; a long answer without `as_of_ms` may thus see a change that
    is recorded meanwhile in its later part, one with it never.
    """
    with reading.connect() as connection:
        wanted = [s for s in series_of(connection, selection) if s.source in terms and (after is None or s.id >= after[0])]
    k = 0
    while k < len(wanted):
        found: list[tuple[int, OpenRow]] = []
        with reading.connect() as connection:
            while k < len(wanted) and len(found) < size:
                s = wanted[k]
                begin = after if after is not None and after[0] == s.id else None
                found += _rows(connection, s, selection, terms[s.source].licence, begin)
                k += 1
        if found:
            yield found


def count_left_out(connection: Connection, selection: Selection, closed: Mapping[str, Terms]) -> list[LeftOut]:
    """Return how many rows of each source of `closed` the selection would have. As of an earlier time it is the rows known then."""
    series: dict[str, list[int]] = {}
    for s in series_of(connection, selection):
        if s.source in closed:
            series.setdefault(s.source, []).append(s.id)
    counts = {source: _count(connection, ids, selection) for source, ids in sorted(series.items())}
    return [LeftOut(source, n, closed[source].licence) for source, n in counts.items() if n]


def _count(connection: Connection, ids: list[int], selection: Selection) -> int:
    if selection.as_of_ms is not None:
        return sum(len(_stood(connection, i, selection)) for i in ids)
    t = quote_current.c
    query = select(func.count()).where(t.valid_date.between(selection.start, selection.last))
    parts = (ids[k : k + 500] for k in range(0, len(ids), 500))
    return sum(int(connection.execute(query.where(t.series_id.in_(part))).scalar_one()) for part in parts)


def _rows(connection: Connection, s: Any, selection: Selection, licence: str, after: Place | None) -> Iterator[tuple[int, OpenRow]]:
    market = MARKETS.get(s.market)
    county, kind = (market.county or "", market.kind) if market else ("", "")
    head = (s.product or "", s.variety or "", s.market, county, kind, s.source, s.name, s.spec, s.grade, s.origin, s.currency)
    if after is not None:
        if after[1] > selection.last:
            return
        selection = replace(selection, start=max(selection.start, after[1]))
    found = _stands(connection, s.id, selection) if selection.as_of_ms is None else _stood(connection, s.id, selection)
    for r in found:
        if after is None or (r[0], r[1]) > after[1:]:
            yield s.id, OpenRow._make((*head, *r[:11], licence))


_COLUMNS = ("valid_date", "ordinal", "low", "mid", "high", "mid_kind", "volume_kg", "raw_price", "raw_unit", "observed_ms", "run_id")


def _stands(connection: Connection, series_id: int, selection: Selection) -> Sequence[Any]:
    t = quote_current.c
    query = select(*(t[name] for name in _COLUMNS)).where(t.series_id == series_id, t.valid_date.between(selection.start, selection.last))
    return connection.execute(query.order_by(t.valid_date, t.ordinal)).all()


def _stood(connection: Connection, series_id: int, selection: Selection) -> Sequence[Any]:
    """Return what stood then: of each day and ordinal the newest value seen by that time, unless it had been withdrawn."""
    t = quote_obs.c
    query = select(*(t[name] for name in _COLUMNS), t.status).where(
        t.series_id == series_id, t.valid_date.between(selection.start, selection.last), t.observed_ms <= selection.as_of_ms
    )
    newest = {(r.valid_date, r.ordinal): r for r in connection.execute(query.order_by(t.valid_date, t.ordinal, t.observed_ms))}
    return [r for r in newest.values() if r.status == "quoted"]
