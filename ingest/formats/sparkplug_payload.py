"""The payload of Sparkplug B: metrics as they stand in its bytes, both ways, and the numbers in them once their datatype is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foundation.errors import BadInput
from ingest.formats import protobuf as pb

MOST_METRICS = 20_000
LONGEST_NAME = 512

# What a metric or a property may hold; a data set or a template stays bytes.
Raw = int | float | bool | str | bytes | None
Told = int | float | bool | str | None

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64, FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME = range(1, 14)
DATATYPES = {
    1: "Int8", 2: "Int16", 3: "Int32", 4: "Int64", 5: "UInt8", 6: "UInt16", 7: "UInt32", 8: "UInt64", 9: "Float", 10: "Double",
    11: "Boolean", 12: "String", 13: "DateTime", 14: "Text", 15: "UUID", 16: "DataSet", 17: "Bytes", 18: "File", 19: "Template",
    20: "PropertySet", 21: "PropertySetList", 22: "Int8Array", 23: "Int16Array", 24: "Int32Array", 25: "Int64Array", 26: "UInt8Array",
    27: "UInt16Array", 28: "UInt32Array", 29: "UInt64Array", 30: "FloatArray", 31: "DoubleArray", 32: "BooleanArray", 33: "StringArray",
    34: "DateTimeArray",
}  # fmt: skip
_SIGNED = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
_UNSIGNED = {UINT8: 8, UINT16: 16, UINT32: 32, UINT64: 64}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as it stands in a payload. `value` is raw: an integer is the unsigned pattern on the wire until its datatype is known."""

    name: str = ""
    alias: int | None = None
    t_ms: int | None = None
    datatype: int = 0
    historical: bool = False
    transient: bool = False
    null: bool = False
    value: Raw = None
    properties: Mapping[str, Told] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Payload:
    """A Sparkplug payload; `seq` is None in an NDEATH and a command."""

    t_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def read_payload(body: bytes) -> Payload:
    """Return a payload; raise BadInput where its bytes are damaged."""
    t_ms: int | None = None
    seq: int | None = None
    metrics: list[Metric] = []
    for number, wire, value in pb.fields(body):
        if number == 2 and isinstance(value, bytes) and wire == pb.LENGTH:
            if len(metrics) == MOST_METRICS:
                raise BadInput("a payload has too many metrics", expected=f"at most {MOST_METRICS}")
            metrics.append(_metric(value))
        elif number == 1 and isinstance(value, int):
            t_ms = value
        elif number == 3 and isinstance(value, int):
            seq = value
    if seq is not None and seq > 255:
        raise BadInput("a sequence number is out of range", expected="0 to 255", got=str(seq))
    return Payload(t_ms, seq, tuple(metrics))


def write_payload(metrics: Sequence[Metric], *, t_ms: int | None = None, seq: int | None = None) -> bytes:
    """Return the bytes of a payload: a command of ours, or what a simulated node sends."""
    head = b"" if t_ms is None else pb.put_varint(1, t_ms)
    body = b"".join(pb.put_bytes(2, _metric_bytes(m)) for m in metrics)
    return head + body + (b"" if seq is None else pb.put_varint(3, seq))


def number_in(value: Raw, datatype: int) -> float:
    """Return a metric's number by its datatype; raise BadInput, in words for a person, where it has none."""
    kind = DATATYPES.get(datatype, f"datatype {datatype}")
    if datatype in _SIGNED or datatype in _UNSIGNED:
        if isinstance(value, int) and not isinstance(value, bool):
            return float(_signed(value, _SIGNED[datatype], kind) if datatype in _SIGNED else _unsigned(value, _UNSIGNED[datatype], kind))
    elif datatype == BOOLEAN:
        if isinstance(value, bool):
            return float(value)
    elif datatype in (FLOAT, DOUBLE):
        if isinstance(value, float):
            if math.isfinite(value):
                return value
            raise BadInput("no finite number")
    else:
        raise BadInput(f"a {kind} is no reading")
    raise BadInput(f"no {kind}", got=type(value).__name__)


def _signed(value: int, bits: int, kind: str) -> int:
    """Read a signed number from its pattern: of its own width, or spread over 32 or 64 bits, as libraries do."""
    for width in (bits, 32, 64):
        if value < 1 << width:
            found = value - (1 << width) if value >= 1 << (width - 1) else value
            if -(1 << (bits - 1)) <= found < 1 << (bits - 1):
                return found
    raise BadInput(f"too large for {kind}", got=str(value))


def _unsigned(value: int, bits: int, kind: str) -> int:
    if value >= 1 << bits:
        raise BadInput(f"too large for {kind}", got=str(value))
    return value


