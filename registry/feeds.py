"""Feeds: what a foreign sender is to us, and what its names of devices and channels mean here.

A feed's messages count as one gateway's. Which messages they are tells its topic filter (MQTT), its station number (TCP), or the
address they were posted to (HTTP).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from foundation.errors import BadInput
from foundation.ids import check_id

SHANGHAI_MS = 8 * 3_600_000
MOST_LEVELS = 12
LONGEST_NAME = 128
LARGEST_MAPPING = 64 * 1024
OURS = "suhe/v1/#"
_FORMAT = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z")
_STATION = re.compile(r"[A-Za-z0-9]{1,32}\Z")
_HASH = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Feed:
    """A foreign sender: messages in `format` on the filter `topic`, from TCP station `station`, or posted to it, are `gateway`'s.

    `mapping` is the text of a mapping file, for the format of that name; `zone_ms` lies between UTC and times that carry no zone (ms
    east); `secret_hash` is the SHA-256 of what the sender proves itself with where it cannot sign in as the gateway.
    """

    id: str
    gateway: str
    format: str
    topic: str = ""
    station: str = ""
    mapping: str = ""
    zone_ms: int = SHANGHAI_MS
    secret_hash: str = ""

    def __post_init__(self) -> None:
        check_id(self.id, "feed id")
        check_id(self.gateway, "gateway id")
        if not _FORMAT.match(self.format):
            raise BadInput("this is no name of a format", expected="such as chirpstack", got=repr(self.format[:40]))
        if self.topic:
            check_filter(self.topic)
        if self.station and not _STATION.match(self.station):
            raise BadInput("this is no station number", expected="1 to 32 letters and digits", got=repr(self.station[:40]))
        if self.topic and self.station:
            raise BadInput("a feed is a topic's or a station's, not both", got=f"{self.topic[:60]}, {self.station}")
        if len(self.mapping.encode(errors="replace")) > LARGEST_MAPPING or "\x00" in self.mapping:
            raise BadInput("this mapping cannot be kept", expected=f"a text of at most {LARGEST_MAPPING} bytes")
        if abs(self.zone_ms) > 14 * 3_600_000 or self.zone_ms % 60_000:
            raise BadInput("this is no zone", expected="whole minutes, at most 14 hours east or west of UTC", got=f"{self.zone_ms} ms")
        if self.secret_hash and not _HASH.match(self.secret_hash):
            raise BadInput("this is no SHA-256 of a secret", expected="64 hex digits")


@dataclass(frozen=True, slots=True)
class DeviceName:
    """A sender's name of a device, empty where the sender is the device itself, and the device of ours it means."""

    feed: str
    name: str
    device: str

    def __post_init__(self) -> None:
        check_id(self.feed, "feed id")
        check_foreign_name(self.name, "name of a device", empty=True)
        check_id(self.device, "device id")


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A sender's name of a channel, of one of our devices or (empty) of all, and the channel of ours it means, empty for none at all.

    The value times `scale` plus `offset` is in `unit`; where `unit` is None it is in the unit the message tells.
    """

    feed: str
    device: str
    name: str
    channel: str
    unit: str | None = None
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        check_id(self.feed, "feed id")
        if self.device:
            check_id(self.device, "device id")
        check_foreign_name(self.name, "name of a channel")
        if self.channel:
            check_id(self.channel, "channel code")
        if self.unit is not None:
            check_foreign_name(self.unit, "unit")
        if not (math.isfinite(self.scale) and math.isfinite(self.offset)) or self.scale == 0:
            raise BadInput(
                "this scale cannot be used", expected="finite numbers, a scale that is not 0", got=f"{self.scale}, {self.offset}"
            )


@dataclass(frozen=True)
class FeedBook:
    """Every feed with its names at one moment; built once, asked at every message. `edition` differs where the content does."""

    feeds: tuple[Feed, ...] = ()
    devices: tuple[DeviceName, ...] = ()
    channels: tuple[ChannelName, ...] = ()
    edition: int = 0
    _by_id: dict[str, Feed] = field(default_factory=dict, repr=False, compare=False)
    _device: dict[tuple[str, str], str] = field(default_factory=dict, repr=False, compare=False)
    _channel: dict[tuple[str, str, str], ChannelName] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._by_id.update({f.id: f for f in self.feeds})
        self._device.update({(d.feed, d.name): d.device for d in self.devices})
        self._channel.update({(c.feed, c.device, c.name): c for c in self.channels})
        object.__setattr__(self, "edition", hash((self.feeds, self.devices, self.channels)))

    def feed(self, feed_id: str) -> Feed | None:
        """Return a feed by its id."""
        return self._by_id.get(feed_id)

    def of_topic(self, topic: str) -> Feed | None:
        """Return the feed whose filter takes this topic: one at most, because filters do not overlap."""
        return next((f for f in self.feeds if f.topic and matches(f.topic, topic)), None)

    def of_station(self, station: str, format_name: str) -> Feed | None:
        """Return the feed of a TCP station by the number in its frames."""
        return next((f for f in self.feeds if f.station == station and f.format == format_name), None)

    def device(self, feed_id: str, name: str) -> str | None:
        """Return the device of ours behind a sender's name, None where none was given."""
        return self._device.get((feed_id, name))

    def channel(self, feed_id: str, device: str, name: str) -> ChannelName | None:
        """Return what a sender's channel of a device means: its own entry, else the one for all devices, else None."""
        return self._channel.get((feed_id, device, name)) or self._channel.get((feed_id, "", name))


def check_filter(topic: str) -> str:
    """Return `topic` if it may be a feed's MQTT filter: wildcards where MQTT has them, nothing of ours and nothing of the broker's."""
    levels = topic.split("/")
    right = (
        len(topic) <= 200
        and len(levels) <= MOST_LEVELS
        and topic.isprintable()
        and " " not in topic
        and all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels)
        and "#" not in levels[:-1]
        and not topic.startswith("$")
    )
    if not right:
        raise BadInput(
            "this topic filter cannot be used",
            expected=f"at most {MOST_LEVELS} levels without blanks; + for one whole level, # for the rest at the end; no $",
            got=repr(topic[:80]),
        )
    if overlap(topic, OURS) or levels[0] in ("+", "#"):
        raise BadInput("this topic filter takes in messages that are not the sender's", expected="a first level of its own", got=topic[:80])
    return topic


def check_foreign_name(value: str, what: str, *, empty: bool = False) -> str:
    """Return a sender's own word if it can be shown and kept: any visible characters."""
    if not (value or empty) or len(value) > LONGEST_NAME or not value.isprintable():
        raise BadInput(f"this {what} cannot be used", expected=f"at most {LONGEST_NAME} visible characters", got=repr(value[:40]))
    return value


def overlap(one: str, other: str) -> bool:
    """Tell whether some topic is taken by both filters."""
    a, b = one.split("/"), other.split("/")
    for k in range(max(len(a), len(b))):
        # `a/#` takes in `a` as well.
        here, there = a[k] if k < len(a) else None, b[k] if k < len(b) else None
        if here == "#" or there == "#":
            return True
        if here is None or there is None or (here != there and "+" not in (here, there)):
            return False
    return True


def matches(topic_filter: str, topic: str) -> bool:
    """Tell whether a filter takes a topic."""
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for k, want in enumerate(wanted):
        if want == "#":
            return True
        if k >= len(levels) or want not in ("+", levels[k]):
            return False
    return len(wanted) == len(levels)
