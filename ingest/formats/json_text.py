"""JSON as strangers send it, read strictly: one meaning for every body, or BadInput.

Refused are what RFC 8259 forbids or leaves open: NaN and Infinity, a byte order mark, text that is not UTF-8, lone surrogates, numbers
beyond a double, a name that comes twice in one object, nesting without end. Values are flattened into dotted names here too.
"""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

import msgspec

from foundation.errors import BadInput
from ingest.formats.decoded import LARGEST_BODY, MOST_OBSERVED

DEEPEST = 16
_MOST_SKIPPED = 20
_LONGEST_NAME = 200
_WHY_NOT = {str: "text", type(None): "null"}

# The parser stops at the interpreter's own limit. Where a library has raised it, its stack would end first, and with it the process.
_SAFE_RECURSION = 5_000
_MOST_BRACKETS = 500
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)

_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)


def read_json(body: bytes) -> Any:
    """Return what a body says; raise BadInput where it says nothing or two things."""
    if len(body) > LARGEST_BODY:
        raise BadInput("this message is too long", expected=f"at most {LARGEST_BODY} bytes", got=str(len(body)))
    if sys.getrecursionlimit() > _SAFE_RECURSION and _too_deep(body):
        raise BadInput("this message is nested too deeply", expected=f"at most {DEEPEST} levels that matter")
    try:
        told = _read(body)
        if not _surely_unique(body, told):
            json.JSONDecoder(object_pairs_hook=_pairs).decode(body.decode())
    except UnicodeDecodeError as error:
        raise BadInput("this message is not UTF-8", got=f"{error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise BadInput("this message is nested too deeply", expected=f"at most {DEEPEST} levels that matter") from error
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        mark = body.startswith(b"\xef\xbb\xbf")
        got = "a byte order mark before it" if mark else str(error)[:160]
        raise BadInput("this message is not JSON", expected="RFC 8259, UTF-8, finite numbers, no byte order mark", got=got) from error
    return told


def members(told: Any, what: str) -> dict[str, Any]:
    """Return an object; raise BadInput where something else stands."""
    if type(told) is not dict:
        raise BadInput(f"{what} is no object", expected="a JSON object", got=kind_of(told))
    return told


def kind_of(told: Any) -> str:
    """Return the JSON name of a value's type, for an error."""
    names = {
        dict: "an object",
        list: "an array",
        str: "a text",
        bool: "a truth value",
        type(None): "null",
        int: "a number",
        float: "a number",
    }
    return names.get(type(told), type(told).__name__)


def finite(told: int | float, what: str) -> float:
    """Return a number as a double; raise BadInput for one no double holds, for infinity and for NaN."""
    try:
        value = float(told)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise BadInput(f"{what[:80]} is beyond every number we keep", expected="a finite double", todo="leave it out")
    return value


def number_in(told: Any, what: str) -> float:
    """Return a JSON number as a double; raise BadInput for a text, a truth value and everything else."""
    if type(told) is not int and type(told) is not float:
        raise BadInput(f"{what} is no number", expected="a number", got=kind_of(told))
    return finite(told, what)


def decimal_in(text: str) -> float | None:
    """Return the number a text is, in plain decimal notation only: no `nan`, no `1_000`, no `0x10`; None where it is none."""
    text = text.strip()
    if len(text) > 64 or not _DECIMAL.fullmatch(text):
        return None
    value = float(text)
    return value if abs(value) != float("inf") else None


def flatten(told: Any, name: str, into: list[tuple[str, float]], skipped: list[str], *, texts: bool = False, depth: int = 0) -> None:
    """Put every number under `told` into a list with its dotted name; truth values are 1 and 0, the n-th of an array is `name.n`.

    Text is skipped and said so, unless `texts` and it is a plain decimal number; so are null and what lies too deep.
    """
    kind = type(told)
    if len(into) >= MOST_OBSERVED:
        raise BadInput("this message holds too many values", expected=f"at most {MOST_OBSERVED}", todo="send fewer at once")
    if len(name) > _LONGEST_NAME:
        note(skipped, f"{name[:60]}…: its name is longer than {_LONGEST_NAME}")
    elif not name and kind is not dict and kind is not list:
        note(skipped, "a value without a name")
    elif kind is float:
        into.append((name, told))
    elif kind is int:
        into.append((name, finite(told, f"`{name[:60]}`")))
    elif kind is bool:
        into.append((name, 1.0 if told else 0.0))
    elif (kind is dict or kind is list) and depth < DEEPEST:
        dot = f"{name}." if name else ""
        for key, value in told.items() if kind is dict else enumerate(told):
            flatten(value, f"{dot}{key}", into, skipped, texts=texts, depth=depth + 1)
    else:
        number = decimal_in(told) if texts and kind is str else None
        if number is not None:
            into.append((name, number))
        else:
            note(skipped, f"{name[:60]}: {_WHY_NOT.get(kind, 'nested too deeply')}")


def note(skipped: list[str], why: str) -> None:
    """Add what is no reading and why, unless so much was said already."""
    if len(skipped) < _MOST_SKIPPED:
        skipped.append(why)


def _too_deep(body: bytes) -> bool:
    if body.count(b"[") + body.count(b"{") <= _MOST_BRACKETS:
        return False
    depth = 0
    for found in _TOKEN.finditer(body):
        first = body[found.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > _MOST_BRACKETS:
            return True
    return False


def _surely_unique(body: bytes, told: Any) -> bool:
    # Every name is followed by a colon, and without a backslash each text is written again as it was read. What is written has the colons
    # of what was kept: an equal count means that no name, and nothing under one, was dropped. Nearly every body passes here, cheaply.
    return b"\\" not in body and body.count(b":") == _write(told).count(b":")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(n for n in names if names.count(n) > 1)
        raise BadInput("a name comes twice in one object", expected="each name once", got=twice[:60])
    return found
