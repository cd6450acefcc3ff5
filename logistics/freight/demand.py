"""What must move: the lots that lie picked at a county's bases today, or what left them on a past day, each with its market.

Where each lot goes is decided before the trucks are planned: to the market with the best netback. What freight it reckons with depends on
who else goes there, and that on the freight; so it is worked out in rounds, beginning with the hope that all share their trucks. Growers
who each reckon with a truck of their own would all sell next door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from foundation.clock import from_ms, market_day
from foundation.errors import SuheError
from logistics.freight.model import Consignment, Unserved
from logistics.places import MARKET_PLACES
from logistics.selling.netback import MOST_KG
from logistics.selling.service import WEIGHED, Load, needs_reefer
from traceability.vocabulary import UNITS

if TYPE_CHECKING:
    from logistics.selling.service import Selling
    from registry.service import Registry
    from traceability.service import Trace

# Why a lot has no market.
NO_MARKET = "no_market"
ROUNDS = 4
_NOWHERE = "nowhere"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Lying:
    """A lot with the kilograms of it that lie at a base."""

    lot: str
    product: str
    base: str
    kg: int


def lying_now(loads: Sequence[Load]) -> list[Lying]:
    """Return the lots of today's loads, one by one."""
    return [Lying(lot.short, load.product, load.base, int(lot.held)) for load in loads for lot in load.lots if int(lot.held) > 0]


def assigned(lying: Sequence[Lying], selling: Selling, day: date) -> tuple[list[Consignment], list[Unserved]]:
    """Return a consignment for every lot that has a market worth going to, and the others with the reason.

    First every lot reckons with everything of its kind as company; then, some rounds long, with those that chose the same market before.
    """
    chosen: dict[str, str] = {}
    # Prices do not change between rounds, and a county's lots are of few products.
    quotes = {product: selling.quotes(product, day) for product in {x.product for x in lying}}
    for turn in range(ROUNDS):
        before = chosen
        chosen = {}
        all_kg, there = _sums(lying, before)
        for x in lying:
            cooled = needs_reefer(x.product)
            company = {m: there.get((cooled, m), 0) + (0 if before.get(x.lot) == m else x.kg) for m in MARKET_PLACES}
            alone = all_kg[cooled] if turn == 0 else x.kg
            shared = {} if turn == 0 else {m: min(kg, MOST_KG) for m, kg in company.items()}
            ranking = selling.rank(x.product, x.base, min(alone, MOST_KG), shared, day, quotes=quotes[x.product])
            reach = [n for n in ranking.ranked if n.mid > 0 and _in_time(selling, n.haul.drive_seconds, x.kg)]
            chosen[x.lot] = reach[0].quoted.market if reach else _NOWHERE
        if chosen == before:
            break
    found = [Consignment(x.lot, x.lot, x.product, x.base, x.kg, needs_reefer(x.product), chosen[x.lot]) for x in sorted(lying, key=_by_lot)]
    return [c for c in found if c.market != _NOWHERE], [Unserved(c, NO_MARKET) for c in found if c.market == _NOWHERE]


def _sums(lying: Sequence[Lying], chosen: Mapping[str, str]) -> tuple[dict[bool, int], dict[tuple[bool, str], int]]:
    """Return the kilograms of each kind, cooled or not, in all and by the market chosen."""
    in_all: dict[bool, int] = {}
    there: dict[tuple[bool, str], int] = {}
    for x in lying:
        cooled = needs_reefer(x.product)
        in_all[cooled] = in_all.get(cooled, 0) + x.kg
        if x.lot in chosen:
            there[cooled, chosen[x.lot]] = there.get((cooled, chosen[x.lot]), 0) + x.kg
    return in_all, there


def _by_lot(x: Lying) -> str:
    return x.lot


def _in_time(selling: Selling, drive_s: int, kg: int) -> bool:
    """Tell whether a market can be reached before it closes, an hour or two of other stops on the way included."""
    tariff = selling.tariff
    return tariff.loading_from_s + 2 * tariff.stop_seconds(kg) + 7200 + drive_s <= tariff.market_closes_s


def shipped(trace: Trace, registry: Registry, county: str) -> dict[date, list[Lying]]:
    """Return what left each producer's base day by day, as signed shipments tell it; what left a works or a shop is not counted."""
    producers = {p.id for p in registry.parties(county) if "cooperative" in p.roles or "grower" in p.roles}
    bases: dict[str, str] = {}
    # By day and lot: two shipments of one lot on one day are one load.
    found: dict[date, dict[str, Lying]] = {}
    after = -1
    while True:
        some = trace.movements(after, _BATCH)
        if not some:
            return {day: list(lots.values()) for day, lots in found.items()}
        after = some[-1].log_index
        for movement in some:
            event = movement.event
            if event.kind.name != "ship" or event.from_party not in producers:
                continue
            for item in event.items:
                base = bases[item.lot] if item.lot in bases else bases.setdefault(item.lot, _base_of(trace, registry, item.lot))
                kg = (item.milli or 0) // 1000
                if base and kg > 0 and UNITS.get(item.uom) == WEIGHED and item.lot in movement.products:
                    lots = found.setdefault(market_day(from_ms(event.event_time_ms)), {})
                    short = item.lot.removeprefix("urn:suhe:lot:")
                    before = lots[short].kg if short in lots else 0
                    lots[short] = Lying(short, movement.products[item.lot], base, before + kg)


def _base_of(trace: Trace, registry: Registry, lot: str) -> str:
    try:
        history = trace.lot(lot)
        for one in (history.summary, *history.ancestors):
            if one.plot:
                return registry.plot(one.plot).base
    except SuheError:
        pass
    return ""
