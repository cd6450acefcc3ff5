"""Small checks that fields are made of: a text, a number, one of several, an object, a list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from traceability.vocabulary import PARTY_URN, PLOT_URN

Check = Callable[[str, Any, str], None]


def refuse(name: str, expected: str, got: Any) -> BadInput:
    """Return the refusal of a value, with what was expected."""
    return BadInput(f"{name} cannot be this", expected=expected, got=repr(got)[:120])


def text(most: int) -> Check:
    """Return a check for a text of at most so many characters."""

    def check(name: str, value: Any, _kind: str) -> None:
        if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
            raise refuse(name, f"1 to {most} printable characters", value)

    return check


def one_of(values: tuple[str, ...]) -> Check:
    """Return a check for one of these values."""

    def check(name: str, value: Any, _kind: str) -> None:
        if value not in values:
            raise refuse(name, ", ".join(values), value)

    return check


def whole_number(least: int, most: int) -> Check:
    """Return a check for a whole number in a range."""

    def check(name: str, value: Any, _kind: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise refuse(name, f"a whole number from {least} to {most}", value)

    return check


def number(least: float, most: float) -> Check:
    """Return a check for a number in a range."""

    def check(name: str, value: Any, _kind: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise refuse(name, f"a number from {least} to {most}", value)

    return check


def identifier(name: str, value: Any, _kind: str) -> None:
    """Check an id of ours."""
    if not isinstance(value, str) or not ID_PATTERN.match(value):
        raise refuse(name, "1 to 64 of A-Z a-z 0-9 _ . -", value)


def party(name: str, value: Any, _kind: str) -> None:
    """Check the URN of a party."""
    if not isinstance(value, str) or not value.startswith(PARTY_URN) or not ID_PATTERN.match(value.removeprefix(PARTY_URN)):
        raise refuse(name, PARTY_URN + "{id}", value)


def place(name: str, value: Any, kind: str) -> None:
    """A place is a plot or a party's premises; where something grows, only a plot."""
    found = value.get("id") if isinstance(value, dict) and value.keys() == {"id"} else None
    prefixes = (PLOT_URN,) if kind in ("plant", "harvest") and name == "bizLocation" else (PLOT_URN, PARTY_URN)
    if not isinstance(found, str) or not any(found.startswith(p) and ID_PATTERN.match(found.removeprefix(p)) for p in prefixes):
        raise refuse(name, " or ".join(f'{{"id": "{p}{{id}}"}}' for p in prefixes), value)


def object_of(needs: dict[str, Check], may: dict[str, Check]) -> Check:
    """Return a check for an object with these fields; the refusal names what is missing."""

    def check(name: str, value: Any, kind: str) -> None:
        fields = {**needs, **may}
        if isinstance(value, dict) and needs.keys() - value.keys():
            missing = ", ".join(sorted(needs.keys() - value.keys()))
            raise BadInput(f"{name} needs more fields: {missing}", expected=", ".join(needs), got=", ".join(value)[:120] or "none")
        if not isinstance(value, dict) or value.keys() - fields.keys():
            raise refuse(name, f"an object with {', '.join(needs)}" + (f" and perhaps {', '.join(may)}" if may else ""), value)
        for key, inner in value.items():
            fields[key](f"{name}.{key}", inner, kind)

    return check


def listed(fewest: int, most: int, element: Check) -> Check:
    """Return a check for a list of so many elements."""

    def check(name: str, value: Any, kind: str) -> None:
        if not isinstance(value, list) or not fewest <= len(value) <= most:
            raise refuse(name, f"a list of {fewest} to {most}", value)
        for k, inner in enumerate(value):
            element(f"{name}[{k}]", inner, kind)

    return check


def matching(pattern: str, expected: str) -> Check:
    """Return a check for a text of this pattern."""
    known = re.compile(pattern + r"\Z")

    def check(name: str, value: Any, _kind: str) -> None:
        if not isinstance(value, str) or not known.match(value):
            raise refuse(name, expected, value)

    return check
