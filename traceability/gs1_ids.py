"""GS1 identifiers in one spelling: EPC URNs, EPC class and pattern URNs and GS1 Digital Links of any host become canonical Digital Links.

Rules of CBV 2.0 for the event hash: the host is id.gs1.org, names of keys are numbers, a GTIN has 14 digits, only the finest level
of identification stays (a serial without its lot), attributes go. What is no GS1 identifier is None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

HOST = "https://id.gs1.org/"

# Short names that Digital Links once allowed -> application identifiers.
_NAMES = {
    "gtin": "01", "itip": "8006", "cpid": "8010", "gln": "414", "party": "417", "gsrnp": "8017", "gsrn": "8018", "gcn": "255", "sscc": "00",
    "gdti": "253", "ginc": "401", "gsin": "402", "grai": "8003", "giai": "8004", "cpv": "22", "lot": "10", "ser": "21",
}  # fmt: skip
_IN_LINK = r"""["'\-.0-9;-?A-Z_a-z]"""
# Key -> what a whole link with it may look like, behind the host.
_LINKS = {
    ai: re.compile(pattern.replace("~", _IN_LINK) + r"\Z")
    for ai, pattern in {
        "00": r"00/\d{18}",
        "01": r"01/\d{14}(/(21|10)/~{0,20}|/235/~{0,28})?",
        "253": r"253/\d{13}~{0,17}",
        "255": r"255/\d{13}\d{0,12}",
        "401": r"401/~{0,30}",
        "402": r"402/\d{17}",
        "414": r"414/\d{13}(/254/~{0,20})?",
        "417": r"417/\d{13}",
        "8003": r"8003/\d{14}~{0,16}",
        "8004": r"8004/~{0,30}",
        "8006": r"8006/\d{18}(/(21|10)/~{0,20})?",
        "8010": r"8010/[#\-/0-9A-Z]{0,30}(/8011/\d{0,12})?",
        "8017": r"8017/\d{18}",
        "8018": r"8018/\d{18}",
    }.items()
}
_FOUR_DIGITS = re.compile(r"\d{4}.")
_PADDED = {8: "000000", 12: "00", 13: "0", 14: ""}

_CHARACTER = r"[!'()*+,.0-9:;=A-Z_a-z-]"
# The short way first: hardly any serial has a percent escape.
_SERIAL = rf"({_CHARACTER}{{1,20}}|(?:{_CHARACTER}|%[2-7][0-9A-Fa-f]){{1,20}})"
_PART = r"((?:%[2-5][0-9A-Fa-f]|[0-9A-Z-]){1,24})"
_ESCAPED = str.maketrans({"!": "%21", "(": "%28", ")": "%29", "*": "%2A", "+": "%2B", ",": "%2C", ":": "%3A"})


# A county names the same parties, places and lots again and again.
@lru_cache(maxsize=4096)
def digital_link(text: str) -> str | None:
    """Return the canonical GS1 Digital Link of an identifier in any of its spellings, None where it is not one."""
    if text.startswith("urn:epc:"):
        return _of_urn(text)
    if text.startswith(("https://", "http://")):
        return _of_link(text)
    return None


def check_digit(digits: str) -> str:
    """Return the check digit of a GS1 key: every second digit from the right counts threefold."""
    codes = digits.encode()
    total = sum(codes[-2::-2]) + 3 * sum(codes[-1::-2]) - 48 * (len(codes) // 2 + 3 * ((len(codes) + 1) // 2))
    return str(-total % 10)


def _of_link(text: str) -> str | None:
    path = text.partition("?")[0]
    if "#" in path or "." not in path:
        return None
    parts = [_NAMES.get(part, part) for part in path.split("/")[3:]]
    if parts and not parts[-1]:
        parts.pop()
    keys = [k for k in range(len(parts) - 1) if parts[k] in _LINKS and _FOUR_DIGITS.match(parts[k + 1])]
    if not keys:
        return None
    # A link with two keys is the link of the one that comes first by number.
    at = min(keys, key=lambda k: parts[k])
    key, value, rest = parts[at], parts[at + 1], parts[at + 2 :]
    if key == "01":
        value = _PADDED.get(len(value), "") + value
    if rest and key in ("01", "8006"):
        named = dict(zip(rest[::2], rest[1::2], strict=False))
        named.pop("22", None)
        if "21" in named:
            named.pop("10", None)
        rest = [part for pair in named.items() for part in pair]
    link = "/".join((key, value, *rest))
    return HOST + link if _LINKS[key].match(link) else None


def _of_urn(text: str) -> str | None:
    parts = text.split(":", 4)
    form = _URNS.get((parts[2], parts[3])) if len(parts) == 5 else None
    found = form[0].match(parts[4]) if form else None
    if form is None or found is None:
        return None
    prefix, reference, *more = found.groups()
    if form[1] and len(prefix) + len(reference) != form[1]:
        return None
    return HOST + form[2](prefix, reference, *more)


def _checked(prefix: str, reference: str) -> str:
    return prefix + reference + check_digit(prefix + reference)


def _item(prefix: str, reference: str) -> str:
    """A GTIN or SSCC: the first digit of the reference stands before the company prefix."""
    return _checked(reference[:1] + prefix, reference[1:])


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)


def _location(prefix: str, reference: str, extension: str) -> str:
    return f"414/{_checked(prefix, reference)}" + ("" if extension == "0" else f"/254/{_escaped(extension)}")


def _form(pattern: str, digits: int, link: Callable[..., str]) -> tuple[re.Pattern[str], int, Callable[..., str]]:
    return re.compile(r"(\d{6,12})\." + pattern + r"\Z"), digits, link


# EPC URNs: (id, class or idpat; scheme) -> company prefix and what follows it; how many digits both have together; the link.
_URNS = {
    ("id", "sgtin"): _form(r"(\d{1,7})\." + _SERIAL, 13, lambda p, r, s: f"01/{_item(p, r)}/21/{_escaped(s)}"),
    ("id", "sscc"): _form(r"(\d{5,11})", 17, lambda p, r: f"00/{_item(p, r)}"),
    ("id", "sgln"): _form(r"(\d{0,6})\." + _SERIAL, 12, _location),
    ("id", "grai"): _form(r"(\d{0,6})\." + _SERIAL, 12, lambda p, r, s: f"8003/0{_checked(p, r)}{_escaped(s)}"),
    ("id", "giai"): _form(_SERIAL.replace("20", "24"), 0, lambda p, r: f"8004/{p}{_escaped(r)}"),
    ("id", "gsrn"): _form(r"(\d{5,11})", 17, lambda p, r: f"8018/{_checked(p, r)}"),
    ("id", "gsrnp"): _form(r"(\d{5,11})", 17, lambda p, r: f"8017/{_checked(p, r)}"),
    ("id", "gdti"): _form(r"(\d{0,6})\." + _SERIAL, 12, lambda p, r, s: f"253/{_checked(p, r)}{_escaped(s)}"),
    ("id", "cpi"): _form(_PART + r"\.(\d{1,12})", 0, lambda p, r, s: f"8010/{p}{r}/8011/{s}"),
    ("id", "sgcn"): _form(r"(\d{0,6})\.(\d{1,12})", 12, lambda p, r, s: f"255/{_checked(p, r)}{s}"),
    ("id", "ginc"): _form(_SERIAL.replace("20", "24"), 0, lambda p, r: f"401/{p}{_escaped(r)}"),
    ("id", "gsin"): _form(r"(\d{4,10})", 16, lambda p, r: f"402/{_checked(p, r)}"),
    ("id", "itip"): _form(
        r"(\d{1,7})\.(\d\d)\.(\d\d)\." + _SERIAL, 13, lambda p, r, one, of, s: f"8006/{_item(p, r)}{one}{of}/21/{_escaped(s)}"
    ),
    ("id", "upui"): _form(r"(\d{1,7})\." + _SERIAL.replace("20", "28"), 13, lambda p, r, s: f"01/{_item(p, r)}/235/{_escaped(s)}"),
    ("id", "pgln"): _form(r"(\d{0,6})", 12, lambda p, r: f"417/{_checked(p, r)}"),
    ("class", "lgtin"): _form(r"(\d{1,7})\." + _SERIAL, 13, lambda p, r, s: f"01/{_item(p, r)}/10/{_escaped(s)}"),
    ("idpat", "sgtin"): _form(r"(\d{1,7})\.\*", 13, lambda p, r: f"01/{_item(p, r)}"),
    ("idpat", "grai"): _form(r"(\d{0,6})\.\*", 12, lambda p, r: f"8003/0{_checked(p, r)}"),
    ("idpat", "gdti"): _form(r"(\d{0,6})\.\*", 12, lambda p, r: f"253/{_checked(p, r)}"),
    ("idpat", "sgcn"): _form(r"(\d{0,6})\.\*", 12, lambda p, r: f"255/{_checked(p, r)}"),
    ("idpat", "cpi"): _form(_PART + r"\.\*", 0, lambda p, r: f"8010/{p}{_escaped(r)}"),
    ("idpat", "itip"): _form(r"(\d{1,7})\.(\d\d)\.(\d\d)\.\*", 13, lambda p, r, one, of: f"8006/{_item(p, r)}{one}{of}"),
    ("idpat", "upui"): _form(r"(\d{1,7})\.\*", 13, lambda p, r: f"01/{_item(p, r)}"),
}
SCHEMES = frozenset(_URNS)
