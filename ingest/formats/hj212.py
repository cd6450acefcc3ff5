"""HJ 212-2017 packets into readings: one frame, or parts of one message in order.

The channel of a momentary value (2011, `-Rtd`) is the code of what is measured (`w01001`). A value of a stretch of time carries its
statistic and the stretch (`w01001-Avg.hour`): the mean of an hour and that of ten minutes begin at the same moment and are not the same.
Such a value stands at the begin of its stretch, as the standard has it. Codes of the standard of 2005 keep their own names.
"""

from __future__ import annotations

import calendar
import hashlib
import re
from typing import Any

from foundation.errors import BadInput
from ingest.formats.decoded import Context, Decoded, Observed
from ingest.formats.hj212_frames import Packet, parse_packet
from ingest.reading import FAIL, SUSPECT

NAME = "hj212"
# Commands that carry data, and the stretch of time their values are of.
STRETCHES = {"2011": "", "2021": "", "2051": ".minute", "2061": ".hour", "2031": ".day", "2041": ".day"}
# What an instrument says of its own value: normal (N; in air stations also 1, weather, and 3, normal), faulty (D), and everything else,
# which is no measurement of what is around it: calibration (C, 0), maintenance (M), over range (T), stopped (F), set by hand (S).
_NORMAL = frozenset({"N", "1", "3"})
_VALUES = frozenset(
    {"Rtd", "Avg", "Min", "Max", "Cou", "ZsRtd", "ZsAvg", "ZsMin", "ZsMax", "RS", "RT", "Data", "DayData", "NightData"},
)
_MARKS = frozenset({"Flag", "EFlag", "SampleTime"})
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{0,18})?([eE][+-]?[0-9]{1,2})?\Z|[+-]?\.[0-9]{1,18}\Z")
_CODE = re.compile(r"[A-Za-z0-9]{1,20}\Z")
_MOST_PARTS, _MOST_NOTES = 100, 20


def decode(topic: str, body: bytes, context: Context) -> Decoded:  # noqa: ARG001
    """Return what a message says; raise BadInput for one that is damaged or of which nothing can be read."""
    packets = split_message(body)
    first = packets[0]
    facts: dict[str, Any] = {name.lower(): first.fields[name] for name in ("ST", "CN") if name in first.fields}
    cp = ";".join(p.cp for p in packets)
    qn = first.fields.get("QN", "")
    facts["sent_ms"] = parse_time(qn, context.zone_ms) if qn else None
    if first.command not in STRETCHES:
        return Decoded((), skipped=(f"command {first.command[:10] or 'none'} holds no readings",), facts=facts)
    observed, notes, flags = _read(cp, STRETCHES[first.command], context.zone_ms)
    if flags:
        facts["flags"] = flags
    if not observed and notes:
        raise BadInput("nothing in this packet is a reading", got="; ".join(notes[:3])[:200])
    identity = f"{qn}-{first.command}-{hashlib.sha256(cp.encode()).hexdigest()[:16]}" if qn else ""
    return Decoded(tuple(observed), None, identity, tuple(notes[:_MOST_NOTES]), facts)


def split_message(body: bytes) -> list[Packet]:
    """Return the packets of one message: a whole one, or parts of it in the order of their numbers, of which the first tells the time.

    They need not be all: a part may be kept, and answered, before the next one is sent.
    """
    packets = [parse_packet(raw) for raw in split_raw(body)]
    numbers = [p.numbers for p in packets]
    same = {(p.station, p.command, p.fields.get("QN"), total) for p, (total, _) in zip(packets, numbers, strict=True)}
    if len(same) > 1 or [n for _, n in numbers] != sorted({n for _, n in numbers}):
        raise BadInput("these packets are not one message", got=f"{len(packets)} packets of station {packets[0].station[:40]}")
    if not stands_alone(packets[0]):
        raise BadInput("the part of this message that tells its time is missing", got=f"number {numbers[0][1]} of {numbers[0][0]}")
    return packets


