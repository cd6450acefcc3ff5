"""Messages of no known format, read by a county's own table (`mapping_file.py`): JSON, lines of CSV, or a bare number."""

from __future__ import annotations

import csv
from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import LARGEST_BODY, MOST_OBSERVED, Context, Decoded, Observed
from ingest.formats.json_path import MISSING
from ingest.formats.json_text import decimal_in, finite, kind_of, note, read_json
from ingest.formats.mapping_table import MappedChannel, MappedTime, Table
from ingest.formats.times import epoch_ms, local_ms, rfc3339_ms

# What home automation writes where a sensor has no value.
_NO_VALUE = frozenset({"", "nan", "na", "n/a", "none", "null", "unknown", "unavailable"})


def decode(topic: str, body: bytes, context: Context) -> Decoded:
    """Return what `context.mapping`, a `Table`, finds in a message; channels are ours, values in the unit the table says."""
    table = context.mapping
    if not isinstance(table, Table):
        raise BadInput("this feed has no mapping table", todo="give it one, see docs/gateways.md")
    if len(body) > LARGEST_BODY:
        raise BadInput("this message is too long", expected=f"at most {LARGEST_BODY} bytes", got=str(len(body)))
    parts = _parts(table, topic)
    device = table.device_of(parts)
    channels = [c for c in table.channels if all(parts.get(k) == v for k, v in c.where)]
    skipped: list[str] = []
    if not channels:
        return Decoded((), None, "", (f"no channel of the table is for the topic {topic[:80]}",))
    observed: list[Observed] = []
    if table.body == "number":
        _numbers(_text(body), device, channels, observed, skipped)
        return Decoded(tuple(observed), None, "", tuple(skipped))
    root, records = _records(table, body)
    for record in records:
        where = device
        if table.device_path is not None:
            where = _device(table.device_path.find(record))
        t_ms = _time(table.time, record, root, context)
        for channel in channels:
            _values(channel, record, where, t_ms, observed, skipped)
        if len(observed) > MOST_OBSERVED:
            raise BadInput("this message holds too many values", expected=f"at most {MOST_OBSERVED}", todo="send fewer at once")
    if not observed and not skipped:
        skipped.append("none of the table's paths is in this message")
    return Decoded(tuple(observed), None, "", tuple(skipped))


def _parts(table: Table, topic: str) -> dict[str, str]:
    # A message that came over HTTP has no topic.
    if table.topic is None or not topic:
        return {}
    found = table.topic.fullmatch(topic)
    if found is None:
        raise BadInput("this topic is not the table's", expected=table.topic_text, got=topic[:120])
    return found.groupdict()


def _records(table: Table, body: bytes) -> tuple[Any, list[Any]]:
    if table.body == "csv":
        try:
            rows = [r for r in csv.reader(_text(body).splitlines(), delimiter=table.separator, strict=True) if r]
        except csv.Error as error:
            raise BadInput("these lines are not CSV", got=str(error)[:120]) from error
        return None, rows[: MOST_OBSERVED + 1]
    root = read_json(body)
    for path, wanted in table.expect:
        found = path.find(root)
        if found is not MISSING and (found != wanted or isinstance(found, bool) != isinstance(wanted, bool)):
            raise BadInput(f"`{path.text}` is not what the table is made for", expected=repr(wanted)[:60], got=repr(found)[:60])
    if table.each is None:
        return root, [root]
    return root, [record for _, record in table.each.find_all(root)]


def _device(told: Any) -> str:
    if type(told) is int and abs(told) < 10**18:
        return str(told)
    if type(told) is not str or not 1 <= len(told.strip()) <= 200:
        raise BadInput(
            "the message does not name its device", expected="a text or a whole number", got="nothing" if told is MISSING else kind_of(told)
        )
    return told.strip()


def _time(time: MappedTime, record: Any, root: Any, context: Context) -> int | None:
    if time.path is None:
        return None
    found = time.path.find(record)
    if found is MISSING:
        # One time for all records stands outside of them.
        found = time.path.find(root)
    if found is MISSING or found is None:
        return None
    what = f"`{time.path.text}`"
    if time.format == "iso":
        return rfc3339_ms(found.strip() if type(found) is str else found, what)
    if time.format == "local":
        return local_ms(found.strip() if type(found) is str else found, context.zone_ms if time.zone_ms is None else time.zone_ms, what)
    if type(found) is str:
        found = decimal_in(found)
    return epoch_ms(found, what, per_unit=1000 if time.format == "s" else 1)


def _values(channel: MappedChannel, record: Any, device: str, t_ms: int | None, observed: list[Observed], skipped: list[str]) -> None:
    assert channel.path is not None
    for n, told in channel.path.find_all(record):
        value = _value(told)
        if value is None:
            note(skipped, f"{channel.path.text[:60]}: {'text that is no number' if type(told) is str else kind_of(told)}")
            continue
        code = channel.channel.replace("{n}", str(n)) if channel.path.every >= 0 else channel.channel
        observed.append(Observed(device, code, t_ms, finite(value * channel.scale + channel.offset, channel.path.text), channel.unit))


def _value(told: Any) -> float | None:
    if type(told) is bool:
        return 1.0 if told else 0.0
    if type(told) is int or type(told) is float:
        return finite(told, "a value")
    return decimal_in(told) if type(told) is str else None


def _numbers(text: str, device: str, channels: list[MappedChannel], observed: list[Observed], skipped: list[str]) -> None:
    value = decimal_in(text)
    if value is None:
        if text.strip().casefold() in _NO_VALUE:
            note(skipped, f"the sensor has no value: {text.strip()[:20]!r}")
            return
        raise BadInput("this message is no number", expected="a plain decimal number", got=repr(text[:40]))
    observed += [Observed(device, c.channel, None, finite(value * c.scale + c.offset, c.channel), c.unit) for c in channels]


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput("this message is not UTF-8", got=f"{error.reason} at byte {error.start}") from error
