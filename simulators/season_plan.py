"""What happens to the simulated crops: planted, fed, picked, packed or merged, inspected, shipped, received.

A plan is a list of events in time order, each possible when it comes: nothing is packed that was not picked. It is a function of the
seed and the day the season began, so that a simulator that was killed writes the same events again and the log keeps each once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count

from simulators import season_bodies as write
from simulators.fleet import fleet, setpoint_of
from simulators.scenario import BAOYING, SHENXIAN, scenario
from simulators.scenario_products import PRODUCTS
from simulators.season_bodies import Part, Told, lot_urn
from simulators.season_calendar import Crop, crops
from simulators.season_checks import Checked, certificate, correction, resolve
from simulators.timegrid import DAY_MS, start_of
from simulators.trips import Trip

_MINUTE_MS = 60_000
# An accelerated round's inspection happens within a slot.
_LIVE_STEP_MS = 1000
_FERTILISER: dict[str, str | int] = {
    "inputClass": "fertiliser",
    "nameZh": "商品有机肥",
    "nameEn": "Organic fertiliser",
    "registration": "示例登记证 0001",
}
_COMPOUND: dict[str, str | int] = {
    "inputClass": "fertiliser",
    "nameZh": "复合肥",
    "nameEn": "Compound fertiliser",
    "registration": "示例登记证 0002",
}
_BIOLOGICAL: dict[str, str | int] = {
    "inputClass": "pesticide", "nameZh": "苏云金杆菌", "nameEn": "Bacillus thuringiensis", "registration": "示例登记证 0003",
    "maker": "示例农药厂", "batch": "示例批号 0003", "intervalDays": 7,
}  # fmt: skip
_SELLER = "示例农资店"
# Kilograms picked per mu at one picking; the order of magnitude of the trade, not a yield model.
_KG_PER_MU = {"greenhouse": 210.0, "pond": 65.0}
# Of every hundred packed lots one fails and stays, and five are positive in the screening and cleared by an instrument.
_FAILS, _POSITIVE = 0.012, 0.05
# Recorders travel in the trucks since this long before the season began to be written; what was shipped earlier has none.
RECORDED_DAYS = 60
# An accelerated round's truck is under way for ten minutes, which are ten hours of its own; rounds take turns between the counties, so
# that in each there is always one on the road.
LIVE_LEG_MS = 600_000


def season(seed: int, began: int, today: int) -> tuple[Told, ...]:
    """Return every event of the season up to the end of `today`, in time order."""
    return _planned(seed, began, today)[0]


def trips(seed: int, began: int, today: int) -> tuple[Trip, ...]:
    """Return the trips on which the season's shipments travel with a recorder, those departing up to the end of `today`."""
    return _planned(seed, began, today)[1]


@lru_cache(maxsize=2)
def _planned(seed: int, began: int, today: int) -> tuple[tuple[Told, ...], tuple[Trip, ...]]:
    planted = crops(seed, began, today)
    found = [told for crop in planted for told in _growing(seed, crop)]
    for base in sorted({crop.plot.base for crop in planted}):
        found += _Base(seed, [crop for crop in planted if crop.plot.base == base]).pickings()
    found += _drill(seed, found, start_of(began))
    end = start_of(today + 1)
    ordered, driven = _with_recorders(sorted(found, key=lambda t: (t.time_ms, t.key)), start_of(began) - RECORDED_DAYS * DAY_MS)
    return tuple(told for told in ordered if told.time_ms < end), tuple(trip for trip in driven if trip.departs_ms < end)


def _drill(seed: int, found: Sequence[Told], before_ms: int) -> list[Told]:
    """Return one drill in each county: the office calls back what a shop received last before the season was written, and ends it."""
    drills = []
    for county in (SHENXIAN, BAOYING):
        arrived = [t for t in found if t.fields["bizStep"] == "receiving" and t.time_ms < before_ms - DAY_MS]
        here = sorted((t for t in arrived if f":{county}:" in t.fields["quantityList"][0]["epcClass"]), key=lambda t: (t.time_ms, t.key))
        if here:
            lot, office = str(here[-1].fields["quantityList"][0]["epcClass"]), scenario().parties_with("county", county)[0].id
            drill = Told(f"drill:{county}", here[-1].time_ms + 60 * _MINUTE_MS, office, write.recall_drill(lot))
            ended = write.recall_lifted(lot, str(drill.body(seed)["eventID"]))
            drills += [drill, Told(f"drill:{county}:end", drill.time_ms + 90 * _MINUTE_MS, office, ended)]
    return drills