def stands_alone(packet: Packet) -> bool:
    """Tell whether a packet can be read without the other parts of its message."""
    return packet.numbers[0] == 1 or "DataTime=" in packet.cp or packet.command not in STRETCHES


def split_raw(body: bytes) -> list[bytes]:
    """Return the frames of a message by their lengths; raise BadInput where it does not consist of frames."""
    raws: list[bytes] = []
    at = 0
    while at < len(body) or not raws:
        if not body[at + 2 : at + 6].isdigit() or len(raws) == _MOST_PARTS:
            raise BadInput("this is no HJ 212 frame", expected="## and a length in four digits", got=repr(body[at : at + 20]))
        size = 10 + int(body[at + 2 : at + 6])
        if body[at + size : at + size + 2] == b"\r\n":
            size += 2
        raws.append(body[at : at + size])
        at += size
    return raws


def parse_time(text: str, zone_ms: int) -> int | None:
    """Return yyyyMMddHHmmss, with milliseconds or without, as ms UTC for clocks `zone_ms` ahead of UTC; None where it is no time.

    A year before 1971 or after 2099 is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) not in (14, 17):
        return None
    year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
    hour, minute, second = int(text[8:10]), int(text[10:12]), int(text[12:14])
    if (
        not 1971 <= year <= 2099
        or not 1 <= month <= 12
        or not 1 <= day <= calendar.monthrange(year, month)[1]
        or hour > 23
        or minute > 59
        or second > 59
    ):
        return None
    return calendar.timegm((year, month, day, hour, minute, second)) * 1000 + int(text[14:] or 0) - zone_ms


def _read(cp: str, stretch: str, zone_ms: int) -> tuple[list[Observed], list[str], dict[str, str]]:
    """Return the readings of a data area, what in it is none, and the instruments' own flags where they are not N (normal)."""
    told: int | None = None
    groups: list[dict[str, dict[str, str]]] = []
    notes: list[str] = []
    for group in cp.split(";"):
        codes: dict[str, dict[str, str]] = {}
        for item in group.split(","):
            name, equals, value = item.partition("=")
            code, dash, what = name.strip().partition("-")
            if not equals:
                if item.strip():
                    notes.append(f"{item[:40]!r} is no field")
            elif name == "DataTime":
                told = parse_time(value, zone_ms) if told is None else told
                if told is None:
                    raise BadInput("the time of this packet cannot be read", expected="yyyyMMddHHmmss", got=repr(value[:30]))
            elif dash and _CODE.match(code) and (what in _VALUES or what in _MARKS):
                codes.setdefault(code, {})[what] = value.strip()
            else:
                notes.append(f"{name[:40]!r} is no value")
        groups.append(codes)
    observed: dict[Observed, None] = {}
    flags: dict[str, str] = {}
    for codes in groups:
        for code, fields in codes.items():
            quality = 0
            if (flag := fields.get("Flag", "N")) not in _NORMAL:
                flags[code], quality = flag[:8], FAIL if flag == "D" else SUSPECT
            t_ms = parse_time(fields["SampleTime"], zone_ms) if "SampleTime" in fields else told
            for what in fields.keys() - _MARKS:
                if t_ms is None:
                    notes.append(f"{code}-{what} has no time")
                elif not _NUMBER.match(fields[what]):
                    notes.append(f"{code}-{what} is no number: {fields[what][:30]!r}")
                else:
                    observed[Observed("", channel_name(code, what, stretch), t_ms, float(fields[what]), quality=quality)] = None
    return sorted(observed, key=lambda o: (o.channel, o.t_ms or 0)), notes, flags


def channel_name(code: str, what: str, stretch: str) -> str:
    """Return the channel of a value as the decoder tells it: the code alone for a momentary value."""
    return code if what == "Rtd" and not stretch else f"{code}-{what}{stretch}"
