"""The channels we know: unit, names, decimals, and the ranges of the gross-range test.

`fail` is what the sensor can say at all; `suspect` is what this climate can do. Sources: sensor classes of WMO-No. 8 for weather, FAO-56
for radiation, APHA for dissolved oxygen, local extension texts for pond depth, China's bounds for a truck's
place. A county may replace the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One measured quantity. `unit` is UCUM; ranges are closed, in that unit.

    `kind` says what a window of it means: a `value` is averaged, a `total` (rain of an interval) is summed, a `count` is a whole
    number of things, an `angle` has a mean direction.
    """

    code: str
    unit: str
    name_zh: str
    name_en: str
    decimals: int
    fail: tuple[float, float]
    suspect: tuple[float, float]
    kind: str = "value"


_TABLE = (
    Channel("air_temperature", "Cel", "气温", "Air temperature", 1, (-40, 60), (-25, 45)),
    Channel("air_humidity", "%", "空气湿度", "Relative humidity", 0, (0, 100), (5, 100)),
    Channel("rain", "mm", "降水", "Rain", 1, (0, 200), (0, 60), kind="total"),
    Channel("wind_speed", "m/s", "风速", "Wind speed", 1, (0, 60), (0, 30)),
    Channel("wind_direction", "deg", "风向", "Wind direction", 0, (0, 360), (0, 360), kind="angle"),
    Channel("solar_radiation", "W/m2", "太阳辐射", "Solar radiation", 0, (-20, 1600), (-10, 1300)),
    Channel("air_pressure", "hPa", "气压", "Air pressure", 1, (600, 1100), (960, 1060)),
    Channel("dew_point", "Cel", "露点", "Dew point", 1, (-60, 40), (-45, 32)),
    Channel("leaf_wetness", "min", "叶面湿润", "Leaf wetness", 0, (0, 60), (0, 60)),
    Channel("soil_temperature", "Cel", "土壤温度", "Soil temperature", 1, (-30, 60), (-10, 45)),
    Channel("soil_moisture", "%", "土壤含水率", "Soil moisture", 1, (0, 100), (2, 60)),
    Channel("soil_ec", "mS/cm", "土壤电导率", "Soil conductivity", 2, (0, 20), (0, 8)),
    Channel("co2", "ppm", "二氧化碳", "Carbon dioxide", 0, (0, 10000), (250, 3000)),
    Channel("illuminance", "lx", "光照", "Illuminance", 0, (0, 200000), (0, 130000)),
    Channel("water_level", "cm", "水位", "Water level", 1, (0, 150), (0, 80)),
    Channel("water_temperature", "Cel", "水温", "Water temperature", 1, (-5, 50), (0, 38)),
    Channel("dissolved_oxygen", "mg/L", "溶解氧", "Dissolved oxygen", 2, (0, 20), (0.2, 18)),
    Channel("ph", "[pH]", "酸碱度", "pH", 2, (0, 14), (5, 10)),
    Channel("water_ec", "mS/cm", "水电导率", "Water conductivity", 2, (0, 20), (0.05, 5)),
    Channel("turbidity", "NTU", "浊度", "Turbidity", 1, (0, 4000), (0, 1000)),
    Channel("spore_count", "{count}", "孢子数", "Spores", 0, (0, 1_000_000), (0, 20_000), kind="count"),
    Channel("pest_count", "{count}", "诱虫数", "Pests trapped", 0, (0, 100_000), (0, 2_000), kind="count"),
    Channel("cargo_temperature", "Cel", "货厢温度", "Cargo temperature", 1, (-50, 70), (-35, 45)),
    Channel("cargo_humidity", "%", "货厢湿度", "Cargo humidity", 0, (0, 100), (20, 100)),
    Channel("setpoint", "Cel", "设定温度", "Set-point", 1, (-40, 40), (-30, 30)),
    Channel("door_open", "{count}", "车门打开", "Door open", 0, (0, 1), (0, 1), kind="count"),
    Channel("speed", "km/h", "车速", "Speed", 0, (0, 200), (0, 120)),
    Channel("latitude", "deg", "纬度", "Latitude", 2, (-90, 90), (3, 54)),
    Channel("longitude", "deg", "经度", "Longitude", 2, (-180, 180), (73, 136)),
    Channel("battery", "V", "电池", "Battery", 2, (0, 60), (3.3, 30)),
)

CHANNELS = {channel.code: channel for channel in _TABLE}


def channel_of(code: str, unit: str = "") -> Channel:
    """Return a channel by code; one we do not know has its code for a name and no range."""
    everything = (float("-inf"), float("inf"))
    return CHANNELS.get(code) or Channel(code, unit, code, code, 2, everything, everything)
