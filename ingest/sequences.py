"""Which messages of a gateway are on disk: closed ranges of sequence numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Sequences:
    """A set of numbers kept as ranges; adding the next number costs nothing."""

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self.ranges: list[list[int]] = [list(r) for r in sorted(ranges)]

    def __contains__(self, seq: int) -> bool:
        at = bisect_right(self.ranges, [seq, 1 << 62]) - 1
        return at >= 0 and self.ranges[at][0] <= seq <= self.ranges[at][1]

    def add(self, seq: int) -> bool:
        """Add a number and tell whether it was new."""
        if self.ranges and seq == self.ranges[-1][1] + 1:
            self.ranges[-1][1] = seq
            return True
        if seq in self:
            return False
        at = bisect_right(self.ranges, [seq, 1 << 62])
        joins_before = at > 0 and self.ranges[at - 1][1] == seq - 1
        joins_after = at < len(self.ranges) and self.ranges[at][0] == seq + 1
        if joins_before and joins_after:
            self.ranges[at - 1][1] = self.ranges[at][1]
            del self.ranges[at]
        elif joins_before:
            self.ranges[at - 1][1] = seq
        elif joins_after:
            self.ranges[at][0] = seq
        else:
            self.ranges.insert(at, [seq, seq])
        return True

    def add_range(self, first: int, last: int) -> None:
        """Add a closed range of numbers."""
        inside = [r for r in self.ranges if r[0] <= last + 1 and r[1] >= first - 1]
        if len(inside) == 1 and inside[0][0] <= first and last <= inside[0][1]:
            return
        low, high = min([first, *(r[0] for r in inside)]), max([last, *(r[1] for r in inside)])
        at = bisect_right(self.ranges, [low, -1])
        self.ranges[at : at + len(inside)] = [[low, high]]

    def extend(self, first: int, last: int) -> None:
        """Add a closed range that most often follows the last number at once."""
        if self.ranges and first == self.ranges[-1][1] + 1:
            self.ranges[-1][1] = last
        else:
            self.add_range(first, last)

    def as_tuples(self) -> list[tuple[int, int]]:
        """Return the ranges, which nobody can change by what is returned."""
        return [(first, last) for first, last in self.ranges]

    def gaps(self) -> list[tuple[int, int]]:
        """Return the ranges missing between the first and the last number."""
        return [(a[1] + 1, b[0] - 1) for a, b in zip(self.ranges, self.ranges[1:], strict=False)]

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return sum(last - first + 1 for first, last in self.ranges)

    @property
    def last(self) -> int:
        """The highest number, 0 where there is none."""
        return self.ranges[-1][1] if self.ranges else 0
