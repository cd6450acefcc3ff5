r"""A sealed plot-day: what every channel said on one day, in numbers, and a Merkle root over the raw readings behind them.

A reading as a leaf, every field of fixed length or with its length before it, integers big-endian:

    "suhe/reading/v1\n"
    length 2, device; length 2, channel; time (ms UTC) 8, signed; value 8, IEEE 754; number of the message it came in 8

Every value ever told for a time is a leaf, each once; quality flags are none of it, because they may be given anew by better rules. The
leaves stand by device, channel and time; several values for one time in the order in which they first came. The root is RFC 6962's over the
leaves of all channels, and each channel has the root over its own, so that a difference can be named.

The numbers are over good values only, one per time, the one received last.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput
from ingest.raw import RawSeries
from ingest.reading import FAIL, SUSPECT
from ingest.signatures import SignedMessage
from traceability.merkle import leaf_hash, tree_root

TAG = b"suhe/reading/v1\n"
LEAF_FORMAT = "suhe/reading/v1"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Days begin at midnight in Shanghai, which has been UTC+8 without summer time since 1992: every one has 24 hours.
ZONE_MS = 8 * HOUR_MS

SIGNED, PARTLY, RECEIVED = "signed", "partly signed", "as received"


@dataclass(frozen=True, slots=True)
class Measured:
    """A channel that a plot's day is told by: who measures it, through which gateway, and how often a value is due."""

    device: str
    channel: str
    unit: str
    gateway: str
    interval_s: int

    def __post_init__(self) -> None:
        if self.interval_s < 1:
            raise BadInput("this interval cannot be used", expected="1 second or more", got=f"{self.interval_s} s")


def encode_reading(device: str, channel: str, time_ms: int, value: float, seq: int) -> bytes:
    """Return a reading's leaf."""
    return _prefix(device, channel) + struct.pack(">qdq", time_ms, value, seq)


def leaves_of(series: RawSeries) -> list[bytes]:
    """Return the leaf hashes of a channel's readings, in the order of the series."""
    import numpy as np

    rows = np.empty(len(series), dtype=[("t", ">i8"), ("x", ">f8"), ("q", ">i8")])
    rows["t"], rows["x"], rows["q"] = series.times, series.values, series.seqs
    packed, prefix = rows.tobytes(), b"\x00" + _prefix(series.device, series.channel)
    sha256 = hashlib.sha256
    return [sha256(prefix + packed[k : k + 24]).digest() for k in range(0, len(packed), 24)]


@dataclass(frozen=True)
class ChannelDay:
    """A channel's day with the leaf hashes of its readings and the numbers of the signed messages they came in."""

    told: dict[str, Any]
    leaves: list[bytes]
    signed: frozenset[int]


