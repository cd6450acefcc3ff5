"""What a recall reaches: lots, who holds, awaits, received and sold how much of them, and which shipments nobody confirmed.

Quantities are those of whole lots. Where a lot was mixed with produce from outside the reach nobody can say which part of it is the
affected one, so its quantities are told apart, as the most it can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, select

from foundation.errors import SuheError
from traceability import recall, store
from traceability.events import TraceEvent, decimal_of, read_event
from traceability.legs import Leg, legs_of
from traceability.lots import Lot
from traceability.vocabulary import UNITS


@dataclass(frozen=True, slots=True)
class ReachedLot:
    """One lot in the reach. `mixed` tells that it also holds produce from outside the reach; `root` that it was named itself."""

    id: str
    kind: str
    product: str
    name_zh: str
    party: str
    quantity: Decimal
    unit: str
    state: str
    code: str
    root: bool
    mixed: bool


@dataclass(slots=True)
class Tally:
    """What one party has to do with the reach, in one unit. `mixed_*` is the part of the same figures that lies in mixed lots."""

    party: str
    unit: str
    received: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    arriving: Decimal = Decimal(0)
    sold: Decimal = Decimal(0)
    mixed_held: Decimal = Decimal(0)
    lots: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A shipment of affected lots that was not received, or not all of it."""

    leg: str
    from_party: str
    to_party: str
    departs_ms: int
    lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The whole reach. `receivers` are all that affected lots were shipped to, `confirmed` those who confirmed every shipment."""

    roots: tuple[str, ...]
    lots: tuple[ReachedLot, ...]
    tallies: tuple[Tally, ...]
    unconfirmed: tuple[Unconfirmed, ...]
    receivers: tuple[str, ...]
    confirmed: tuple[str, ...]
    at_ms: int

    @property
    def codes(self) -> tuple[str, ...]:
        """The trace codes of the lots reached."""
        return tuple(x.code for x in self.lots if x.code)

    @property
    def mixed(self) -> int:
        """How many lots also hold produce from outside."""
        return sum(x.mixed for x in self.lots)


def reach_of(connection: Connection, roots: Sequence[str], at_ms: int) -> Reach:
    """Return what the named lots or inputs reach now."""
    ids = recall.forward(connection, roots)
    blurred = recall.mixed(connection, ids, roots)
    found = store.lots_by_id(connection, ids)
    column = store.lot.c
    codes: dict[str, str] = {}
    for some in store.chunks(ids):
        codes.update((r.id, r.code or "") for r in connection.execute(select(column.id, column.code).where(column.id.in_(some))))
    events = _ways(connection, ids)
    legs = legs_of(events)
    receivers, confirmed, unconfirmed = _receivers(legs, set(ids))
    rows = [_row(found[x], codes.get(x, ""), root=x in roots, mixed=x in blurred) for x in ids if x in found]
    return Reach(
        tuple(roots), tuple(sorted(rows, key=lambda r: (not r.root, r.id))), _tallies(found, events, blurred), tuple(unconfirmed),
        receivers, confirmed, at_ms,
    )  # fmt: skip


def _ways(connection: Connection, ids: Sequence[str]) -> list[TraceEvent]:
    """Return the shipments, receipts and sales of these lots in the order of the log; altered ones are passed over."""
    found = []
    for stored in store.stored_events(connection, recall.way_places(connection, ids)):
        try:
            found.append(read_event(stored.body))
        except SuheError:
            continue
    return found


def _row(x: Lot, code: str, *, root: bool, mixed: bool) -> ReachedLot:
    return ReachedLot(x.id, x.kind, x.product, x.name_zh, x.party, decimal_of(x.made), UNITS.get(x.uom, x.uom), x.state, code, root, mixed)


def _tallies(found: dict[str, Lot], events: Sequence[TraceEvent], blurred: set[str]) -> tuple[Tally, ...]:
    tallies: dict[tuple[str, str], Tally] = {}

    def at(party: str, uom: str, lot: str) -> Tally:
        unit = UNITS.get(uom, uom)
        one = tallies.setdefault((party, unit), Tally(party, unit))
        one.lots.add(lot)
        return one

    for x in found.values():
        for party, milli in x.held.items():
            one = at(party, x.uom, x.id)
            one.held += decimal_of(milli)
            one.mixed_held += decimal_of(milli) if x.id in blurred else 0
        for party, milli in x.arriving.items():
            at(party, x.uom, x.id).arriving += decimal_of(milli)
    for event in events:
        for item in event.with_role("subject"):
            if item.lot not in found or item.milli is None:
                continue
            if event.kind.name == "receive":
                at(event.party, item.uom, item.lot).received += decimal_of(item.milli)
            elif event.kind.name == "sell":
                at(event.party, item.uom, item.lot).sold += decimal_of(item.milli)
    return tuple(sorted(tallies.values(), key=lambda t: (t.party, t.unit)))


def _receivers(legs: Sequence[Leg], reached: set[str]) -> tuple[tuple[str, ...], tuple[str, ...], list[Unconfirmed]]:
    shipped_to: dict[str, bool] = {}
    waiting = []
    for leg in sorted(legs, key=lambda x: (x.departs_ms, x.id)):
        missing = tuple(lot for lot in leg.lots if lot in reached and lot not in leg.received)
        shipped_to[leg.to_party] = shipped_to.get(leg.to_party, True) and not missing
        if missing:
            waiting.append(Unconfirmed(leg.id, leg.from_party, leg.to_party, leg.departs_ms, missing))
    return tuple(sorted(shipped_to)), tuple(sorted(p for p, fine in shipped_to.items() if fine)), waiting
