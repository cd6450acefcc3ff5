"""Protocol Buffers on the wire, as far as Sparkplug needs them: fields in, fields out. Groups are refused, lengths checked.

One message is a run of (number, wire type, value). What a number means is its reader's business; a number it does not know is skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from foundation.errors import BadInput

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# 64 bits in groups of seven.
_LONGEST_VARINT = 10
_MASK_64 = (1 << 64) - 1
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")

Value = int | bytes
Field = tuple[int, int, Value]


def fields(data: bytes) -> Iterator[Field]:
    """Yield (number, wire type, value) of a message; fixed values as their bytes. Raise BadInput where it is no whole message."""
    at, end = 0, len(data)
    while at < end:
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise _damaged("a field number is out of range", str(number))
        if wire == VARINT:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == LENGTH:
            size, at = _varint(data, at)
        elif wire == FIXED64:
            size = 8
        elif wire == FIXED32:
            size = 4
        else:
            raise _damaged("a field of a kind that is not used", f"wire type {wire}")
        if size > end - at:
            raise _damaged("a field is longer than its message", f"{size} of {end - at} bytes")
        yield number, wire, data[at : at + size]
        at += size


def float_of(value: bytes) -> float:
    """Return the number in the four bytes of a float field."""
    (found,) = _FLOAT.unpack(value)
    return float(found)


def double_of(value: bytes) -> float:
    """Return the number in the eight bytes of a double field."""
    (found,) = _DOUBLE.unpack(value)
    return float(found)


def text_of(value: bytes) -> str:
    """Return the text of a string field; raise BadInput where it is no UTF-8."""
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _damaged("a text is no UTF-8", repr(value[:40])) from error


def put_varint(number: int, value: int) -> bytes:
    """Return a varint field; a negative number as its 64-bit pattern."""
    return _put(number << 3 | VARINT) + _put(value & _MASK_64)


def put_bytes(number: int, value: bytes) -> bytes:
    """Return a length-delimited field: bytes, UTF-8 text, or a message."""
    return _put(number << 3 | LENGTH) + _put(len(value)) + value


def put_float(number: int, value: float) -> bytes:
    """Return a float field."""
    return _put(number << 3 | FIXED32) + _FLOAT.pack(value)


def put_double(number: int, value: float) -> bytes:
    """Return a double field."""
    return _put(number << 3 | FIXED64) + _DOUBLE.pack(value)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for byte in data[at : at + _LONGEST_VARINT]:
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            # The tenth byte has room for one bit more; what stands above it is cut off, as other readers do.
            return value & _MASK_64, at
        shift += 7
    raise _damaged("a number does not end", repr(data[at - shift // 7 : at]))


def _put(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _damaged(what: str, got: str) -> BadInput:
    return BadInput(what, expected="a whole Protocol Buffers message", got=got)
