"""Which time of a reading is believed, and which clocks are whole hours off: rules without any input or output.

Three times are kept of every reading: when it was received, the best time it is filed under, and (as `shift`) the device's own. Best is
the device's own where it can be meant, plus a correction that a person has accepted. Nothing here corrects anything by itself.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from ingest.quality import FIRST_SENSIBLE_MS, FUTURE_FAIL_MS

HOUR_MS = 3_600_000
# Within this of a whole hour an offset may be a wrong zone; transmission and a clock's small error are within it too.
NEAR_MS = 120_000
# A proposal is made when at least so many messages over so long a time agree.
LEAST_MESSAGES = 12
LEAST_SPAN_MS = 3_600_000
# Of a device under suspicion so many messages are looked at.
MOST_SEEN = 256
# No zone is further away.
MOST_HOURS = 14
# What nothing was heard of for so long is begun anew: a clock may have been set further back meanwhile.
FORGET_MS = 6 * HOUR_MS
# The halves of a steady series have one median, but for so much.
STEADY_MS = 3_000


def believable(t_ms: int | None, received_ms: int) -> bool:
    """Tell whether a device's own time can be meant: told none at all, or after 2010 and at most a day ahead of ours.

    1970, GPS weeks and 2100 are no times of a reading: nobody knows when it was, and now it was not either.
    """
    return t_ms is None or FIRST_SENSIBLE_MS <= t_ms <= received_ms + FUTURE_FAIL_MS


def whole_hours(offset_ms: int) -> int | None:
    """Return the whole hours an offset (received less device time) lies near to, 0 among them; None where it lies near none."""
    hours = round(offset_ms / HOUR_MS)
    return hours if abs(offset_ms - hours * HOUR_MS) <= NEAR_MS and abs(hours) <= MOST_HOURS else None


@dataclass(frozen=True, slots=True)
class Finding:
    """A clock that is steadily whole hours off: what would have to be added to it, and on what this rests."""

    correction_ms: int
    first_ms: int
    last_ms: int
    messages: int
    spread_ms: int


@dataclass(slots=True)
class Suspicion:
    """What is remembered of one device whose newest readings come whole hours off.

    What a device sends late (a backlog) only looks older than it is. So an offset above the band says nothing, and one below it, a reading
    that came sooner than a clock so far off would allow, ends the suspicion. A backlog that drains passes through every band and ends
    below it; a drift has halves that differ.
    """

    hours: int = 0
    seen: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=MOST_SEEN))
    total: int = 0
    first_ms: int = 0

    def observe(self, received_ms: int, offset_ms: int) -> Finding | None:
        """Take the offset of a device's newest reading in a message; return a finding where by now there is one."""
        hours = whole_hours(offset_ms)
        if self.total and received_ms - self.seen[-1][0] > FORGET_MS:
            self.seen.clear()
            self.total = 0
        if self.total and hours != self.hours and offset_ms > self.hours * HOUR_MS:
            return None
        if hours is None or hours != self.hours:
            self.seen.clear()
            self.hours, self.total, self.first_ms = hours or 0, 0, received_ms
            if hours is None:
                return None
        if not self.total:
            self.first_ms = received_ms
        self.seen.append((received_ms, offset_ms))
        self.total += 1
        return self._finding()

    def _finding(self) -> Finding | None:
        span = self.seen[-1][0] - self.seen[0][0]
        if len(self.seen) < LEAST_MESSAGES or span < LEAST_SPAN_MS:
            return None
        offsets = [offset for _, offset in self.seen]
        half, spread = len(offsets) // 2, max(offsets) - min(offsets)
        if abs(median(offsets[half:]) - median(offsets[:half])) > max(STEADY_MS, spread / 4):
            return None
        return Finding(self.hours * HOUR_MS, self.first_ms, self.seen[-1][0], self.total, spread)
