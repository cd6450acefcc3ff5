"""The two counties as pure data: parties, products, bases, plots, gateways and devices, the same at every call.

The nouns carry the registry's field names, so that registering the scenario is copying; nothing of the registry is imported.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from simulators.scenario_places import BAOYING, BAOYING_BASES, COUNTIES, PARTIES, SHENXIAN, SHENXIAN_BASES
from simulators.scenario_products import PRODUCTS

__all__ = ["BAOYING", "SHENXIAN", "Base", "County", "Device", "DeviceChannel", "Gateway", "Party", "Plot", "Product", "Scenario",
           "Variety", "scenario"]  # fmt: skip

TEN_MINUTES_S = 600
HOUR_S = 3600
SQUARE_METRES_PER_MU = 2_000 / 3
_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class County:
    """A county by its GB/T 2260 code."""

    code: str
    name_zh: str
    name_en: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Party:
    """An invented organisation with the roles it plays."""

    id: str
    county: str
    roles: tuple[str, ...]
    name_zh: str
    name_en: str
    address_zh: str = ""
    address_en: str = ""


@dataclass(frozen=True)
class Variety:
    """A variety of a product."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Product:
    """What is sold, in kilograms."""

    id: str
    name_zh: str
    name_en: str
    unit: str
    shelf_life_class: str
    varieties: tuple[Variety, ...]


@dataclass(frozen=True)
class Base:
    """A production base of one party, with one gateway."""

    id: str
    county: str
    party: str
    name_zh: str
    name_en: str
    lat: float
    lon: float


@dataclass(frozen=True)
class Plot:
    """A greenhouse or a pond; `outline` is a GeoJSON Polygon, `product` and `variety` say what grows in it this season."""

    id: str
    base: str
    kind: str
    name_zh: str
    name_en: str
    area_mu: float
    lat: float
    lon: float
    product: str
    variety: str
    outline: str | None = None


@dataclass(frozen=True)
class DeviceChannel:
    """One measured quantity of a device, its UCUM unit and its regular interval."""

    code: str
    unit: str
    interval_s: int = TEN_MINUTES_S


@dataclass(frozen=True)
class Device:
    """A sensor box; `plot` is None where it stands for the whole base."""

    id: str
    county: str
    gateway: str
    plot: str | None
    base: str
    kind: str
    name_zh: str
    name_en: str
    channels: tuple[DeviceChannel, ...]


@dataclass(frozen=True)
class Gateway:
    """The box of a base that speaks MQTT for all its devices."""

    id: str
    county: str
    base: str
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class Scenario:
    """Everything that exists before the first reading."""

    counties: tuple[County, ...]
    parties: tuple[Party, ...]
    products: tuple[Product, ...]
    bases: tuple[Base, ...]
    plots: tuple[Plot, ...]
    gateways: tuple[Gateway, ...]
    devices: tuple[Device, ...]

    def devices_of(self, gateway: str) -> tuple[Device, ...]:
        """Return the devices that speak through a gateway."""
        return tuple(d for d in self.devices if d.gateway == gateway)

    def plots_of(self, base: str) -> tuple[Plot, ...]:
        """Return the plots of a base."""
        return tuple(p for p in self.plots if p.base == base)

    def base(self, base_id: str) -> Base:
        """Return a base by its id."""
        return next(b for b in self.bases if b.id == base_id)

    def plot(self, plot_id: str) -> Plot:
        """Return a plot by its id."""
        return next(p for p in self.plots if p.id == plot_id)

    def parties_with(self, role: str, county: str) -> tuple[Party, ...]:
        """Return a county's parties that play a role."""
        return tuple(p for p in self.parties if role in p.roles and p.county == county)


@cache
def scenario() -> Scenario:
    """Return the two counties."""
    bases, plots = tuple(_bases()), tuple(_plots())
    gateways = tuple(Gateway(f"{b.id}-gw", b.county, b.id, b.name_zh + "网关", b.name_en + " Gateway") for b in bases)
    return Scenario(
        counties=tuple(County(code, *row) for code, row in COUNTIES.items()),
        parties=tuple(Party(party, *row) for party, row in PARTIES.items()),
        products=tuple(_products()),
        bases=bases,
        plots=plots,
        gateways=gateways,
        devices=tuple(d for base in bases for d in _devices(base, tuple(p for p in plots if p.base == base.id))),
    )


def _products() -> Iterator[Product]:
    for product, (zh, en, shelf_life, varieties) in PRODUCTS.items():
        yield Product(product, zh, en, "kg", shelf_life, tuple(Variety(f"{product}_{v}", v_zh, v_en) for v, v_zh, v_en in varieties))


def _bases() -> Iterator[Base]:
    for n, (zh, en, lat, lon, party, _) in enumerate(SHENXIAN_BASES, 1):
        yield Base(f"sx-{n:02}", SHENXIAN, party, f"{zh}蔬菜基地", f"{en} Vegetable Base", lat, lon)
    for n, (zh, en, lat, lon, party, _) in enumerate(BAOYING_BASES, 1):
        yield Base(f"by-{n:02}", BAOYING, party, f"{zh}莲藕基地", f"{en} Lotus Base", lat, lon)


