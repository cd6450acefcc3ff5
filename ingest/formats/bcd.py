"""Binary coded decimals and the two-digit times made of them, as SL 651-2014 writes both."""

from __future__ import annotations

import calendar
import time

# Two digits of a year are a year of this century: the standard is of 2014. What that gives is checked against the time of arrival later.
_CENTURY = 2000


def bcd(data: bytes) -> int | None:
    """Return the number of packed decimal digits, None where a nibble is no digit."""
    digits = data.hex()
    return int(digits) if digits.isdecimal() else None


def to_bcd(number: int, size: int) -> bytes:
    """Return `number` in `size` bytes of packed decimal digits; raise ValueError where it does not fit."""
    digits = f"{number:0{2 * size}d}"
    if number < 0 or len(digits) > 2 * size:
        raise ValueError(f"{number} does not fit {size} bytes")
    return bytes.fromhex(digits)


def bcd_value(data: bytes, decimals: int) -> float | None:
    """Return a value; FF in front of it is a minus. None where it is missing (all FF) or no number; `is_missing` tells which."""
    minus = len(data) > 1 and data[0] == 0xFF
    number = bcd(data[1:] if minus else data)
    if number is None:
        return None
    # Divided once: 127 thousandths are 0.127 as anybody else reads it, which a product with 0.001 is not.
    value: float = number / 10**decimals
    return -value if minus else value


def is_missing(data: bytes) -> bool:
    """Tell whether a value is given as missing."""
    return bool(data) and data.count(0xFF) == len(data)


def bcd_time(data: bytes, zone_ms: int) -> int | None:
    """Return yyMMddHHmm or yyMMddHHmmss as ms UTC for clocks `zone_ms` ahead of UTC, None where it is no time."""
    if bcd(data) is None or len(data) not in (5, 6):
        return None
    parts = [int(f"{byte:02x}") for byte in data]
    year, month, day, hour, minute = _CENTURY + parts[0], *parts[1:5]
    second = parts[5] if len(parts) == 6 else 0
    if not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1] or hour > 23 or minute > 59 or second > 59:
        return None
    return calendar.timegm((year, month, day, hour, minute, second)) * 1000 - zone_ms


def time_to_bcd(t_ms: int, zone_ms: int, size: int = 6) -> bytes:
    """Return a time as yyMMddHHmmss (six bytes) or yyMMddHHmm (five)."""
    year, *rest = time.gmtime((t_ms + zone_ms) // 1000)[:6]
    return b"".join(to_bcd(n, 1) for n in (year % 100, *rest)[:size])
