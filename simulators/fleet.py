"""The simulated refrigerated trucks of the two counties, as pure data: depots, recorders, set-points, and where parties lie.

A truck is a gateway with one recorder; it belongs to the depot of an invented carrier. Some trucks drive the season's real hours; the
others drive the demo's accelerated rounds, in which one second stands for one minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from simulators.scenario import BAOYING, SHENXIAN, Base, Device, DeviceChannel, Gateway, scenario

RECORDER_INTERVAL_S = 600  # GB 29753 asks of refrigerated vehicles for a value every ten minutes at least
FAST_INTERVAL_S = 10
PACE = RECORDER_INTERVAL_S // FAST_INTERVAL_S
SLOW_TRUCKS, FAST_TRUCKS = 6, 4

_DEPOTS = {
    SHENXIAN: ("sx", "鲜路示例冷链", "Xianlu Example", 36.235, 115.680),
    BAOYING: ("by", "里下河示例冷链", "Lixiahe Example", 33.236, 119.330),
}
_CHANNELS = (("cargo_temperature", "Cel"), ("cargo_humidity", "%"), ("setpoint", "Cel"), ("door_open", "{count}"), ("speed", "km/h"),
             ("latitude", "deg"), ("longitude", "deg"), ("battery", "V"))  # fmt: skip

# Set-points by product in degrees Celsius: what is hurt by cold travels at 10.5, the rest just above freezing.
_WARM = frozenset({"melon", "cucumber", "tomato", "eggplant", "pepper", "zucchini", "bitter_gourd", "beans"})
# These travel uncooled.
UNCOOLED = frozenset({"potato", "onion"})
_UNCOOLED_C = 15.0
# Invented premises, some kilometres from the county's seat, by the number in the party's id.
_AROUND = {"processor-01": (0.05, 0.08), "retailer-01": (0.01, -0.02), "retailer-02": (-0.02, 0.03)}


@dataclass(frozen=True)
class Truck:
    """A refrigerated truck: the recorder's id is the truck's, its gateway's is `{id}-gw`."""

    id: str
    county: str
    carrier: str
    fast: bool

    @property
    def gateway(self) -> str:
        """The id of the box that speaks for its recorder."""
        return f"{self.id}-gw"


@dataclass(frozen=True)
class Fleet:
    """Everything of the trucks that has to be registered."""

    trucks: tuple[Truck, ...]
    bases: tuple[Base, ...]
    gateways: tuple[Gateway, ...]
    devices: tuple[Device, ...]

    def of(self, carrier: str, *, fast: bool) -> tuple[Truck, ...]:
        """Return a carrier's trucks of one kind."""
        return tuple(t for t in self.trucks if t.carrier == carrier and t.fast == fast)


@cache
def fleet() -> Fleet:
    """Return the trucks of both counties."""
    trucks, bases = [], []
    gateways, devices = list[Gateway](), list[Device]()
    for county, (short, zh, en, lat, lon) in _DEPOTS.items():
        depot, carrier = f"{short}-depot", f"{short}-carrier-01"
        bases.append(Base(depot, county, carrier, zh + "车场", en + " Depot", lat, lon))
        for k in range(1, SLOW_TRUCKS + FAST_TRUCKS + 1):
            truck = Truck(f"{short}-truck-{k:02}", county, carrier, k > SLOW_TRUCKS)
            interval = FAST_INTERVAL_S if truck.fast else RECORDER_INTERVAL_S
            channels = tuple(DeviceChannel(code, unit, interval) for code, unit in _CHANNELS)
            trucks.append(truck)
            gateways.append(Gateway(truck.gateway, county, depot, f"{k}号车网关", f"Truck {k} Gateway"))
            devices.append(Device(truck.id, county, truck.gateway, None, depot, "reefer", f"{k}号冷藏车", f"Reefer truck {k}", channels))
    return Fleet(tuple(trucks), tuple(bases), tuple(gateways), tuple(devices))


def setpoint_of(product: str) -> float:
    """Return the temperature at which a product travels."""
    return _UNCOOLED_C if product in UNCOOLED else 10.5 if product in _WARM else 2.0


def place_of(party: str) -> tuple[float, float]:
    """Return latitude and longitude of a party's premises: a cooperative's first base, or invented ones near the county's seat."""
    known = next((b for b in scenario().bases if b.party == party), None)
    if known is not None:
        return known.lat, known.lon
    county = next(p.county for p in scenario().parties if p.id == party)
    seat = next(c for c in scenario().counties if c.code == county)
    north, east = _AROUND.get(party.split("-", 1)[1], (0.0, 0.0))
    return round(seat.lat + north, 4), round(seat.lon + east, 4)
