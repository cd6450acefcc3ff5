"""What well-known names of other senders mean here, where nobody said otherwise for a device.

A name is compared without regard to case and to anything but letters and digits, so `soilMoisture`, `soil_moisture` and `Soil.Moisture`
are one. Nothing is guessed from parts of a name: what is not in the table is kept under its own name until whoever claims the device names
it. So are `rain`, `battery` and `speed`, under names that are not ours: who says rain may mean an interval's, which is ours, or a counter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from foundation.ids import ID_PATTERN
from ingest.channels import channel_of

_NO_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A sender's name, understood: `value * scale + offset` is in `unit`, which is what the sender means where it writes none."""

    channel: str
    unit: str
    scale: float = 1.0
    offset: float = 0.0


def meaning(format_name: str, name: str) -> Meaning | None:
    """Return what a name means in a format, None where nobody can know. Our own messages and a mapping table name our channels."""
    if format_name in ("suhe", "mapping"):
        return Meaning(name, channel_of(name).unit) if ID_PATTERN.match(name) else None
    key = _key(name)
    own = _OF_FORMAT.get(format_name)
    if own is not None:
        return own.get(key)
    return (_LORA | _COMMON if format_name in _RADIO else _COMMON).get(key) if format_name in _WORDS else None


def stored_as(format_name: str, name: str, unit: str | None, *, own_name: bool = False) -> tuple[str, float, float, str | None]:
    """Return channel, scale, offset and unit under which values of a name are kept where nobody said otherwise.

    `own_name`: another name of the device has its well-known meaning already, so it is kept under itself.
    """
    usual = None if own_name else meaning(format_name, name)
    if usual is None:
        return _NO_ID.sub("_", name).strip(".")[:64] or "value", 1.0, 0.0, unit
    scaled = (usual.scale, usual.offset) != (1.0, 0.0)
    return usual.channel, usual.scale, usual.offset, usual.unit if scaled else unit or usual.unit


def _key(name: str) -> str:
    return _LETTERS.sub("", name).casefold()


def _table(*rows: tuple[str, str, str] | tuple[str, str, str, float] | tuple[str, str, str, float, float]) -> dict[str, Meaning]:
    found: dict[str, Meaning] = {}
    for names, channel, unit, *numbers in rows:
        for name in names.split():
            found[_key(name)] = Meaning(channel, unit, *numbers)
    return found


_WORDS = ("chirpstack-v4", "tts-v3", "thingsboard-gateway", "thingsboard-device", "senml-json", "senml-cbor", "sparkplug-b")
_RADIO = ("chirpstack-v4", "tts-v3")

# Names of open payload codecs and of makers' manuals; units as those state them.
_COMMON = _table(
    ("temperature temp airTemperature airTemp temperatureAir ambientTemperature tempC temperatureC", "air_temperature", "Cel"),
    ("T 气温 空气温度 温度", "air_temperature", "Cel"),
    ("humidity hum airHumidity air_hum relativeHumidity relative_humidity RH humi 湿度 空气湿度", "air_humidity", "%"),
    ("windSpeed wind_speed 风速", "wind_speed", "m/s"),
    ("windDirection wind_direction windDir 风向", "wind_direction", "deg"),
    ("solarRadiation radiation solar_radiation irradiance 辐射 太阳辐射", "solar_radiation", "W/m2"),
    ("pressure airPressure barometricPressure barometric_pressure barometer atmosphericPressure 气压 大气压", "air_pressure", "hPa"),
    ("dewPoint dew_point 露点", "dew_point", "Cel"),
    ("soilTemperature soil_temp soilTemp temperatureSoil 土壤温度 土温", "soil_temperature", "Cel"),
    ("soilMoisture soil_moisture soilHumidity soil_humidity soilHum moistureSoil VWC 土壤湿度 土壤水分 土壤含水率", "soil_moisture", "%"),
    ("co2 CO2ppm carbonDioxide 二氧化碳", "co2", "ppm"),
    ("illuminance illumination light lux lightIntensity luminosity 光照 光照强度", "illuminance", "lx"),
    ("waterTemperature water_temp waterTemp 水温", "water_temperature", "Cel"),
    ("waterLevel water_level 水位", "water_level", "cm"),
    ("dissolvedOxygen dissolved_oxygen DO 溶解氧", "dissolved_oxygen", "mg/L"),
    ("pH 酸碱度", "ph", "[pH]"),
    ("turbidity 浊度", "turbidity", "NTU"),
    ("batteryVoltage battery_voltage batV bat_v batVoltage vbat 电池电压", "battery", "V"),
    ("batteryLevel battery_level batteryPercent battery_percent 电量", "battery_level", "%"),
    # Words of ours that others use for something else: volts or per cent, the rain of an interval or a counter, of a car or of the wind.
    ("battery bat batt 电池", "battery_as_sent", ""),
    ("rain rainfall precipitation 雨量 降水", "rain_as_sent", ""),
    ("speed", "speed_as_sent", ""),
    ("latitude lat position.latitude 纬度", "latitude", "deg"),
    ("longitude lon lng position.longitude 经度", "longitude", "deg"),
)  # fmt: skip

