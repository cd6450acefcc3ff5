"""From an order of stops to a priced trip: the cheapest truck that can do it, by the tariff. Every method plans with this alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from logistics.distance import Distances
from logistics.freight.model import Consignment, Stop, Trip
from logistics.places import Place
from logistics.tariff import Tariff, TruckType, trip_cost


@dataclass(frozen=True)
class Lane:
    """What goes to one market in one kind of truck. `loads` are what one truck takes at one stop: consignments of one base together."""

    market: str
    cooled: bool
    loads: tuple[tuple[Consignment, ...], ...]
    tariff: Tariff
    distances: Distances
    places: Mapping[str, Place]
    # Local search asks for the same route thousands of times.
    _known: dict[tuple[int, ...], Trip | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def trucks(self) -> tuple[TruckType, ...]:
        """The truck types that may go."""
        return tuple(t for t in self.tariff.trucks if t.reefer is self.cooled)

    @property
    def most_kg(self) -> int:
        """What the largest truck takes."""
        return max(most_kg(self.tariff, t) for t in self.trucks)

    def kg(self, load: int) -> int:
        """Return the weight of a load by its number."""
        return sum(c.kg for c in self.loads[load])

    def metres(self, order: Sequence[int]) -> tuple[int, int]:
        """Return (loaded, empty return) metres of a trip through these loads."""
        way = [self.places[self.loads[k][0].base] for k in order] + [self.places[self.market]]
        loaded = sum(self.distances.metres(a, b) for a, b in zip(way, way[1:], strict=False))  # noqa: RUF007 - two names read better
        return loaded, self.distances.metres(way[-1], way[0])

    def trip(self, order: Sequence[int]) -> Trip | None:
        """Return the cheapest trip through these loads in this order, or None where no truck can do it in time."""
        key = tuple(order)
        if key not in self._known:
            self._known[key] = self._trip(key)
        return self._known[key]

    def _trip(self, order: tuple[int, ...]) -> Trip | None:
        kg = sum(self.kg(k) for k in order)
        loaded, back = self.metres(order)
        stops, unloaded = self._times(order, kg)
        if stops is None or unloaded > self.tariff.market_closes_s:
            return None
        priced = [
            (trip_cost(self.tariff, t, loaded_m=loaded, return_m=back, kg=kg, stops=len(stops)), t)
            for t in self.trucks
            if kg <= most_kg(self.tariff, t)
        ]
        if not priced:
            return None
        cost, truck = min(priced, key=lambda p: (p[0].total_fen, p[1].payload_kg))
        arrive = unloaded - self.tariff.stop_seconds(kg)
        return Trip(truck.id, self.market, self.cooled, tuple(stops), kg, loaded, back, arrive, unloaded, cost)

    def _times(self, order: Sequence[int], kg: int) -> tuple[list[Stop] | None, int]:
        now, before, stops = self.tariff.loading_from_s, None, list[Stop]()
        for k in order:
            load = self.loads[k]
            here = self.places[load[0].base]
            if before is not None and before.id != here.id:
                now += self.tariff.drive_seconds(self.distances.metres(before, here))
            if stops and before is not None and before.id == here.id:
                # Two loads of one base on one truck are one stop.
                last = stops.pop()
                both = last.kg + self.kg(k)
                now = last.arrive_s + self.tariff.stop_seconds(both)
                stops.append(Stop(here.id, last.consignments + tuple(c.id for c in load), both, last.arrive_s, now))
            else:
                leave = now + self.tariff.stop_seconds(self.kg(k))
                stops.append(Stop(here.id, tuple(c.id for c in load), self.kg(k), now, leave))
                now = leave
            before = here
        if before is None:
            return None, 0
        now += self.tariff.drive_seconds(self.distances.metres(before, self.places[self.market]))
        return stops, now + self.tariff.stop_seconds(kg)


def most_kg(tariff: Tariff, truck: TruckType) -> int:
    """Return the most a truck takes by mass and by its crates."""
    return min(truck.payload_kg, truck.crates * tariff.kg_per_crate)


def lane_of(
    market: str,
    cooled: bool,
    consignments: Sequence[Consignment],
    tariff: Tariff,
    distances: Distances,
    places: Mapping[str, Place],
) -> Lane:
    """Return a lane whose loads are each a base's consignments, split where they are more than the largest truck takes."""
    most = max(most_kg(tariff, t) for t in tariff.trucks if t.reefer is cooled)
    loads: list[tuple[Consignment, ...]] = []
    for base in sorted({c.base for c in consignments}):
        load: list[Consignment] = []
        room = most
        for c in sorted((c for c in consignments if c.base == base), key=lambda c: (-c.kg, c.id)):
            left, part = c.kg, 0
            while left:
                take = min(left, room)
                whole = take == c.kg
                part += 1
                load.append(c if whole else Consignment(f"{c.id}/{part}", c.lot, c.product, c.base, take, c.cooled, c.market))
                left, room = left - take, room - take
                if room == 0:
                    loads.append(tuple(load))
                    load, room = [], most
        if load:
            loads.append(tuple(load))
    return Lane(market, cooled, tuple(loads), tariff, distances, places)
