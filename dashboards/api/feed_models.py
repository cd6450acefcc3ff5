"""The shapes of foreign senders on the wire."""

from __future__ import annotations

from pydantic import BaseModel, Field

from registry.feeds import SHANGHAI_MS, Feed


class FeedBody(BaseModel):
    """A feed to register."""

    id: str
    gateway: str
    format: str = Field(description="A format's name, as `suhe ingest formats` lists them")
    topic: str = Field("", description="The MQTT filter its messages come under; empty for a station and for HTTP alone")
    station: str = Field("", description="The number of a TCP station")
    mapping: str = Field("", description="The text of a mapping table, for the format `mapping`")
    zone_ms: int = Field(SHANGHAI_MS, description="What times without a zone are ahead of UTC")

    def noun(self) -> Feed:
        """Return the feed."""
        return Feed(**self.model_dump())


class FeedView(BaseModel):
    """A feed as it is shown: whether it has a secret, never which."""

    id: str
    gateway: str
    format: str
    topic: str
    station: str
    zone_ms: int
    has_secret: bool

    @classmethod
    def of(cls, feed: Feed) -> FeedView:
        """Return a feed's view."""
        return cls(
            id=feed.id,
            gateway=feed.gateway,
            format=feed.format,
            topic=feed.topic,
            station=feed.station,
            zone_ms=feed.zone_ms,
            has_secret=bool(feed.secret_hash),
        )


class SecretBody(BaseModel):
    """A new secret, shown once."""

    secret: str


class DeviceNameBody(BaseModel):
    """A sender's name of a device, empty where the sender is the device itself."""

    name: str
    device: str


class ChannelNameBody(BaseModel):
    """A sender's name of a channel; the value times `scale` plus `offset` is in `unit`."""

    device: str = ""
    name: str
    channel: str
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0


class ClaimBody(BaseModel):
    """What a name in quarantine is to be; of a device that is there already only the id counts."""

    device: str = ""
    base: str = ""
    plot: str | None = None
    kind: str = "sensor"
    name_zh: str = ""
    name_en: str = ""
    gateway: str = Field("", description="For a station nobody knows: whose it is")


class TakenBody(BaseModel):
    """What became of a message: readings on disk, values in quarantine, reasons for what was refused."""

    stored: int
    quarantined: int
    refused: list[str]
    duplicate: bool
