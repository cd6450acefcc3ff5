"""SL 651-2014 on the wire: frames out of a stream, their parts, and the centre's confirmation. HEX/BCD coding, not the ASCII one.

`7E7E | centre(1) station(5) | password(2) | function(1) | direction+length(2) | STX or SYN | [total and number(3)] | text | end | CRC(2)`;
downwards station and centre change places. The length counts what stands between the start and the end character.
"""

from __future__ import annotations

from dataclasses import dataclass

from foundation.errors import BadInput
from ingest.formats.bcd import time_to_bcd
from ingest.formats.crc import crc_modbus
from ingest.formats.framing import Damaged, Splitter, Whole

HEAD = b"\x7e\x7e"
STX, SYN = 0x02, 0x16
ETX, EOT, ENQ, ACK, NAK, ETB, ESC = 0x03, 0x04, 0x05, 0x06, 0x15, 0x17, 0x1B
ENDS = frozenset({ETX, EOT, ENQ, ACK, NAK, ETB, ESC})
_BEFORE_TEXT, _AFTER_TEXT = 14, 3
LONGEST_FRAME = _BEFORE_TEXT + 0xFFF + _AFTER_TEXT
# What a station reports by itself and waits to be confirmed (mode M2, pictures M3). Its link report 2F and its answers to questions of
# the centre (37 and above) are not.
CONFIRMED = frozenset(range(0x30, 0x37))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `text` lies between the start and the end character, without the packet numbers of a part."""

    centre: int
    station: str
    password: str
    function: int
    down: bool
    start: int
    text: bytes
    end: int
    total: int = 1
    number: int = 1

    @property
    def part(self) -> bool:
        """Whether this is one of several packets of a message."""
        return self.start == SYN

    @property
    def last(self) -> bool:
        """Whether no packet of this message comes after it."""
        return self.end != ETB


def parse_frame(raw: bytes) -> Frame:
    """Return the parts of exactly one frame; raise BadInput where length, start, end or checksum are wrong."""
    if len(raw) < _BEFORE_TEXT + _AFTER_TEXT or raw[:2] != HEAD:
        raise BadInput("this is no SL 651 frame", expected="7E7E and at least 15 bytes more", got=raw[:20].hex())
    if _length(raw) != len(raw):
        raise BadInput("the length of this frame is wrong", expected=f"{_length(raw)} bytes", got=f"{len(raw)}")
    end = raw[-3]
    start = raw[13]
    if start not in (STX, SYN) or end not in ENDS:
        raise BadInput("this frame does not begin or end as one", got=f"start {start:02x}, end {end:02x}")
    expected, got = crc_modbus(raw[:-2]), int.from_bytes(raw[-2:], "big")
    if expected != got:
        raise BadInput("the checksum of this frame is wrong", expected=f"{expected:04X}", got=f"{got:04X}")
    down = raw[11] >> 4 == 8
    station, centre = (raw[2:7], raw[7]) if down else (raw[3:8], raw[2])
    text, total, number = raw[14:-3], 1, 1
    if start == SYN:
        if len(text) < 3:
            raise BadInput("a packet has no number", got=raw.hex()[:80])
        total, number = int.from_bytes(text[:2], "big") >> 4, int.from_bytes(text[1:3], "big") & 0xFFF
        text = text[3:]
        if not 1 <= number <= total:
            raise BadInput("the number of this packet cannot be", expected="1 to the total", got=f"{number} of {total}")
    return Frame(centre, station.hex().upper(), raw[8:10].hex().upper(), raw[10], down, start, text, end, total, number)


def build_frame(frame: Frame) -> bytes:
    """Return a frame's bytes with length and checksum."""
    numbers = (frame.total << 12 | frame.number).to_bytes(3, "big") if frame.start == SYN else b""
    text = numbers + frame.text
    if len(text) > 0xFFF:
        raise BadInput("this text is too long for one frame", expected="at most 4095 bytes", got=str(len(text)))
    station, centre = bytes.fromhex(frame.station), bytes([frame.centre])
    length = (0x8000 if frame.down else 0) | len(text)
    head = HEAD + (station + centre if frame.down else centre + station) + bytes.fromhex(frame.password)
    whole = head + bytes([frame.function]) + length.to_bytes(2, "big") + bytes([frame.start]) + text + bytes([frame.end])
    return whole + crc_modbus(whole).to_bytes(2, "big")


def confirm(last: Frame, serial: bytes, sent_ms: int, zone_ms: int, *, stay: bool) -> bytes:
    """Return the centre's confirmation of a report: its serial number, the time of sending, and whether the station is to stay on the line.

    `last` is the report's last packet. ESC keeps a station on the line, EOT lets it sleep.
    """
    text = serial + time_to_bcd(sent_ms, zone_ms)
    return build_frame(Frame(last.centre, last.station, last.password, last.function, True, STX, text, ESC if stay else EOT))


class Sl651Splitter(Splitter):
    """Cuts a stream into frames. After a wrong checksum it goes on at the next head, also inside what the damaged one claimed."""

    longest = LONGEST_FRAME

    def _add(self, found: list[Whole | Damaged], one: Whole | Damaged) -> None:
        if isinstance(one, Damaged) and found and isinstance(found[-1], Damaged) and found[-1].why == one.why == _GARBAGE:
            one = Damaged(found.pop().raw + one.raw, one.why)
        found.append(one)

    def _step(self, held: bytes) -> tuple[int, Whole | Damaged] | None:
        """Return how many bytes to take off and what they are, None to wait for more."""
        if not held:
            return None
        at = self._next_head(held, 0)
        if at:
            return at, Damaged(held[:at], _GARBAGE)
        if len(held) < _BEFORE_TEXT:
            return None
        size = _length(held)
        if len(held) < size:
            return None
        raw = held[:size]
        try:
            parse_frame(raw)
        except BadInput as error:
            cut = self._next_head(raw, 2)
            return cut, Damaged(raw[:cut], error.explain())
        return size, Whole(raw)

    @staticmethod
    def _next_head(held: bytes, begin: int) -> int:
        """Return where the next head may begin, the end of what is held if nowhere; what is there of it must fit."""
        at = held.find(HEAD, begin)
        while at >= 0:
            if len(held) <= at + 13 or (held[at + 13] in (STX, SYN) and held[at + 11] >> 4 in (0, 8)):
                return at
            at = held.find(HEAD, at + 1)
        # A single 7E at the end may be half a head.
        half = len(held) - 1 if held.endswith(HEAD[:1]) else len(held)
        return max(half, min(begin, len(held)))


_GARBAGE = "bytes between frames"


def _length(raw: bytes) -> int:
    return _BEFORE_TEXT + (int.from_bytes(raw[11:13], "big") & 0xFFF) + _AFTER_TEXT
