"""Counters of other senders, straightened: they wrap and begin anew; a stream's numbers here only grow.

A mistake made here is noise in the loss ledger and nothing else: what is stored and what is a repeat is decided without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ingest.formats.decoded import Numbered

# A number this far behind the newest one is a late message; further back the counter has begun anew.
MOST_LATE = 64
# A wrap may lose some messages on its way; a counter back at its first number from further away has begun anew.
MOST_LOST_AT_WRAP = 16


@dataclass(frozen=True, slots=True)
class Noted:
    """A foreign message's number, as noted for the ledger when the message is taken.

    `restart` says that the sender told of a new beginning (a birth); `resends` is False where what is missing never comes again.
    """

    gateway: str
    numbered: Numbered
    received_ms: int
    restart: bool = False
    resends: bool = True

    @property
    def stream(self) -> str:
        """The stream's name in the ledger; ids have no slash, so it is never a gateway's own."""
        return f"{self.gateway}/{self.numbered.stream}"


@dataclass(frozen=True, slots=True)
class Run:
    """Where a stream is: the counter as told last, its number here, and the number at which its present run began."""

    raw: int
    number: int
    began: int
    restarts: int = 0


def step(run: Run | None, numbered: Numbered, *, restart: bool = False) -> tuple[Run, int]:
    """Return where the stream is after a message, and the message's number here, which may be one that was met before.

    What was lost before a new beginning cannot be known: a run that begins leaves no gap before it.
    """
    raw = numbered.number
    if run is None:
        return Run(raw, raw, raw), raw
    anew = Run(raw, run.number + 1, run.number + 1, run.restarts + 1)
    if restart:
        return anew, anew.number
    period = numbered.modulus - numbered.first if numbered.modulus else 0
    ahead = (raw - run.raw) % period if period > 0 else raw - run.raw
    behind = period - ahead if period > 0 else -ahead
    if ahead == 0:
        return run, run.number
    forward = ahead <= period // 2 if period > 0 else ahead > 0
    if forward:
        if raw == numbered.first and ahead > MOST_LOST_AT_WRAP:
            return anew, anew.number
        return replace(run, raw=raw, number=run.number + ahead), run.number + ahead
    late = run.number - behind
    most = min(MOST_LATE, period // 4) if period > 0 else MOST_LATE
    if behind > most or late < run.began or (raw == numbered.first and behind > 1):
        return anew, anew.number
    return run, late
