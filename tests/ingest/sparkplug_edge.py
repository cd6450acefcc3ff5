"""An edge node to test with: it makes the messages a real one would send, births, aliases and numbers included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.formats.sparkplug_payload import BOOLEAN, FLOAT, INT32, INT64, Metric, write_payload

BEGIN_MS = 1_764_000_000_000
Message = tuple[str, bytes]


@dataclass
class Edge:
    """One edge node with one metric of its own and devices with a temperature (Float) and a level (Int32) each."""

    group: str = "Field"
    node: str = "gw-a"
    devices: tuple[str, ...] = ("pond-1",)
    bd_seq: int = 0
    seq: int = 0
    now_ms: int = BEGIN_MS
    aliases: dict[tuple[str, str], int] = field(default_factory=dict)

    def topic(self, kind: str, device: str = "") -> str:
        """Return a topic of this node."""
        return f"spBv1.0/{self.group}/{kind}/{self.node}" + (f"/{device}" if device else "")

    def alias(self, device: str, name: str) -> int:
        """Return the alias of a metric, given at its first birth."""
        return self.aliases.setdefault((device, name), len(self.aliases) + 1)

    def death(self) -> Message:
        """Return the will of this session."""
        return self.topic("NDEATH"), write_payload([Metric(name="bdSeq", datatype=INT64, value=self.bd_seq)])

    def births(self) -> list[Message]:
        """Return NBIRTH and the DBIRTHs that follow it; numbers begin at 0."""
        self.seq, self.now_ms = 0, self.now_ms + 1
        own = [
            Metric(name="bdSeq", datatype=INT64, value=self.bd_seq, t_ms=self.now_ms),
            Metric(name="Node Control/Rebirth", datatype=BOOLEAN, value=False, t_ms=self.now_ms),
            Metric(name="Battery", alias=self.alias("", "Battery"), datatype=FLOAT, value=12.5, t_ms=self.now_ms),
        ]
        return [self._numbered("NBIRTH", "", own), *(self.device_birth(device) for device in self.devices)]

    def device_birth(self, device: str, temperature: float = 20.0) -> Message:
        """Return a device's birth."""
        unit = {"engUnit": "Cel"}
        metrics = [
            Metric("Temperature", self.alias(device, "Temperature"), self.now_ms, FLOAT, value=temperature, properties=unit),
            Metric("Level", self.alias(device, "Level"), self.now_ms, INT32, value=-3),
        ]
        return self._numbered("DBIRTH", device, metrics)

    def device_death(self, device: str) -> Message:
        """Return a device's death."""
        return self._numbered("DDEATH", device, [])

    def data(self, device: str = "pond-1", *, historical: bool = False, back_ms: int = 0, **values: float) -> Message:
        """Return a device's data by alias, without names and datatypes, as edge nodes send it."""
        self.now_ms += 1000
        t_ms = self.now_ms - back_ms
        metrics = [
            Metric(alias=self.alias(device, name), t_ms=t_ms, datatype=0, historical=historical, value=_raw(name, value))
            for name, value in values.items()
        ]
        return self._numbered("DDATA", device, metrics)

    def node_data(self, **values: float) -> Message:
        """Return the node's own data by alias."""
        self.now_ms += 1000
        metrics = [Metric(alias=self.alias("", name), t_ms=self.now_ms, value=value) for name, value in values.items()]
        # A Float goes as a float only where its datatype says so, and the datatype is not sent.
        return self._numbered("NDATA", "", [Metric(**_with(m, datatype=FLOAT)) for m in metrics])

    def _numbered(self, kind: str, device: str, metrics: list[Metric]) -> Message:
        body = write_payload(metrics, t_ms=self.now_ms, seq=self.seq)
        self.seq = (self.seq + 1) % 256
        return self.topic(kind, device), body


def _raw(name: str, value: float) -> int | float:
    """Return a Level as a negative Int32 goes over the wire, its 32-bit pattern, and anything else as it is."""
    return int(value) % 2**32 if name == "Level" else value


def _with(metric: Metric, **other: object) -> Mapping[str, object]:
    return {name: getattr(metric, name) for name in Metric.__slots__} | other  # type: ignore[attr-defined]
