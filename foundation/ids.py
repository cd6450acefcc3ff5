"""Identifiers: names on the wire, UUID version 7, Crockford base 32 with a check character."""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid

from foundation.errors import BadInput

# Dots alone would name a folder, not a thing in it.
ID_PATTERN = re.compile(r"(?!\.+\Z)[A-Za-z0-9_.-]{1,64}\Z")
COUNTY_PATTERN = re.compile(r"[0-9]{6}\Z")

# Crockford's alphabet has no I, L, O, U; the last five are check symbols only (values 32..36).
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CHECK = _ALPHABET + "*~$=U"
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"})


def check_id(value: str, what: str = "id") -> str:
    """Return `value` if it may stand in a topic, a path and a file name; raise BadInput otherwise."""
    if not ID_PATTERN.match(value):
        raise BadInput(
            f"this {what} cannot be used",
            expected="1 to 64 of A-Z a-z 0-9 _ . -, not dots alone",
            got=repr(value[:80]),
            todo=f"choose another {what}",
        )
    return value


def check_county(value: str) -> str:
    """Return a six-digit GB/T 2260 county code; raise BadInput otherwise."""
    if not COUNTY_PATTERN.match(value):
        raise BadInput("this is no county code", expected="six digits (GB/T 2260), such as 371522", got=repr(value[:80]))
    return value


def shard_of(gateway_id: str) -> str:
    """Return the first hex digit of SHA-256(gateway id): the shard a gateway publishes under."""
    return hashlib.sha256(gateway_id.encode()).hexdigest()[0]


def uuid7(now_ms: int, random_bytes: bytes | None = None) -> uuid.UUID:
    """Return a version 7 UUID (RFC 9562) for a time in ms UTC; ten random bytes may be handed in."""
    noise = random_bytes if random_bytes is not None else secrets.token_bytes(10)
    if len(noise) != 10:
        raise ValueError(f"ten random bytes are needed, got {len(noise)}")
    value = (now_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(noise, "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return uuid.UUID(int=value)


def crockford_encode(value: bytes) -> str:
    """Return bytes (a multiple of five, so a whole number of 5-bit groups) in Crockford base 32 followed by the mod-37 check symbol."""
    if len(value) % 5:
        raise ValueError(f"a multiple of five bytes is needed, got {len(value)}")
    number = int.from_bytes(value, "big")
    groups = len(value) * 8 // 5
    digits = "".join(_ALPHABET[(number >> (5 * k)) & 31] for k in reversed(range(groups)))
    return digits + _CHECK[number % 37]


def crockford_decode(text: str, length: int) -> bytes:
    """Return the `length` bytes of a code written by a person (any case, dashes, O for 0, I or L for 1).

    Raises:
        BadInput: a wrong number of characters, a foreign character, or a check symbol that does not fit.

    """
    cleaned = text.upper().replace("-", "").replace(" ", "")
    groups = length * 8 // 5
    body, check = cleaned[:-1].translate(_READ_AS), cleaned[-1:].translate(_READ_AS)
    # Upper-casing turns some foreign letters into ours; they are no spelling of a code.
    if not text.isascii() or len(body) != groups or any(c not in _ALPHABET for c in body) or check not in _CHECK:
        raise BadInput(
            "this is no code of ours",
            expected=f"{groups} letters or digits and a check character",
            got=repr(text[:40]),
            todo="compare it with the label",
        )
    number = 0
    for c in body:
        number = number * 32 + _ALPHABET.index(c)
    if _CHECK[number % 37] != check:
        raise BadInput("a character of this code is mistyped", got=repr(text[:40]), todo="compare it with the label")
    return number.to_bytes(length, "big")


def in_fours(code: str) -> str:
    """Return a code grouped in fours with dashes, as printed on a label."""
    return "-".join(code[k : k + 4] for k in range(0, len(code), 4))