def live(seed: int, began: int, today: int, group: int, slot_ms: int, slots: int) -> list[Told]:
    """Return one accelerated round, an event per slot: a picking from a crop that bears today, packed, inspected, shipped, received."""
    crop, dice = _bearing(seed, began, today, group)
    if crop is None:
        return []
    started = group * slots * slot_ms
    times = [started + k * slot_ms for k in range(slots)]
    times[-1] = times[-2] + LIVE_LEG_MS
    number = f"{crop.number}-n{group % 1_000_000:06}"
    kg = round(_picked(dice, crop) / 4, 1)
    shop = _shop(dice, crop)
    steps = _packed(dice, crop, [(lot_urn(crop.county, crop.number), kg)], number, shop, times[1:], passes=True)
    told = [_by(crop.party, times[0], write.harvest(lot_urn(crop.county, crop.number), kg, crop.plot.id)), *steps]
    told[-2] = _recorded_by(told[-2], _live_truck(crop.county, group))
    return _keyed(seed, f"live:{group}:", [replace(t, fields={**t.fields, "suhe:note": "演示：加速"}) for t in told])


def _keyed(seed: int, prefix: str, told: Sequence[Told]) -> list[Told]:
    """Give events their keys and put the ids of cited ones in the place of their marks; marks count within one lot."""
    keyed, marks = list[Told](), dict[tuple[str, str], str]()
    for k, one in enumerate(told):
        named = replace(one, key=f"{prefix}{k}")
        lot = str(one.fields.get("quantityList", [{}])[0].get("epcClass", ""))
        if one.key:
            marks[lot, one.key] = named.event_id(seed)
        keyed.append(resolve({mark: event_id for (of, mark), event_id in marks.items() if of == lot}, named))
    return keyed


def live_trip(told: Sequence[Told]) -> Trip | None:
    """Return the trip of an accelerated round."""
    if not told:
        return None
    ship, receive = told[-2:]
    product = str(told[1].fields["ilmd"]["suhe:product"])
    return _trip(ship, receive.time_ms, product, str(ship.fields["suhe:recorder"]), fast=True)


def _bearing(seed: int, began: int, today: int, group: int) -> tuple[Crop | None, random.Random]:
    """Return the crop a round picks from: of the county whose turn it is, and where nothing bears there, of what bore last."""
    dice = random.Random(f"{seed}:live:{group}")
    county = (SHENXIAN, BAOYING)[group % 2]
    here = [c for c in crops(seed, began, today) if c.county == county and c.pickings[0] <= today]
    bearing = [c for c in here if today <= c.last_day] or sorted(here, key=lambda c: (c.last_day, c.number))[-1:]
    return (dice.choice(bearing) if bearing else None), dice


