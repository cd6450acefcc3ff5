"""A foreign sender's message becomes rows of the batch: decode, give names and units their meaning here, believe the clock or not.

What nobody has claimed goes to the quarantine with the whole message, what cannot be read to the dead letters. A sender speaks only for
devices bound to its feed's gateway, whatever names stand in its payload.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from ingest.channels import CHANNELS
from ingest.clocks import believable
from ingest.formats.decoded import Context, Decoded, Decoder, Observed
from ingest.formats.names import meaning, stored_as
from ingest.identities import MOST_IDENTITIES, identity_of
from ingest.payloads import ReadingIn
from ingest.quarantine import CLOCK, DEVICE, STATION, Held
from ingest.runs import Noted
from ingest.units import conversion, unit_code
from registry.feeds import LONGEST_NAME, Feed, FeedBook

if TYPE_CHECKING:
    from ingest.batch import Batch
    from ingest.sparkplug.feeds import SparkplugFeeds

LARGEST_FOREIGN = 1_000_000
MOST_OBSERVED = 20_000
_MOST_RESOLVED = 50_000
# Formats whose senders do not send again what got lost.
_NEVER_AGAIN = frozenset(("chirpstack-v4", "tts-v3", "sparkplug-b"))
_SPARKPLUG, _STATES = "sparkplug-b", "spBv1.0/STATE/"

# The sender's device, channel and unit -> our device and channel, factor, offset and unit.
_Resolved = tuple[str, str, float, float, str | None]


class Feeds(Protocol):
    """Who knows the foreign senders."""

    def feeds(self, *, again: bool = False) -> FeedBook:
        """Return every feed with its names; the same object as long as nothing changed. `again`: something was not in it."""
        ...


class NoFeeds:
    """Nobody foreign sends here."""

    def feeds(self, *, again: bool = False) -> FeedBook:  # noqa: ARG002
        """Return an empty book."""
        return FeedBook()


class Rows(Protocol):
    """What an intake offers: rows under our own names."""

    def take_rows(
        self,
        gateway: str,
        readings: Sequence[ReadingIn],
        shifts: Sequence[int | None] | None,
        seq: int,
        received_ms: int,
        batch: Batch,
        qualities: Sequence[int] = (),
    ) -> dict[tuple[str, str, str | None], str]:
        """Put readings into the batch; return the reason for each name that is refused."""
        ...

    def unit_of(self, device: str, channel: str) -> str | None:
        """Return the unit a series is kept in, None for one never met."""
        ...

    def speaks_for(self, gateway: str, device: str) -> bool:
        """Tell whether a device is bound to a gateway."""
        ...

    def county_of(self, gateway: str) -> str | None:
        """Return the county of a gateway that may deliver, None for one that is not registered or was shut out."""
        ...

    def identities_of(self, feed: str) -> list[bytes]:
        """Return by what repeats of a feed's messages on disk are known, oldest first."""
        ...


@dataclass(slots=True)
class Taken:
    """What became of one message: readings stored and held back in quarantine, and reasons for what was refused."""

    stored: int = 0
    quarantined: int = 0
    refused: list[str] = field(default_factory=list)
    duplicate: bool = False


