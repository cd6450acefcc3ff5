"""The snapshot: what stands, sorted by product, market and day in one read-only file, for questions over millions of quotes.

It is a copy and never the truth. A file under `prices/` of the data folder is written aside, synced and renamed; `current.json` then
names it, so that readers see the old file or the new one, whole. What was appended later is not in it: readers ask the records for
the days that were touched since (`pricing.touched`), and for everything where there is no file, a broken one, or one of another form.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from foundation.errors import BadInput
from foundation.files import sync_folder, write_durably
from pricing.touched import Seen

# Counts up with every change of the tables inside: a file of another form is not read.
FORM = 1
POINTER = "current.json"


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """What a snapshot holds: the quotes known at `read_ms`, as so many market days of so many pairs of product and market.

    `seen` are the newest notes of what was appended that it has seen: what is not among them came later.
    """

    file: str
    read_ms: int
    built_ms: int
    points: int
    quotes: int
    pairs: int
    first_day: date | None
    last_day: date | None
    size: int
    seen: Seen = ()
    form: int = FORM

    def __post_init__(self) -> None:
        if "/" in self.file or not self.file.startswith("quotes-"):
            raise BadInput("this is no file of a snapshot", expected="quotes-…", got=self.file[:80])
        if min(self.read_ms, self.built_ms, self.points, self.quotes, self.pairs, self.size) < 0 or self.quotes < self.points:
            raise BadInput("these figures of a snapshot contradict each other", expected="none negative, no fewer quotes than days")


@dataclass(frozen=True, slots=True)
class DayQuartiles:
    """The middle half of the markets of one kind that one source quoted on a day, in thousandths of the currency per kilogram."""

    valid_date: date
    low: int
    mid: int
    high: int
    markets: int


@dataclass(frozen=True, slots=True)
class Quartiles:
    """A product's quartiles day by day, over the markets of one kind, currency and source: different ones are never put together."""

    product: str
    kind: str
    currency: str
    source: str
    days: tuple[DayQuartiles, ...]


@dataclass(frozen=True, slots=True)
class IndexDay:
    """One day of an index: 100 is the base period. `coverage` is the weight share quoted that day; below the bound `value` is None."""

    valid_date: date
    value: float | None
    coverage: float
    products: int


def read_state(folder: Path) -> SnapshotState | None:
    """Return what the current snapshot holds, or None where there is none, or none of this form, or its file is not what was written."""
    try:
        told = json.loads((folder / POINTER).read_bytes())
        days = {k: date.fromisoformat(told[k]) if told[k] else None for k in ("first_day", "last_day")}
        state = SnapshotState(**{**told, **days, "seen": tuple(told["seen"])})
        whole = (folder / state.file).stat().st_size == state.size
    except (OSError, ValueError, KeyError, TypeError, BadInput):
        return None
    return state if whole and state.form == FORM else None


def publish(folder: Path, state: SnapshotState) -> None:
    """Let `state.file`, already synced and in the folder, be the snapshot from now on; files nobody can still be about to open go.

    The one before stays: a reader may have read its name a moment ago. Readers that have an older one open keep it until they close it.
    """
    before = read_state(folder)
    told = {k: v.isoformat() if isinstance(v, date) else v for k, v in asdict(state).items()}
    write_durably(folder / POINTER, json.dumps(told).encode())
    keep = {state.file, before.file if before else ""}
    for path in folder.glob("quotes-*"):
        if path.name not in keep:
            path.unlink(missing_ok=True)
    sync_folder(folder)
