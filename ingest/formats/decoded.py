"""What a decoder gives back, in the sender's own words: nothing of it is resolved, converted or believed yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

SHANGHAI_MS = 8 * 3_600_000
# No decoder looks at a longer message, nor gives back more values of one.
LARGEST_BODY = 1_000_000
MOST_OBSERVED = 20_000


class Observed(msgspec.Struct, frozen=True, gc=False):
    """One value of one device.

    `device` is the sender's name of it, empty where the sender itself is the device; `t_ms` is the device's own time in ms UTC, None where
    it told none; `unit` is as written, None where none was. `historical` marks what the sender says it kept back: never a newest value.
    `quality` is the sender's own word on the value as a QARTOD flag, 0 where it said none or good: the stored flag is never better.
    """

    device: str
    channel: str
    t_ms: int | None
    value: float
    unit: str | None = None
    historical: bool = False
    quality: int = 0


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """A message's number among those of `stream`: a frame counter, a serial number. After `modulus - 1` comes `first`; 0 never wraps."""

    stream: str
    number: int
    modulus: int = 0
    first: int = 0


class Decoded(msgspec.Struct, frozen=True):
    """One message understood.

    `identity` tells a repeat of the message from another one, empty where the format has nothing of the kind; `skipped` says, for a person,
    what in it is no reading; `facts` holds what is no reading but worth showing (radio quality, battery, a station's class).
    """

    observed: tuple[Observed, ...]
    number: Numbered | None = None
    identity: str = ""
    skipped: tuple[str, ...] = ()
    facts: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Context:
    """What a decoder may know besides the message: when it came, and the zone of times that carry none (ms east of UTC)."""

    received_ms: int
    zone_ms: int = SHANGHAI_MS
    # The table of `mapping.py` for a feed in the format `mapping`.
    mapping: Any = None


# Raises BadInput for a message that is damaged or none of this format.
Decoder = Callable[[str, bytes, Context], Decoded]
