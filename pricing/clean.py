"""The hard gate: a raw quote becomes a quote in thousandths per kilogram, or is refused with a reason a person can act on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

from foundation.errors import BadInput
from foundation.money import MILLI
from foundation.units import KILOGRAMS_PER_UNIT
from pricing.names import clean_name, reading_of
from pricing.packs import is_pack, pack_weight
from pricing.quotes import MidKind, Quote, RawQuote, Series

# Why a row is refused. The texts are what a person reads; the codes are stable.
REASONS: dict[str, str] = {
    "piece-price": "the price is per piece, hidden in the price's own text",
    "piece-name": "the price is per piece, hidden in the name",
    "no-number": "a price is no number",
    "unit": "the unit is no weight",
    "piece-unit": "the price is per piece, and a piece is no weight",
    "pack": "the price is per pack, and nothing tells what the pack weighs",
    "market": "the row names a market we do not know",
    "zero": "a price is zero: a missing value written as a number",
    "negative": "a price is negative",
    "absurd": "a price is higher than any produce can cost",
    "order": "the low price is above the high price",
    "mid": "the middle price is not between low and high",
    "future": "the market day has not come yet",
    "no-name": "the row names no product",
}

_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{0,6})?\Z", re.ASCII)
# A hundred thousand yuan a kilogram: no produce costs that, and it still fits every database's integer.
LARGEST_MILLI = 100_000_000
_PIECE = "个只枚把捆盒袋箱根棵束支瓶罐头条尾"
_PIECE_UNITS = frozenset("个只枚把捆根棵束支瓶罐头条尾朵颗粒块片份串对")
_PIECE_IN_PRICE = re.compile(rf"[（(/]\s*[{_PIECE}]\s*[）)]?\s*\Z")
_PIECE_IN_NAME = re.compile(rf"(/[{_PIECE}]|[（(][{_PIECE}][）)])\Z")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken, and why."""

    row: int
    reason: str
    detail: str
    name: str
    market: str
    day: date

    @property
    def text(self) -> str:
        """The reason in words."""
        return REASONS[self.reason]


def quote_of(raw: RawQuote, source: str, today: date, currency: str = "CNY") -> Quote | Refusal:
    """Return the quote a raw row means, or the first reason to refuse it.

    An absent low and high with a middle price is a single price; an absent middle is the midpoint. A middle price that is the
    midpoint but for the rounding of its last digit is called one, whatever the source calls it.
    """
    pack = None if raw.unit in KILOGRAMS_PER_UNIT else _pack(raw, source)
    found = _checked(raw.low, raw.mid, raw.high, raw.unit, pack)
    if len(found) == 2:
        return _refuse(raw, *found)
    series = _series_written(source, raw.market, raw.name, raw.spec, raw.grade, raw.origin, currency)
    if not isinstance(series, Series):
        return _refuse(raw, *series)
    if raw.day > today:
        return _refuse(raw, "future", raw.day.isoformat())
    low, mid, high, mid_kind = found
    return Quote(series, raw.day, low, mid, high, mid_kind, raw.raw_price, unit_kept(raw.unit, pack), raw.volume_kg)


def _pack(raw: RawQuote, source: str) -> Fraction | None:
    unit = raw.unit.strip()
    return None if unit in KILOGRAMS_PER_UNIT else pack_weight(source, unit, clean_name(raw.spec), clean_name(raw.name), raw.pack)


# A source writes the same few names day after day: what they mean is found once.
@lru_cache(maxsize=65536)
def _series_written(
    source: str, market: str, name: str, spec: str, grade: str, origin: str, currency: str
) -> Series | tuple[str, str]:  # fmt: skip
    clean = clean_name(name)
    if not clean:
        return "no-name", repr(name[:40])
    if market == "?":
        return "market", clean
    if piece_in_name(clean):
        return "piece-name", clean
    return Series(source, market, clean, clean_name(spec), clean_name(grade), clean_name(origin), currency, *reading_of(clean))


def unit_kept(unit: str, pack: Fraction | None) -> str:
    """Return the unit as it is kept beside a quote: as written, and for a pack with the weight that was taken for it."""
    return unit if pack is None else f"{unit.strip()} = {float(pack):.6g} kg"


