"""What a batch of quotes changes: pure comparison of what a source says now with what stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from pricing.quotes import Quote, Series
from pricing.store import Key

# low, mid, high, mid_kind, volume: when one of these differs, the quote was revised.
Values = tuple[int, int, int, str, int | None]
# More rows than this share vanishing at once is an incomplete answer, not a withdrawal.
MOST_WITHDRAWN = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands for one series, day and ordinal."""

    values: Values
    observed_ms: int
    raw_unit: str


@dataclass(frozen=True, slots=True)
class Changes:
    """The observations to append, how many rows of the batch were exact copies, and what was left alone."""

    observed: list[dict[str, Any]]
    copies: int
    new: int
    revised: int
    withdrawn: int
    missing: int


def with_ordinals(quotes: Iterable[Quote]) -> tuple[dict[tuple[Any, date, int], Quote], int]:
    """Return (series, day, ordinal) -> quote and the number of exact copies.

    The natural key is not unique: two stalls quote one product on one day at different prices. Each different price gets an
    ordinal, in order of price so that the order of the rows does not matter; the same price again is a copy, not a second stall.
    """
    first: dict[tuple[Any, date], Quote] = {}
    several: dict[tuple[Any, date], dict[Values, Quote]] = {}
    keys: dict[int, tuple[Series, Any]] = {}
    copies = 0
    for q in quotes:
        # Quotes of one batch share their series: its key is put together once, and the series kept, so that no other takes its place.
        shared = keys.get(id(q.series))
        if shared is None:
            shared = keys[id(q.series)] = (q.series, q.series.key)
        key = (shared[1], q.valid_date)
        other = first.get(key)
        if other is None:
            first[key] = q
            continue
        group = several.setdefault(key, {values_of(other): other})
        values = values_of(q)
        if values in group:
            copies += 1
        else:
            group[values] = q
    found: dict[tuple[Any, date, int], Quote] = {}
    for key, q in first.items():
        group = several.get(key, {})
        if len(group) < 2:
            found[(*key, 0)] = q
            continue
        ordered = sorted(group.items(), key=lambda item: item[0][:3])
        found |= {(*key, ordinal): each for ordinal, (_, each) in enumerate(ordered)}
    return found, copies


def values_of(q: Quote) -> Values:
    """Return what makes a revision when it differs."""
    return (q.low, q.mid, q.high, q.mid_kind, q.volume_kg)


def changes(
    quotes: Mapping[tuple[Any, date, int], Quote],
    copies: int,
    ids: Mapping[Any, int],
    standing: Mapping[Key, Standing],
    expected: Sequence[Key],
    run_id: int,
    now_ms: int,
) -> Changes:
    """Return what to append. `expected` are the keys that stood inside the window of a complete answer: absent now, they were withdrawn."""
    observed: list[dict[str, Any]] = []
    seen: set[Key] = set()
    new = revised = 0
    for (series, day, ordinal), q in quotes.items():
        key = (ids[series], day, ordinal)
        seen.add(key)
        stands = standing.get(key)
        if stands is None:
            new += 1
            observed.append(_row(key, q, now_ms, run_id))
        elif stands.values != values_of(q):
            revised += 1
            observed.append(_row(key, q, max(now_ms, stands.observed_ms + 1), run_id))
    gone = [key for key in expected if key not in seen]
    withdrawn = gone if len(gone) <= max(1, MOST_WITHDRAWN * len(seen)) else []
    for key in withdrawn:
        stands = standing[key]
        low, mid, high, mid_kind, volume = stands.values
        observed.append(
            {"series_id": key[0], "valid_date": key[1], "ordinal": key[2], "observed_ms": max(now_ms, stands.observed_ms + 1),
             "low": low, "mid": mid, "high": high, "mid_kind": mid_kind, "volume_kg": volume, "raw_price": "", "raw_unit": stands.raw_unit,
             "run_id": run_id, "status": "withdrawn"}
        )  # fmt: skip
    # Rows go in by key: the table is kept in that order, and an ordered insert is two to three times faster.
    observed.sort(key=itemgetter("series_id", "valid_date", "ordinal"))
    return Changes(observed, copies, new, revised, len(withdrawn), len(gone) - len(withdrawn))


def _row(key: Key, q: Quote, observed_ms: int, run_id: int) -> dict[str, Any]:
    return {
        "series_id": key[0], "valid_date": key[1], "ordinal": key[2], "observed_ms": observed_ms, "low": q.low, "mid": q.mid,
        "high": q.high, "mid_kind": q.mid_kind, "volume_kg": q.volume_kg, "raw_price": q.raw_price, "raw_unit": q.raw_unit,
        "run_id": run_id, "status": "quoted",
    }  # fmt: skip
