"""Serials of packs: the number of a pack of a lot with a MAC, so that a guessed serial is known as unknown without asking a table.

A serial is 16 bits of pack number and 64 bits of HMAC-SHA-256 over code and number, as 16 Crockford base-32 characters. The key lies in
`keys/label.key` and never leaves the machine. A serial that is copied from a real label is a real serial: that is what scans are for.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from foundation.errors import BadInput, Conflict
from foundation.files import make_once
from foundation.ids import crockford_encode

MAC_BYTES = 8
MOST_PACKS = 65_535
LENGTH = 16
_TAG = b"suhe/serial/v1\n"
_KEY_BYTES = 32
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0"})


def serial_of(key: bytes, code: str, number: int) -> str:
    """Return the serial of a pack of the lot with this code (without dashes); packs are counted from 1."""
    if not 1 <= number <= MOST_PACKS:
        raise BadInput("a lot has no such pack", expected=f"1 to {MOST_PACKS}", got=str(number)[:20])
    packed = number.to_bytes(2, "big")
    # The last character of the encoding checks typing; the MAC does that here.
    return crockford_encode(packed + _mac(key, code, packed))[:LENGTH]


def pack_of(key: bytes, code: str, serial: str) -> int | None:
    """Return the pack's number, or None where this serial was never given out for this code."""
    text = serial.strip().upper().replace("-", "").replace(" ", "").translate(_READ_AS)
    if not serial.isascii() or len(text) != LENGTH or any(c not in _LETTERS for c in text):
        return None
    value = 0
    for c in text:
        value = value * 32 + _LETTERS.index(c)
    packed = value.to_bytes(10, "big")
    number = int.from_bytes(packed[:2], "big")
    return number if number and hmac.compare_digest(packed[2:], _mac(key, code, packed[:2])) else None


def read_label_key(path: Path) -> bytes:
    """Return the key of the serials, made at first use for its owner alone."""
    if not path.exists():
        make_once(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    try:
        key = bytes.fromhex(path.read_text().strip())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise Conflict("the key of the packs' serials cannot be read", expected="64 hexadecimal digits", got=str(path), todo="restore it")
    return key


def _mac(key: bytes, code: str, packed: bytes) -> bytes:
    return hmac.new(key, _TAG + code.encode() + b"\n" + packed, hashlib.sha256).digest()[:MAC_BYTES]
