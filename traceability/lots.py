"""Lots as the events leave them: who holds how much, what is on the way, and the rules no event may break.

Pure: the same functions decide at capture whether an event fits and, at verification, what the tables should hold.
All quantities are thousandths of the lot's unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from foundation.errors import BadInput, Conflict
from traceability.events import Item, TraceEvent, county_of, decimal_of
from traceability.standing import HOLDING, standing_after

GROWING, IN_STOCK, IN_TRANSIT, RECEIVED, USED_UP = "growing", "in_stock", "in_transit", "received", "used_up"
STATES = (GROWING, IN_STOCK, IN_TRANSIT, RECEIVED, USED_UP)


@dataclass(slots=True)
class Lot:
    """One lot. `held` and `arriving` are by party; `made` is all that ever came into being under this lot."""

    id: str
    kind: str = ""  # produce or input
    product: str = ""
    variety: str = ""
    name_zh: str = ""
    party: str = ""
    plot: str = ""
    uom: str = ""
    made: int = 0
    planted_ms: int | None = None
    harvested_ms: int | None = None
    inspection: str = ""
    moved: bool = False
    count: int = 0
    head: bytes = bytes(32)
    first_index: int = -1
    last_event_ms: int = 0
    # Open recalls that name this lot, each as "{eventID}/{party}": who called it back may lift that.
    recalls: tuple[str, ...] = ()
    held: dict[str, int] = field(default_factory=dict)
    arriving: dict[str, int] = field(default_factory=dict)

    @property
    def county(self) -> str:
        """The county code in the lot's URN."""
        return county_of(self.id)

    @property
    def state(self) -> str:
        """Where the lot stands: growing, in_stock, in_transit, received (somebody else holds of it) or used_up."""
        if not self.made:
            return GROWING
        if self.held.keys() - {self.party}:
            return RECEIVED
        if self.arriving:
            return IN_TRANSIT
        return IN_STOCK if self.held else USED_UP


@dataclass(frozen=True, slots=True)
class Edge:
    """One lot went into another, wholly or in part. How much of which parent is in which child is known only where one of them is alone."""

    parent: str
    child: str


