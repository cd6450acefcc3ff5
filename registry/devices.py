"""Gateways and the devices that speak through them."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput
from foundation.ids import check_county, check_id, shard_of
from registry.checks import check_both_names, check_span
from registry.keys import check_public_key, key_id

MAX_CHANNELS = 64
# MQTT users that are no gateways: a gateway of such a name would answer for the whole installation.
RESERVED_GATEWAY_IDS = ("ingest", "admin", "root", "suhe")


@dataclass(frozen=True, slots=True)
class DeviceChannel:
    """One measured quantity of a device, its UCUM unit, and the interval at which a value is due."""

    code: str
    unit: str
    interval_s: int

    def __post_init__(self) -> None:
        check_id(self.code, "channel code")
        # UCUM is printable ASCII without blanks.
        if not (1 <= len(self.unit) <= 32 and self.unit.isascii() and self.unit.isprintable() and " " not in self.unit):
            raise BadInput("this is no UCUM unit", expected="such as Cel, %, mS/cm", got=repr(self.unit[:40]))
        if not 1 <= self.interval_s <= 31 * 86_400:
            raise BadInput("this interval cannot be used", expected="1 second to 31 days", got=f"{self.interval_s} s")


@dataclass(frozen=True, slots=True)
class Device:
    """A sensor box. `plot` is None where it stands for the whole base, as a weather station does."""

    id: str
    county: str
    gateway: str
    plot: str | None
    base: str
    kind: str
    name_zh: str
    name_en: str
    channels: tuple[DeviceChannel, ...]

    def __post_init__(self) -> None:
        check_id(self.id, "device id")
        check_county(self.county)
        check_id(self.gateway, "gateway id")
        if self.plot is not None:
            check_id(self.plot, "plot id")
        check_id(self.base, "base id")
        check_id(self.kind, "device kind")
        check_both_names(self.name_zh, self.name_en)
        if not 1 <= len(self.channels) <= MAX_CHANNELS or len({c.code for c in self.channels}) != len(self.channels):
            raise BadInput(
                "a device has its channels, each once", expected=f"1 to {MAX_CHANNELS}", got=", ".join(c.code for c in self.channels)
            )


@dataclass(frozen=True, slots=True)
class DevicePlace:
    """What must be known of a device to hold its readings against those around it: its kind, and where its plot or base lies."""

    kind: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """The Ed25519 public key a gateway signs its messages with. `must_sign`: a message without a fitting signature is refused."""

    id: str
    gateway: str
    public_key: bytes
    must_sign: bool
    registered_ms: int
    retired_ms: int | None = None

    def __post_init__(self) -> None:
        check_id(self.gateway, "gateway id")
        check_public_key(self.public_key)
        check_span(self.registered_ms, self.retired_ms)
        if self.id != key_id(self.public_key):
            raise BadInput("this key id is not the key's", expected=key_id(self.public_key), got=repr(self.id[:40]))


@dataclass(frozen=True, slots=True)
class Gateway:
    """The box of a base that speaks for its devices. `shard` is part of its topics; its password is known only by its hash."""

    id: str
    county: str
    base: str
    name_zh: str
    name_en: str
    shard: str
    last_rotated_ms: int

    def __post_init__(self) -> None:
        check_id(self.id, "gateway id")
        if self.id.lower() in RESERVED_GATEWAY_IDS:
            raise BadInput("this gateway id is kept for the broker's own users", got=self.id, todo="choose another gateway id")
        check_county(self.county)
        check_id(self.base, "base id")
        check_both_names(self.name_zh, self.name_en)
        if self.shard != shard_of(self.id):
            raise BadInput("this shard is not the gateway's", expected=shard_of(self.id), got=repr(self.shard[:8]))
