"""HJ 212-2017 on the wire: `##`, the length in four digits, the data, the checksum in four hex digits, CR LF; and the answer 9014."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from foundation.errors import BadInput
from ingest.formats.crc import crc_hj212
from ingest.formats.framing import Damaged, Splitter, Whole

HEAD = b"##"
_END = b"\r\n"
LONGEST_FRAME = 6 + 9999 + 6
DATA_ANSWER = "9014"
# Answers of a station to the centre; they are not answered in turn.
_ANSWERS = frozenset({"9011", "9012", "9013", "9014"})
_ANSWER, _DIVIDED = 1, 2
_LENGTH = re.compile(rb"##[0-9]{4}")
_CRC = re.compile(rb"[0-9A-Fa-f]{4}\Z")
_GARBAGE = "bytes between frames"


@dataclass(frozen=True, slots=True)
class Packet:
    """One frame: the fields before CP, in order, and the text between the `&&` of CP."""

    fields: Mapping[str, str]
    cp: str

    @property
    def station(self) -> str:
        """The number of the station (MN)."""
        return self.fields.get("MN", "")

    @property
    def command(self) -> str:
        """The command code (CN)."""
        return self.fields.get("CN", "")

    @property
    def flag(self) -> int:
        """The flag: bit 0 asks for an answer, bit 1 says that the packet is one of several, above stands the version."""
        flag = self.fields.get("Flag", "0")
        return int(flag) if flag.isdecimal() and len(flag) < 4 else 0

    @property
    def wants_answer(self) -> bool:
        """Whether the sender waits for a data answer."""
        return bool(self.flag & _ANSWER) and self.command not in _ANSWERS

    @property
    def numbers(self) -> tuple[int, int]:
        """Return (total, number) of a divided message, (1, 1) of a whole one; raise BadInput where they cannot be."""
        total, number = self.fields.get("PNUM", "1"), self.fields.get("PNO", "1")
        if not (total.isdecimal() and number.isdecimal() and len(total + number) <= 8 and 1 <= int(number) <= int(total)):
            raise BadInput("the number of this packet cannot be", expected="PNO from 1 to PNUM", got=f"{number[:9]} of {total[:9]}")
        return int(total), int(number)


def parse_packet(raw: bytes) -> Packet:
    """Return the parts of exactly one frame; raise BadInput where length or checksum are wrong, or it is no such text."""
    data = checked_data(raw)
    try:
        text = data.decode("ascii")
    except UnicodeDecodeError as error:
        raise BadInput("this packet is not ASCII", got=f"a bad byte at {error.start}") from error
    before, mark, after = text.partition("CP=&&")
    if not mark or not after.endswith("&&"):
        raise BadInput("this packet has no data area", expected="CP=&&…&& at its end", got=text[:60])
    fields: dict[str, str] = {}
    for part in before.split(";"):
        name, equals, value = part.partition("=")
        if equals and name not in fields:
            fields[name.strip()] = value.strip()
    return Packet(fields, after[:-2])


def checked_data(raw: bytes) -> bytes:
    """Return the data of exactly one frame, its CR LF there or not; raise BadInput where length or checksum are wrong."""
    if not _LENGTH.match(raw):
        raise BadInput("this is no HJ 212 frame", expected="## and a length in four digits", got=repr(raw[:20]))
    size = int(raw[2:6])
    data, crc, end = raw[6 : 6 + size], raw[6 + size : 10 + size], raw[10 + size :]
    if len(data) != size or end not in (b"", _END) or not _CRC.match(crc):
        raise BadInput("the length of this frame is wrong", expected=f"{size} bytes of data", got=f"a frame of {len(raw)} bytes")
    if crc_hj212(data) != int(crc, 16):
        raise BadInput("the checksum of this frame is wrong", expected=f"{crc_hj212(data):04X}", got=crc.decode())
    return data


def build_packet(fields: Mapping[str, str], cp: str) -> bytes:
    """Return a frame's bytes with length and checksum."""
    data = (";".join(f"{name}={value}" for name, value in fields.items()) + f";CP=&&{cp}&&").encode("ascii")
    if len(data) > 9999:
        raise BadInput("this packet is too long", expected="at most 9999 bytes", got=str(len(data)))
    return HEAD + b"%04d" % len(data) + data + b"%04X" % crc_hj212(data) + _END


def data_answer(packet: Packet) -> bytes:
    """Return the answer 9014 that tells a station its data has been kept: the same QN, and the same numbers for part of a message."""
    fields = {"QN": packet.fields["QN"]} if packet.fields.get("QN") else {}
    fields |= {"ST": "91", "CN": DATA_ANSWER, "PW": packet.fields.get("PW", ""), "MN": packet.station}
    fields["Flag"] = str(packet.flag & ~_ANSWER)
    if packet.flag & _DIVIDED:
        fields |= {name: packet.fields[name] for name in ("PNUM", "PNO") if name in packet.fields}
    return build_packet(fields, "")


class Hj212Splitter(Splitter):
    """Cuts a stream into frames. Text between them is told as damaged, line by line; line ends alone are nothing."""

    longest = LONGEST_FRAME

    def _step(self, held: bytes) -> tuple[int, Whole | Damaged | None] | None:
        """Return how many bytes to take off and what they are (None for line ends), None to wait for more."""
        blank = len(held) - len(held.lstrip(_END))
        if blank:
            return blank, None
        at = self._next_head(held, 0)
        if at:
            return at, Damaged(held[:at], _GARBAGE)
        if len(held) < 6:
            return None
        size = 10 + int(held[2:6])
        # No line ends within the data of a frame: one that comes early shows a length that is too long.
        end = held.find(_END)
        if 0 <= end < size:
            return end + 2, Damaged(held[: end + 2], "the length of this frame is wrong")
        if len(held) < size:
            return None
        if end == size:
            size += 2
        try:
            checked_data(held[:size])
        except BadInput as error:
            # One too short ends in the middle of its data: the line is all of it, if no other frame begins before.
            cut = min(self._next_head(held, 2), end + 2 if end >= 0 else len(held))
            return max(cut, 2), Damaged(held[: max(cut, 2)], error.explain())
        return size, Whole(held[:size])

    @staticmethod
    def _next_head(held: bytes, begin: int) -> int:
        """Return where the next head may begin, the end of what is held if nowhere."""
        at = held.find(HEAD, begin)
        while at >= 0:
            digits = held[at + 2 : at + 6]
            if not digits or digits.isdigit():
                return at
            at = held.find(HEAD, at + 1)
        half = len(held) - 1 if held.endswith(HEAD[:1]) else len(held)
        return max(half, min(begin, len(held)))