def _metric(data: bytes) -> Metric:
    name, alias, t_ms, datatype = "", None, None, 0
    value: Raw = None
    historical = transient = null = False
    properties: dict[str, Told] = {}
    for number, wire, found in pb.fields(data):
        if isinstance(found, int):
            if number == 2:
                alias = found
            elif number == 3:
                t_ms = found
            elif number == 4:
                datatype = found & 0xFFFFFFFF
            elif number == 5:
                historical = bool(found)
            elif number == 6:
                transient = bool(found)
            elif number == 7:
                null = bool(found)
            elif number == 10:
                value = found & 0xFFFFFFFF
            elif number == 11:
                value = found
            elif number == 14:
                value = bool(found)
        elif wire == pb.LENGTH:
            if number == 1:
                name = pb.text_of(found)
                if len(name) > LONGEST_NAME:
                    raise BadInput("a metric's name is too long", expected=f"at most {LONGEST_NAME}", got=name[:40])
            elif number == 9:
                properties = _properties(found)
            elif number == 15:
                value = pb.text_of(found)
            elif number in (16, 17, 18):
                value = found
        elif number == 12 and wire == pb.FIXED32:
            value = pb.float_of(found)
        elif number == 13 and wire == pb.FIXED64:
            value = pb.double_of(found)
    return Metric(name, alias, t_ms, datatype, historical, transient, null, value, properties)


def _properties(data: bytes) -> dict[str, Told]:
    keys: list[str] = []
    values: list[Told] = []
    for number, wire, found in pb.fields(data):
        if wire != pb.LENGTH or not isinstance(found, bytes):
            continue
        if number == 1:
            keys.append(pb.text_of(found))
        elif number == 2:
            values.append(_property(found))
    return dict(zip(keys, values, strict=False))


def _property(data: bytes) -> Told:
    datatype, null = 0, False
    value: Told = None
    for number, wire, found in pb.fields(data):
        if isinstance(found, int):
            if number == 1:
                datatype = found
            elif number == 2:
                null = bool(found)
            elif number == 3:
                value = found & 0xFFFFFFFF
            elif number == 4:
                value = found
            elif number == 7:
                value = bool(found)
        elif number == 5 and wire == pb.FIXED32:
            value = pb.float_of(found)
        elif number == 6 and wire == pb.FIXED64:
            value = pb.double_of(found)
        elif number == 8 and wire == pb.LENGTH:
            value = pb.text_of(found)
    if null:
        return None
    if datatype in _SIGNED and isinstance(value, int) and not isinstance(value, bool):
        return _signed(value, _SIGNED[datatype], DATATYPES[datatype])
    return value


def _metric_bytes(m: Metric) -> bytes:
    out = b""
    if m.name:
        out += pb.put_bytes(1, m.name.encode())
    for number, told in ((2, m.alias), (3, m.t_ms), (4, m.datatype or None)):
        if told is not None:
            out += pb.put_varint(number, told)
    for number, true in ((5, m.historical), (6, m.transient), (7, m.null)):
        if true:
            out += pb.put_varint(number, 1)
    if m.properties:
        out += pb.put_bytes(9, _properties_bytes(m.properties))
    return out + _value_bytes(m.value, m.datatype, (10, 11, 12, 13, 14, 15, 16))


def _properties_bytes(properties: Mapping[str, Told]) -> bytes:
    keys = b"".join(pb.put_bytes(1, key.encode()) for key in properties)
    values = []
    for value in properties.values():
        kind = BOOLEAN if isinstance(value, bool) else INT64 if isinstance(value, int) else DOUBLE if isinstance(value, float) else STRING
        told = pb.put_varint(2, 1) if value is None else _value_bytes(value, kind, (3, 4, 5, 6, 7, 8, 8))
        values.append(pb.put_bytes(2, pb.put_varint(1, kind) + told))
    return keys + b"".join(values)


def _value_bytes(value: Raw, datatype: int, numbers: tuple[int, int, int, int, int, int, int]) -> bytes:
    """Write a value where the specification has it: up to 32 bits as int_value, more as long_value, negatives as their pattern."""
    as_int, as_long, as_float, as_double, as_bool, as_text, as_bytes = numbers
    if value is None:
        return b""
    if isinstance(value, bool):
        return pb.put_varint(as_bool, int(value))
    if isinstance(value, int):
        if datatype in (INT64, UINT64, DATETIME) or (not datatype and value > 0xFFFFFFFF):
            return pb.put_varint(as_long, value)
        return pb.put_varint(as_int, value & 0xFFFFFFFF)
    if isinstance(value, float):
        return pb.put_float(as_float, value) if datatype == FLOAT else pb.put_double(as_double, value)
    if isinstance(value, str):
        return pb.put_bytes(as_text, value.encode())
    return pb.put_bytes(as_bytes, value)
