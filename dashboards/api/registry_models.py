"""What the registry's routes take and give, checked at the border; the nouns check again what they mean."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from registry.devices import Device, DeviceChannel, Gateway
from registry.keys import SigningKey
from registry.parties import County, Party
from registry.plots import Base, Plot
from registry.products import Product, Variety

T = TypeVar("T")
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
CountyCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["321023"])]
Name = Annotated[str, Field(min_length=1, max_length=120)]
Text = Annotated[str, Field(max_length=120)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
# Until the year 9999: beyond it no calendar writes a time in ms.
Milliseconds = Annotated[int, Field(ge=0, lt=253_402_300_800_000, description="Time in ms UTC")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Page(_Body, Generic[T]):
    """One page of a list; `next` is the cursor of the page after it."""

    items: list[T]
    next: str | None


class CountyBody(_Body):
    """A county."""

    code: CountyCode
    name_zh: Name
    name_en: Name
    lat: Latitude
    lon: Longitude

    def noun(self) -> County:
        """Return the county."""
        return County(**self.model_dump())

    @classmethod
    def of(cls, county: County) -> CountyBody:
        """Show a county."""
        return cls(**asdict(county))


class PartyBody(_Body):
    """A party with its roles."""

    id: Id
    county: CountyCode
    roles: list[str] = Field(min_length=1, max_length=10)
    name_zh: Name
    name_en: Name
    address_zh: Text = ""
    address_en: Text = ""

    def noun(self) -> Party:
        """Return the party."""
        return Party(**{**self.model_dump(), "roles": tuple(self.roles)})

    @classmethod
    def of(cls, party: Party) -> PartyBody:
        """Show a party."""
        return cls(**asdict(party))


class BaseBody(_Body):
    """A production base."""

    id: Id
    county: CountyCode
    party: Id
    name_zh: Name
    name_en: Name
    lat: Latitude
    lon: Longitude

    def noun(self) -> Base:
        """Return the base."""
        return Base(**self.model_dump())

    @classmethod
    def of(cls, base: Base) -> BaseBody:
        """Show a base."""
        return cls(**asdict(base))


class PlotBody(_Body):
    """A plot; `outline` is a GeoJSON Polygon of one ring."""

    id: Id
    base: Id
    kind: str
    name_zh: Name
    name_en: Name
    area_mu: float = Field(gt=0, le=100_000, allow_inf_nan=False)
    lat: Latitude
    lon: Longitude
    outline: dict[str, Any] | None = None

    def noun(self) -> Plot:
        """Return the plot."""
        return Plot(**{**self.model_dump(), "outline": None if self.outline is None else json.dumps(self.outline)})


class PlotView(PlotBody):
    """A plot with its area in both measures."""

    area_hectares: float

    @classmethod
    def of(cls, plot: Plot) -> PlotView:
        """Show a plot."""
        outline = None if plot.outline is None else json.loads(plot.outline)
        return cls(**{**asdict(plot), "outline": outline, "area_hectares": round(plot.area_hectares, 4)})


class VarietyBody(_Body):
    """A variety."""

    id: Id
    name_zh: Name
    name_en: Name


class ProductBody(_Body):
    """A product with its varieties."""

    id: Id
    name_zh: Name
    name_en: Name
    unit: str
    shelf_life_class: str
    varieties: list[VarietyBody] = Field(default_factory=list, max_length=500)

    def noun(self) -> Product:
        """Return the product."""
        return Product(**{**self.model_dump(), "varieties": tuple(Variety(**v.model_dump()) for v in self.varieties)})

    @classmethod
    def of(cls, product: Product) -> ProductBody:
        """Show a product."""
        return cls(**asdict(product))


class ChannelBody(_Body):
    """A channel of a device with its UCUM unit and regular interval."""

    code: Id
    unit: str = Field(min_length=1, max_length=32)
    interval_s: int = Field(ge=1, le=31 * 86_400)


class DeviceBody(_Body):
    """A device; `plot` is null where it stands for the whole base."""

    id: Id
    county: CountyCode
    gateway: Id
    plot: Id | None = None
    base: Id
    kind: Id
    name_zh: Name
    name_en: Name
    channels: list[ChannelBody] = Field(min_length=1, max_length=64)

    def noun(self) -> Device:
        """Return the device."""
        return Device(**{**self.model_dump(), "channels": tuple(DeviceChannel(**c.model_dump()) for c in self.channels)})

    @classmethod
    def of(cls, device: Device) -> DeviceBody:
        """Show a device."""
        return cls(**asdict(device))


class GatewayBody(_Body):
    """A gateway to register."""

    id: Id
    county: CountyCode
    base: Id
    name_zh: Name
    name_en: Name


class GatewayView(GatewayBody):
    """A gateway as it is known; its password is not."""

    shard: str
    last_rotated_ms: int

    @classmethod
    def of(cls, gateway: Gateway) -> GatewayView:
        """Show a gateway."""
        return cls(**asdict(gateway))


class GatewayPassword(_Body):
    """A gateway's password, shown this once, and the shard of its topics."""

    id: str
    shard: str
    password: str


class KeyBody(_Body):
    """A public signing key to register; it counts from now where no time is given."""

    public_key: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="Ed25519 public key, 64 hex digits")
    valid_from_ms: Milliseconds | None = None
    valid_to_ms: Milliseconds | None = None


class KeyView(_Body):
    """A public signing key."""

    id: str
    party: str
    public_key: str
    valid_from_ms: int
    valid_to_ms: int | None
    revoked_ms: int | None

    @classmethod
    def of(cls, key: SigningKey) -> KeyView:
        """Show a key."""
        return cls(**{**asdict(key), "public_key": key.public_key.hex()})


class RevokeBody(_Body):
    """From when a key does not count; now where no time is given."""

    at_ms: Milliseconds | None = None
