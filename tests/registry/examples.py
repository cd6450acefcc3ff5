"""One of everything, for the registry's tests."""

from __future__ import annotations

from registry.devices import Device, DeviceChannel
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety

SQUARE = '{"type":"Polygon","coordinates":[[[119.3,33.2],[119.301,33.2],[119.301,33.201],[119.3,33.201],[119.3,33.2]]]}'
BAOYING = County("321023", "宝应县", "Baoying", 33.24, 119.36)
SHENXIAN = County("371522", "莘县", "Shenxian", 36.24, 115.67)
COOP = Party("coop-1", "321023", ("cooperative", "grower"), "荷塘示例合作社", "Lotus Pond Example Cooperative")
BASE = Base("by-01", "321023", "coop-1", "一号荷塘基地", "Lotus base 1", 33.2, 119.3)
POND = Plot("by-01-p1", "by-01", "pond", "一号塘", "Pond 1", 15.0, 33.2, 119.3, SQUARE)
LOTUS = Product("lotus_root", "莲藕", "Lotus root", "kg", "medium", (Variety("lotus_root_early", "早熟莲藕", "Early"),))
LEVEL = Device(
    "by-01-p1-level", "321023", "by-01-gw", "by-01-p1", "by-01", "water_level", "水位计", "Level gauge",
    (DeviceChannel("water_level", "cm", 600),),
)  # fmt: skip
