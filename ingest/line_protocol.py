r"""A strict reader of InfluxDB line protocol: `measurement,tag=a field=1.5,other=2i 1764741600000000000`.

Follows the description of line protocol for InfluxDB v2: `\,` and `\ ` in measurements, `\,` `\=` `\ ` in tags and field names, `\"` and
`\\` in quoted values; any other backslash stands for itself. A line that cannot be read is told with its reason, in InfluxDB's words, and
the others are read all the same.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

Value = float | int | bool | str

# Possessive: once a backslash was taken with what it escapes, no second reading of the same text is tried.
_MEASUREMENT = re.compile(r"(?:\\[, ]|[^, \n])++")
_NAME = re.compile(r"(?:\\[,= ]|[^,= \n])++")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_BARE = re.compile(r"[^, \n]++")
_TIME = re.compile(r"-?[0-9]{1,19}")
_BLANKS = re.compile(r" *+")
_SKIPPED = re.compile(r"[ \t\r\n]*+")
_INTEGER = re.compile(r"(-?[0-9]{1,20})([iu])")
_FLOAT = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUTHS = {**dict.fromkeys(("t", "T", "true", "True", "TRUE"), True), **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False)}
_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Line:
    """One point; `time` is as written, in the precision the writer chose, None where it gave none. `text` is the line for refusals."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time: int | None
    text: str


@dataclass(frozen=True)
class BadLine:
    """A line that is none, and why."""

    text: str
    why: str


class _Wrong(Exception):
    """What is wrong with the line at hand."""


def read_lines(text: str) -> tuple[list[Line], list[BadLine]]:
    """Return the points of a body and the lines that are none. Blank lines and comments are skipped."""
    good: list[Line] = []
    bad: list[BadLine] = []
    at = _SKIPPED.match(text).end()  # type: ignore[union-attr]
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at] == "#":
            at = end
        else:
            try:
                line, at = _line(text, at)
                good.append(line)
            except _Wrong as wrong:
                bad.append(BadLine(text[at:end], f"unable to parse '{_shown(text[at:end])}': {wrong}"))
                at = end
        at = _SKIPPED.match(text, at).end()  # type: ignore[union-attr]
    return good, bad


def _line(text: str, start: int) -> tuple[Line, int]:
    found = _MEASUREMENT.match(text, start)
    if found is None:
        raise _Wrong("missing measurement")
    measurement, at = _plain(found.group(), ", "), found.end()
    tags: dict[str, str] = {}
    while text.startswith(",", at):
        name, at = _named(text, at + 1, "tag")
        found = _NAME.match(text, at)
        if found is None:
            raise _Wrong("missing tag value")
        if name in tags:
            raise _Wrong("duplicate tags")
        tags[name], at = _plain(found.group(), ",= "), found.end()
    begin = _BLANKS.match(text, at).end()  # type: ignore[union-attr]
    if begin == at or begin == len(text) or text[begin] in "\n\r":
        raise _Wrong("missing fields" if begin == len(text) or text[begin] in "\n\r " else "missing tag value")
    fields, at = _fields(text, begin)
    time, at = _time(text, at)
    return Line(measurement, tags, fields, time, text[start:at]), at


def _fields(text: str, at: int) -> tuple[dict[str, Value], int]:
    fields: dict[str, Value] = {}
    while True:
        name, at = _named(text, at, "field")
        quoted = _QUOTED.match(text, at)
        if quoted is not None:
            value: Value = re.sub(r'\\(["\\])', r"\1", quoted.group(1))
            at = quoted.end()
            if at < len(text) and text[at] not in ", \r\n":
                raise _Wrong("invalid field format")
        elif text.startswith('"', at):
            raise _Wrong("unbalanced quotes")
        else:
            found = _BARE.match(text, at)
            bare = found.group().rstrip("\r") if found else ""
            if not bare:
                raise _Wrong("missing field value")
            value, at = _value(bare), at + len(bare)
        fields[name] = value
        if not text.startswith(",", at):
            return fields, at
        at += 1


def _time(text: str, at: int) -> tuple[int | None, int]:
    at = _BLANKS.match(text, at).end()  # type: ignore[union-attr]
    found = _TIME.match(text, at)
    end = found.end() if found else at
    rest = _BLANKS.match(text, end).end()  # type: ignore[union-attr]
    if rest < len(text) and text[rest] == "\r":
        rest += 1
    if rest < len(text) and text[rest] != "\n":
        raise _Wrong("bad timestamp")
    return (int(found.group()) if found else None), rest


def _named(text: str, at: int, what: str) -> tuple[str, int]:
    """Return the name before an equals sign and the place after that sign."""
    found = _NAME.match(text, at)
    if found is None:
        raise _Wrong(f"missing {what} key")
    if not text.startswith("=", found.end()):
        raise _Wrong("missing tag value" if what == "tag" else "invalid field format")
    return _plain(found.group(), ",= "), found.end() + 1


def _value(bare: str) -> Value:
    if bare in _TRUTHS:
        return _TRUTHS[bare]
    whole = _INTEGER.fullmatch(bare)
    if whole is not None:
        number = int(whole.group(1))
        low, high = (0, 2**64 - 1) if whole.group(2) == "u" else (-(2**63), 2**63 - 1)
        if not low <= number <= high:
            raise _Wrong(f"unable to parse integer {_shown(bare)}: value out of range")
        return number
    if _FLOAT.fullmatch(bare) is None:
        raise _Wrong("invalid number")
    number_ = float(bare)
    if not math.isfinite(number_):
        raise _Wrong(f"unable to parse float {_shown(bare)}: value out of range")
    return number_


def _plain(text: str, escaped: str) -> str:
    return re.sub(rf"\\([{escaped}])", r"\1", text) if "\\" in text else text


def _shown(text: str) -> str:
    """Return the head of a line for a message: what came is somebody else's text."""
    shown = text[:_LONGEST_SHOWN] + ("…" if len(text) > _LONGEST_SHOWN else "")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
