"""What the service answers about lots: summaries for lists, whole histories for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, select

from foundation.clock import from_ms, market_day
from foundation.errors import SuheError
from traceability import store
from traceability.events import decimal_of, read_event
from traceability.store import StoredEvent
from traceability.vocabulary import LOT_URN, UNITS


@dataclass(frozen=True, slots=True)
class LotSummary:
    """A lot as a list shows it. `quantity` is all that was ever made of it, None while it grows; `held` what is somewhere now."""

    id: str
    county: str
    product: str
    variety: str
    quantity: Decimal | None
    held: Decimal
    arriving: Decimal
    unit: str
    state: str
    inspection: str
    planted_day: date | None
    harvested_day: date | None
    code: str
    event_count: int
    last_event_ms: int
    party: str
    plot: str
    planted_ms: int | None
    harvested_ms: int | None

    @property
    def short(self) -> str:
        """The id without its URN prefix, `{county}:{number}`, as links and people use it."""
        return self.id.removeprefix(LOT_URN)

    @property
    def number(self) -> str:
        """The lot's own number."""
        return self.id.rsplit(":", 1)[1]


@dataclass(frozen=True, slots=True)
class Amount:
    """One lot's part in an event as a page shows it; `role` is made, subject, input, output or for."""

    lot: str
    role: str
    quantity: Decimal | None
    unit: str


@dataclass(frozen=True, slots=True)
class EventView:
    """An event of a lot. `readable` is False where its stored body cannot be read any more; then only the stored columns speak."""

    log_index: int
    event_id: str
    kind: str
    event_time_ms: int
    record_time_ms: int
    party: str
    lot_seq: int
    prev_hex: str
    record_hash_hex: str
    key_id: str
    readable: bool
    plot: str
    product: str
    variety: str
    from_party: str
    to_party: str
    amounts: tuple[Amount, ...]
    body: Mapping[str, Any]
    body_text: str

    @property
    def amount(self) -> Amount | None:
        """The first quantity the event states, for a one-line summary."""
        return next((a for a in self.amounts if a.quantity is not None), None)


@dataclass(frozen=True, slots=True)
class LotHistory:
    """Everything recorded of a lot. `ancestors` are all lots it came from, nearest first, with their own summaries."""

    summary: LotSummary
    events: tuple[EventView, ...]
    parents: tuple[str, ...]
    children: tuple[str, ...]
    holders: Mapping[str, Decimal]
    ancestors: tuple[LotSummary, ...]
    inputs: Mapping[str, str]


def summary_of(row: Row[Any], held: int, arriving: int) -> LotSummary:
    """Return the summary of a lot's row."""
    return LotSummary(
        id=row.id,
        county=row.county,
        product=row.product,
        variety=row.variety,
        quantity=decimal_of(row.made) if row.made else None,
        held=decimal_of(held),
        arriving=decimal_of(arriving),
        unit=UNITS.get(row.uom, row.uom),
        state=row.state,
        inspection=row.inspection,
        planted_day=_day(row.planted_ms),
        harvested_day=_day(row.harvested_ms),
        code=row.code or "",
        event_count=row.event_count,
        last_event_ms=row.last_event_ms,
        party=row.party,
        plot=row.plot,
        planted_ms=row.planted_ms,
        harvested_ms=row.harvested_ms,
    )


def view_of(stored: StoredEvent, lot_id: str) -> EventView:
    """Return an event as one lot's page shows it, even where its body was damaged."""
    entry = next(e for e in stored.entries if e.lot == lot_id)
    try:
        event = read_event(stored.body)
    except SuheError:
        event = None
    amounts = tuple(
        Amount(i.lot, i.role, None if i.milli is None else decimal_of(i.milli), UNITS.get(i.uom, i.uom))
        for i in (event.items if event else ())
    )
    return EventView(
        log_index=stored.log_index,
        event_id=stored.event_id,
        kind=event.kind.name if event else stored.event_type,
        event_time_ms=event.event_time_ms if event else stored.event_time_ms,
        record_time_ms=stored.record_time_ms,
        party=event.party if event else stored.party,
        lot_seq=entry.lot_seq,
        prev_hex=entry.prev.hex(),
        record_hash_hex=stored.record_hash.hex(),
        key_id=stored.key_id,
        readable=event is not None,
        plot=event.plot if event else "",
        product=event.product if event else "",
        variety=event.variety if event else "",
        from_party=event.from_party if event else "",
        to_party=event.to_party if event else "",
        amounts=amounts,
        body=event.body if event else {},
        body_text=stored.body.decode("utf-8", "replace"),
    )


def summaries(connection: Connection, rows: list[Row[Any]]) -> list[LotSummary]:
    """Return the summaries of lot rows with what is held and on the way."""
    totals: dict[str, list[int]] = {}
    for some in store.chunks(row.id for row in rows):
        for h in connection.execute(select(store.holding).where(store.holding.c.lot.in_(some))):
            total = totals.setdefault(h.lot, [0, 0])
            total[0] += h.held
            total[1] += h.arriving
    return [summary_of(row, *totals.get(row.id, [0, 0])) for row in rows]


def _day(ms: int | None) -> date | None:
    return None if ms is None else market_day(from_ms(ms))
