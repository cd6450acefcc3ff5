"""CBOR, RFC 8949, as far as measurements need it, read strictly and within bounds.

Integers, floats of every width, text, bytes, arrays, maps, truth values, null, indefinite lengths, decimal fractions (tag 4) and the
self-description tag. Big numbers (tags 2 and 3), other tags and other simple values are refused: nothing that is measured needs them.
"""

from __future__ import annotations

import struct
from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import LARGEST_BODY

DEEPEST = 16
MOST_ITEMS = 200_000

_UNDEFINED = None
_SIMPLE = {20: False, 21: True, 22: None, 23: _UNDEFINED}
_FLOATS = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_INDEFINITE = 31
_BREAK = object()
_DECIMAL_FRACTION, _SELF_DESCRIBED = 4, 55799


def read_cbor(body: bytes) -> Any:
    """Return the one data item a body is; raise BadInput with the place where it is none or more than one."""
    if len(body) > LARGEST_BODY:
        raise BadInput("this message is too long", expected=f"at most {LARGEST_BODY} bytes", got=str(len(body)))
    reader = _Reader(body)
    told = reader.item(0)
    if told is _BREAK:
        raise reader.bad("an end of nothing", at=0)
    if reader.at != len(body):
        raise reader.bad(f"{len(body) - reader.at} bytes after the end")
    return told


class _Reader:
    """A place in a body, and how much was read of it."""

    __slots__ = ("at", "body", "end", "items")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self.end = len(body)
        self.items = 0

    def bad(self, got: str, at: int | None = None) -> BadInput:
        place = self.at if at is None else at
        return BadInput("this message is not CBOR we can read", expected="RFC 8949", got=f"{got} at byte {place}")

    def take(self, size: int) -> bytes:
        at = self.at
        end = at + size
        if end > self.end:
            raise self.bad(f"an end, {end - self.end} bytes too early,", at=self.end)
        self.at = end
        return self.body[at:end]

    def item(self, depth: int) -> Any:
        """Return the next item, `_BREAK` for the end of an indefinite one."""
        start = self.at
        if start >= self.end:
            raise self.bad("an end too early", at=self.end)
        if depth > DEEPEST:
            raise self.bad(f"nesting deeper than {DEEPEST}")
        head = self.body[start]
        self.at = start + 1
        kind, size = head >> 5, head & 31
        if kind == 7:
            return self._simple(size, start)
        if size > 23:
            if size == _INDEFINITE:
                return self._indefinite(kind, depth, start)
            size = self._argument(size, start)
        if kind == 0:
            return size
        if kind == 3:
            return self._text(self.take(size), start)
        if kind == 5:
            return self._map(size, depth)
        if kind == 4:
            self._fits(size, 1)
            return [self._value(depth) for _ in range(size)]
        if kind == 1:
            return -1 - size
        return self.take(size) if kind == 2 else self._tagged(size, depth, start)

    def _argument(self, info: int, start: int) -> int:
        if info > 27:
            raise self.bad("a reserved head", at=start)
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def _simple(self, info: int, start: int) -> Any:
        if info in _FLOATS:
            return _FLOATS[info].unpack(self.take(1 << (info - 24)))[0]
        if info == _INDEFINITE:
            return _BREAK
        if info not in _SIMPLE:
            raise self.bad("a simple value nobody has defined", at=start)
        return _SIMPLE[info]

    def _text(self, found: bytes, start: int) -> str:
        try:
            return found.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.bad("text that is not UTF-8", at=start) from error

    def _fits(self, count: int, least: int) -> None:
        # A count that no body can hold is refused before anything is kept for it.
        if count * least > self.end - self.at:
            raise self.bad(f"{count} items where at most {self.end - self.at} bytes are left")
        self._count(count * least)

    def _count(self, more: int) -> None:
        self.items += more
        if self.items > MOST_ITEMS:
            raise self.bad(f"more than {MOST_ITEMS} items")

    def _value(self, depth: int) -> Any:
        found = self.item(depth + 1)
        if found is _BREAK:
            raise self.bad("an end of nothing", at=self.at - 1)
        return found

    def _map(self, size: int, depth: int) -> dict[Any, Any]:
        self._fits(size, 2)
        found: dict[Any, Any] = {}
        for _ in range(size):
            self._member(self._value(depth), found, depth)
        return found

    def _member(self, key: Any, into: dict[Any, Any], depth: int) -> None:
        if type(key) is not str and type(key) is not int:
            raise self.bad("a name that is no text and no integer")
        if key in into:
            raise self.bad(f"the name {str(key)[:40]} twice in one map")
        into[key] = self._value(depth)

    def _indefinite(self, kind: int, depth: int, start: int) -> Any:
        if kind in (2, 3):
            return self._chunks(kind)
        if kind not in (4, 5):
            raise self.bad("an indefinite number", at=start)
        items: list[Any] = []
        found: dict[Any, Any] = {}
        while (value := self.item(depth + 1)) is not _BREAK:
            self._count(1)
            if kind == 4:
                items.append(value)
            else:
                self._member(value, found, depth)
        return items if kind == 4 else found

    def _chunks(self, kind: int) -> Any:
        chunks: list[Any] = []
        while True:
            start = self.at
            head = self.take(1)[0]
            if head == 0xFF:
                return ("" if kind == 3 else b"").join(chunks)
            self._count(1)
            if head >> 5 != kind:
                raise self.bad("a piece of another kind", at=start)
            size = head & 31
            if size == _INDEFINITE:
                raise self.bad("a piece without a length", at=start)
            piece = self.take(self._argument(size, start) if size > 23 else size)
            chunks.append(self._text(piece, start) if kind == 3 else piece)

    def _tagged(self, tag: int, depth: int, start: int) -> Any:
        if tag not in (_DECIMAL_FRACTION, _SELF_DESCRIBED) or (tag == _SELF_DESCRIBED and start):
            what = "a big number" if tag in (2, 3) else f"the tag {tag}"
            raise self.bad(what, at=start)
        told = self._value(depth)
        return told if tag == _SELF_DESCRIBED else self._decimal(told, start)

    def _decimal(self, told: Any, start: int) -> float:
        if type(told) is not list or len(told) != 2 or any(type(x) is not int for x in told):
            raise self.bad("a decimal fraction that is not two integers", at=start)
        exponent, mantissa = told
        # Beyond these a double is 0 or infinite whatever the mantissa, which has at most twenty digits.
        value = float(f"{mantissa}e{min(max(exponent, -400), 400)}")
        if abs(value) == float("inf"):
            raise self.bad("a decimal fraction no double holds", at=start)
        return value