def _refuse(raw: RawQuote, reason: str, detail: str) -> Refusal:
    return Refusal(raw.row, reason, detail, clean_name(raw.name), raw.market, raw.day)


def piece_in_name(name: str) -> bool:
    """Tell whether a clean name says that its price is per piece: 椰青/个, 白条鹌鹑（只）."""
    return _PIECE_IN_NAME.search(name) is not None


# Prices are sticky and few: the same three texts come again and again, so the exact arithmetic is done once for each.
@lru_cache(maxsize=65536)
def _checked(low: str, mid: str, high: str, unit: str, pack: Fraction | None) -> tuple[str, str] | tuple[int, int, int, MidKind]:
    texts = [t for t in (low, mid, high) if t.strip()]
    weight = pack or KILOGRAMS_PER_UNIT.get(unit.strip())
    try:
        values = [_amount_per(t, unit) if pack is None else amount_of(t, pack) for t in texts] if weight is not None else []
    except BadInput:
        values = []
    if len(values) < len(texts) or weight is None:
        # A piece hidden in a price is told before anything else that is wrong with it.
        if any(_PIECE_IN_PRICE.search(t) for t in texts):
            return "piece-price", shown(low, mid, high, unit)
        return unit_reason(unit) if weight is None else "no-number", shown(low, mid, high, unit)
    if not values or (not low.strip()) != (not high.strip()):
        return "no-number", shown(low, mid, high, unit)
    if min(values) < 0:
        return "negative", shown(low, mid, high, unit)
    if min(values) == 0:
        return "zero", shown(low, mid, high, unit)
    if max(values) > LARGEST_MILLI:
        return "absurd", shown(low, mid, high, unit)
    if len(values) == 1:
        return values[0], values[0], values[0], "single"
    first, last = values[0], values[-1]
    if first > last:
        return "order", shown(low, mid, high, unit)
    if len(values) == 2:
        return first, (first + last + 1) // 2, last, "midpoint"
    middle = values[1]
    if not first <= middle <= last:
        return "mid", shown(low, mid, high, unit)
    rounding = _rounding_per(unit) if pack is None else rounding_of(pack)
    return first, middle, last, "midpoint" if abs(2 * middle - first - last) <= rounding else "reported"


@lru_cache(maxsize=65536)
def _amount_per(text: str, unit: str) -> int:
    return amount_of(text, KILOGRAMS_PER_UNIT[unit.strip()])


@lru_cache(maxsize=64)
def _rounding_per(unit: str) -> int:
    return rounding_of(KILOGRAMS_PER_UNIT[unit.strip()])


def shown(low: str, mid: str, high: str, unit: str) -> str:
    """Return the prices and the unit of a refused row as they were written."""
    return f"{low}|{mid}|{high} per {unit}"


def unit_reason(unit: str) -> str:
    """Return why a unit that gives no weight is refused."""
    plain = unit.strip().removeprefix("元/")
    if is_pack(unit.strip()):
        return "pack"
    return "piece-unit" if plain in _PIECE_UNITS else "unit"


def rounding_of(weight: Fraction) -> int:
    """Return twice what a printed price of two digits may be off by, in thousandths per kilogram."""
    return 2 * amount_of("0.005", weight)


def amount_of(text: str, weight: Fraction) -> int:
    """Return a printed price per `weight` kilograms in thousandths per kilogram, rounded half up away from zero.

    Raises:
        BadInput: the text is no printed price. Thousands separators are; exponents, infinities and endless digits are not.

    """
    plain = text.strip().replace(",", "")
    if not _NUMBER.match(plain):
        raise BadInput("this price is no number", got=repr(text[:40]))
    whole, _, part = plain.lstrip("-").partition(".")
    # At most six digits after the point: whole millionths, exactly, and no fractions to make.
    twice = 2 * (int(whole) * 1_000_000 + int(part.ljust(6, "0"))) * MILLI * weight.denominator
    per = 1_000_000 * weight.numerator
    milli = (twice + per) // (2 * per)
    return -milli if plain.startswith("-") else milli
