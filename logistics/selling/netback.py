"""Netback per kilogram at the farm gate: price less loss, fees, freight, toll and packing. Pure rules.

    netback = price × (1 − loss) × (1 − commission) − entry fee − freight/kg − toll/kg − packing
    loss    = 1 − exp(−rate × hours) + what handling costs, at most all of it

Freight and toll come from the tariff, the only place where moving costs are worked out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from foundation.errors import BadInput
from logistics.distance import Distances
from logistics.places import Place
from logistics.selling.model import (
    MILLION,
    RETAIL,
    TOO_OLD,
    TROUBLED,
    UNPLACED,
    Haul,
    Netback,
    Quoted,
    RefusedMarket,
    Terms,
)
from logistics.tariff import Tariff, TruckType, trip_cost

# A quote older than this is history, not an offer (logistics and prices agree on it).
OLDEST_DAYS = 3
MOST_KG = 500_000


def haul_of(tariff: Tariff, distances: Distances, base: Place, market: Place, kg: int, *, reefer: bool, fresh: bool = True) -> Haul:
    """Return the cheapest haul of `kg` by trucks of one type; every truck but the last is full.

    Raises:
        BadInput: the load is nothing, or more than a county sells in a day.

    """
    if not 0 < kg <= MOST_KG:
        raise BadInput("this is no load", expected=f"1 to {MOST_KG} kg", got=str(kg)[:40])
    out, back = distances.metres(base, market), distances.metres(market, base)
    hauls = [_by(tariff, truck, out, back, kg, fresh=fresh) for truck in tariff.trucks if truck.reefer is reefer]
    return min(hauls, key=lambda h: (h.total_fen, h.truck.payload_kg))


def _by(tariff: Tariff, truck: TruckType, out: int, back: int, kg: int, *, fresh: bool) -> Haul:
    most = min(truck.payload_kg, truck.crates * tariff.kg_per_crate)
    loads = [most] * (kg // most) + ([kg % most] if kg % most else [])
    costs = tuple(trip_cost(tariff, truck, loaded_m=out, return_m=back, kg=load, stops=1, fresh=fresh) for load in loads)
    return Haul(truck, len(loads), out, tariff.drive_seconds(out), costs, kg)


def netback_of(quoted: Quoted, place: Place, haul: Haul, terms: Terms) -> Netback:
    """Return what a kilogram of this load is worth at the farm gate."""
    loss_ppm = loss_share_ppm(terms, max(c.seconds for c in haul.costs))
    freight = 10 * (haul.total_fen - haul.toll_fen) // haul.kg
    toll = 10 * haul.toll_fen // haul.kg

    def after(price: int) -> tuple[int, int, int]:
        kept = price * (MILLION - loss_ppm) // MILLION
        fees = kept * terms.commission_ppm // MILLION + terms.entry_milli
        return kept, fees, kept - fees - freight - toll - terms.packing_milli

    kept, fees, mid = after(quoted.mid)
    return Netback(
        quoted, place, haul, loss_milli=quoted.mid - kept, loss_ppm=loss_ppm, fees_milli=fees, freight_milli=freight, toll_milli=toll,
        packing_milli=terms.packing_milli, low=after(quoted.low)[2], mid=mid, high=after(quoted.high)[2],
    )  # fmt: skip


def at_gate(price: int, n: Netback, terms: Terms) -> int:
    """Return what another price in the same market would leave of a kilogram of the same load."""
    kept = price * (MILLION - n.loss_ppm) // MILLION
    return kept - kept * terms.commission_ppm // MILLION - terms.entry_milli - n.freight_milli - n.toll_milli - n.packing_milli


def loss_share_ppm(terms: Terms, seconds: int) -> int:
    """Return the share lost between loading and sale, in parts per million."""
    on_the_way = 1 - math.exp(-terms.loss_ppm_per_hour / MILLION * seconds / 3600)
    return min(MILLION, round(on_the_way * MILLION) + terms.handling_loss_ppm)


def sift(quotes: Iterable[Quoted], places: Mapping[str, Place]) -> tuple[list[Quoted], list[RefusedMarket]]:
    """Return the quotes that may be ranked, and the markets refused with the first reason that applies."""
    fine, refused = [], []
    for quoted in quotes:
        reason = _reason(quoted, places)
        if reason:
            refused.append(RefusedMarket(quoted, reason))
        else:
            fine.append(quoted)
    return fine, refused


def _reason(quoted: Quoted, places: Mapping[str, Place]) -> str:
    if quoted.kind == "retail":
        # What a shop asks and what a buyer pays a grower are two prices.
        return RETAIL
    if quoted.age_days > OLDEST_DAYS:
        return TOO_OLD
    if quoted.troubled:
        return TROUBLED
    return "" if quoted.market in places else UNPLACED
