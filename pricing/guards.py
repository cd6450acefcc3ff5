"""Is this batch what the source usually says? One loud answer for the whole batch: a site that changed must not change the board."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from pricing.calendar import SPRING_FESTIVAL
from pricing.clean import Refusal
from pricing.quotes import Quote, Window
from pricing.source import Page

# 斤 taken for 公斤 doubles or halves every price; ln 1.6 lies between any honest day and that.
LARGEST_MEDIAN_MOVE = math.log(1.6)
FEWEST_SERIES_FOR_A_MOVE = 3
LEAST_SHARE_OF_USUAL_ROWS = 0.10
MOST_REFUSED = 0.20
MOST_NEW_UNKNOWN = 0.30


@dataclass(frozen=True, slots=True)
class Usual:
    """What the source said before: the shape of its rows, rows per day, share of names we do not know; None where it never spoke."""

    shape: frozenset[str] | None = None
    rows_per_day: float | None = None
    unknown_share: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a guard saw; a batch with a fatal one goes to quarantine whole."""

    fatal: bool
    text: str


def inspect(
    window: Window,
    pages: Sequence[Page],
    quotes: Sequence[Quote],
    refused: Sequence[Refusal],
    known: Mapping[tuple[str, ...], Mapping[date, int]],
    usual: Usual,
) -> list[Finding]:
    """Return what is odd about a batch. `known` holds the standing middle prices per series around the window."""
    found: list[Finding] = []
    rows = sum(len(p.rows) for p in pages)
    closed = in_closure(window)
    # (a) the shape of a row
    shape = frozenset[str]().union(*(p.shape for p in pages))
    if usual.shape and shape:
        if usual.shape - shape:
            found.append(Finding(True, "columns are gone: " + ", ".join(sorted(usual.shape - shape))))
        if shape - usual.shape:
            found.append(Finding(False, "new columns: " + ", ".join(sorted(shape - usual.shape))))
    # (b) how many rows
    if rows == 0 and not closed and not any(p.closed for p in pages):
        found.append(Finding(True, "the answer has no rows"))
    elif usual.rows_per_day and not closed:
        share = rows / window.days / usual.rows_per_day
        if share < LEAST_SHARE_OF_USUAL_ROWS:
            found.append(Finding(True, f"only {share:.0%} of the usual rows"))
        elif share < 0.5:
            found.append(Finding(False, f"only {share:.0%} of the usual rows"))
    # (c) names we do not know, rows we cannot take
    if rows:
        unknown = unknown_share(quotes)
        if usual.unknown_share is not None and unknown > usual.unknown_share + MOST_NEW_UNKNOWN:
            found.append(Finding(True, f"{unknown:.0%} of the names are not known, {usual.unknown_share:.0%} before"))
        if len(refused) > MOST_REFUSED * rows:
            found.append(Finding(True, f"{len(refused)} of {rows} rows cannot be taken: {refused[0].text}"))
    # (d), (e) units: a switch shows in all prices of a market at once
    for market, move in sorted(median_moves(quotes, known).items()):
        if abs(move) > LARGEST_MEDIAN_MOVE:
            found.append(Finding(True, f"prices of {market} moved by a factor of {math.exp(move):.2f} at once: the unit was switched"))
    # (f) rows promised against rows received
    promised = max((p.total for p in pages if p.total is not None), default=None)
    if promised is not None and sum(p.counted for p in pages) < promised:
        found.append(Finding(True, f"{sum(p.counted for p in pages)} rows received of {promised} promised"))
    return found


def median_moves(quotes: Sequence[Quote], known: Mapping[tuple[str, ...], Mapping[date, int]]) -> dict[str, float]:
    """Return market -> median over its series of the log move between the batch and what stands nearest to it in time."""
    batch: dict[tuple[str, ...], dict[date, int]] = defaultdict(dict)
    for q in quotes:
        batch[q.series.key][q.valid_date] = q.mid
    moves: dict[str, list[float]] = defaultdict(list)
    for key, days in batch.items():
        standing = known.get(key)
        if not standing:
            continue
        both = days.keys() & standing.keys()
        if both:
            moves[key[1]].append(median(math.log(days[d] / standing[d]) for d in both))
            continue
        last, first = max(days), min(days)
        before, after = max((d for d in standing if d < first), default=None), min((d for d in standing if d > last), default=None)
        if after is not None and (before is None or after - last < first - before):
            moves[key[1]].append(math.log(days[last] / standing[after]))
        elif before is not None:
            moves[key[1]].append(math.log(days[first] / standing[before]))
    return {market: median(m) for market, m in moves.items() if len(m) >= FEWEST_SERIES_FOR_A_MOVE}


def unknown_share(quotes: Sequence[Quote]) -> float:
    """Return the share of quotes whose name means none of our products."""
    return sum(q.series.product is None for q in quotes) / len(quotes) if quotes else 0.0


def in_closure(window: Window) -> bool:
    """Tell whether a short window touches days on which the markets are closed, so that missing rows mean nothing."""
    return any(start <= window.end and window.start <= end for start, end in SPRING_FESTIVAL) and window.days <= 14
