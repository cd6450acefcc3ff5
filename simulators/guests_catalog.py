"""The demo's gateways of other makers: a LoRaWAN network, a Sparkplug cold store, an SL 651 water station. Who they are, not what they say.

One of the LoRaWAN sensors is registered by nobody: what it sends waits in quarantine until somebody claims it.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators.scenario import Device, DeviceChannel, Gateway
from simulators.scenario_places import BAOYING, SHENXIAN

TEN_SECONDS = 10
LORA, STORE, WATER = "sx-lora-gw", "by-store-gw", "by-water-gw"
LORA_APPLICATION = "shenxian-soil"
# The sensors' EUIs; the last is the one nobody registered.
LORA_SENSORS = ("a84041000181c061", "a84041000181c062", "a84041000181c0ff")
SPARKPLUG_GROUP, SPARKPLUG_NODE, SPARKPLUG_DEVICES = "Baoying", "store-1", ("room-a", "room-b")
STATION = "0032102301"


@dataclass(frozen=True)
class Feed:
    """What a foreign sender is to the county."""

    id: str
    gateway: str
    format: str
    topic: str = ""
    station: str = ""


@dataclass(frozen=True)
class DeviceName:
    """The sender's name of a device."""

    feed: str
    name: str
    device: str


def _channels(*told: tuple[str, str], every: int = TEN_SECONDS) -> tuple[DeviceChannel, ...]:
    return tuple(DeviceChannel(code, unit, every) for code, unit in told)


GATEWAYS = (
    Gateway(LORA, SHENXIAN, "sx-07", "LoRaWAN 网络（ChirpStack）", "LoRaWAN network (ChirpStack)"),
    Gateway(STORE, BAOYING, "by-02", "冷库控制器（Sparkplug B）", "Cold store controller (Sparkplug B)"),
    Gateway(WATER, BAOYING, "by-05", "水文站（SL 651）", "Water station (SL 651)"),
)
FEEDS = (
    Feed("sx-lora", LORA, "chirpstack-v4", topic=f"application/{LORA_APPLICATION}/#"),
    Feed("by-store", STORE, "sparkplug-b", topic=f"spBv1.0/{SPARKPLUG_GROUP}/#"),
    Feed("by-water", WATER, "sl651", station=STATION),
)
_SOIL = _channels(("soil_moisture", "%"), ("soil_temperature", "Cel"), ("battery", "V"))
_ROOM = _channels(("air_temperature", "Cel"), ("air_humidity", "%"))
DEVICES = (
    *(
        Device(f"sx-lora-soil-{k}", SHENXIAN, LORA, None, "sx-07", "soil", f"LoRa 土壤 {k}", f"LoRa soil {k}", _SOIL)
        for k in (1, 2)
    ),
    Device("by-store-room-a", BAOYING, STORE, None, "by-02", "store_room", "冷库 A 间", "Cold room A", _ROOM),
    Device("by-store-room-b", BAOYING, STORE, None, "by-02", "store_room", "冷库 B 间", "Cold room B", _ROOM),
    Device(
        "by-water-level", BAOYING, WATER, None, "by-05", "water_station", "河道水文站", "River gauge",
        _channels(("water_level", "cm"), ("battery", "V"), every=60),
    ),
)  # fmt: skip
NAMES = (
    *(DeviceName("sx-lora", LORA_SENSORS[k], f"sx-lora-soil-{k + 1}") for k in range(2)),
    *(DeviceName("by-store", f"{SPARKPLUG_NODE}/{room}", f"by-store-{room}") for room in SPARKPLUG_DEVICES),
    DeviceName("by-water", "", "by-water-level"),
)
