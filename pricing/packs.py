"""What a pack weighs: told by the source, written in the specification, or known from the curated table; never guessed.

A price per 箱, 件 or carton is a price per weight only with the weight of that pack. A piece (个, 把, 只) is no pack: two melons differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from foundation.units import KILOGRAMS_PER_UNIT

# Words for packs, as units and inside specifications. 袋 and 盒 are retail packs and count only with a weight beside them.
PACKS = (
    "泡沫箱", "周转筐", "塑料筐", "纸箱", "木箱", "箱", "件", "筐", "篓", "袋", "包", "盒",
    "cartons", "carton", "crates", "crate", "boxes", "box", "bags", "bag", "sacks", "sack", "quintal",
)  # fmt: skip
# A pack of more than this is a lorry, of less a sachet: the figure is not the weight of a pack.
LIGHTEST, HEAVIEST = Fraction(1, 20), Fraction(200)
# Exact by definition: the international pound of 1959; an Indian or metric quintal is 100 kg.
_POUND = Fraction(45359237, 100_000_000)
_WEIGHTS = {**KILOGRAMS_PER_UNIT, "lb": _POUND, "lbs": _POUND, "pound": _POUND, "pounds": _POUND, "kgs": Fraction(1), "Kg": Fraction(1)}
_UNITS = "|".join(sorted(map(re.escape, _WEIGHTS), key=len, reverse=True))
_AMOUNT = re.compile(rf"(?<![\d.])(\d{{1,5}}(?:\.\d{{1,3}})?)\s*({_UNITS})(?![A-Za-z])", re.ASCII | re.IGNORECASE)
# 90 KG, 50 LB: a price per so much weight, as the price data of the WFP write it.
_ALONE = re.compile(rf"(?:元\s*/\s*)?{_AMOUNT.pattern}\Z", re.ASCII | re.IGNORECASE)
_BARE = re.compile(r"\d{1,5}(?:\.\d{1,3})?\Z", re.ASCII)
_PACK_UNIT = re.compile(rf"(?:元\s*/\s*)?({'|'.join(PACKS)})\Z", re.IGNORECASE)
# 10-12斤 is a span of weights, and 250g*20 a sum somebody must do: neither is one weight.
_SPAN = re.compile(r"\d\s*(?:[-~～至—–]|to)\s*\d|\d\s*[*×xX]|[*×xX]\s*\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PackWeight:
    """The weight of one kind of pack of one source; empty `spec` or `name` means any. `note` is whose word it is."""

    source: str
    unit: str
    spec: str
    name: str
    kilograms: Fraction
    note: str


# The most particular entry that fits wins. An installation's own weights come in the mapping of its files.
PACK_WEIGHTS: tuple[PackWeight, ...] = (
    PackWeight("", "quintal", "", "", Fraction(100), "1 quintal = 100 kg, as Indian and metric markets count it"),
)


@lru_cache(maxsize=16384)
def pack_weight(source: str, unit: str, spec: str, name: str, told: str) -> Fraction | None:
    """Return the kilograms of the pack a price is per, or None where `unit` is no pack or nothing tells its weight.

    A unit that is an amount of weight by itself ("90 KG") weighs that.

    `told` is the source's own statement of the weight; a bare number in it is kilograms. Next come a weight in the unit itself
    ("5kg/箱", "箱(10斤)"), one in the specification ("泡沫箱 10斤", "cartons 25 lb"), and the table.
    """
    plain = unit.strip()
    if _ALONE.match(plain):
        return written_weight(plain)
    if not is_pack(plain):
        return None
    if _BARE.match(told.strip()):
        return _sensible(Fraction(told.strip()))
    for text in (told, plain, spec):
        found = written_weight(text)
        if found is not None:
            return found
        if text.strip() and _SPAN.search(text):
            return None
    word = _word(plain)
    fits = [
        w for w in PACK_WEIGHTS
        if w.unit == word and w.source in ("", source) and w.spec in ("", spec) and w.name in ("", name)
    ]  # fmt: skip
    best = max(fits, key=lambda w: sum(map(bool, (w.source, w.spec, w.name))), default=None)
    return best.kilograms if best else None


def is_pack(unit: str) -> bool:
    """Tell whether a unit is a pack: by a pack's word alone, with a weight beside it, or by an amount of weight such as 90 KG."""
    return _word(unit) is not None


def written_weight(text: str) -> Fraction | None:
    """Return the one weight written in a text in kilograms, or None where there is none, a span, or two that differ."""
    if not text or _SPAN.search(text):
        return None
    found = {Fraction(n) * _weight_of(unit) for n, unit in _AMOUNT.findall(text)}
    return _sensible(found.pop()) if len(found) == 1 else None


def _weight_of(unit: str) -> Fraction:
    return _WEIGHTS.get(unit) or _WEIGHTS[unit.lower()]


def _word(unit: str) -> str | None:
    if _AMOUNT.fullmatch(unit.strip()):
        return ""
    without = _AMOUNT.sub("", unit).strip(" /元()（）")
    found = _PACK_UNIT.match(without)
    return found[1].lower() if found else None


def _sensible(kilograms: Fraction) -> Fraction | None:
    return kilograms if LIGHTEST <= kilograms <= HEAVIEST else None
