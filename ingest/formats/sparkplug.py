"""Sparkplug B 3.0: topics, commands, and which metrics are readings.

`decode` reads one message by itself, which is enough for births. DATA messages name their metrics by an alias only and leave the datatype
out; `ingest/sparkplug/host.py` remembers the births they refer to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded, Observed
from ingest.formats.sparkplug_payload import BOOLEAN, DOUBLE, Metric, number_in, read_payload, write_payload

NAMESPACE = "spBv1.0"
FROM_NODES = frozenset(("NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"))
COMMANDS = frozenset(("NCMD", "DCMD"))
REBIRTH = "Node Control/Rebirth"
BIRTH_DEATH = "bdSeq"
# What a node says of itself and what it can be told: no readings.
NOT_READINGS = ("Node Control/", "Device Control/", "Properties/", "Node Info/", "Node Properties/", "Device Properties/")
_LATEST_MS = 253_402_300_799_999

# Quality codes of the property `Quality`, as QARTOD flags: good, bad, stale.
_QUALITY = {192: 0, 0: 4, 500: 3}
_CODES = {4: 0, 3: 500}
_UNIT_KEYS = ("engUnit", "engUnits", "EngUnit", "Engineering Units", "unit", "Unit", "units")


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed Sparkplug topic; `device` is empty for the node itself."""

    group: str
    kind: str
    node: str
    device: str = ""


def parse_topic(topic: str) -> Topic:
    """Return the parts of `spBv1.0/GROUP/TYPE/NODE[/DEVICE]`; raise BadInput for anything else, the host's own STATE among it."""
    parts = topic.split("/")
    if len(parts) in (4, 5) and parts[0] == NAMESPACE and all(parts):
        kind = parts[2]
        if kind in FROM_NODES | COMMANDS and (len(parts) == 5) == kind.startswith("D"):
            return Topic(parts[1], kind, parts[3], parts[4] if len(parts) == 5 else "")
    raise BadInput("this is no topic of Sparkplug B", expected=f"{NAMESPACE}/GROUP/TYPE/NODE[/DEVICE]", got=repr(topic[:120]))


def state_topic(host_id: str) -> str:
    """Return where a host says whether it is there."""
    return f"{NAMESPACE}/STATE/{host_id}"


def state_body(online: bool, t_ms: int) -> bytes:
    """Return what a host says there."""
    return b'{"online":%s,"timestamp":%d}' % (b"true" if online else b"false", t_ms)


def rebirth_command(group: str, node: str, t_ms: int) -> tuple[str, bytes]:
    """Return topic and body of the command that makes a node tell all its metrics again."""
    metric = Metric(name=REBIRTH, t_ms=t_ms, datatype=BOOLEAN, value=True)
    return f"{NAMESPACE}/{group}/NCMD/{node}", write_payload([metric], t_ms=t_ms)


def observe(metric: Metric, name: str, datatype: int, device: str, sent_ms: int | None, unit: str | None) -> Observed | str:
    """Return a metric as a reading of `device`, or the words why it is none; empty for what is not meant as one."""
    if name == BIRTH_DEATH or name.startswith(NOT_READINGS):
        return ""
    if metric.null or metric.value is None:
        return f"{name[:80]}: no value"
    if metric.transient:
        return f"{name[:80]}: not meant to be kept"
    t_ms = metric.t_ms if metric.t_ms is not None else sent_ms
    try:
        value = number_in(metric.value, datatype)
    except BadInput as error:
        return f"{name[:80]}: {error}"
    if t_ms is not None and t_ms > _LATEST_MS:
        t_ms = None
    return Observed(device, name, t_ms, value, unit_in(metric) or unit, metric.historical, quality_in(metric))


def unit_in(metric: Metric) -> str | None:
    """Return the unit a metric's properties tell."""
    for key in _UNIT_KEYS:
        unit = metric.properties.get(key)
        if isinstance(unit, str) and unit:
            return unit[:64]
    return None


def quality_in(metric: Metric) -> int:
    """Return the sender's own word on a value as a flag: 0 none or good, 3 stale, 4 bad."""
    told = metric.properties.get("Quality", metric.properties.get("quality", 192))
    return _QUALITY.get(told, 3) if isinstance(told, int) else 0


def bd_seq_in(metrics: Iterable[Metric]) -> int | None:
    """Return the number that ties a death to its birth, None where there is none."""
    for metric in metrics:
        if metric.name == BIRTH_DEATH and isinstance(metric.value, int):
            return metric.value
    return None


def device_name(topic: Topic) -> str:
    """Return the sender's name of what a message is about: NODE, or NODE/DEVICE."""
    return f"{topic.node}/{topic.device}" if topic.device else topic.node


def explained(observed: Iterable[Observed], body: bytes) -> bytes:
    """Return a message that says by names, datatypes and units what `body` says by aliases, so that it can be read by itself."""
    payload = read_payload(body)
    metrics = []
    for one in observed:
        told: dict[str, int | str] = {} if one.unit is None else {"engUnit": one.unit}
        if one.quality:
            told["Quality"] = _CODES[one.quality]
        metrics.append(
            Metric(one.channel, t_ms=one.t_ms, datatype=DOUBLE, historical=one.historical, value=float(one.value), properties=told)
        )
    return write_payload(metrics, t_ms=payload.t_ms, seq=payload.seq)


def decode(topic: str, body: bytes, context: Context) -> Decoded:  # noqa: ARG001 - the signature of every decoder
    """Read one message by itself: births whole, of DATA what has a name and a datatype."""
    parsed = parse_topic(topic)
    payload = read_payload(body)
    device = device_name(parsed)
    observed, skipped = [], []
    for metric in payload.metrics if parsed.kind.endswith(("BIRTH", "DATA")) else ():
        if not metric.name or not metric.datatype:
            skipped.append(f"alias {metric.alias}: its name stands in a birth")
            continue
        found = observe(metric, metric.name, metric.datatype, device, payload.t_ms, None)
        if isinstance(found, Observed):
            observed.append(found)
        elif found:
            skipped.append(found)
    return Decoded(tuple(observed), skipped=tuple(skipped), facts={"type": parsed.kind, "seq": payload.seq})
