"""A validator for the keywords that GS1's EPCIS schema uses, and no others: an unknown keyword is an error, not a pass."""

from __future__ import annotations

import re
from typing import Any

_IGNORED = {"$id", "$schema", "definitions", "description", "title", "$comment", "examples"}
_FORMATS = {
    "uri": re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+\Z"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z"),
}
_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def faults(schema: Any, value: Any, root: dict[str, Any], at: str = "$") -> list[str]:
    """Return what is wrong with a value, by place; nothing where it is valid."""
    if schema is True or schema == {}:
        return []
    if schema is False:
        return [f"{at}: nothing may stand here"]
    found: list[str] = []
    for word, told in schema.items():
        if word in _IGNORED or word == "then":
            continue
        found += _KEYWORDS[word](told, value, root, at, schema)
    return found


def _ref(told: str, value: Any, root: dict[str, Any], at: str, _s: Any) -> list[str]:
    target: Any = root
    for part in told.removeprefix("#/").split("/"):
        target = target[part.replace("%40", "@")]
    return faults(target, value, root, at)


def _type(told: Any, value: Any, _root: Any, at: str, _s: Any) -> list[str]:
    names = told if isinstance(told, list) else [told]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fine = any(number if n in ("number", "integer") else isinstance(value, _TYPES[n]) for n in names)
    return [] if fine else [f"{at}: not {told}: {value!r:.60}"]


def _properties(told: Any, value: Any, root: Any, at: str, _s: Any) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [f for k, s in told.items() if k in value for f in faults(s, value[k], root, f"{at}.{k}")]


def _required(told: Any, value: Any, _root: Any, at: str, _s: Any) -> list[str]:
    return [f"{at}: {k} is missing" for k in told if isinstance(value, dict) and k not in value]


def _names(told: Any, value: Any, root: Any, at: str, _s: Any) -> list[str]:
    return [f for k in value for f in faults(told, k, root, f"{at}({k})")] if isinstance(value, dict) else []


def _items(told: Any, value: Any, root: Any, at: str, _s: Any) -> list[str]:
    return [f for k, x in enumerate(value) for f in faults(told, x, root, f"{at}[{k}]")] if isinstance(value, list) else []


def _any_of(told: Any, value: Any, root: Any, at: str, _s: Any) -> list[str]:
    tried = [faults(s, value, root, at) for s in told]
    return [] if any(not t for t in tried) else [f"{at}: none of {len(told)} fits: {min(tried, key=len)[0]}"]


def _additional(told: Any, value: Any, root: Any, at: str, schema: Any) -> list[str]:
    if not isinstance(value, dict):
        return []
    return [f for k, x in value.items() if k not in schema.get("properties", {}) for f in faults(told, x, root, f"{at}.{k}")]


def _repeats(value: Any) -> bool:
    return isinstance(value, list) and len({repr(x) for x in value}) != len(value)


def _of_format(name: str, value: str) -> bool:
    return name not in _FORMATS or bool(_FORMATS[name].match(value))


_KEYWORDS: dict[str, Any] = {
    "$ref": _ref, "type": _type, "properties": _properties, "required": _required, "propertyNames": _names, "items": _items,
    "anyOf": _any_of, "additionalProperties": _additional,
    "allOf": lambda told, v, r, at, _s: [f for s in told for f in faults(s, v, r, at)],
    "oneOf": lambda told, v, r, at, _s: [] if sum(not faults(s, v, r, at) for s in told) == 1 else [f"{at}: not exactly one fits"],
    "not": lambda told, v, r, at, _s: [] if faults(told, v, r, at) else [f"{at}: this may not be"],
    "if": lambda told, v, r, at, s: faults(s.get("then", True), v, r, at) if not faults(told, v, r, at) else [],
    "enum": lambda told, v, _r, at, _s: [] if v in told else [f"{at}: {v!r:.60} is no term"],
    "minItems": lambda told, v, _r, at, _s: [] if not isinstance(v, list) or len(v) >= told else [f"{at}: fewer than {told}"],
    "uniqueItems": lambda told, v, _r, at, _s: [f"{at}: twice the same"] if told and _repeats(v) else [],
    "pattern": lambda told, v, _r, at, _s: [] if not isinstance(v, str) or re.search(told, v) else [f"{at}: {v!r:.60} is not {told}"],
    "format": lambda told, v, _r, at, _s: [] if not isinstance(v, str) or _of_format(told, v) else [f"{at}: no {told}"],
}  # fmt: skip
