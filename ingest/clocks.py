"""Which time of a reading is believed: rules, no state kept elsewhere.

Three times are kept of every reading: when it was received, the best time it is filed under, and (as `shift`) the device's own.
"""

from __future__ import annotations

from ingest.quality import FIRST_SENSIBLE_MS, FUTURE_FAIL_MS


def believable(t_ms: int | None, received_ms: int) -> bool:
    """Tell whether a device's own time can be meant: told none at all, or after 2010 and at most a day ahead of ours.

    1970, GPS weeks and 2100 are no times of a reading: nobody knows when it was, and now it was not either.
    """
    return t_ms is None or FIRST_SENSIBLE_MS <= t_ms <= received_ms + FUTURE_FAIL_MS
