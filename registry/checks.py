"""Rules that names, places and areas keep everywhere in the registry."""

from __future__ import annotations

import math
import unicodedata

from foundation.errors import BadInput

NAME_LENGTH = 120


def check_name(value: str, what: str = "name", *, empty: bool = False) -> str:
    """Return `value` if a person can read it on a page: not blank, no control characters, at most 120 characters."""
    if not value and empty:
        return value
    # Category C is control, format, unassigned, surrogate: right-to-left overrides and zero-width marks fake other names.
    if not value.strip() or value != value.strip() or len(value) > NAME_LENGTH or any(unicodedata.category(c)[0] == "C" for c in value):
        raise BadInput(
            f"this {what} cannot be used",
            expected=f"1 to {NAME_LENGTH} visible characters without space around them",
            got=repr(value[:40]),
        )
    return value


def check_both_names(name_zh: str, name_en: str) -> None:
    """Refuse a thing that lacks its Chinese or its English name: every page exists in both languages."""
    check_name(name_zh, "Chinese name")
    check_name(name_en, "English name")


def check_place(lat: float, lon: float) -> None:
    """Refuse a latitude or longitude (WGS 84, degrees) that is not on Earth."""
    if not (math.isfinite(lat) and math.isfinite(lon) and -90 <= lat <= 90 and -180 <= lon <= 180):
        raise BadInput("this is no place", expected="latitude -90 to 90, longitude -180 to 180", got=f"{lat}, {lon}")


def check_span(start_ms: int, end_ms: int | None) -> None:
    """Refuse a validity that ends before it begins."""
    if end_ms is not None and end_ms <= start_ms:
        raise BadInput("this validity ends before it begins", expected=f"an end after {start_ms}", got=str(end_ms))