def channel_day(measured: Measured, series: RawSeries | None, start_ms: int, signed: Mapping[int, SignedMessage]) -> ChannelDay:
    """Return a channel's day as it is sealed; `signed` holds the signed messages of its gateway by number."""
    leaves = leaves_of(series) if series is not None else []
    interval_ms = measured.interval_s * 1000
    # Only what is told of a channel decides what is computed: a verifier has nothing else.
    told: dict[str, Any] = {
        "device": measured.device, "channel": measured.channel, "unit": measured.unit, "gateway": measured.gateway,
        "interval": measured.interval_s, "readings": len(leaves), "root": tree_root(leaves).hex(),
        "expected": max(1, DAY_MS // interval_ms),
    }  # fmt: skip
    times: list[int] = []
    values: list[float] = []
    numbers: frozenset[int] = frozenset()
    suspect = fail = revised = by_gateway = 0
    if series is not None:
        good = series.counts & (series.flags < SUSPECT)
        times, values = series.times[good].tolist(), series.values[good].tolist()
        suspect = int((series.counts & (series.flags == SUSPECT)).sum())
        fail = int((series.counts & (series.flags >= FAIL)).sum())
        revised = int((~series.counts).sum())
        # A number alone would do, but a device may have come from another gateway, whose numbers are its own.
        came = [
            q for q, r in zip(series.seqs.tolist(), series.received.tolist(), strict=True) if q in signed and signed[q].received_ms == r
        ]
        by_gateway, numbers = len(came), frozenset(came)
    hours = {(t - start_ms) // HOUR_MS for t in times}
    filled = len({(t - start_ms) // interval_ms for t in times if (t - start_ms) // interval_ms < told["expected"]})
    told |= {
        "n": len(values), "suspect": suspect, "fail": fail, "revised": revised, "filled": filled,
        "complete": filled * 1000 // told["expected"], "missingHours": [h for h in range(24) if h not in hours], "signed": by_gateway,
    }  # fmt: skip
    if values:
        total = math.fsum(values)
        told |= {"min": min(values), "mean": total / len(values), "max": max(values), "sum": total}
    return ChannelDay(told, leaves, numbers)


def seal_fields(
    day: str,
    start_ms: int,
    channels: Sequence[ChannelDay],
    signed: Mapping[str, Mapping[int, SignedMessage]],
    supersedes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the fields of the statement that seals a plot-day; `signed` holds the signed messages by gateway and number."""
    ordered = sorted(channels, key=lambda c: (c.told["device"], c.told["channel"]))
    leaves = [leaf for c in ordered for leaf in c.leaves]
    gateways = []
    for gateway in sorted({c.told["gateway"] for c in ordered}):
        own = [c for c in ordered if c.told["gateway"] == gateway]
        numbers = sorted(frozenset().union(*(c.signed for c in own)))
        hashes = [leaf_hash(signed[gateway][n].message_hash) for n in numbers]
        keys = sorted({signed[gateway][n].key_id for n in numbers})
        gateways.append(
            {"gateway": gateway, "keys": keys, "messages": len(numbers), "messagesRoot": tree_root(hashes).hex(),
             "readings": sum(c.told["readings"] for c in own), "signed": sum(c.told["signed"] for c in own)}
        )  # fmt: skip
    fields: dict[str, Any] = {
        "day": day, "start": start_ms, "end": start_ms + DAY_MS, "leaf": LEAF_FORMAT, "readings": len(leaves),
        "root": tree_root(leaves).hex(), "channels": [c.told for c in ordered], "gateways": gateways,
    }  # fmt: skip
    return fields | ({"supersedes": dict(supersedes)} if supersedes else {})


def measured_in(told: Mapping[str, Any]) -> list[Measured]:
    """Return what a sealed day says it was told by. Raises BadInput where it is no sealed day."""
    try:
        return [
            Measured(str(c["device"]), str(c["channel"]), str(c["unit"]), str(c["gateway"]), int(c["interval"])) for c in told["channels"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput("this statement seals no day", expected="its channels", got=repr(error)[:80]) from error


def grade_of(channel: Mapping[str, Any]) -> str:
    """Return whether a sealed channel's readings came in messages their gateway signed: all of them, some, or none."""
    if channel["signed"] and channel["signed"] == channel["readings"]:
        return SIGNED
    return PARTLY if channel["signed"] else RECEIVED


@dataclass(frozen=True, slots=True)
class Difference:
    """One number of a seal that the raw readings do not give; `where` is a channel of a device, a gateway, or the day as a whole."""

    where: str
    what: str
    sealed: str
    found: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is sealed as {self.sealed}, the raw readings give {self.found}"


def differences(sealed: Mapping[str, Any], found: Mapping[str, Any]) -> list[Difference]:
    """Return every number in which a sealed day and one made anew from the raw readings differ, channels first."""
    told: list[Difference] = []
    for part, names in (("channels", ("device", "channel")), ("gateways", ("gateway",))):
        here, there = ({" ".join(str(x[n]) for n in names): x for x in side[part]} for side in (sealed, found))
        for where in sorted(here.keys() | there.keys()):
            told += _differing(where, here.get(where, {}), there.get(where, {}))
    rest = (sealed, found)
    whole = [{k: v for k, v in side.items() if k in ("start", "end", "leaf", "readings", "root")} for side in rest]
    return told + _differing("the day", *whole)


def day_start_ms(number: int) -> int:
    """Return when a day, a number of Shanghai days since 1970, begins."""
    return number * DAY_MS - ZONE_MS


def _differing(where: str, sealed: Mapping[str, Any], found: Mapping[str, Any]) -> list[Difference]:
    names = sorted(sealed.keys() | found.keys(), key=lambda k: (k != "readings", k))
    return [Difference(where, k, _short(sealed.get(k)), _short(found.get(k))) for k in names if sealed.get(k) != found.get(k)]


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _prefix(device: str, channel: str) -> bytes:
    d, c = device.encode(), channel.encode()
    return TAG + struct.pack(">H", len(d)) + d + struct.pack(">H", len(c)) + c