def _live_truck(county: str, group: int) -> str:
    carrier = scenario().parties_with("carrier", county)[0].id
    trucks = fleet().of(carrier, fast=True)
    return trucks[group // 2 % len(trucks)].id


def _with_recorders(ordered: Sequence[Told], since_ms: int) -> tuple[list[Told], list[Trip]]:
    """Give each shipment the first truck of its carrier that stands in the depot; where none does, it goes without a recorder."""
    busy: dict[str, int] = {}
    products: dict[str, str] = {}
    arrivals = {_way_of(t): t.time_ms for t in ordered if t.fields["bizStep"] == "receiving"}
    found, driven = list[Told](), list[Trip]()
    for told in ordered:
        for part in (*told.fields.get("quantityList", ()), *told.fields.get("outputQuantityList", ())):
            if "ilmd" in told.fields:
                products[part["epcClass"]] = str(told.fields["ilmd"].get("suhe:product", ""))
        arrives = arrivals.get(_way_of(told)) if told.fields["bizStep"] == "shipping" else None
        if arrives is None or told.time_ms < since_ms:
            found.append(told)
            continue
        carrier = str(told.fields["suhe:carrier"]).rsplit(":", 1)[1]
        free = next((t.id for t in fleet().of(carrier, fast=False) if busy.get(t.id, 0) <= told.time_ms), None)
        if free is None:
            found.append(told)
            continue
        busy[free] = arrives
        product = products.get(told.fields["quantityList"][0]["epcClass"], "")
        found.append(_recorded_by(told, free))
        driven.append(_trip(told, arrives, product, free, fast=False))
    return found, driven


def _way_of(told: Told) -> tuple[object, ...]:
    to = told.fields.get("destinationList", [{}])[0].get("destination", "")
    return tuple(p["epcClass"] for p in told.fields.get("quantityList", ())), to


def _recorded_by(told: Told, recorder: str) -> Told:
    return replace(told, fields={**told.fields, "suhe:recorder": recorder})


def _trip(ship: Told, arrives_ms: int, product: str, truck: str, *, fast: bool) -> Trip:
    to = str(ship.fields["destinationList"][0]["destination"]).rsplit(":", 1)[1]
    carrier = str(ship.fields["suhe:carrier"]).rsplit(":", 1)[1]
    return Trip(ship.key, truck, carrier, product, ship.party, to, ship.time_ms, arrives_ms, fast)


def _growing(seed: int, crop: Crop) -> Iterator[Told]:
    """Yield planting, purchases and applications."""
    dice = random.Random(f"{seed}:{crop.number}:growing")
    lot = lot_urn(crop.county, crop.number)
    keys = count()

    def at(day: int, hour: float, fields: dict[str, object]) -> Told:
        return Told(f"{crop.number}:g{next(keys)}", _time(dice, day, hour), crop.party, fields)

    yield at(crop.planted, 8, write.plant(lot, crop.plot.product, crop.plot.variety, crop.plot.id))
    fertiliser = _COMPOUND if crop.county == BAOYING else _FERTILISER
    needs: list[tuple[str, dict[str, str | int], float, str, int | None, int, tuple[int, ...]]]
    needs = [("f", fertiliser, 55.0, "施肥", None, 2, (9, 34))]
    if crop.county != BAOYING:
        needs.append(("p", _BIOLOGICAL, 0.4, "防治菜青虫", 7, 17, (20,)))
    for name, named, per_mu, purpose, interval, bought, used in needs:
        amount = round(per_mu * crop.plot.area_mu, 1)
        stock = lot_urn(crop.county, f"{crop.number}-{name}")
        yield at(crop.planted + bought, 16, write.input_bought(stock, amount, named, _SELLER, [lot]))
        for day in used:
            share = max(0.1, round(amount * 0.9 / len(used), 1))
            mistyped = purpose == "防治菜青虫" and crop.plot.id.endswith("-g1")
            used_on = at(
                crop.planted + day, 9, write.input_used(stock, min(share, amount), [lot], "防治蚜虫" if mistyped else purpose, interval)
            )
            yield used_on
            if mistyped:
                told = correction([stock, lot], used_on.event_id(seed), "suhe:purpose", "防治蚜虫", purpose, "记录时选错了对象")
                yield at(crop.planted + day + 1, 9, told)


@dataclass
class _Stock:
    """What lies picked of a crop, in tenths of a kilogram so that sums stay exact."""

    crop: Crop
    tenths: int = 0

    def part(self) -> tuple[str, float]:
        return lot_urn(self.crop.county, self.crop.number), self.tenths / 10


class _Base:
    """The pickings of one base, day by day, and what becomes of them."""

    def __init__(self, seed: int, planted: Sequence[Crop]) -> None:
        self._seed = seed
        self._stocks = {crop.number: _Stock(crop) for crop in planted}
        days = ((day, crop.number, k) for crop in planted for k, day in enumerate(crop.pickings))
        self._days = [(day, k, self._stocks[number].crop) for day, number, k in sorted(days)]

    def pickings(self) -> Iterator[Told]:
        """Yield every event from the first picking on. Every second picking, what lies there leaves the base."""
        for day, k, crop in self._days:
            dice = random.Random(f"{self._seed}:{crop.number}:picking{k}")
            stock = self._stocks[crop.number]
            kg = _picked(dice, crop)
            stock.tenths += round(kg * 10)
            lot = lot_urn(crop.county, crop.number)
            told = [_by(crop.party, _time(dice, day, 6.5), write.harvest(lot, kg, crop.plot.id))]
            if k == 0:
                inspector = scenario().parties_with("inspector", crop.county)[0].id
                told += Checked(inspector, lot, _time(dice, day, 8.5), _MINUTE_MS).screening(False, kg % 1)
            if k % 2 == 1:
                told += self._leave(dice, crop, k, day)
            yield from _keyed(self._seed, f"{crop.number}:h{k}:", told)

    def _leave(self, dice: random.Random, crop: Crop, k: int, day: int) -> list[Told]:
        number = f"{crop.number}-{k:02}"
        sibling = self._sibling(crop)
        if crop.plot.product == "lotus_root" and sibling is not None:
            variety = crop.plot.variety if sibling.plot.variety == crop.plot.variety else ""
            parts = [self._take(crop.number), self._take(sibling.number)]
            return _merged(dice, crop, parts, variety, number, day)
        parts = [self._take(crop.number)]
        if dice.random() < 0.3:
            return _split(dice, crop, parts[0], number, day)
        times = [_time(dice, day, 9.5), _time(dice, day, 11), _time(dice, day, 15), _time(dice, day + 1, 5.5)]
        return _packed(dice, crop, parts, number, _shop(dice, crop), times)

    def _sibling(self, crop: Crop) -> Crop | None:
        """Return another crop of this product and base of which something lies there."""
        others = (s for n, s in sorted(self._stocks.items()) if n != crop.number and s.tenths and s.crop.plot.product == crop.plot.product)
        return next((s.crop for s in others), None)

    def _take(self, number: str) -> tuple[str, float]:
        stock = self._stocks[number]
        part = stock.part()
        stock.tenths = 0
        return part


def _packed(
    dice: random.Random,
    crop: Crop,
    parts: Sequence[tuple[str, float]],
    number: str,
    shop: str,
    times: Sequence[int],
    *,
    passes: bool = False,
) -> list[Told]:
    """Pack what was picked, inspect it, and, where it passes, ship and receive it."""
    lot = lot_urn(crop.county, number)
    kg = _less(sum(x for _, x in parts), dice.uniform(0.02, 0.06))
    package = dice.choice(("5 kg 纸箱", "2.5 kg 网袋", "10 kg 周转筐"))
    variety = crop.plot.variety
    told = [_by(crop.party, times[0], write.pack([Part(*p) for p in parts], [Part(lot, kg)], crop.plot.product, variety, package))]
    step = _LIVE_STEP_MS if passes else _MINUTE_MS
    told += _inspected(dice, crop.county, lot, times[1], passes=passes, step_ms=step)
    if told[-1].fields["disposition"] == "conformant":
        told.append(_certified(crop, Part(lot, kg), crop.party, told[-1].time_ms + 5 * step, "self_test"))
        told += _sent(dice, crop.county, [Part(lot, kg)], crop.plot.product, crop.party, shop, times[2], times[3])
    return told


def _split(dice: random.Random, crop: Crop, part: tuple[str, float], number: str, day: int) -> list[Told]:
    """Split what was picked between two shops."""
    lot, kg = part
    first = _less(kg, dice.uniform(0.35, 0.6))
    second = round(kg - first, 1)
    product, variety = crop.plot.product, crop.plot.variety
    halves = [Part(lot_urn(crop.county, f"{number}a"), first), Part(lot_urn(crop.county, f"{number}b"), second)]
    told = [_by(crop.party, _time(dice, day, 10), write.split(Part(lot, kg), halves, product, variety))]
    shops = [p.id for p in scenario().parties if "retailer" in p.roles]
    for half, shop in zip(halves, dice.sample(shops, 2), strict=True):
        told.append(_certified(crop, half, crop.party, _time(random.Random(half.lot), day, 11), "self_promise"))
        told += _sent(dice, crop.county, [half], product, crop.party, shop, _time(dice, day, 14), _time(dice, day + 1, 6))
    return told


def _merged(dice: random.Random, crop: Crop, parts: Sequence[tuple[str, float]], variety: str, number: str, day: int) -> list[Told]:
    """Merge the picking of two ponds, send it to the works, process it, and sell the slices."""
    merged = Part(lot_urn(crop.county, f"{number}m"), round(sum(kg for _, kg in parts), 1))
    works = scenario().parties_with("processor", crop.county)[0].id
    told = [_by(crop.party, _time(dice, day, 9.5), write.merge([Part(*p) for p in parts], merged, crop.plot.product, variety))]
    told += _inspected(dice, crop.county, merged.lot, _time(dice, day, 11), passes=True)
    told.append(_certified(crop, merged, crop.party, told[-1].time_ms + 5 * _MINUTE_MS, "self_test"))
    told += _sent(dice, crop.county, [merged], crop.plot.product, crop.party, works, _time(dice, day, 14), _time(dice, day, 17.5))
    slices = Part(lot_urn(crop.county, f"{number}s"), _less(merged.kg or 0, dice.uniform(0.3, 0.4)))
    starch = Part(lot_urn(crop.county, f"{number}t"), _less(merged.kg or 0, dice.uniform(0.93, 0.96)))
    processed = write.pack([merged], [slices, starch], "lotus_root_processed", "lotus_root_processed_sliced", "500 g 袋装")
    told.append(_by(works, _time(dice, day + 1, 9), processed))
    told += _inspected(dice, crop.county, slices.lot, _time(dice, day + 1, 13), passes=True)
    told.append(_certified(crop, slices, works, told[-1].time_ms + 5 * _MINUTE_MS, "self_test", "lotus_root_processed"))
    shop = dice.choice([p.id for p in scenario().parties if "retailer" in p.roles])
    return told + _sent(dice, crop.county, [slices], "lotus_root_processed", works, shop, _time(dice, day + 1, 16), _time(dice, day + 2, 6))


def _inspected(dice: random.Random, county: str, lot: str, time_ms: int, *, passes: bool, step_ms: int = _MINUTE_MS) -> list[Told]:
    """Inspect a lot: a screening, and where that is positive, again and by an instrument a while later; the last says how it stands."""
    inspector = scenario().parties_with("inspector", county)[0].id
    chance = dice.random()
    positive = not passes and chance <= _FAILS + _POSITIVE
    check = Checked(inspector, lot, time_ms, step_ms)
    told = check.screening(positive, chance)
    return told + (check.confirmation(chance <= _FAILS, 90) if positive else [])


def _certified(crop: Crop, part: Part, party: str, time_ms: int, basis: str, product: str = "") -> Told:
    """Return the compliance certificate of a lot."""
    base = scenario().base(crop.plot.base)
    return certificate(part, party, time_ms, PRODUCTS[product or crop.plot.product][0], base.name_zh, (basis, "internal_control"))


def _sent(
    dice: random.Random, county: str, parts: Sequence[Part], product: str, source: str, destination: str, leaves_ms: int, arrives_ms: int
) -> list[Told]:
    carrier = scenario().parties_with("carrier", county)[0].id
    # Now and then a little is lost on the way to a shop; the works weigh again what they process, so nothing may lack there.
    lost = 0.0 if destination.split("-")[1] == "processor" else dice.choice((0.0, 0.0, 0.0, 0.01))
    arrived = [Part(p.lot, _less(p.kg or 0, lost)) for p in parts]
    return [
        _by(source, leaves_ms, write.ship(parts, source, destination, carrier)),
        _by(destination, arrives_ms, write.receive(arrived, source, destination, setpoint_of(product) + dice.uniform(-0.7, 0.9))),
    ]


def _by(party: str, time_ms: int, fields: dict[str, object]) -> Told:
    return Told("", time_ms, party, fields)


def _picked(dice: random.Random, crop: Crop) -> float:
    return round(_KG_PER_MU[crop.plot.kind] * crop.plot.area_mu * dice.uniform(0.7, 1.3), 1)


def _shop(dice: random.Random, crop: Crop) -> str:
    near = [p.id for p in scenario().parties_with("retailer", crop.county)]
    far = [p.id for p in scenario().parties if "retailer" in p.roles]
    return dice.choice(near if dice.random() < 0.7 else far)


def _less(kg: float, share: float) -> float:
    """Return kilograms less a share, rounded down to a tenth so that no sum ever exceeds what went in."""
    return max(1, int(kg * 10 * (1 - share) + 1e-6)) / 10


def _time(dice: random.Random, day: int, hour: float) -> int:
    return start_of(day) + int(hour * 60) * _MINUTE_MS + dice.randrange(0, 20 * 60) * 1000
