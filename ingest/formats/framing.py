"""Frames out of a byte stream: what the splitters of TCP protocols give back. A splitter holds a bounded rest and never raises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Whole:
    """A frame whose length and checksum are right."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Damaged:
    """Bytes that are no frame, and why; kept by whoever asked."""

    raw: bytes
    why: str


class Splitter(ABC):
    """Cuts one connection's stream into frames, and tells what lies between them as damaged."""

    # Bytes of the longest frame: so much is looked at in one step.
    longest: ClassVar[int]

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def waiting(self) -> bool:
        """Whether part of a frame is held."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Whole | Damaged]:
        """Take in what arrived and return what is complete, in order."""
        self._held += data
        found: list[Whole | Damaged] = []
        while (step := self._step(bytes(self._held[: self.longest + 2]))) is not None:
            size, one = step
            del self._held[:size]
            if one is not None:
                self._add(found, one)
        return found

    def rest(self) -> list[Whole | Damaged]:
        """Give up waiting for the frame that is held: the connection ended, or nothing came for too long. What follows it may be whole."""
        found: list[Whole | Damaged] = []
        while self._held:
            held = bytes(self._held)
            cut = self._next_head(held, 2)
            found.append(Damaged(held[:cut], "the rest of this frame never came"))
            del self._held[:cut]
            found += self.feed(b"")
        return found

    def _add(self, found: list[Whole | Damaged], one: Whole | Damaged) -> None:
        """Add a piece to those found."""
        found.append(one)

    @abstractmethod
    def _step(self, held: bytes) -> tuple[int, Whole | Damaged | None] | None:
        """Return how many bytes to take off and what they are (None for nothing worth telling), None to wait for more."""

    @staticmethod
    @abstractmethod
    def _next_head(held: bytes, begin: int) -> int:
        """Return where the next head may begin, the end of what is held if nowhere."""
