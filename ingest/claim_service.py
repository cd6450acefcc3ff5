"""The use cases of the quarantine: who waits, claim it in one step, take what waited again, or throw it away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from foundation.errors import BadInput, NotFound
from foundation.ids import ID_PATTERN
from ingest.channels import CHANNELS
from ingest.formats.names import meaning
from ingest.quarantine import BIRTH, CLOCK, DEVICE, GATEWAY, STATION, Entry, HeldMessage
from ingest.service import Readings
from ingest.units import unit_code
from registry.devices import MAX_CHANNELS, Device, DeviceChannel
from registry.feeds import DeviceName, Feed
from registry.service import Registry

# Intervals people set; what comes between two of them is noise of the way here.
_USUAL_S = (10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_NO_ID = re.compile(r"[^A-Za-z0-9_.-]+")
_UCUM = re.compile(r"[!-~]{1,32}\Z")


class Forgetful(Protocol):
    """Who answers from memory and can be told to ask again."""

    def forget(self) -> None:
        """Ask the registry anew at the next question."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A name in quarantine, with the county of its gateway (None where nobody knows the gateway) and the format it sends."""

    entry: Entry
    county: str | None
    format: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim did: the device (or gateway), whether it is new, how many readings came out of quarantine, and what still waits.

    `password` is a new gateway's, shown once. `by_worker`: the worker that listens takes the messages within seconds.
    """

    device: str
    new: bool
    stored: int
    waiting: int
    password: str = ""
    by_worker: bool = False


class Claims:
    """The quarantine of one installation."""

    def __init__(self, readings: Readings, registry: Registry, directory: Forgetful) -> None:
        self._readings = readings
        self._registry = registry
        self._directory = directory

    def waiting(self, county: str | None = None) -> list[Waiting]:
        """Return what waits, the one heard of last first; of one county, what is of a gateway nobody knows is shown as well."""
        counties = {g.id: g.county for g in self._registry.gateways()}
        formats = {f.id: f.format for f in self._registry.feeds()}
        found = []
        for entry in self._readings.quarantine():
            here = counties.get(entry.gateway)
            if county is None or here in (None, county):
                found.append(Waiting(entry, here, formats.get(entry.feed) or ("suhe" if entry.kind != STATION else _format_in(entry))))
        return found

    def entry(self, entry_id: int) -> Waiting:
        """Return one entry."""
        found = next((w for w in self.waiting() if w.entry.id == entry_id), None)
        if found is None:
            raise NotFound("nothing of this number is in quarantine", got=str(entry_id), todo="suhe feed quarantine")
        return found

    def guess(self, entry_id: int) -> tuple[DeviceChannel, ...]:
        """Return the channels a device has by what it sent: codes, units and how often a value is due."""
        waiting = self.entry(entry_id)
        return self._guess(waiting, self._readings.quarantined_messages(entry_id, 200))

    def claim(
        self,
        entry_id: int,
        device: str,
        *,
        base: str = "",
        plot: str | None = None,
        kind: str = "sensor",
        name_zh: str = "",
        name_en: str = "",
        gateway: str = "",
    ) -> Claimed:
        """Say which device of ours a name in quarantine means, registering it where it is new, and take what waited again.

        A new device stands on `base`, its gateway's where none is given. `gateway` is only for a station nobody knows: whose it is.

        Raises:
            Conflict: the device is another gateway's, or registered otherwise.
            BadInput: this kind of entry is not claimed so.

        """
        waiting = self.entry(entry_id)
        entry = waiting.entry
        if entry.kind in (GATEWAY, CLOCK, BIRTH):
            ways = {GATEWAY: "register the gateway", BIRTH: "wait: it is taken by itself when its edge node has told its births"}
            way = ways.get(entry.kind, "release it, or throw it away")
            raise BadInput("this is no device that could be claimed", got=f"{entry.kind} {entry.name}", todo=way)
        if entry.kind == DEVICE and not entry.feed and device != entry.name:
            raise BadInput("this gateway calls its device by our own id", expected=entry.name, got=device)
        feed = self._feed(entry, gateway)
        new = self._device(waiting, device, feed.gateway if feed else entry.gateway, base, plot, kind, name_zh, name_en)
        if feed is not None:
            self._registry.name_device(DeviceName(feed.id, entry.name, device))
            if entry.kind == STATION:
                self._registry.name_device(DeviceName(feed.id, "", device))
        return self._taken(entry, device, new=new)

    def claim_gateway(self, entry_id: int, base: str, name_zh: str = "", name_en: str = "") -> Claimed:
        """Register a gateway of our own protocol that sends already; its devices, unknown too, come into quarantine one by one."""
        entry = self.entry(entry_id).entry
        if entry.kind != GATEWAY:
            raise BadInput("this is no gateway", got=f"{entry.kind} {entry.name}")
        county = self._registry.base(base).county
        made, password = self._registry.register_gateway(entry.gateway, county, base, name_zh or entry.gateway, name_en or entry.gateway)
        taken = self._taken(entry, made.id, new=True)
        return Claimed(made.id, new=True, stored=taken.stored, waiting=taken.waiting, password=password)

    def release(self, entry_id: int) -> Claimed:
        """File the values of a clock nobody can believe under when they were received; the device's own time stays beside them."""
        entry = self.entry(entry_id).entry
        if entry.kind != CLOCK:
            raise BadInput("only what waits for its clock is released so", got=f"{entry.kind} {entry.name}", todo="claim it")
        stored, left = self._readings.take_again(entry_id, at_receipt=True)
        return Claimed(entry.name, new=False, stored=stored, waiting=left)

    def discard(self, entry_id: int) -> int:
        """Throw away what waits under a name and return how many messages there were; what comes later waits again."""
        self.entry(entry_id)
        return self._readings.discard_quarantined(entry_id)

    def _taken(self, entry: Entry, device: str, *, new: bool) -> Claimed:
        self._directory.forget()
        feed = next((f for f in self._registry.feeds() if f.id == entry.feed), None)
        if feed is not None and feed.format == "sparkplug-b":
            return Claimed(device, new, 0, entry.kept, by_worker=True)
        stored, left = self._readings.take_again(entry.id)
        return Claimed(device, new, stored, left)

    def _feed(self, entry: Entry, gateway: str) -> Feed | None:
        """Return the feed of an entry, registering that of a station nobody knew; None for our own protocol."""
        if entry.feed:
            return self._registry.feed(entry.feed)
        if entry.kind != STATION:
            return None
        if not gateway:
            raise BadInput("whose station is this?", expected="a gateway", todo="name the gateway it counts as")
        made = Feed(f"{_format_in(entry)}-{entry.name}"[:64], gateway, _format_in(entry), station=entry.name)
        known = next((f for f in self._registry.feeds() if (f.station, f.format) == (made.station, made.format)), None)
        return known or self._registry.add_feed(made)

    def _device(
        self, waiting: Waiting, device: str, gateway: str, base: str, plot: str | None, kind: str, name_zh: str, name_en: str
    ) -> bool:
        """Register the device where it is not there; tell whether it was new."""
        try:
            self._registry.device(device)
            return False
        except NotFound:
            pass
        stands = self._registry.gateway(gateway)
        if plot and not base:
            base = self._registry.plot(plot).base
        entry = waiting.entry
        channels = self._guess(waiting, self._readings.quarantined_messages(entry.id, 200))
        if not channels:
            raise BadInput("no channel of this device is known yet", got=entry.name, todo="register it by hand: POST /api/v1/devices")
        called = entry.name.strip() or device
        self._registry.add_device(
            Device(device, stands.county, gateway, plot, base or stands.base, kind, name_zh or called, name_en or called, channels)
        )
        return True

    def meant(self, waiting: Waiting) -> dict[str, tuple[str, str]]:
        """Return what each of a sender's channels would be here: (channel, unit) by the sender's word; what nobody wants is left out."""
        book, entry = self._registry.feed_book(), waiting.entry
        found: dict[str, tuple[str, str]] = {}
        for name, (_, unit) in entry.channels.items():
            named = book.channel(entry.feed, "", name)
            usual = meaning(waiting.format, name)
            code = named.channel if named is not None else usual.channel if usual is not None else _NO_ID.sub("_", name).strip(".")[:64]
            if not code or not ID_PATTERN.match(code):
                continue
            told = (unit_code(unit) or unit) if unit else usual.unit if usual is not None else ""
            found[name] = code, CHANNELS[code].unit if code in CHANNELS else told if _UCUM.match(told) else "1"
        return found

    def _guess(self, waiting: Waiting, messages: Sequence[HeldMessage]) -> tuple[DeviceChannel, ...]:
        interval = _interval(messages)
        found = dict(self.meant(waiting).values())
        return tuple(DeviceChannel(code, unit, interval) for code, unit in list(found.items())[:MAX_CHANNELS])


def _format_in(entry: Entry) -> str:
    """Return the format of a station nobody knows: its messages' topic begins with it, and so does the feed made for it."""
    return entry.topic.partition("/")[0]


def _interval(messages: Sequence[HeldMessage]) -> int:
    times = sorted(m.received_ms for m in messages)
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    seconds = steps[len(steps) // 2] / 1000 if steps else 600.0
    return min(_USUAL_S, key=lambda usual: abs(usual - seconds))