@dataclass(slots=True)
class _Sender:
    """What is remembered of one feed."""

    decoder: Decoder
    mapping: object = None
    resolved: dict[tuple[str, str, str | None], _Resolved | str] = field(default_factory=dict)
    # Which of a sender's names a channel of ours was given to by itself.
    given: dict[tuple[str, str], str] = field(default_factory=dict)
    identities: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Foreign:
    """Takes foreign messages into batches. The intake's thread uses it."""

    def __init__(self, rows: Rows, feeds: Feeds, decoders: Callable[[Feed], tuple[Decoder, object]] | None = None) -> None:
        self._rows = rows
        self._feeds = feeds
        self._decoders = decoders or decoder_of
        self._book = FeedBook()
        self._senders: dict[str, _Sender] = {}
        self._topics: dict[str, Feed | None] = {}
        # Where somebody listens all the time, Sparkplug's births are remembered; elsewhere its messages are read one by one.
        self.sparkplug: SparkplugFeeds | None = None

    def take_topic(self, topic: str, body: bytes, received_ms: int, batch: Batch) -> None:
        """Take one message by its topic; one that no feed takes becomes a dead letter."""
        self._look()
        if topic.startswith(_STATES):
            if self.sparkplug is not None:
                self.sparkplug.take_state(topic, body, batch)
            return
        if self._topics.get(topic) is None:
            self._look(again=True)
            if len(self._topics) > _MOST_RESOLVED:
                self._topics.clear()
            self._topics[topic] = self._book.of_topic(topic)
        feed = self._topics[topic]
        if feed is None:
            batch.size += len(body)
            batch.dead.append((received_ms, "", topic[:200], "no feed takes this topic", body))
            return
        self.take(feed, topic, body, received_ms, batch)

    def take(
        self, feed: Feed, topic: str, body: bytes, received_ms: int, batch: Batch, *, only: str | None = None, at_receipt: bool = False
    ) -> Taken:
        """Take one message of a feed. Never raises for what it holds.

        `only` is for one that was in quarantine: it is taken for that device alone, and is no duplicate. `at_receipt`: its values are
        filed under when it was received.
        """
        self._look()
        again = only is not None
        batch.size += len(body)
        taken = Taken()
        try:
            sender = self._sender(feed)
            if len(body) > LARGEST_FOREIGN:
                raise BadInput("a message is too long", expected=f"at most {LARGEST_FOREIGN} bytes", got=str(len(body)))
            county = self._rows.county_of(feed.gateway)
            if county is None:
                raise BadInput("the gateway of this feed may not deliver", got=feed.gateway, todo="suhe user gateway --rotate")
            if self.sparkplug is not None and feed.format == _SPARKPLUG and not again:
                batch.counties[feed.gateway], batch.last_received[feed.gateway] = county, received_ms
                taken.stored, taken.quarantined, taken.refused = self.sparkplug.take(feed, topic, body, received_ms, batch)
                return taken
            decoded = sender.decoder(topic, body, Context(received_ms, feed.zone_ms, sender.mapping))
            if len(decoded.observed) > MOST_OBSERVED:
                raise BadInput("a message holds too many values", expected=f"at most {MOST_OBSERVED}", got=str(len(decoded.observed)))
        except BadInput as error:
            taken.refused.append(error.explain())
            batch.damaged[feed.id] = batch.damaged.get(feed.id, 0) + 1
            batch.dead.append((received_ms, feed.gateway, topic[:200], error.explain(), body))
            return taken
        batch.counties[feed.gateway], batch.last_received[feed.gateway] = county, received_ms
        if decoded.identity and not again:
            identity = identity_of(decoded.identity)
            if identity in sender.identities:
                taken.duplicate = True
                batch.duplicates[feed.gateway] = batch.duplicates.get(feed.gateway, 0) + 1
                return taken
            sender.identities[identity] = None
            batch.identities.append((feed.id, identity))
            if len(sender.identities) > MOST_IDENTITIES:
                sender.identities.popitem(last=False)
        if decoded.number is not None and not again:
            restart, resends = bool(decoded.facts.get("restart")), feed.format not in _NEVER_AGAIN
            batch.noted.append(Noted(feed.gateway, decoded.number, received_ms, restart, resends))
        observed = decoded.observed if only is None else [one for one in decoded.observed if one.device == only]
        number = decoded.number.number if decoded.number is not None else 0
        return self.take_observed(feed, observed, topic, body, received_ms, batch, number=number, at_receipt=at_receipt)

    def take_observed(
        self,
        feed: Feed,
        observed: Sequence[Observed],
        topic: str,
        body: bytes,
        received_ms: int,
        batch: Batch,
        *,
        number: int = 0,
        at_receipt: bool = False,
    ) -> Taken:
        """Take what a message told, under the names and units it has here; the message itself goes where a part of it must wait."""
        taken, sender = Taken(), self._sender(feed)
        readings: list[ReadingIn] = []
        shifts: list[int | None] = []
        qualities: list[int] = []
        held: dict[tuple[str, str], dict[str, tuple[float, str | None]]] = {}
        why: dict[str, int] = {}
        for one in observed:
            if len(one.device) > LONGEST_NAME or not one.device.isprintable():
                why["a device's name cannot be shown"] = why.get("a device's name cannot be shown", 0) + 1
                continue
            found = self._resolve(feed, sender, one)
            kind = "" if found is not None else STATION if feed.station else DEVICE
            if not kind and not at_receipt and not believable(one.t_ms, received_ms):
                kind = CLOCK
            if kind:
                channels = held.setdefault((kind, one.device), {})
                channels[one.channel[:64]] = (one.value if math.isfinite(one.value) else 0.0, one.unit)
                taken.quarantined += 1
            elif isinstance(found, str):
                if found:
                    why[found] = why.get(found, 0) + 1
            elif found is not None:
                device, channel, factor, offset, unit = found
                value = _converted(one.value, factor, offset)
                if not math.isfinite(value):
                    why[f"{device} {channel} is no finite number"] = 1
                    continue
                best = received_ms if one.t_ms is None or at_receipt else one.t_ms
                readings.append(ReadingIn(device, channel, best, value, unit))
                shifts.append(None if one.t_ms is None else one.t_ms - best)
                qualities.append(one.quality)
        if readings:
            wrong = self._rows.take_rows(feed.gateway, readings, shifts, number, received_ms, batch, qualities)
            for key, reason in wrong.items():
                why[reason] = sum((r.d, r.c, r.u) == key for r in readings)
            taken.stored = sum((r.d, r.c, r.u) not in wrong for r in readings)
        if not taken.stored:
            # Heard of all the same.
            batch.unnumbered[feed.gateway] = batch.unnumbered.get(feed.gateway, 0) + 1
        for (kind, name), channels in held.items():
            batch.held.append(Held(kind, feed.id, feed.gateway, name, topic, body, received_ms, channels))
        if why:
            taken.refused += list(why)
            told = f"{sum(why.values())} of {len(observed)} values: " + "; ".join(list(why)[:3]) + (" ..." if len(why) > 3 else "")
            batch.dead.append((received_ms, feed.gateway, topic[:200], told, body))
        return taken

    def feed(self, feed_id: str) -> Feed | None:
        """Return a feed as it is known at present."""
        self._look()
        return self._book.feed(feed_id)

    def station(self, number: str, format_name: str) -> Feed | None:
        """Return the feed of a TCP station."""
        self._look()
        return self._book.of_station(number, format_name)

    def knows(self, feed_id: str, name: str) -> bool:
        """Tell whether a sender's name of a device means one of ours."""
        feed = self.feed(feed_id)
        return feed is not None and self._device(feed, name) is not None

    def forget(self, batch: Batch) -> None:
        """Take back what was noted of a batch that was given up, so that its repeat is stored."""
        for feed_id, identity in batch.identities:
            if feed_id in self._senders:
                self._senders[feed_id].identities.pop(identity, None)

    def _resolve(self, feed: Feed, sender: _Sender, one: Observed) -> _Resolved | str | None:
        """Return what a value's names mean here, the reason why it is refused (empty: nobody wants it), or None for an unknown device."""
        key = (one.device, one.channel, one.unit)
        known = sender.resolved.get(key)
        if known is not None:
            return known
        device = self._device(feed, one.device)
        if device is None:
            # It may have been named a moment ago.
            self._look(again=True)
            device = self._device(feed, one.device)
        if device is None:
            return None
        found = self._channel(feed, sender, device, one)
        if len(sender.resolved) > _MOST_RESOLVED:
            sender.resolved.clear()
            sender.given.clear()
        sender.resolved[key] = found
        return found

    def _device(self, feed: Feed, name: str) -> str | None:
        """Return the device a name means: the one it was given to, or the one of this very id behind the feed's gateway."""
        device = self._book.device(feed.id, name)
        if device is None and ID_PATTERN.match(name) and self._rows.speaks_for(feed.gateway, name):
            device = name
        return device

    def _channel(self, feed: Feed, sender: _Sender, device: str, one: Observed) -> _Resolved | str:
        """Return device, channel, factor, offset and unit for a value, or the reason why it cannot be taken."""
        named = self._book.channel(feed.id, device, one.channel)
        scale, shift, unit, channel = 1.0, 0.0, one.unit, ""
        if named is not None:
            if not named.channel:
                return ""
            channel, scale, shift, unit = named.channel, named.scale, named.offset, named.unit or one.unit
        else:
            # Two sensors in one channel would look like corrections of each other.
            usual = meaning(feed.format, one.channel)
            own = usual is not None and (
                self._is_named(feed, device, usual.channel) or sender.given.setdefault((device, usual.channel), one.channel) != one.channel
            )
            channel, scale, shift, unit = stored_as(feed.format, one.channel, one.unit, own_name=own)
        wanted = self._rows.unit_of(device, channel)
        if wanted is None:
            wanted = CHANNELS[channel].unit if channel in CHANNELS else ((unit_code(unit) or unit)[:32] if unit else "")
        try:
            factor, offset = conversion(unit, wanted) if unit else (1.0, 0.0)
        except BadInput as error:
            return f"{device} {channel}: {error.explain()}"
        return device, channel, scale * factor, shift * factor + offset, wanted or None

    def _is_named(self, feed: Feed, device: str, channel: str) -> bool:
        """Tell whether a name was given to a channel of a device: a well-known name is not that channel then."""
        return any(c.feed == feed.id and c.device in ("", device) and c.channel == channel for c in self._book.channels)

    def _look(self, *, again: bool = False) -> None:
        book = self._feeds.feeds(again=again)
        if book is not self._book:
            self._book = book
            self._topics.clear()
            kept = self._senders
            self._senders = {}
            for feed in book.feeds:
                if feed.id in kept:
                    # Names may mean something else now; what was seen was seen all the same.
                    kept[feed.id].resolved.clear()
                    kept[feed.id].given.clear()
                    kept[feed.id].decoder, kept[feed.id].mapping = self._decoders_or_none(feed)
                    self._senders[feed.id] = kept[feed.id]

    def _decoders_or_none(self, feed: Feed) -> tuple[Decoder, object]:
        try:
            return self._decoders(feed)
        except BadInput as error:
            return _refusing(error), None

    def _sender(self, feed: Feed) -> _Sender:
        found = self._senders.get(feed.id)
        if found is None:
            found = self._senders[feed.id] = _Sender(*self._decoders_or_none(feed))
            found.identities.update(dict.fromkeys(self._rows.identities_of(feed.id)))
        return found


def _converted(value: float, factor: float, offset: float) -> float:
    """Return a value in our unit; 0.412 m are 41.2 cm and not 41.199999999999996."""
    return value if factor == 1.0 and offset == 0.0 else float(f"{value * factor + offset:.12g}")


def decoder_of(feed: Feed) -> tuple[Decoder, object]:
    """Return the decoder of a feed's format and its mapping table; raise BadInput where one is none."""
    from ingest.formats.catalog import format_named
    from ingest.formats.mapping_file import read_table

    table = read_table(feed.mapping, f"the mapping of {feed.id}") if feed.format == "mapping" else None
    return format_named(feed.format).decoder(), table


def _refusing(error: BadInput) -> Decoder:
    def refuse(topic: str, body: bytes, context: Context) -> Decoded:  # noqa: ARG001
        raise error

    return refuse
