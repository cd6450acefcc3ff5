"""The mapping table of a county's own: what stands where in the messages of a sender whose format nobody knows. A TOML file.

    topic = "tele/{device}/SENSOR"

    [time]
    path = "Time"
    format = "local"

    [[channel]]
    path = "AM2301.Temperature"
    channel = "air_temperature"
    unit = "Cel"

A file with a mistake is refused with its line, the key, and what was expected there.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path as File
from typing import Any

from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from ingest.formats.json_path import Path, parse_path
from ingest.formats.mapping_table import BODIES, PART, TIMES, MappedChannel, MappedTime, Table

MOST_CHANNELS = 500
LARGEST_FILE = 64_000
# The reader of TOML takes the square of a dotted key's length; no key, path or unit is nearly as long.
LONGEST_LINE = 500
PACKAGED = File(__file__).parent / "mappings"

_ZONE = re.compile(r"([+-])([01][0-9]):([0-5][0-9])", re.ASCII)
_UNIT = re.compile(r"[!-~°µ²³]{0,32}")


def packaged() -> list[str]:
    """Return the names of the tables that come with the program."""
    return sorted(f.stem for f in PACKAGED.glob("*.toml"))


def load_table(name_or_file: str | File) -> Table:
    """Return the table of a file, or the packaged one of that name; raise BadInput naming line and key of a mistake."""
    file = File(name_or_file)
    if str(name_or_file) in packaged():
        file = PACKAGED / f"{name_or_file}.toml"
    if not file.is_file():
        raise BadInput("there is no such mapping table", expected="a file, or one of " + ", ".join(packaged()), got=str(name_or_file)[:120])
    if file.stat().st_size > LARGEST_FILE:
        raise BadInput("this mapping table is too long", expected=f"at most {LARGEST_FILE} bytes", got=str(file.stat().st_size))
    try:
        text = file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("this mapping table is not UTF-8", got=f"{file}, byte {error.start}") from error
    return read_table(text, file.name)


def read_table(text: str, name: str = "the mapping table") -> Table:
    """Return the table a TOML text is; raise BadInput naming line and key of a mistake and what was expected there."""
    if len(text) > LARGEST_FILE:
        raise BadInput("this mapping table is too long", expected=f"at most {LARGEST_FILE} characters", got=str(len(text)))
    for n, line in enumerate(text.splitlines(), 1):
        if len(line) > LONGEST_LINE:
            raise BadInput(f"{name}, line {n} is too long", expected=f"at most {LONGEST_LINE} characters", got=str(len(line)))
    try:
        told = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError, OverflowError) as error:
        raise BadInput(f"{name} is not TOML", expected="TOML 1.0", got=str(error)[:160] or type(error).__name__) from error
    return _Keys(name, text, told).table()


def zone_ms(text: str) -> int:
    """Return a zone such as +08:00 in ms east of UTC; raise BadInput for anything else."""
    found = _ZONE.fullmatch(text)
    if not found:
        raise BadInput("this is no zone", expected="hours and minutes east of UTC, such as +08:00", got=text[:40])
    minutes = int(found[2]) * 60 + int(found[3])
    return (minutes if found[1] == "+" else -minutes) * 60_000


def _compiled(topic: str) -> re.Pattern[str]:
    levels = []
    for level in topic.split("/"):
        part = PART.fullmatch(level)
        levels.append(f"(?P<{part.group(1)}>[^/]+)" if part else {"+": "[^/]+", "#": ".*"}.get(level) or re.escape(level))
    return re.compile("/".join(levels).replace("/.*", "(?:/.*)?"), re.DOTALL)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if type(value) is str:
        return repr(value[:60])
    short = type(value) in (bool, float) or (type(value) is int and abs(value) < 10**20)
    return (
        str(value) if short else {dict: "a part with keys", list: "an array", int: "a long number"}.get(type(value), type(value).__name__)
    )


class _Keys:
    """A table being read, with the words for what is wrong in it."""

    def __init__(self, name: str, text: str, told: dict[str, Any]) -> None:
        self.name = name
        self.lines = text.splitlines()
        self.told = told

    def table(self) -> Table:
        self._known(self.told, "", "topic", "body", "device", "device_path", "each", "separator", "time", "expect", "channel", "note")
        body = self._choice(self.told, "", "body", BODIES, "json")
        topic = self._text(self.told, "", "topic", "") or ""
        names = self._topic(topic)
        device = self._text(self.told, "", "device", "{device}" if "device" in names else "") or ""
        for part in [*PART.findall(device), *(["?"] if set("{}") & set(PART.sub("", device)) else [])]:
            if part not in names:
                raise self.bad("", "device", f"parts of the topic ({', '.join(sorted(names)) or 'it has none'})", f"{{{part}}}")
        device_path = self._path(self.told, "", "device_path")
        each = self._path(self.told, "", "each")
        if each is not None and (each.every != len(each.steps) - 1 or body != "json"):
            raise self.bad("", "each", "a path that ends in [*], in a body of JSON", each.text)
        if body == "number" and device_path is not None:
            raise self.bad("", "device_path", "no path, a bare number holds nothing else", device_path.text)
        separator = self._text(self.told, "", "separator", ",") or ","
        if len(separator) != 1:
            raise self.bad("", "separator", "one character", repr(separator))
        return Table(
            self.name, body, _compiled(topic) if topic else None, topic,
            "/".join("+" if PART.fullmatch(x) else x for x in topic.split("/")),
            device, device_path, each, separator, self._time(body), self._expect(body), self._channels(body, names),
        )  # fmt: skip

    def _topic(self, topic: str) -> set[str]:
        names: set[str] = set()
        levels = topic.split("/")
        for n, level in enumerate(levels):
            part = PART.fullmatch(level)
            wild = level == "+" or (level == "#" and n == len(levels) - 1)
            if not part and not wild and any(c in level for c in "{}+#\0"):
                raise self.bad("", "topic", "levels that are a word, {name}, + or, at the end, #", level)
            if part and part.group(1) in names:
                raise self.bad("", "topic", "each {name} once", level)
            if part:
                names.add(part.group(1))
        return names

    def _time(self, body: str) -> MappedTime:
        if "time" not in self.told:
            return MappedTime()
        time = self._group(self.told["time"], "time")
        self._known(time, "time", "path", "format", "zone")
        form = self._choice(time, "time", "format", TIMES, None)
        path = self._path(time, "time", "path")
        if (path is None) != (form == "none") or (body == "number" and form != "none"):
            raise self.bad("time", "path", "a path, unless the format is `none`; a bare number has none", path.text if path else "nothing")
        zone = self._text(time, "time", "zone", None)
        if zone is None:
            return MappedTime(form, path)
        try:
            ms = zone_ms(zone)
        except BadInput as error:
            raise self.bad("time", "zone", error.expected, zone) from error
        if form != "local":
            raise self.bad("time", "zone", "no zone, only local times need one", zone)
        return MappedTime(form, path, ms)

    def _expect(self, body: str) -> tuple[tuple[Path, Any], ...]:
        told = self._group(self.told.get("expect", {}), "expect")
        if told and body != "json":
            raise self.bad("expect", "", "no such part, only JSON has fields to look at", body)
        for key, value in told.items():
            if type(value) not in (str, int, float, bool):
                raise self.bad("expect", key, "a text, a number or a truth value", type(value).__name__)
        return tuple((self._parsed("expect", key, key), value) for key, value in told.items())

    def _channels(self, body: str, names: set[str]) -> tuple[MappedChannel, ...]:
        told = self.told.get("channel")
        if type(told) is not list or not told or len(told) > MOST_CHANNELS or any(type(c) is not dict for c in told):
            raise self.bad("channel", "", f"1 to {MOST_CHANNELS} parts [[channel]]", _shown(told))
        return tuple(self._channel(n, c, body, names) for n, c in enumerate(told))

    def _channel(self, n: int, told: dict[str, Any], body: str, names: set[str]) -> MappedChannel:
        at = f"channel[{n}]"
        self._known(told, at, "path", "channel", "unit", "scale", "offset", "where")
        path = self._path(told, at, "path")
        if (path is None) != (body == "number"):
            raise self.bad(at, "path", "a path; only a bare number has none", path.text if path else "nothing")
        channel = self._text(told, at, "channel", None)
        if channel is None or not ID_PATTERN.match(channel.replace("{n}", "0")):
            raise self.bad(at, "channel", "a channel's code of A-Z a-z 0-9 _ . -", channel or "nothing")
        if path is not None and (path.every >= 0) != ("{n}" in channel):
            raise self.bad(at, "channel", "{n} in it exactly where the path has [*]: else several values were one channel", channel)
        unit = self._text(told, at, "unit", None)
        if unit is not None and not _UNIT.fullmatch(unit):
            raise self.bad(at, "unit", "a unit such as Cel, %, hPa, mS/cm", unit)
        where = self._group(told.get("where", {}), f"{at}.where")
        for part, wanted in where.items():
            if part not in names or type(wanted) is not str:
                raise self.bad(
                    f"{at}.where", part, f"parts of the topic ({', '.join(sorted(names)) or 'it has none'}) and their texts", _shown(wanted)
                )
        scale, offset = self._number(told, at, "scale", 1.0), self._number(told, at, "offset", 0.0)
        if scale == 0:
            raise self.bad(at, "scale", "a number that is not 0", "0")
        return MappedChannel(channel, path, unit, scale, offset, tuple(where.items()))

    def bad(self, group: str, key: str, expected: str, got: str) -> BadInput:
        where = f"{group}.{key}" if group and key else group or key
        line = self._line(group, key)
        return BadInput(f"{self.name}{f', line {line}' if line else ''}: `{where}` cannot be used", expected=expected, got=got[:80])

    def _line(self, group: str, key: str) -> int:
        # tomllib tells no places: the heading of the group is looked for, then the key under it.
        head, _, index = group.removesuffix(".where").partition("[")
        nth = int(index[:-1]) if index else 0
        heading = re.compile(rf"\s*\[+\s*{re.escape(head)}\s*\]")
        start = 0
        if head:
            found = [i for i, line in enumerate(self.lines) if heading.match(line)]
            if nth >= len(found):
                return 0
            start = found[nth]
        word = re.compile(rf"""\s*["']?{re.escape(key or "where")}["']?\s*[=.]""")
        for i in range(start, len(self.lines)):
            if key and word.match(self.lines[i]):
                return i + 1
            if i > start and self.lines[i].lstrip().startswith("["):
                break
        return start + 1 if head else 0

    def _group(self, told: Any, at: str) -> dict[str, Any]:
        if type(told) is not dict:
            raise self.bad(at, "", "a part with keys", type(told).__name__)
        return told

    def _known(self, told: Mapping[str, Any], at: str, *keys: str) -> None:
        for key in told:
            if key not in keys:
                raise self.bad(at, key, "one of " + ", ".join(keys), key)

    def _text(self, told: Mapping[str, Any], at: str, key: str, default: str | None) -> str | None:
        value = told.get(key, default)
        if value is not None and (type(value) is not str or len(value) > 300):
            raise self.bad(at, key, "a text of at most 300 characters", _shown(value))
        return value

    def _choice(self, told: Mapping[str, Any], at: str, key: str, among: tuple[str, ...], default: str | None) -> str:
        value = told.get(key, default)
        if type(value) is not str or value not in among:
            raise self.bad(at, key, "one of " + ", ".join(among), _shown(value))
        return value

    def _number(self, told: Mapping[str, Any], at: str, key: str, default: float) -> float:
        value = told.get(key, default)
        if type(value) not in (int, float) or not abs(value) < 1e15:
            raise self.bad(at, key, "a finite number", _shown(value))
        return float(value)

    def _path(self, told: Mapping[str, Any], at: str, key: str) -> Path | None:
        text = self._text(told, at, key, None)
        return None if text is None else self._parsed(at, key, text)

    def _parsed(self, at: str, key: str, text: str) -> Path:
        try:
            return parse_path(text)
        except BadInput as error:
            raise self.bad(at, key, error.expected, text) from error