def check(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    """Refuse an event that does not fit the lots as they stand. `lots` holds every lot the event concerns that exists.

    Raises:
        Conflict: a lot exists that should not yet or the other way round, a quantity is not there, or products do not match.

    """
    for item in event.items:
        exists = item.lot in lots
        if item.role in ("made", "output") and exists:
            raise Conflict("this lot exists already", got=item.lot, todo="give the new lot an id of its own")
        if item.role not in ("made", "output") and not exists:
            raise Conflict("there is no such lot yet", got=item.lot, todo="send the event that makes it first")
        if item.role == "for" and lots[item.lot].kind != "produce":
            raise Conflict("inputs are bought and used for produce, not for inputs", got=item.lot)
    _RULES[event.kind.name](event, lots)


def apply(event: TraceEvent, lots: dict[str, Lot]) -> list[Edge]:
    """Change `lots` as the event says (it was checked before) and return the edges it makes. Chain fields are not touched."""
    for item in event.items:
        if item.role in ("made", "output"):
            lots[item.lot] = _new_lot(event, item, lots)
    edges: list[Edge] = []
    name, party = event.kind.name, event.party
    for item in event.items:
        lot = lots[item.lot]
        amount = item.milli or 0
        if item.role in ("made", "output") or name == "harvest":
            lot.made += amount
            lot.uom = lot.uom or item.uom
            _add(lot.held, party, amount)
        if name == "harvest":
            lot.harvested_ms = lot.harvested_ms or event.event_time_ms
        elif name == "sell":
            _add(lot.held, party, -amount)
        elif name == "recall":
            lot.recalls = (*lot.recalls, f"{event.event_id}/{party}")
        elif name == "recall_lifted":
            lot.recalls = tuple(r for r in lot.recalls if r != _lifted_by(event))
        elif name in ("split", "merge", "pack", "input_used") and item.role in ("input", "subject"):
            _add(lot.held, party, -amount)
        elif name == "ship":
            _add(lot.held, party, -amount)
            _add(lot.arriving, event.to_party, amount)
            lot.moved = True
        elif name == "receive":
            _add(lot.arriving, party, -amount)
            _add(lot.held, party, amount)
        elif name == "inspect":
            lot.inspection = str(event.body["suhe:inspection"]["result"])
        elif name == "judge":
            lot.inspection = standing_after(lot.inspection, event)
        lot.last_event_ms = max(lot.last_event_ms, event.event_time_ms)
    for child in event.with_role("output"):
        edges += [Edge(parent.lot, child.lot) for parent in event.with_role("input")]
    return edges


def copy_of(lot: Lot) -> Lot:
    """Return a lot that can change apart from the other."""
    return replace(lot, held=dict(lot.held), arriving=dict(lot.arriving))


def _new_lot(event: TraceEvent, item: Item, lots: Mapping[str, Lot]) -> Lot:
    lot = Lot(item.lot, "input" if event.kind.name == "input_bought" else "produce", event.product, event.variety, party=event.party)
    if lot.kind == "input":
        lot.name_zh = str(event.body["ilmd"]["suhe:nameZh"])
    if event.kind.name == "plant":
        lot.plot, lot.planted_ms = event.plot, event.event_time_ms
    parents = [lots[i.lot] for i in event.with_role("input")]
    if parents:
        # A child comes from its parents' plot where that is one, and was harvested when the first of them was.
        plots = {p.plot for p in parents}
        lot.plot = plots.pop() if len(plots) == 1 else ""
        lot.planted_ms = min((p.planted_ms for p in parents if p.planted_ms is not None), default=None)
        lot.harvested_ms = min((p.harvested_ms for p in parents if p.harvested_ms is not None), default=None)
    return lot


def _add(amounts: dict[str, int], party: str, milli: int) -> None:
    left = amounts.get(party, 0) + milli
    if left:
        amounts[party] = left
    else:
        amounts.pop(party, None)


def _fine(_event: TraceEvent, _lots: Mapping[str, Lot]) -> None:
    """Nothing more to ask."""


def _check_inputs_used(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    if not event.with_role("for"):
        raise BadInput("an input is used on a lot", expected="at least one lot in suhe:lots", got="none")
    for item in event.with_role("subject"):
        if lots[item.lot].kind != "input":
            raise Conflict("only a bought input can be used", got=item.lot)
    _check_held(event, lots, event.with_role("subject"))


def _check_harvest(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    for item in event.items:
        lot = lots[item.lot]
        if lot.plot != event.plot or lot.planted_ms is None or lot.party != event.party:
            raise Conflict(
                "a lot is harvested where it was planted, by who planted it",
                expected=f"plot {lot.plot or '-'}, party {lot.party}",
                got=f"plot {event.plot}, party {event.party}",
            )
        if lot.moved:
            raise Conflict("a lot that was shipped is not harvested again", got=lot.id, todo="plant or split off a new lot")
        _check_unit(lot, item)


def _check_inspection(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    for item in event.items:
        if lots[item.lot].kind != "produce":
            raise Conflict("only produce is inspected or kept cold", got=item.lot)


def _check_certificate(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    _check_inspection(event, lots)
    for item in event.items:
        lot = lots[item.lot]
        _check_unit(lot, item)
        if (item.milli or 0) > lot.made:
            raise Conflict(
                "a certificate covers no more than there ever was of the lot",
                expected=f"at most {decimal_of(lot.made)} of {lot.id}",
                got=str(decimal_of(item.milli or 0)),
                todo="harvest first, or certify less",
            )
        if lot.inspection in HOLDING:
            raise Conflict(
                "no compliance is promised for a lot whose last result is not a pass",
                got=f"{lot.id}: {lot.inspection}",
                todo="send a confirmatory judgement that passes first",
            )


def _check_transformation(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    inputs, outputs = event.with_role("input"), event.with_role("output")
    if any(lots[i.lot].kind != "produce" for i in inputs):
        raise Conflict("only produce is split, merged or packed", got=", ".join(i.lot for i in inputs)[:200])
    _check_held(event, lots, inputs)
    units = {item.uom for item in (*inputs, *outputs)}
    if len(units) > 1:
        raise Conflict("inputs and outputs are measured in one unit", got=", ".join(sorted(units)))
    taken, given = sum(i.milli or 0 for i in inputs), sum(o.milli or 0 for o in outputs)
    if given > taken:
        raise Conflict(
            "more comes out than went in", expected=f"at most {decimal_of(taken)}", got=str(decimal_of(given)), todo="check the scales"
        )
    if event.kind.name != "pack":
        products = {lots[i.lot].product for i in inputs}
        if products != {event.product}:
            raise Conflict(
                "splitting and merging do not change the product",
                expected=", ".join(sorted(products)),
                got=event.product,
                todo="use a pack event",
            )


def _check_ship(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    if event.from_party != event.party or event.to_party == event.party:
        raise BadInput(
            "the shipper signs, and ships to somebody else", expected=f"source {event.party}", got=f"{event.from_party} to {event.to_party}"
        )
    _check_held(event, lots, event.with_role("subject"))


def _check_receive(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    if event.to_party != event.party or event.from_party == event.party:
        raise BadInput("the receiver signs", expected=f"destination {event.party}", got=f"{event.from_party} to {event.to_party}")
    for item in event.with_role("subject"):
        lot = lots[item.lot]
        _check_unit(lot, item)
        coming = lot.arriving.get(event.party, 0)
        if (item.milli or 0) > coming:
            raise Conflict(
                "more is received than was shipped here",
                expected=f"at most {decimal_of(coming)} of {lot.id}",
                got=str(decimal_of(item.milli or 0)),
                todo="the shipper's event must come first",
            )


def _check_sell(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    for item in event.items:
        if lots[item.lot].kind != "produce":
            raise Conflict("only produce is sold to consumers", got=item.lot)
    _check_held(event, lots, event.with_role("subject"))


def _check_recall(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    # That a county speaks for its own lots is asked of the registry at capture; who made a lot stands in the log.
    if event.body["suhe:recall"]["authority"] == "maker":
        for item in event.items:
            if lots[item.lot].party != event.party:
                raise Conflict(
                    "a maker calls back its own lots", expected=lots[item.lot].party, got=event.party, todo="ask the county to recall it"
                )


def _check_lifting(event: TraceEvent, lots: Mapping[str, Lot]) -> None:
    for item in event.items:
        if _lifted_by(event) not in lots[item.lot].recalls:
            raise Conflict(
                "this party has no such open recall of the lot",
                expected=", ".join(lots[item.lot].recalls) or "a lot under recall",
                got=_lifted_by(event),
                todo="who recalled a lot lifts that",
            )


def _lifted_by(event: TraceEvent) -> str:
    return f"{event.body['suhe:recallOf']}/{event.party}"


def _check_held(event: TraceEvent, lots: Mapping[str, Lot], items: list[Item]) -> None:
    for item in items:
        lot = lots[item.lot]
        _check_unit(lot, item)
        held = lot.held.get(event.party, 0)
        if (item.milli or 0) > held:
            raise Conflict(
                f"{event.party} does not hold that much of the lot",
                expected=f"at most {decimal_of(held)} of {lot.id}",
                got=str(decimal_of(item.milli or 0)),
                todo="check the lot and the quantity",
            )


def _check_unit(lot: Lot, item: Item) -> None:
    if lot.uom and item.uom != lot.uom:
        raise Conflict("this lot is measured in another unit", expected=lot.uom, got=item.uom)


_RULES = {
    "plant": _fine,
    "input_bought": _fine,
    "input_used": _check_inputs_used,
    "harvest": _check_harvest,
    "inspect": _check_inspection,
    "sample": _check_inspection,
    "test": _check_inspection,
    "judge": _check_inspection,
    "certificate": _check_certificate,
    "correct": _fine,
    "split": _check_transformation,
    "merge": _check_transformation,
    "pack": _check_transformation,
    "ship": _check_ship,
    "receive": _check_receive,
    "sensor_summary": _check_inspection,
    "sell": _check_sell,
    "recall": _check_recall,
    "recall_lifted": _check_lifting,
}
