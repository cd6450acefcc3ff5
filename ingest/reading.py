"""What the store gives back: points, windows, gaps and states. Times are ms UTC; ranges are half-open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# QARTOD flags. The worst of several tests wins; the value itself is never changed.
GOOD, NOT_EVALUATED, SUSPECT, FAIL, MISSING = 1, 2, 3, 4, 9


@dataclass(frozen=True)
class Point:
    """One reading of a channel. `revised`: other values were told for its time before or after; this one was received last."""

    t_ms: int
    value: float
    flag: int
    revised: bool = False


class Latest(NamedTuple):
    """The newest observation of a channel, by its own time. A tuple, because a page asks for thousands at once."""

    device: str
    channel: str
    unit: str
    t_ms: int
    value: float
    flag: int
    received_ms: int
    county: str
    gateway: str


@dataclass(frozen=True)
class Window:
    """Readings of one stretch of time; `flagged` counts suspect and failed ones, which are left out of the rest unless asked for."""

    start_ms: int
    n: int
    mean: float | None
    min: float | None
    max: float | None
    flagged: int


@dataclass(frozen=True, eq=False)
class WindowTable:
    """Windows of many channels as columns: `series` are (device, channel), `which` tells each row's; no good reading means NaN."""

    series: tuple[tuple[str, str], ...]
    which: npt.NDArray[np.int64]
    start_ms: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    mean: npt.NDArray[np.float64]
    min: npt.NDArray[np.float64]
    max: npt.NDArray[np.float64]
    flagged: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start_ms)


@dataclass(frozen=True)
class Gap:
    """A stretch without readings, from the last one before to the first one after (or the range's end)."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class GatewayState:
    """What is known of a gateway's messages; `open_gaps` are closed ranges of numbers not seen although later ones were."""

    gateway: str
    county: str
    last_received_ms: int
    last_seq: int
    messages: int
    readings: int
    duplicates: int
    open_gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DeadLetter:
    """A payload that could not be taken, kept with its reason."""

    id: int
    received_ms: int
    gateway: str
    topic: str
    reason: str
    size: int


@dataclass(frozen=True)
class Counts:
    """The store in numbers."""

    readings: int
    series: int
    segments: int
    daily_files: int
    dead_letters: int
    oldest_ms: int | None
    newest_ms: int | None
    last_flush_ms: int | None
