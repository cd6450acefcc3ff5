"""The values of an EPCIS document, each checked by one small function: a URI, a time, a word of CBV, a list of those, an object.

A check takes the place, the value and the prefixes that hold there, and yields what is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from traceability.cbv import OLD_URNS
from traceability.gs1_ids import SCHEMES, digital_link


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: where, what was expected there, what stands there."""

    path: str
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, got {self.got}"


Prefixes = Mapping[str, str]
Faults = Iterator[Fault]
Check = Callable[[str, Any, Prefixes], Faults]


def fault_at(path: str, expected: str, got: Any) -> Fault:
    """Return a fault; what stands there is shown as JSON, cut where it is long."""
    return Fault(path, expected, json.dumps(got, ensure_ascii=False, default=str)[:80])


def matching(pattern: str, expected: str) -> Check:
    """Check for text of a pattern."""
    known = re.compile(pattern)

    def check(path: str, value: Any, _p: Prefixes) -> Faults:
        if not isinstance(value, str) or not known.fullmatch(value):
            yield fault_at(path, expected, value)

    return check


_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f<>\"{}|\\^`]+")


def a_uri(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for a URI; a web address has a host, an EPC is written as its scheme says."""
    if not isinstance(value, str) or not _URI.fullmatch(value):
        yield fault_at(path, "a URI", value)
    elif value.startswith(("http://", "https://")) and not value.partition("//")[2].partition("/")[0]:
        yield fault_at(path, "a web address with a host", value)
    elif value.startswith("urn:epc:") and tuple(value.split(":")[2:4]) in SCHEMES and digital_link(value) is None:
        yield fault_at(path, f"an EPC as the scheme {value.split(':')[3]} is written", value)


def a_time(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for a moment of a real day, with its offset."""
    try:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError
        datetime.fromisoformat(value)
    except ValueError:
        yield fault_at(path, "a day and time with its offset, such as 2025-11-20T06:30:00+08:00", value)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def a_number(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for a number that JSON knows."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        yield fault_at(path, "a number", value)


def an_amount(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for a number that is not below zero."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        yield fault_at(path, "a number, 0 or more", value)


def a_boolean(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for true or false."""
    if not isinstance(value, bool):
        yield fault_at(path, "true or false", value)


def a_text(path: str, value: Any, _p: Prefixes) -> Faults:
    """Check for text."""
    if not isinstance(value, str):
        yield fault_at(path, "text", value)


def anything(_path: str, _value: Any, _p: Prefixes) -> Faults:
    """Let everything pass: it is other people's, or checked elsewhere."""
    return iter(())


def a_word(table: Mapping[str, str], *, kind: str, more: str = "") -> Check:
    """A word of CBV bare, or a URI of somebody's own; CBV's own names in any other spelling, or ones it does not have, are neither."""
    known = set(table.values())
    family = next(iter(known)).partition("-")[0] + "-" if known else ""
    plain = re.compile(more) if more else None

    def check(path: str, value: Any, prefixes: Prefixes) -> Faults:
        expected = f"a {kind} of CBV 2.0 or a URI of one's own"
        if not isinstance(value, str):
            yield fault_at(path, expected, value)
        elif value in table or (plain and plain.fullmatch(value)):
            return
        elif not _URI.fullmatch(value) or value.startswith((*OLD_URNS, "urn:epcglobal:cbv:")):
            yield fault_at(path, expected, value)
        else:
            prefix, _, rest = value.partition(":")
            written = prefixes[prefix] + rest if prefix in prefixes else value
            if family and written.startswith(family) and written not in known:
                yield fault_at(path, expected, value)

    return check


def a_list(element: Check, fewest: int = 0, *, unique: bool = False) -> Check:
    """Check for a list of at least so many, each by `element`; `unique` where none may stand twice."""

    def check(path: str, value: Any, prefixes: Prefixes) -> Faults:
        if not isinstance(value, list):
            yield fault_at(path, "a list", value)
            return
        if len(value) < fewest:
            yield Fault(path, f"at least {fewest}", f"{len(value)}")
        for k, one in enumerate(value):
            yield from element(f"{path}[{k}]", one, prefixes)
        if unique:
            spelled = [json.dumps(one, sort_keys=True) for one in value]
            for k, one in enumerate(spelled):
                if one in spelled[:k]:
                    yield fault_at(f"{path}[{k}]", "each once", value[k])
                    return

    return check


def one_or_list(element: Check) -> Check:
    """Check for one of these or a list of them."""
    listed = a_list(element)
    return lambda path, value, prefixes: (listed if isinstance(value, list) else element)(path, value, prefixes)


Together = Callable[[Mapping[str, Any]], tuple[str, str, Any] | None]


def an_object(needs: Mapping[str, Check], may: Mapping[str, Check], *together: Together, foreign: bool = True) -> Check:
    """An object with these fields; `foreign` ones are other people's, with a namespace. `together` says what the fields mean at once."""
    fields = {**needs, **may}

    def check(path: str, value: Any, prefixes: Prefixes) -> Faults:
        if not isinstance(value, dict):
            yield fault_at(path, "an object", value)
            return
        for name in needs:
            if name not in value:
                yield Fault(f"{path}.{name}", "to be there", "nothing")
        whole = True
        for name, inner in value.items():
            known = fields.get(name)
            if known is None:
                if not (foreign and has_namespace(name, prefixes)):
                    fit = ", ".join(sorted(fields)) + (", or a name with a prefix that @context explains" if foreign else "")
                    yield Fault(f"{path}.{name}"[:160], f"one of {fit}" if fields else f"a name with a prefix{fit[1:]}", "this name")
                continue
            for fault in known(f"{path}.{name}", inner, prefixes):
                whole = False
                yield fault
        if whole:
            for rule in together:
                broken = rule(value)
                if broken:
                    yield fault_at(f"{path}{broken[0]}", broken[1], broken[2])

    return check


def has_namespace(name: str, prefixes: Prefixes) -> bool:
    """Return whether a name is somebody's own: behind a prefix the context explains, or a whole URI."""
    prefix, colon, rest = name.partition(":")
    return bool(colon and rest and (prefix in prefixes or "//" in rest or prefix == "urn"))