def _plots() -> Iterator[Plot]:
    # Greenhouses stand in a row some 28 m apart, ponds some 120 m; areas vary a little so that no two bases look the same.
    for n, (_, _, lat, lon, _, products) in enumerate(SHENXIAN_BASES, 1):
        for k, product in enumerate(products, 1):
            area = round(1.2 + 0.3 * ((n * 7 + k * 3) % 5), 1)
            place = (round(lat + 0.00025 * k, 6), round(lon + 0.0002, 6))
            names = (f"{k}号棚", f"Greenhouse {k}")
            grown = (product, _variety(product, n + k), _rectangle(*place, area, depth_m=12))
            yield Plot(f"sx-{n:02}-g{k}", f"sx-{n:02}", "greenhouse", *names, area, *place, *grown)
    for n, (_, _, lat, lon, _, products) in enumerate(BAOYING_BASES, 1):
        for k, product in enumerate(products, 1):
            area = round(18.0 + 6.5 * ((n * 5 + k * 3) % 7), 1)
            place = (round(lat + 0.0011 * k, 6), round(lon + 0.0009, 6))
            names = (f"{k}号塘", f"Pond {k}")
            grown = (product, _variety(product, n + k), _rectangle(*place, area, depth_m=100))
            yield Plot(f"by-{n:02}-p{k}", f"by-{n:02}", "pond", *names, area, *place, *grown)


def _rectangle(lat: float, lon: float, area_mu: float, *, depth_m: float) -> str:
    """Return the outline of a plot that lies square to the compass: `depth_m` from south to north, as long as its area asks."""
    north = depth_m / 2 / _METRES_PER_DEGREE
    east = area_mu * SQUARE_METRES_PER_MU / depth_m / 2 / (_METRES_PER_DEGREE * math.cos(math.radians(lat)))
    corners = [(-east, -north), (east, -north), (east, north), (-east, north), (-east, -north)]
    ring = [[round(lon + x, 6), round(lat + y, 6)] for x, y in corners]
    return json.dumps({"type": "Polygon", "coordinates": [ring]}, separators=(",", ":"))


def _variety(product: str, turn: int) -> str:
    varieties = PRODUCTS[product][3]
    return f"{product}_{varieties[turn % len(varieties)][0]}"


_WEATHER = (
    DeviceChannel("air_temperature", "Cel"),
    DeviceChannel("air_humidity", "%"),
    DeviceChannel("rain", "mm"),
    DeviceChannel("wind_speed", "m/s"),
    DeviceChannel("wind_direction", "deg"),
    DeviceChannel("solar_radiation", "W/m2"),
)
_PRESSURE = (DeviceChannel("air_pressure", "hPa"),)
_AIR_INSIDE = (DeviceChannel("air_temperature", "Cel"), DeviceChannel("air_humidity", "%"))
_CO2 = (DeviceChannel("co2", "ppm"),)
_SOIL = (DeviceChannel("soil_temperature", "Cel"), DeviceChannel("soil_moisture", "%"))
_SOIL_EC = (DeviceChannel("soil_ec", "mS/cm"),)
_LEVEL = (DeviceChannel("water_level", "cm"),)
_QUALITY = (DeviceChannel("water_temperature", "Cel"), DeviceChannel("dissolved_oxygen", "mg/L"), DeviceChannel("ph", "[pH]"))
_WATER_EC = (DeviceChannel("water_ec", "mS/cm"), DeviceChannel("turbidity", "NTU"))
_BATTERY = (DeviceChannel("battery", "V", HOUR_S),)
_SPORES = (DeviceChannel("spore_count", "{count}", HOUR_S), *_BATTERY)
_PESTS = (DeviceChannel("pest_count", "{count}", HOUR_S), *_BATTERY)


def _devices(base: Base, plots: tuple[Plot, ...]) -> Iterator[Device]:
    """Yield a base's devices. Not every base has every kind: a full set at each would be dearer than counties pay for."""
    number = int(base.id[-2:])
    gateway, lotus = f"{base.id}-gw", base.county == BAOYING

    def device(name: str, plot: Plot | None, kind: str, zh: str, en: str, channels: tuple[DeviceChannel, ...]) -> Device:
        place_zh, place_en = (plot.name_zh, f"{plot.name_en}: ") if plot else ("", "")
        return Device(
            f"{base.id}-{name}", base.county, gateway, plot.id if plot else None, base.id, kind, place_zh + zh, place_en + en, channels
        )

    yield device("weather", None, "weather_station", "气象站", "Weather station", _WEATHER + (_PRESSURE if lotus else ()))
    for k, plot in enumerate(plots, 1):
        if lotus:
            yield device(f"p{k}-level", plot, "water_level", "水位计", "water level", _LEVEL)
            if k <= 2:
                yield device(f"p{k}-quality", plot, "water_quality", "水质仪", "water quality", _QUALITY + (_WATER_EC if k == 1 else ()))
        elif k <= 2:
            climate = _AIR_INSIDE + (_CO2 if k == 1 else ())
            yield device(f"g{k}-climate", plot, "greenhouse_climate", "温湿度", "climate", climate)
            if k == 1:
                yield device("g1-soil", plot, "soil", "墒情仪", "soil probe", _SOIL + (_SOIL_EC if number % 5 == 0 else ()))
    if lotus or number % 2 == 1:
        yield device("lamp", None, "pest_lamp", "虫情灯", "Pest lamp", _PESTS)
    if lotus or number % 4 == 0:
        yield device("spore", None, "spore_trap", "孢子捕捉仪", "Spore trap", _SPORES)
