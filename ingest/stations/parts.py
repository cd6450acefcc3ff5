"""Parts of station messages that wait for the others: bounded in number, size and time, and never dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.stations.wires import Heard, Wire

# A picture over a slow line takes minutes; a station that was cut off begins its message anew.
WAIT_S = 300.0
MOST_MESSAGES = 512
MOST_BYTES_OF_ONE = 900_000
MOST_BYTES = 64_000_000


@dataclass(slots=True)
class _Open:
    """A message of which something has come; parts in `waiting` have not been read yet."""

    total: int
    since: float
    parts: dict[int, Heard] = field(default_factory=dict)
    size: int = 0
    waiting: set[int] = field(default_factory=set)


class Parts:
    """The messages of all stations of one protocol that came in parts lately. One thread uses it.

    They are remembered for a while after they were read: a part whose answer was lost comes again, and alone.
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self._open: dict[tuple[str, str], _Open] = {}
        self._size = 0

    def add(self, heard: Heard, now: float) -> tuple[list[list[Heard]], list[list[Heard]]]:
        """Take a part in; return the groups of parts to be read now, and those given up on its account.

        `now` is a monotonic time in seconds.
        """
        if not heard.message:
            return [[heard]], []
        key = (heard.station, heard.message)
        given_up: list[list[Heard]] = []
        known = self._open.get(key)
        if known is not None and (
            known.total != heard.total or (heard.number in known.parts and known.parts[heard.number].raw != heard.raw)
        ):
            given_up += self._drop(key)
            known = None
        if known is None:
            known = self._open[key] = _Open(heard.total, now)
        fresh = heard.number not in known.parts
        if fresh:
            known.size += len(heard.raw)
            self._size += len(heard.raw)
        known.parts[heard.number], known.since = heard, now
        ready: list[list[Heard]] = [[heard]] if heard.alone else []
        if not heard.alone and fresh:
            known.waiting.add(heard.number)
        # A part that can be read alone may be what others waited for.
        for number in sorted(known.waiting) if heard.alone else [heard.number]:
            joined = self.wire.join(known.parts, known.parts[number], fresh=fresh)
            if joined is not None:
                ready.append(joined)
                known.waiting -= {part.number for part in joined}
        if known.size > MOST_BYTES_OF_ONE:
            given_up += self._drop(key)
        while len(self._open) > MOST_MESSAGES or self._size > MOST_BYTES:
            given_up += self._drop(min(self._open, key=lambda k: self._open[k].since))
        return ready, given_up

    def expire(self, now: float) -> list[list[Heard]]:
        """Return the parts of which the others did not come in time, and forget them."""
        late = [key for key, one in self._open.items() if now - one.since > WAIT_S]
        return [group for key in late for group in self._drop(key)]

    def close(self) -> list[list[Heard]]:
        """Return everything that still waits, and forget it."""
        return [group for key in list(self._open) for group in self._drop(key)]

    def _drop(self, key: tuple[str, str]) -> list[list[Heard]]:
        """Forget a message and return those of its parts that were never read, as one group."""
        gone = self._open[key]
        self._forget(key)
        waiting = [gone.parts[number] for number in sorted(gone.waiting)]
        return [waiting] if waiting else []

    def _forget(self, key: tuple[str, str]) -> None:
        self._size -= self._open.pop(key).size
