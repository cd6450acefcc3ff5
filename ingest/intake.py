"""From a message to rows of the open batch: decode, know duplicates, refuse with a reason. No I/O but for names never seen before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from foundation.log import get_logger
from ingest.batch import Batch
from ingest.bulk import take_ordinary
from ingest.catalog import Catalog, Series
from ingest.channels import CHANNELS
from ingest.foreign import Feeds, Foreign, NoFeeds
from ingest.identities import identities
from ingest.payloads import LARGEST_MESSAGE, NO_NUMBER, ReadingIn, Refused, Up, decode_up, sequence_in
from ingest.quarantine import DEVICE, GATEWAY, Held, sample
from ingest.receiver import Message
from ingest.reuse import Doubt
from ingest.sequences import Sequences
from ingest.signatures import GatewayKeys, Key, NoKeys, SignedMessage, check_signature
from ingest.states import decode_state
from ingest.topics import PREFIX, STATE_END, parse_topic, up_topic

# How long an answer of the directory is believed: a gateway or device taken away is refused after this.
BELIEVE_S = 5.0
_OURS = f"{PREFIX}/"


class Directory(Protocol):
    """What ingest asks of the registry."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of a gateway that may deliver, or None."""
        ...

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether a gateway speaks for a device."""
        ...


class Watcher(Protocol):
    """Who must know of every series: quality control."""

    def watch(self, sid: int, county: str, device: str, channel: str) -> None:
        """Take a series in."""
        ...


class Source:
    """One gateway as its topic names it: its stored numbers, and the series it may write."""

    __slots__ = ("at", "believed_until", "county", "gateway", "key", "sids", "stored")

    def __init__(self, gateway: str, stored: Sequences) -> None:
        self.gateway = gateway
        self.stored = stored
        self.county: str | None = None
        self.key: Key | None = None
        self.sids: dict[tuple[str, str, str | None], int] = {}
        self.believed_until = 0.0
        # Where `bulk` keeps its place while it looks at many messages: the last number.
        self.at = 0


class Intake:
    """Takes messages into batches. One thread uses it."""

    def __init__(
        self,
        catalog: Catalog,
        directory: Directory,
        watcher: Watcher,
        *,
        keys: GatewayKeys | None = None,
        feeds: Feeds | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.catalog = catalog
        self._directory = directory
        self._keys: GatewayKeys = keys or NoKeys()
        self._watcher = watcher
        self._monotonic = monotonic
        self._now = monotonic()
        self._seen = catalog.changed_by_others()
        self._sources: dict[str, Source] = {}
        self._series: dict[tuple[str, str], Series] = {}
        self._remember(catalog.series())
        self.foreign = Foreign(self, feeds or NoFeeds())
        self.reclaimed: set[tuple[int, int]] = set()

    def refresh(self) -> None:
        """Look at the time, and take in what other writers have stored since; called between batches."""
        self._now = self._monotonic()
        seen = self.catalog.changed_by_others()
        if seen != self._seen:
            self._seen = seen
            stored = self.catalog.sequences()
            for source in self._sources.values():
                for first, last in stored.get(source.gateway, ()):
                    source.stored.add_range(first, last)

    def forget(self, batch: Batch) -> None:
        """Take back what `take` noted of a batch that was given up, so that its redelivery is stored."""
        for source in self._sources.values():
            if source.gateway in batch.new:
                source.stored = Sequences(self.catalog.sequences(source.gateway).get(source.gateway, ()))
        self.foreign.forget(batch)
        self.reclaimed.difference_update(batch.released)

    def take_many(self, messages: Sequence[Message], received_ms: int, batch: Batch) -> None:
        """Take messages into the batch: those in order together, the others one by one as `take` does. Never raises for what they hold."""
        find, now = self._sources.get, self._now
        topics, bodies, _ = zip(*messages, strict=True)
        sources = list(map(find, topics))
        if any(source is not None and now > source.believed_until for source in set(sources)):
            for topic in {t for t, s in zip(topics, sources, strict=True) if s is not None and now > s.believed_until}:
                self._look_up(topic)
        try:
            left: Iterable[int] = take_ordinary(sources, bodies, received_ms, batch)
        except Exception:  # noqa: BLE001 - none of them was taken: whatever it was, it is found again with the one that brought it
            get_logger(__name__).exception("messages could not be taken together")
            left = range(len(messages))
        for at in left:
            topic, body, _ = messages[at]
            try:
                self.take(topic, body, received_ms, batch)
            except Exception as error:  # noqa: BLE001 - a message must not be able to stop the loop, whatever it is
                # Kept, but not answered: the gateway keeps its own and sends it again when this is mended.
                get_logger(__name__).exception("a message could not be taken", topic=topic[:200])
                why = f"it could not be taken: {type(error).__name__}: {error}"[:300]
                batch.dead.append((received_ms, "", topic[:200], why, body))

    def take(self, topic: str, body: bytes, received_ms: int, batch: Batch) -> None:
        """Take one message into the batch: as rows, as a duplicate, or as a dead letter. Never raises for what a message holds."""
        source = self._sources.get(topic)
        if source is None or self._now > source.believed_until:
            if not topic.startswith(_OURS):
                self.foreign.take_topic(topic, body, received_ms, batch)
                return
            try:
                if topic.endswith(STATE_END):
                    # Retained: the broker repeats it at every subscription. It is no reading, and nobody waits for an answer.
                    gateway = parse_topic(topic).gateway
                    if self._directory.gateway_county(gateway) is not None:
                        batch.states[gateway] = (received_ms, decode_state(body))
                    return
                source = self._look_up(topic)
            except BadInput as error:
                batch.dead.append((received_ms, "", topic[:200], str(error), body))
                return
        batch.size += len(body)
        if source.county is None and len(body) <= LARGEST_MESSAGE:
            # Told why, but neither acknowledged nor refused: the gateway keeps its own until somebody has registered it.
            why = "this gateway is not registered; what it sends waits in quarantine, and it should keep it until somebody registers it"
            batch.refused[source.gateway] = [Refused(NO_NUMBER, why)]
            batch.held.append(Held(GATEWAY, "", source.gateway, source.gateway, topic, body, received_ms, sample(body)))
            return
        try:
            if len(body) > LARGEST_MESSAGE:
                raise BadInput("a message is too long", expected=f"at most {LARGEST_MESSAGE} bytes", got=str(len(body)))
            if source.county is None:
                raise BadInput("this gateway is not registered", got=source.gateway, todo="register it, then send again")
            up = decode_up(body)
        except BadInput as error:
            self._refuse(source, topic, body, received_ms, batch, str(error), sequence_in(body))
            return
        if up.seq <= source.stored.last and up.seq in source.stored:
            batch.add_known(source.gateway, source.county, up.seq, received_ms)
            wrong = self._resolve(source, up.readings, batch)
            known = tuple((source.sids[r.d, r.c, r.u], r.t, r.x) for r in up.readings if (r.d, r.c, r.u) not in wrong)
            batch.doubts.append(Doubt(source.gateway, up.seq, topic, body, received_ms, known, source.key is not None))
            if up.gone:
                _give_up(source.gateway, up, batch)
            return
        # Where no key is registered there is nothing to check a signature against, and a message of one reading pays nothing.
        signed = None
        if source.key is not None:
            try:
                signed = self._check(source.key, source.gateway, up, received_ms, batch)
            except BadInput as error:
                self._refuse(source, topic, body, received_ms, batch, str(error), up.seq)
                return
        if up.gone:
            _give_up(source.gateway, up, batch)
        if self._rows(source, up, topic, body, received_ms, batch) and signed is not None:
            batch.signed.append(signed)

    def take_unnumbered(
        self, gateway: str, readings: Sequence[ReadingIn], seq: int, received_ms: int, batch: Batch
    ) -> dict[tuple[str, str, str | None], str]:
        """Take readings that came without a message number of the gateway's; return the reason for each name that is refused.

        Nothing tells a repeat from a new message here. That changes no answer: the same value for the same time is the same reading.
        """
        return self.take_rows(gateway, readings, None, seq, received_ms, batch)

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
        """Put readings under our own names into the batch; return the reason for each name that is refused.

        `shifts` holds, for each, the device's own time less the one given, None where it told none; left out, all are 0. `qualities` holds
        what the sender said of each value, 0 for nothing.
        """
        topic = up_topic(gateway)
        source = self._sources.get(topic)
        if source is None or self._now > source.believed_until:
            source = self._look_up(topic)
        if source.county is None:
            return {(r.d, r.c, r.u): f"gateway {gateway} is not registered" for r in readings}
        wrong = self._resolve(source, readings, batch)
        good = [r for r in readings if (r.d, r.c, r.u) not in wrong] if wrong else readings
        if good:
            if shifts is not None:
                kept = [k for k, r in enumerate(readings) if not wrong or (r.d, r.c, r.u) not in wrong]
                batch.shifts.update((row, shifts[k]) for row, k in enumerate(kept, len(batch.sids)) if shifts[k] != 0)
                if any(qualities):
                    batch.syntax.update((row, qualities[k]) for row, k in enumerate(kept, len(batch.sids)) if qualities[k])
            batch.sids += [source.sids[r.d, r.c, r.u] for r in good]
            batch.times += [r.t for r in good]
            batch.values += [r.x for r in good]
            batch.seqs += [seq] * len(good)
            batch.received += [received_ms] * len(good)
            batch.unnumbered[gateway] = batch.unnumbered.get(gateway, 0) + 1
            batch.readings[gateway] = batch.readings.get(gateway, 0) + len(good)
            batch.counties[gateway], batch.last_received[gateway] = source.county, received_ms
        return wrong

    def unit_of(self, device: str, channel: str) -> str | None:
        """Return the unit a series is kept in, None for one never met."""
        known = self._series.get((device, channel))
        return known.unit if known is not None else None

    def speaks_for(self, gateway: str, device: str) -> bool:
        """Tell whether a device is bound to a gateway."""
        return self._directory.device_allowed(gateway, device)

    def county_of(self, gateway: str) -> str | None:
        """Return the county of a gateway that may deliver, None for one that is not registered or was shut out."""
        return self._directory.gateway_county(gateway)

    def identities_of(self, feed: str) -> list[bytes]:
        """Return by what repeats of a feed's messages on disk are known, oldest first."""
        return identities(self.catalog, feed)

    def _check(self, key: Key, gateway: str, up: Up, received_ms: int, batch: Batch) -> SignedMessage | None:
        """Return what is kept of a fitting signature, None where there is none or it does not fit and need not."""
        signed = check_signature(gateway, up, key, received_ms)
        if signed is None and key.must_sign:
            raise BadInput(
                "this message is not signed" if up.sig is None else "the signature does not fit this message",
                expected=f"base64 of the Ed25519 signature of key {key.id} over the RFC 8785 bytes of the message without sig",
                todo="register the gateway's present key, or let it go unsigned: suhe user gateway-key",
            )
        if signed is None and up.sig is not None:
            batch.ill_signed[gateway] = batch.ill_signed.get(gateway, 0) + 1
        return signed

    def _rows(self, source: Source, up: Up, topic: str, body: bytes, received_ms: int, batch: Batch) -> bool:
        """Put a message's readings into the batch; tell whether all of them were in order."""
        readings, whole = up.readings, True
        find = source.sids.get
        sids = [find((r.d, r.c, r.u)) for r in readings]
        if None in sids:
            wrong = self._resolve(source, readings, batch)
            if wrong:
                # What is in order is stored; the message is kept whole beside its reason, so that nothing is lost by a wrong list.
                whys = list(dict.fromkeys(wrong.values()))
                bad = sum((r.d, r.c, r.u) in wrong for r in readings)
                why = f"{bad} of {len(readings)} readings: " + "; ".join(whys[:3]) + (" ..." if len(whys) > 3 else "")
                readings = [r for r in readings if (r.d, r.c, r.u) not in wrong]
                self._refuse(source, topic, body, received_ms, batch, why, up.seq, whole=not readings)
                for device in {d for d, _, _ in wrong if ID_PATTERN.match(d) and not self.speaks_for(source.gateway, d)}:
                    batch.held.append(Held(DEVICE, "", source.gateway, device, topic, body, received_ms, sample(body, device)))
                whole = False
                if not readings:
                    return False
            sids = [find((r.d, r.c, r.u)) for r in readings]
        source.stored.add(up.seq)
        batch.sids += sids  # type: ignore[arg-type]
        batch.times += [r.t for r in readings]
        batch.values += [r.x for r in readings]
        batch.seqs += [up.seq] * len(readings)
        batch.received += [received_ms] * len(readings)
        batch.add_new(source.gateway, source.county or "", up.seq, up.seq, len(readings), received_ms)
        return whole

    def _refuse(
        self, source: Source, topic: str, body: bytes, received_ms: int, batch: Batch, why: str, seq: int | None, *, whole: bool = True
    ) -> None:
        batch.dead.append((received_ms, source.gateway, topic, why, body))
        if seq is not None:
            batch.refused.setdefault(source.gateway, []).append(Refused(seq, why[:500]))
            if whole and seq not in source.stored:
                batch.refused_whole.append((source.gateway, seq))

    def _look_up(self, topic: str) -> Source:
        source = self._sources.get(topic)
        if source is None:
            gateway = parse_topic(topic).gateway
            source = Source(gateway, Sequences(self.catalog.sequences(gateway).get(gateway, ())))
            self._sources[topic] = source
        source.county = self._directory.gateway_county(source.gateway)
        source.key = self._keys.gateway_key(source.gateway)
        allowed = {device: self._directory.device_allowed(source.gateway, device) for device in {d for d, _, _ in source.sids}}
        if not all(allowed.values()):
            source.sids = {key: sid for key, sid in source.sids.items() if allowed[key[0]]}
        # One that is not registered is asked for again at once: it may be on its way into the registry.
        source.believed_until = self._now + (BELIEVE_S if source.county is not None else 0.0)
        return source

    def _resolve(self, source: Source, readings: Sequence[ReadingIn], batch: Batch) -> dict[tuple[str, str, str | None], str]:
        """Find the series of names not met lately, adding those never met; return the reason for each that is refused."""
        asked = {(r.d, r.c, r.u) for r in readings if (r.d, r.c, r.u) not in source.sids}
        wrong: dict[tuple[str, str, str | None], str] = {}
        allowed: dict[str, bool] = {}
        new: dict[tuple[str, str], str] = {}
        for key in sorted(asked, key=lambda k: (k[0], k[1], k[2] or "")):
            device, channel, unit = key
            if not ID_PATTERN.match(device) or not ID_PATTERN.match(channel):
                wrong[key] = f"{(device + ' ' + channel)[:60]!r} is no name of ours"
                continue
            if device not in allowed:
                allowed[device] = self._directory.device_allowed(source.gateway, device)
            known = self._series.get((device, channel))
            registered = (
                known.unit if known else new.get((device, channel)) or (CHANNELS[channel].unit if channel in CHANNELS else unit or "")
            )
            if not allowed[device]:
                wrong[key] = f"device {device} is not registered for this gateway"
            elif unit is not None and not unit.isprintable():
                wrong[key] = f"unit of {device} {channel} cannot be shown: {unit[:32]!r}"
            elif unit is not None and unit != registered:
                wrong[key] = f"unit of {device} {channel} is {registered or 'none'}, not {unit[:32]}"
            elif known is None or known.gateway != source.gateway:
                new[device, channel] = registered
        if new:
            self.catalog.add_series((source.county or "", source.gateway, d, c, unit) for (d, c), unit in new.items())
            batch.new_series = True
            devices = sorted({device for device, _ in new})
            self._remember(self.catalog.series(f"device IN ({','.join('?' * len(devices))})", devices))
        for device, channel, unit in asked:
            if (device, channel, unit) not in wrong:
                source.sids[device, channel, unit] = self._series[device, channel].sid
        return wrong

    def _remember(self, found: Iterable[Series]) -> None:
        for one in found:
            self._series[one.device, one.channel] = one
            self._watcher.watch(one.sid, one.county, one.device, one.channel)


def _give_up(gateway: str, up: Up, batch: Batch) -> None:
    """Note what the gateway says it no longer has; a number that is not earlier than the message's own cannot be gone."""
    batch.gone.setdefault(gateway, []).extend((first, min(last, up.seq - 1)) for first, last in up.gone if first <= last and first < up.seq)
