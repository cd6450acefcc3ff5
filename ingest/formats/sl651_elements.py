"""The elements of SL 651-2014, appendix C: identifier, symbol, unit (UCUM). Provinces add more; those are not here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Element:
    """A measured quantity of the standard; `symbol` is its own short name."""

    symbol: str
    unit: str


def _series(first: int, symbol: str, unit: str, count: int = 8) -> dict[int, Element]:
    return {first + k: Element(f"{symbol}{k + 1}", unit) for k in range(count)}


ELEMENTS: dict[int, Element] = {
    0x01: Element("AC", "m2"),
    0x02: Element("AI", "Cel"),
    0x03: Element("C", "Cel"),
    0x06: Element("ED", "mm"),
    0x07: Element("EJ", "mm"),
    0x08: Element("FL", "hPa"),
    0x09: Element("GH", "m"),
    0x0A: Element("GN", ""),
    0x0B: Element("GS", ""),
    0x0C: Element("GT", "{count}"),
    0x0D: Element("GTP", "Cel"),
    0x0E: Element("H", "m"),
    0x0F: Element("HW", "m"),
    **{0x10 + k: Element(f"M{depth}", "%") for k, depth in enumerate((10, 20, 30, 40, 50, 60, 80, 100))},
    0x18: Element("MST", "%"),
    0x19: Element("NS", "{count}"),
    **{0x1A + k: Element(f"P{hours}", "mm") for k, hours in enumerate((1, 2, 3, 6, 12))},
    0x1F: Element("PD", "mm"),
    0x20: Element("PJ", "mm"),
    **{0x21 + k: Element(f"PN{minutes:02}", "mm") for k, minutes in enumerate((1, 5, 10, 30))},
    0x25: Element("PR", "mm"),
    0x26: Element("PT", "mm"),
    0x27: Element("Q", "m3/s"),
    **_series(0x28, "Q", "m3/s"),
    0x30: Element("QA", "m3/s"),
    0x31: Element("QZ", "m3/s"),
    0x32: Element("SW", "10*4.t"),
    0x33: Element("UC", ""),
    0x34: Element("UE", ""),
    0x35: Element("US", "m/s"),
    0x36: Element("VA", "m/s"),
    0x37: Element("VJ", "m/s"),
    0x38: Element("VT", "V"),
    0x39: Element("Z", "m"),
    0x3A: Element("ZB", "m"),
    0x3B: Element("ZU", "m"),
    **_series(0x3C, "Z", "m"),
    0x44: Element("SQ", "kg/m3"),
    0x46: Element("PH", "[pH]"),
    0x47: Element("DO", "mg/L"),
    0x48: Element("COND", "uS/cm"),
    0x49: Element("TURB", "NTU"),
    0x4A: Element("CODMN", "mg/L"),
    0x4B: Element("REDOX", "mV"),
    0x4C: Element("NH4N", "mg/L"),
    0x4D: Element("TP", "mg/L"),
    0x4E: Element("TN", "mg/L"),
    0x4F: Element("TOC", "mg/L"),
    **{0x50 + k: Element(symbol, "mg/L") for k, symbol in enumerate(("CU", "ZN", "SE", "AS", "THG", "CD", "PB", "CHLA"))},
    **_series(0x58, "WP", "kPa"),
    **_series(0x60, "SYL", "m3"),
    **_series(0x68, "SBL", "m3/h"),
    **{0x70 + k: Element(f"VT{phase}", "V") for k, phase in enumerate("ABC")},
    **{0x73 + k: Element(f"VI{phase}", "A") for k, phase in enumerate("ABC")},
    0xF4: Element("DRP", "mm"),
    **_series(0xF5, "DRZ", "m"),
}

# Elements that `names.py` knows as channels of ours. The rest keeps a name of its own, `sl651_` and its identifier, because it is no
# quantity of ours, or one that would mix with another: rain since eight o'clock (20), since ever (26) and of an hour (1A) are no
# five-minute totals, and a level above the last whole metre (F5) is none above the gauge's zero (39).
NAMED = frozenset({"02", "03", "08", "0D", "10", "18", "22", "35", "38", "39", "46", "47", "48", "49", "F4"})
# Classes of stations: rain, river, reservoir, gate, pump, tide, soil, ground water, water quality, intake, outlet.
CLASSES = frozenset(b"PHKZDTMGQIO")
