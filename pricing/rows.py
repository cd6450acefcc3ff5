"""One row of a foreign table as a raw quote: which market it names, how much was sold, what stands in which column."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from functools import lru_cache
from typing import Any

from pricing.days import read_day
from pricing.mapping import Mapping
from pricing.markets import MARKETS
from pricing.names import clean_name
from pricing.quotes import RawQuote

# The texts of a row, by our names.
FIELDS = ("name", "day", "low", "mid", "high", "unit", "spec", "grade", "origin", "market", "volume", "pack")
UNKNOWN_MARKET = "?"
_VOLUME = re.compile(r"\d{1,12}(\.\d+)?\Z", re.ASCII)


def raw_of(row: Map[str, Any], mapping: Mapping) -> RawQuote:
    """Return the raw quote of one row of texts; raise BadInput where its day cannot be read."""
    return RawQuote(
        market_of(row["market"], mapping) or UNKNOWN_MARKET, row["name"], read_day(row["day"], mapping.day_format), row["low"], row["mid"],
        row["high"], row["unit"], row["spec"], row["grade"], row["origin"], volume_of(row["volume"]), row["row"], pack=row["pack"],
    )  # fmt: skip


def market_of(text: str, mapping: Mapping) -> str | None:
    """Return the market a row names by our id or its name in either language; the mapping's own where the table has no such column."""
    if not mapping.columns.market:
        return mapping.market
    return _markets().get(clean_name(text).lower())


def volume_of(text: str) -> int | None:
    """Return a traded volume in whole kilograms, or None where none is told. Thousands separators are understood, other units are not."""
    if not text:
        return None
    plain = text.strip().replace(",", "")
    return round(float(plain)) if _VOLUME.match(plain) else None


@lru_cache(maxsize=1)
def _markets() -> dict[str, str]:
    return {clean_name(t).lower(): m.id for m in MARKETS.values() for t in (m.id, m.name_zh, m.name_en)}
