"""The mass balance of a lot: what came in, what went out and how, what is held and on the way, and what nobody accounts for.

Pure. It is counted from the lot's own events. At capture nothing can leave that is not held (`lots.py`), so out never exceeds in; what
remains to be told is the difference a receiver did not find, and the difference between what went into a transformation and came out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from traceability.events import TraceEvent, decimal_of
from traceability.legs import legs_of
from traceability.lots import Lot
from traceability.vocabulary import UNITS

_TAKES = ("split", "merge", "pack", "input_used", "sell")


@dataclass(frozen=True, slots=True)
class Balance:
    """A lot's balance in its unit. `out` is by kind of event; `short` arrived nowhere although its shipment was received.

    `holds` tells that in = out + held + in transit + short: where it does not, the events do not add up.
    """

    lot: str
    unit: str
    came_in: Decimal
    out: dict[str, Decimal] = field(default_factory=dict)
    held: Decimal = Decimal(0)
    in_transit: Decimal = Decimal(0)
    short: Decimal = Decimal(0)

    @property
    def unaccounted(self) -> Decimal:
        """What came in and is neither out, held, on the way nor missed at a receipt; 0 where the balance holds."""
        return self.came_in - sum(self.out.values(), Decimal(0)) - self.held - self.in_transit - self.short

    @property
    def holds(self) -> bool:
        """Whether everything is accounted for."""
        return self.unaccounted == 0


def balance_of(lot: Lot, events: Sequence[TraceEvent]) -> Balance:
    """Return the balance of a lot from its table row and its events in the order of the log."""
    came_in, out = 0, dict[str, int]()
    shipped: dict[str, tuple[str, int]] = {}
    for event in events:
        for item in (i for i in event.items if i.lot == lot.id):
            amount, kind = item.milli or 0, event.kind.name
            if item.role in ("made", "output") or kind == "harvest":
                came_in += amount
            elif kind in _TAKES and item.role in ("input", "subject"):
                out[kind] = out.get(kind, 0) + amount
            elif kind == "ship":
                shipped[event.event_id] = (event.to_party, amount)
    on_the_way: dict[str, int] = {}
    for leg in legs_of(events):
        if leg.id in shipped and lot.id not in leg.received:
            party, amount = shipped[leg.id]
            on_the_way[party] = on_the_way.get(party, 0) + amount
    in_transit = sum(min(on_the_way.get(party, 0), waiting) for party, waiting in lot.arriving.items())
    return Balance(
        lot.id, UNITS.get(lot.uom, lot.uom), decimal_of(came_in), {k: decimal_of(v) for k, v in sorted(out.items())},
        decimal_of(sum(lot.held.values())), decimal_of(in_transit), decimal_of(sum(lot.arriving.values()) - in_transit),
    )  # fmt: skip
