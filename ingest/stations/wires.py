"""The station protocols as the TCP server sees them: whose frame this is, what proves it, what belongs together, what is answered.

A wire knows bytes only. It has no socket, no clock and no store.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.formats import hj212, sl651
from ingest.formats.bcd import bcd
from ingest.formats.framing import Splitter
from ingest.formats.hj212_frames import Hj212Splitter, data_answer, parse_packet
from ingest.formats.sl651_frames import CONFIRMED, Sl651Splitter, confirm, parse_frame
from registry.feeds import Feed


@dataclass(frozen=True, slots=True)
class Heard:
    """A whole frame. `message` names the message a part belongs to, empty for one that is whole by itself.

    `alone` says that it can be read now; `link` that it says nothing but that the station stays on the line.
    """

    raw: bytes
    station: str
    secret: str
    message: str = ""
    number: int = 1
    total: int = 1
    alone: bool = True
    link: bool = False


class Wire(Protocol):
    """One protocol. `name` is that of its format."""

    name: str

    def splitter(self) -> Splitter:
        """Return a splitter for a new connection."""
        ...

    def hear(self, raw: bytes) -> Heard:
        """Return what a whole frame is; raise BadInput for one that is well framed and nonsense inside."""
        ...

    def join(self, parts: dict[int, Heard], newest: Heard, *, fresh: bool) -> list[Heard] | None:
        """Return the parts that are to be read now that `newest` came, in order, None while others must come first.

        `fresh` is False for one that came before: its answer was lost.
        """
        ...

    def answer(self, told: Sequence[bytes], feed: Feed, now_ms: int, *, stay: bool) -> bytes:
        """Return what is sent once these frames of one message are on disk, nothing where no answer is due."""
        ...


class Sl651Wire:
    """SL 651: a picture's packets are read when all are there, and confirmed once; the link report is not answered."""

    name = sl651.NAME

    def splitter(self) -> Splitter:
        """Return a splitter for a new connection."""
        return Sl651Splitter()

    def hear(self, raw: bytes) -> Heard:
        """Return what a whole frame is."""
        frame = parse_frame(raw)
        message = f"{frame.function:02X}" if frame.part and frame.total > 1 else ""
        link = frame.function == sl651.LINK and not frame.down
        return Heard(raw, frame.station, frame.password, message, frame.number, frame.total, not message, link)

    def join(self, parts: dict[int, Heard], newest: Heard, *, fresh: bool) -> list[Heard] | None:
        """Return all packets once they are there, and again where the last one is repeated."""
        complete = len(parts) == newest.total and (fresh or newest.number == newest.total)
        return [part for _, part in sorted(parts.items())] if complete else None

    def answer(self, told: Sequence[bytes], feed: Feed, now_ms: int, *, stay: bool) -> bytes:
        """Return the confirmation of a report."""
        first, last = parse_frame(told[0]), parse_frame(told[-1])
        if first.down or first.function not in CONFIRMED or bcd(first.text[2:8]) is None:
            return b""
        return confirm(last, first.text[:2], now_ms, feed.zone_ms, stay=stay)


class Hj212Wire:
    """HJ 212: a part that tells no time is read together with the one that does; each that asks is answered."""

    name = hj212.NAME

    def splitter(self) -> Splitter:
        """Return a splitter for a new connection."""
        return Hj212Splitter()

    def hear(self, raw: bytes) -> Heard:
        """Return what a whole frame is."""
        packet = parse_packet(raw)
        total, number = packet.numbers
        message = f"{packet.command}-{packet.fields.get('QN', '')}" if total > 1 else ""
        return Heard(raw, packet.station, packet.fields.get("PW", ""), message, number, total, hj212.stands_alone(packet))

    def join(self, parts: dict[int, Heard], newest: Heard, *, fresh: bool) -> list[Heard] | None:  # noqa: ARG002
        """Return the part that tells the time and the newest after it."""
        timed = [part for number, part in sorted(parts.items()) if part.alone and number < newest.number]
        return [timed[0], newest] if timed else None

    def answer(self, told: Sequence[bytes], feed: Feed, now_ms: int, *, stay: bool) -> bytes:  # noqa: ARG002
        """Return the data answer to the last of them, where it asks for one."""
        packet = parse_packet(told[-1])
        return data_answer(packet) if packet.wants_answer else b""


WIRES: dict[str, Callable[[], Wire]] = {sl651.NAME: Sl651Wire, hj212.NAME: Hj212Wire}