# LoRaWAN: ChirpStack's status events, The Things Stack's normalised payload, and makers whose codecs are in their device repositories.
_LORA = _table(
    ("margin", "link_margin", "dB"),
    ("air.temperature TempC_SHT TempC", "air_temperature", "Cel"),
    ("air.relativeHumidity Hum_SHT", "air_humidity", "%"),
    ("air.pressure", "air_pressure", "hPa"),
    ("air.co2", "co2", "ppm"),
    ("air.lightIntensity ILL_lx", "illuminance", "lx"),
    ("soil.temperature temp_SOIL", "soil_temperature", "Cel"),
    ("soil.moisture water_SOIL", "soil_moisture", "%"),
    ("soil.ec", "soil_ec", "mS/cm"),
    ("conduct_SOIL conductivity_SOIL", "soil_ec", "mS/cm", 0.001),
    ("wind.speed", "wind_speed", "m/s"),
    ("wind.direction", "wind_direction", "deg"),
    ("water.temperature water.temperature.current", "water_temperature", "Cel"),
)

# Elements of SL 651-2014, by their identifiers. 20 (current rain) is the sum of a day that is not over, 26 a counter and 1A an hour's sum
# beside the twelve of F4: of these, only five minutes' rain is ours.
_SL651 = _table(
    ("02", "air_temperature", "Cel"),
    ("03", "water_temperature", "Cel"),
    ("08", "air_pressure", "hPa"),
    ("0D", "soil_temperature", "Cel"),
    ("10", "soil_moisture", "%"),
    ("18", "air_humidity", "%"),
    ("22 F4", "rain", "mm"),
    ("35", "wind_speed", "m/s"),
    ("38", "battery", "V"),
    ("39", "water_level", "cm", 100.0),
    ("46", "ph", "[pH]"),
    ("47", "dissolved_oxygen", "mg/L"),
    ("48", "water_ec", "mS/cm", 0.001),
    ("49", "turbidity", "NTU"),
)

# Codes of HJ 212-2017's tables (HJ 525 for water).
_HJ212 = _table(
    ("w01001", "ph", "[pH]"),
    ("w01003", "turbidity", "NTU"),
    ("w01009", "dissolved_oxygen", "mg/L"),
    ("w01010", "water_temperature", "Cel"),
    ("w01014", "water_ec", "mS/cm", 0.001),
    ("a01001", "air_temperature", "Cel"),
    ("a01002", "air_humidity", "%"),
    ("a01007", "wind_speed", "m/s"),
    ("a01008", "wind_direction", "deg"),
)

_OF_FORMAT = {"sl651": _SL651, "hj212": _HJ212}
