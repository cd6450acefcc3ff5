"""Frames out of a byte stream: what the splitters of TCP protocols give back. A splitter holds a bounded rest and never raises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Whole:
    """A frame whose length and checksum are right."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no frame, and why; kept by whoever asked."""

    raw: bytes
    why: str


class Splitter(Protocol):
    """Cuts one connection's stream."""

    def feed(self, data: bytes) -> list[Whole | Damaged]:
        """Take in what arrived and return what is complete, in order."""
        ...

    def rest(self) -> list[Whole | Damaged]:
        """Give up waiting for the frame that is held: the connection ended, or nothing came for too long. What follows it may be whole."""
        ...

    @property
    def waiting(self) -> bool:
        """Whether part of a frame is held."""
        ...
