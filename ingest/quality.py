"""The gross-range and time tests (QARTOD), for whole batches at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.channels import channel_of
from ingest.reading import FAIL, GOOD, SUSPECT

if TYPE_CHECKING:
    from collections.abc import Sequence

# A clock this far ahead of ours is wrong; a little is only drift.
FUTURE_SUSPECT_MS = 300_000
FUTURE_FAIL_MS = 86_400_000
# No gateway of ours existed before: 1970 and GPS-week stamps fall here.
FIRST_SENSIBLE_MS = 1_262_304_000_000  # 2010-01-01


class GrossRange:
    """The ranges of every series, as arrays by series id."""

    def __init__(self) -> None:
        self._ranges: list[tuple[float, float, float, float]] = []
        self._arrays: Any = None

    def set_series(self, sid: int, channel: str) -> None:
        """Take the ranges of a series from its channel."""
        known = channel_of(channel)
        while len(self._ranges) <= sid:
            self._ranges.append((float("-inf"), float("inf")) * 2)
        self._ranges[sid] = (*known.fail, *known.suspect)
        self._arrays = None

    def flags(self, sids: Sequence[int], values: Sequence[float], times: Sequence[int], received: Sequence[int]) -> Any:
        """Return an array of flags (uint8), one for each reading; the worst test wins."""
        import numpy as np

        # Another thread may add series meanwhile, so the array is taken once and made anew when it is too short.
        arrays = self._arrays
        if arrays is None or arrays.shape[1] < len(self._ranges):
            arrays = self._arrays = np.array(self._ranges, dtype=np.float64).T
        fail_low, fail_high, low, high = arrays[:, np.asarray(sids, dtype=np.int64)]
        x = np.asarray(values, dtype=np.float64)
        t = np.asarray(times, dtype=np.int64)
        ahead = t - np.asarray(received, dtype=np.int64)
        flags = np.full(len(x), GOOD, dtype=np.uint8)
        flags[(x < low) | (x > high) | (ahead > FUTURE_SUSPECT_MS)] = SUSPECT
        flags[~((x >= fail_low) & (x <= fail_high)) | (ahead > FUTURE_FAIL_MS) | (t < FIRST_SENSIBLE_MS)] = FAIL
        return flags
