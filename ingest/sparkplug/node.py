"""One Sparkplug edge node as its host knows it: the metrics of its births, its place in the sequence, and what waits for either."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ingest.formats.decoded import Observed
from ingest.formats.sparkplug import BIRTH_DEATH, NOT_READINGS, Topic, device_name, observe, unit_in
from ingest.formats.sparkplug_payload import BOOLEAN, DATETIME, DOUBLE, FLOAT, INT8, UINT64, Metric, Payload

ROUND = 256
# What is half a round away may as well be behind as ahead.
HALF = 128


@dataclass(frozen=True, slots=True)
class Held:
    """A message kept whole until what it needs has come; `key` is the same for the same topic and bytes."""

    key: str
    topic: str
    body: bytes
    received_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class Item:
    """A message with its parts."""

    held: Held
    topic: Topic
    payload: Payload


@dataclass(frozen=True, slots=True)
class Known:
    """What a birth said of a metric."""

    device: str
    name: str
    datatype: int
    unit: str | None


@dataclass(slots=True)
class Node:
    """The state of one edge node; `next` is the sequence number that is due, None where none was seen."""

    group: str
    name: str
    born: bool = False
    online: bool = False
    bd_seq: int | None = None
    birth: int = 0
    birth_ms: int = 0
    by_alias: dict[int, Known] = field(default_factory=dict)
    by_name: dict[tuple[str, str], Known] = field(default_factory=dict)
    devices: dict[str, bool] = field(default_factory=dict)
    next: int | None = None
    missing: set[int] = field(default_factory=set)
    recent: dict[int, int] = field(default_factory=dict)
    ahead: dict[int, Item] = field(default_factory=dict)
    ahead_since: float = 0.0
    waiting: dict[str, Item] = field(default_factory=dict)
    overflowed: bool = False
    wants_birth: bool = False
    ask_at: float = 0.0
    ask_pause: float = 0.0

    @property
    def stream(self) -> str:
        """The node's name among the streams of a ledger."""
        return f"{self.group}/{self.name}"

    def forget_births(self) -> None:
        """Drop every metric: their aliases mean nothing after the end of a session."""
        self.born = False
        self.by_alias.clear()
        self.by_name.clear()
        self.devices.clear()

    def learn(self, topic: Topic, metrics: Iterable[Metric]) -> None:
        """Take a birth's metrics as those of the node or device it is about, in place of earlier ones."""
        device = device_name(topic)
        for known in [k for k in self.by_name.values() if k.device == device]:
            del self.by_name[known.device, known.name]
        for alias in [a for a, k in self.by_alias.items() if k.device == device]:
            del self.by_alias[alias]
        for metric in metrics:
            if metric.name:
                known = Known(device, metric.name, metric.datatype, unit_in(metric))
                self.by_name[device, metric.name] = known
                if metric.alias is not None:
                    self.by_alias[metric.alias] = known
        self.devices[device] = True

    def read(self, item: Item) -> tuple[list[Observed], list[str], list[str]]:
        """Return a message's readings, the words for what is none, and the words for what only a birth can tell."""
        device = device_name(item.topic)
        observed, skipped, unknown = [], [], []
        for metric in item.payload.metrics:
            known = (
                self.by_name.get((device, metric.name))
                if metric.name
                else self.by_alias.get(metric.alias if metric.alias is not None else -1)
            )
            name = metric.name or (known.name if known else "")
            if name == BIRTH_DEATH or name.startswith(NOT_READINGS):
                continue
            datatype = metric.datatype or (known.datatype if known else 0)
            if not name or not datatype or (known and known.device != device) or not fits(metric, datatype):
                unknown.append(name or f"alias {metric.alias}")
                continue
            found = observe(metric, name, datatype, device, item.payload.t_ms, known.unit if known else None)
            if isinstance(found, Observed):
                observed.append(found)
            elif found:
                skipped.append(found)
        return observed, skipped, unknown

    def step(self, seq: int) -> int:
        """Return how far a sequence number is from the one that is due: 0 in order, below 128 ahead, else behind."""
        return 0 if self.next is None else (seq - self.next) % ROUND

    def advance(self, seq: int, body: bytes) -> None:
        """Take a message as the one that was due."""
        self.next = (seq + 1) % ROUND
        self.recent[seq] = hash(body)
        self.recent.pop((seq - HALF) % ROUND, None)


def fits(metric: Metric, datatype: int) -> bool:
    """Tell whether a value is of the kind its birth said: one that is not belongs to another birth."""
    value = metric.value
    if value is None or metric.null:
        return True
    if INT8 <= datatype <= UINT64 or datatype == DATETIME:
        return isinstance(value, int) and not isinstance(value, bool)
    if datatype in (FLOAT, DOUBLE):
        return isinstance(value, float)
    return isinstance(value, bool) if datatype == BOOLEAN else isinstance(value, str | bytes)
