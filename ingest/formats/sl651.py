"""SL 651-2014 reports into readings: one frame, or all packets of one message in order.

A channel is the element's identifier in hex where it is one of `sl651_elements.NAMED` ("39"), else `sl651_` and the identifier.
Times are those of the station's clock; a year is one of this century, whatever the arrival says: judging it is not the decoder's part.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from foundation.errors import BadInput
from ingest.formats.bcd import bcd, bcd_time, bcd_value, is_missing
from ingest.formats.decoded import Context, Decoded, Numbered, Observed
from ingest.formats.sl651_elements import CLASSES, ELEMENTS, NAMED
from ingest.formats.sl651_frames import Frame, parse_frame
from ingest.messages import LATEST_MS

NAME = "sl651"
LINK, PICTURE = 0x2F, 0x36
# Reports (30 to 36) and answers to questions for data (37 to 3A) hold elements; 40 and above are about the station itself.
_DATA = range(0x30, 0x3B)
_OBSERVED, _STATION, _MANUAL, _PICTURE, _BULK, _OWN = 0xF0, 0xF1, 0xF2, 0xF3, 0xFD, 0xFF
_STEP, _SPAN, _STATUS, _RAIN_OF_HOUR = 0x04, 0x05, 0x45, 0xF4
_LEVELS_OF_HOUR = range(0xF5, 0xFD)
_FIVE_MIN = 300_000
_MOST_NOTES = 20
_SERIAL = 65536


def decode(topic: str, body: bytes, context: Context) -> Decoded:  # noqa: ARG001
    """Return what a report says; raise BadInput for one that is damaged or of which nothing can be read."""
    frames = split_message(body)
    first, text = frames[0], b"".join(f.text for f in frames)
    if first.down:
        raise BadInput("this is a frame of the centre's own", expected="one of a station's", got=f"function {first.function:02X}")
    facts: dict[str, Any] = {"function": f"{first.function:02X}", "centre": first.centre}
    if len(frames) < first.total:
        raise BadInput("packets of this message are missing", expected=f"{first.total}", got=", ".join(str(f.number) for f in frames)[:80])
    if len(text) < 8:
        raise BadInput("this report has no serial number and no time", expected="8 bytes or more", got=text.hex())
    sent_ms = bcd_time(text[2:8], context.zone_ms)
    facts["sent_ms"] = sent_ms
    serial = int.from_bytes(text[:2], "big")
    if first.function not in _DATA:
        notes = () if first.function == LINK else (f"function {first.function:02X} holds no readings",)
        return Decoded((), skipped=notes, facts=facts)
    report = _Report(first.station, sent_ms, context.zone_ms, facts)
    report.read(text[8:])
    if not report.observed and report.broken:
        raise BadInput("this report cannot be read", got=report.broken)
    identity = f"{serial:04x}-{first.function:02x}-{hashlib.sha256(text[8:]).hexdigest()[:16]}"
    number = Numbered(first.station, serial, _SERIAL, 1) if serial and first.function < 0x37 else None
    return Decoded(tuple(report.observed), number, identity, tuple(report.notes[:_MOST_NOTES]), facts)


def split_message(body: bytes) -> list[Frame]:
    """Return the frames of one message: a single one, or packets of one total, in the order of their numbers."""
    frames: list[Frame] = []
    at = 0
    while at < len(body) or not frames:
        size = 17 + (int.from_bytes(body[at + 11 : at + 13], "big") & 0xFFF)
        frames.append(parse_frame(body[at : at + size]))
        at += size
    first = frames[0]
    same = {(f.station, f.function, f.down, f.start, f.total) for f in frames}
    if len(same) > 1 or [f.number for f in frames] != sorted({f.number for f in frames}):
        raise BadInput("these packets are not of one message", got=f"{len(frames)} packets of station {first.station}")
    if len(frames) > 1 and not first.part:
        raise BadInput("these frames are several messages", got=f"{len(frames)} frames of station {first.station}")
    return frames


def picture_in(body: bytes) -> bytes:
    """Return the picture in a message that `decode` took, nothing where there is none."""
    frames = split_message(body)
    if frames[0].function not in _DATA:
        return b""
    report = _Report(frames[0].station, None, 0, {})
    report.read(b"".join(f.text for f in frames)[8:])
    return report.picture


@dataclass
class _Report:
    """Reads the elements of one report, one after the other; the guide F0F0 sets the time of what follows it."""

    station: str
    sent_ms: int | None
    zone_ms: int
    facts: dict[str, Any]
    observed: list[Observed] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    broken: str = ""
    device: str = ""
    t_ms: int | None = None
    step_ms: int = 0
    picture: bytes = b""

    def read(self, data: bytes) -> None:
        """Read all of it. What cannot be read ends the reading; what came before it counts."""
        at = 0
        while at < len(data) and not self.broken:
            if len(data) - at < 2:
                self._break(data[at:])
                return
            at += self._one(data[at:])

    def _one(self, data: bytes) -> int:
        code, definition = data[0], data[1]
        if code == definition == _OBSERVED:
            return self._time(data)
        if code == definition == _STATION:
            return self._station(data)
        if code == definition == _MANUAL:
            self.facts["manual"] = data[2:].decode("latin-1")[:500]
            return len(data)
        if code == definition == _PICTURE:
            self.picture = data[2:]
            self.facts["picture"] = {"sha256": hashlib.sha256(self.picture).hexdigest(), "bytes": len(self.picture), "t_ms": self.t_ms}
            return len(data)
        if code == _BULK:
            self.notes.append(f"{len(data) - 2} bytes of flow velocities are not read")
            return len(data)
        name, head = f"{code:02X}", 2
        if code == _OWN:
            if len(data) < 3:
                return self._break(data)
            name, definition, head = f"FF{definition:02X}", data[2], 3
        size, decimals = definition >> 3, definition & 7
        value = data[head : head + size]
        if not size or len(value) < size:
            return self._break(data)
        if self.step_ms and code not in (_STEP, _SPAN, _STATUS) and code < _OBSERVED and not _reads_on(data[head + size :]):
            self._series(name, code, data[head:], size, decimals)
            return len(data)
        self._element(name, code, value, decimals)
        return head + size

    def _element(self, name: str, code: int, value: bytes, decimals: int) -> None:
        if code == _STEP:
            self._step(value)
        elif code == _SPAN:
            self.facts["span"] = value.hex()
        elif code == _STATUS:
            self.facts["status"] = value.hex().upper()
        elif code == _RAIN_OF_HOUR:
            self._hour(name, [None if b == 0xFF else b / 10 for b in value], "mm")
        elif code in _LEVELS_OF_HOUR:
            pairs = [value[k : k + 2] for k in range(0, len(value) - 1, 2)]
            self._hour(name, [None if p == b"\xff\xff" else int.from_bytes(p, "big") / 100 for p in pairs], "m")
        else:
            self._observe(name, code, self.t_ms, value, decimals)

    def _observe(self, name: str, code: int, t_ms: int | None, raw: bytes, decimals: int) -> None:
        if t_ms is not None and t_ms > LATEST_MS:
            self.notes.append(f"{name} is of no time")
            return
        if is_missing(raw):
            self.notes.append(f"{name} is missing")
            return
        value = bcd_value(raw, decimals)
        if value is None:
            self.notes.append(f"{name} is no decimal number: {raw.hex()}")
            return
        known = ELEMENTS.get(code) if len(name) == 2 else None
        self.observed.append(Observed(self.device, channel_name(name), t_ms, value, known.unit if known else None))

    def _hour(self, name: str, values: list[float | None], unit: str) -> None:
        """Take values five minutes apart. A time with an hour of values after it that had passed when this was sent is the first one's."""
        first = self.t_ms
        if first is not None:
            span = (len(values) - 1) * _FIVE_MIN
            if first % 3_600_000 == 0 or self.sent_ms is None or first + span > self.sent_ms + _FIVE_MIN:
                first -= span
        for k, value in enumerate(values):
            if value is None:
                self.notes.append(f"{name} is missing")
                continue
            t_ms = None if first is None else min(first + k * _FIVE_MIN, LATEST_MS)
            self.observed.append(Observed(self.device, channel_name(name), t_ms, value, unit))

    def _series(self, name: str, code: int, data: bytes, size: int, decimals: int) -> None:
        """Take values one step apart to the end of the report; a negative one is a byte longer."""
        at, k = 0, 0
        while at < len(data):
            long = data[at] == 0xFF and not is_missing(data[at : at + size])
            raw = data[at : at + size + long]
            if len(raw) < size + long:
                self._break(data[at:])
                return
            self._observe(name, code, None if self.t_ms is None else self.t_ms + k * self.step_ms, raw, decimals)
            at, k = at + len(raw), k + 1

    def _time(self, data: bytes) -> int:
        if len(data) < 7:
            return self._break(data)
        self.t_ms = bcd_time(data[2:7], self.zone_ms)
        self.facts.setdefault("observed", data[2:7].hex())
        if self.t_ms is None:
            # Without a time of its own a value may not get another's, nor that of its arrival.
            return self._break(data)
        return 7

    def _station(self, data: bytes) -> int:
        if len(data) < 7:
            return self._break(data)
        number = data[2:7].hex().upper()
        self.device = "" if number == self.station else number
        if len(data) > 7 and data[7] in CLASSES:
            self.facts["class"] = chr(data[7])
            return 8
        return 7

    def _step(self, value: bytes) -> None:
        parts = [bcd(value[k : k + 1]) for k in range(len(value))]
        if len(parts) == 3 and None not in parts:
            days, hours, minutes = (p or 0 for p in parts)
            self.step_ms = ((days * 24 + hours) * 60 + minutes) * 60_000

    def _break(self, data: bytes) -> int:
        self.broken = f"from here it is no element: {data[:40].hex()}"
        self.notes.append(self.broken)
        return len(data)


def channel_name(name: str) -> str:
    """Return the channel of an element's identifier as the decoder tells it."""
    return name if name in NAMED else f"sl651_{name}"


def _reads_on(data: bytes) -> bool:
    """Tell whether `data` reads as elements of the standard to its very end; what follows a step code may as well be bare values."""
    at = 0
    while at < len(data):
        code = data[at]
        if data[at : at + 2] == b"\xf0\xf0":
            at += 7
            continue
        if at + 1 >= len(data) or not data[at + 1] >> 3 or (code not in ELEMENTS and code != _STATUS):
            return False
        at += 2 + (data[at + 1] >> 3)
    return at == len(data)
