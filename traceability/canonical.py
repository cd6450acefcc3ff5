"""Canonical JSON (RFC 8785) and the strict reading of it: one text has one meaning and one spelling.

A body is accepted only as the very bytes its author signed. Whatever two parsers could read in two ways (a key given twice,
NaN, an accent in two encodings, 1.0 for 1) is refused here and therefore never signed, hashed or shown.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, NoReturn

import rfc8785

from foundation.errors import BadInput

# An event of a season is 0.6 to 2 kB; a truck with a hundred lots stays below 16 kB.
MAX_BODY_BYTES = 32_768


# No event of ours is nested deeper than eight. What is deeper than this is refused before a parser's own recursion meets it.
MAX_DEPTH = 64
# A string, closed or not, or a bracket. Nothing is looked at twice, whatever stands there.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def too_deep(text: str, most: int = MAX_DEPTH) -> bool:
    """Tell whether a JSON text is nested deeper than `most`, without parsing it."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    for found in _TOKEN.finditer(text):
        first = found[0][0]
        depth += (first in "[{") - (first in "]}")
        if depth > most:
            return True
    return False


def canonical(value: Any) -> bytes:
    """Return the RFC 8785 bytes of a JSON value.

    Raises:
        BadInput: the value holds NaN, an integer beyond 2^53, a lone surrogate or something JSON does not know.

    """
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError, RecursionError) as error:
        raise BadInput("this cannot be written as canonical JSON", expected="what RFC 8785 allows", got=str(error)[:120]) from error


def read_strictly(body: bytes) -> dict[str, Any]:
    """Return the object that `body` spells, if `body` is the one canonical spelling of it.

    Raises:
        BadInput: too long, no UTF-8, not in Unicode NFC, no JSON, a key given twice, NaN or Infinity, no object at the top,
            or any other spelling than the canonical one.

    """
    if len(body) > MAX_BODY_BYTES:
        raise BadInput("this event is too long", expected=f"at most {MAX_BODY_BYTES} bytes", got=f"{len(body)} bytes")
    try:
        text = body.decode()
        if too_deep(text):
            raise BadInput("this event is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        value = json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise BadInput("this event is not UTF-8", got=str(error)[:120]) from error
    except RecursionError as error:
        raise BadInput("this event is nested too deeply") from error
    except ValueError as error:
        raise BadInput("this event is no JSON", got=str(error)[:120]) from error
    if not isinstance(value, dict):
        raise BadInput("this event is no JSON object", got=type(value).__name__)
    # RFC 8785 does not normalise: one word in two encodings would be two hashes.
    if not unicodedata.is_normalized("NFC", text):
        raise BadInput("this event's text is not in Unicode normal form C", todo="normalise every text to NFC before signing")
    spelled = canonical(value)
    if spelled != body:
        raise BadInput(
            "this event is not in canonical form",
            expected="the RFC 8785 bytes of itself",
            got=_first_difference(body, spelled),
            todo="send exactly the bytes that were signed",
        )
    return value


def read_json(data: bytes, most: int) -> Any:
    """Return the JSON value that `data` spells in any way that has one meaning: UTF-8, each key once, no NaN.

    Raises:
        BadInput: it is too long, no UTF-8, no JSON, nested too deeply, or could be read in two ways.

    """
    if len(data) > most:
        raise BadInput("this document is too large", expected=f"at most {most} bytes", got=f"{len(data)} bytes")
    try:
        text = data.decode()
        if too_deep(text):
            raise BadInput("this document is nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        return json.loads(text, object_pairs_hook=_each_key_once, parse_constant=_no_constant)
    except RecursionError as error:
        raise BadInput("this document is nested too deeply") from error
    except ValueError as error:
        raise BadInput("this document is no JSON in UTF-8", got=str(error)[:120]) from error


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadInput("a key is given twice in one object", got=repr(twice[:40]))
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadInput("this is no number of JSON", got=name)


def _first_difference(body: bytes, spelled: bytes) -> str:
    at = next((k for k, (a, b) in enumerate(zip(body, spelled, strict=False)) if a != b), min(len(body), len(spelled)))
    return f"another spelling from byte {at}"
