"""Column types that read whatever stands in the database without failing.

SQLite keeps any value in any column: `UPDATE event SET body = replace(body, '400', '500')` leaves text where bytes were. A verifier
must find and name such a value, not stumble over it, so these types turn it into something comparable and let the hashes speak.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Dialect, LargeBinary, String, Text, TypeDecorator


class Bytes(TypeDecorator[bytes]):
    """Bytes; text put in their place reads as its UTF-8."""

    impl = LargeBinary
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], bytes | None]:  # noqa: ARG002
        """Return the reader of a stored value."""
        return _bytes


class Whole(TypeDecorator[int]):
    """A whole number; anything else put in its place reads as -1, which no column of ours holds."""

    impl = BigInteger
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], int | None]:  # noqa: ARG002
        """Return the reader of a stored value."""
        return _whole


class Words(TypeDecorator[str]):
    """Text; anything else put in its place reads as what it looks like."""

    impl = String
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None]:  # noqa: ARG002
        """Return the reader of a stored value."""
        return _words


class Lines(Words):
    """Text of any length, read like Words."""

    impl = Text
    cache_ok = True


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    return value.encode("utf-8", "surrogatepass") if isinstance(value, str) else bytes(value) if _is_bytes(value) else repr(value).encode()


def _whole(value: Any) -> int | None:
    return value if value is None or (isinstance(value, int) and not isinstance(value, bool)) else -1


def _words(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else repr(value)


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)
