"""Three years of every source, fetched backwards beside the rounds."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.files import write_durably
from foundation.log import get_logger
from pricing.sources import source as find

if TYPE_CHECKING:
    from pricing.service import Prices
    from suhe.schedule import Work

DAY_SECONDS = 86_400.0
# What was not had at once is tried again soon, then after an hour, then once a day: a site's bytes of a day may be spent.
WAITS = (60.0, 3600.0)
DEMO_WAITS = tuple(min(60.0, 2.0 * 2**k) for k in range(20))


def fill_history_and_tell(work: Work) -> None:
    """Fetch the history; trouble with it is told and ends nothing else."""
    try:
        fill_history(work)
    except Exception:  # noqa: BLE001 - the rounds go on; the next start goes on with the history
        get_logger(__name__).exception("history failed")


def fill_history(work: Work) -> None:
    """Fetch three years of every source, the most recent block of every source first; a restart goes on where this was."""
    path = work.services.settings.data / "simulator" / "prices.json"
    prices = work.services.prices
    total = sum(_blocks_of(prices, s) for s in work.sources)
    if not total:
        return
    for wait in DEMO_WAITS if work.demo else itertools.chain(WAITS, itertools.repeat(DAY_SECONDS)):
        waiting = {s: prices.history_windows(s) for s in work.sources}
        left = sum(len(w) for w in waiting.values())
        _tell(work, path, total - left, total)
        if left == 0:
            return
        # Turn by turn, so that no source waits for another one's whole past.
        for turn in range(max(len(w) for w in waiting.values())):
            for source, windows in waiting.items():
                if work.stop.is_set():
                    return
                if turn < len(windows):
                    slot, window = windows[turn]
                    left -= work.collect(source, window, "history", slot).state == "ok"
                    _tell(work, path, total - left, total)
        if work.stop.wait(wait):
            return


def _blocks_of(prices: Prices, source_id: str) -> int:
    found = find(source_id)
    return 0 if found.answers == "present" else len(prices.all_history_windows(longest=found.longest_window_days))


def _tell(work: Work, path: Path, done: int, total: int) -> None:
    if work.demo:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, json.dumps({"done": done, "total": total, "complete": done >= total}).encode())
