"""The formats we take: one line each, found by name; a decoder is loaded when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from foundation.errors import BadInput
from ingest.formats.decoded import Decoder


@dataclass(frozen=True, slots=True)
class Format:
    """One format of a sender.

    `topic` is the MQTT filter its gateways publish under where nobody said otherwise, empty where it does not come by MQTT or has no
    usual topic. `numbered` says whether its messages carry numbers, so that a loss can be seen. `where` is `module:function`.
    """

    name: str
    name_zh: str
    name_en: str
    topic: str
    numbered: bool
    where: str
    doc: str

    def decoder(self) -> Decoder:
        """Return the decoder, importing it now if this is the first time."""
        module, function = self.where.split(":")
        found: Decoder = getattr(import_module(f"ingest.formats.{module}"), function)
        return found


_TABLE = (
    Format(
        "suhe", "溯禾 JSON 第 1 版", "Suhe JSON v1", "suhe/v1/+/+/up", True, "own:decode",
        "Our own messages, from the SDK or any MQTT client.",
    ),
    Format(
        "chirpstack-v4", "ChirpStack 第 4 版", "ChirpStack v4", "application/+/device/+/event/+", True, "chirpstack:decode",
        "LoRaWAN devices behind ChirpStack, by its MQTT or HTTP integration with JSON.",
    ),
    Format(
        "tts-v3", "The Things Stack 第 3 版", "The Things Stack v3", "v3/+/devices/+/#", True, "things_stack:decode",
        "LoRaWAN devices behind The Things Stack, by MQTT bridge or webhook.",
    ),
    Format(
        "thingsboard-gateway", "ThingsBoard 网关", "ThingsBoard gateway", "v1/gateway/telemetry", False, "thingsboard:decode_gateway",
        "A gateway that speaks for several devices in ThingsBoard's gateway API.",
    ),
    Format(
        "thingsboard-device", "ThingsBoard 设备", "ThingsBoard device", "v1/devices/me/telemetry", False, "thingsboard:decode_device",
        "A single device that speaks ThingsBoard's device API.",
    ),
    Format("senml-json", "SenML JSON", "SenML JSON", "", False, "senml:decode_json", "Packs of RFC 8428 as JSON."),
    Format("senml-cbor", "SenML CBOR", "SenML CBOR", "", False, "senml:decode_cbor", "Packs of RFC 8428 as CBOR."),
    Format("sparkplug-b", "Sparkplug B", "Sparkplug B 3.0", "spBv1.0/#", True, "sparkplug:decode", "Edge nodes of Sparkplug B 3.0."),
    Format("sl651", "水文 SL 651-2014", "SL 651-2014", "", True, "sl651:decode", "Water stations of SL 651-2014, over TCP."),
    Format("hj212", "环保 HJ 212-2017", "HJ 212-2017", "", False, "hj212:decode", "Water and air stations of HJ 212-2017, over TCP."),
    Format(
        "mapping", "对照表", "Mapping table", "", False, "mapping:decode",
        "Everything else: JSON, CSV lines or a bare number, by a table of the county's own.",
    ),
)  # fmt: skip

FORMATS = {f.name: f for f in _TABLE}


def format_named(name: str) -> Format:
    """Return a format; raise BadInput with the names there are for one that is none."""
    found = FORMATS.get(name)
    if found is None:
        raise BadInput("there is no such format", expected=", ".join(FORMATS), got=name[:60])
    return found
