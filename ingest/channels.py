"""The channels we know: unit, names, decimals, and what a window of each means. What is asked of their values stands in `quality.toml`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One measured quantity. `unit` is UCUM.

    `kind` says what a window of it means: a `value` is averaged, a `total` (rain of an interval) is summed, a `count` is a whole
    number of things, an `angle` has a mean direction.
    """

    code: str
    unit: str
    name_zh: str
    name_en: str
    decimals: int
    kind: str = "value"


_TABLE = (
    Channel("air_temperature", "Cel", "气温", "Air temperature", 1),
    Channel("air_humidity", "%", "空气湿度", "Relative humidity", 0),
    Channel("rain", "mm", "降水", "Rain", 1, kind="total"),
    Channel("wind_speed", "m/s", "风速", "Wind speed", 1),
    Channel("wind_direction", "deg", "风向", "Wind direction", 0, kind="angle"),
    Channel("solar_radiation", "W/m2", "太阳辐射", "Solar radiation", 0),
    Channel("air_pressure", "hPa", "气压", "Air pressure", 1),
    Channel("dew_point", "Cel", "露点", "Dew point", 1),
    Channel("leaf_wetness", "min", "叶面湿润", "Leaf wetness", 0),
    Channel("soil_temperature", "Cel", "土壤温度", "Soil temperature", 1),
    Channel("soil_moisture", "%", "土壤含水率", "Soil moisture", 1),
    Channel("soil_ec", "mS/cm", "土壤电导率", "Soil conductivity", 2),
    Channel("co2", "ppm", "二氧化碳", "Carbon dioxide", 0),
    Channel("illuminance", "lx", "光照", "Illuminance", 0),
    Channel("water_level", "cm", "水位", "Water level", 1),
    Channel("water_temperature", "Cel", "水温", "Water temperature", 1),
    Channel("dissolved_oxygen", "mg/L", "溶解氧", "Dissolved oxygen", 2),
    Channel("ph", "[pH]", "酸碱度", "pH", 2),
    Channel("water_ec", "mS/cm", "水电导率", "Water conductivity", 2),
    Channel("turbidity", "NTU", "浊度", "Turbidity", 1),
    Channel("spore_count", "{count}", "孢子数", "Spores", 0, kind="count"),
    Channel("pest_count", "{count}", "诱虫数", "Pests trapped", 0, kind="count"),
    Channel("cargo_temperature", "Cel", "货厢温度", "Cargo temperature", 1),
    Channel("cargo_humidity", "%", "货厢湿度", "Cargo humidity", 0),
    Channel("setpoint", "Cel", "设定温度", "Set-point", 1),
    Channel("door_open", "{count}", "车门打开", "Door open", 0, kind="count"),
    Channel("speed", "km/h", "车速", "Speed", 0),
    Channel("latitude", "deg", "纬度", "Latitude", 2),
    Channel("longitude", "deg", "经度", "Longitude", 2),
    Channel("battery", "V", "电池", "Battery", 2),
    Channel("battery_level", "%", "电量", "Battery level", 0),
    Channel("link_margin", "dB", "链路余量", "Link margin", 0),
)

CHANNELS = {channel.code: channel for channel in _TABLE}


def channel_of(code: str, unit: str = "") -> Channel:
    """Return a channel by code; one we do not know has its code for a name."""
    return CHANNELS.get(code) or Channel(code, unit, code, code, 2)
