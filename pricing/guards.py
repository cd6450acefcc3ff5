"""Is this batch what the source usually says? One loud answer for the whole batch: a site that changed must not change the board."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import median

from pricing.calendar import DAILY, Calendar
from pricing.clean import Refusal
from pricing.quotes import Quote, Window
from pricing.source import Page

# 斤 taken for 公斤 doubles or halves every price; ln 1.6 lies between any honest day and that.
MOST_MEDIAN_FACTOR = 1.6
LARGEST_MEDIAN_MOVE = math.log(MOST_MEDIAN_FACTOR)
FEWEST_SERIES_FOR_A_MOVE = 3
LEAST_SHARE_OF_USUAL_ROWS = 0.10
WARNED_SHARE_OF_USUAL_ROWS = 0.50
FEWEST_SAME_WEEKDAYS = 3
MOST_REFUSED = 0.20
MOST_NEW_UNKNOWN = 0.30
# Market lists do change: an index sample of some three hundred markets once took in 53 new ones in a day.
MOST_NEW_MARKETS = 0.50
# A season's goods come and go over weeks, not over a few days.
MOST_NEW_NAMES = 0.50
SHORT_DAYS = 14
MOST_UNITS_MOVED = 0.50
FEWEST_ROWS_FOR_UNITS = 10


@dataclass(frozen=True, slots=True)
class Usual:
    """What the source said before: the shape of its rows, rows per day, share of names we do not know; None where it never spoke.

    `weekday_rows` is weekday -> median rows of such days, where there are enough of them; `units` is unit as written -> rows.
    """

    shape: frozenset[str] | None = None
    rows_per_day: float | None = None
    unknown_share: float | None = None
    weekday_rows: Mapping[int, float] = field(default_factory=dict)
    units: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a guard saw; a batch with a fatal one goes to quarantine whole.

    `signal` is one of a to f (the methods in `docs/prices.md`), or `read` where the answer could not even be read. `promised` is what
    was to be expected and `came` what came, in figures and in the source's own words.
    """

    fatal: bool
    text: str
    signal: str = "read"
    promised: str = ""
    came: str = ""


def inspect(
    window: Window,
    pages: Sequence[Page],
    quotes: Sequence[Quote],
    refused: Sequence[Refusal],
    known: Mapping[tuple[str, ...], Mapping[date, int]],
    usual: Usual,
    *,
    today: date | None = None,
    calendar: Calendar = DAILY,
) -> list[Finding]:
    """Return what is odd about a batch. `known` holds the standing middle prices per series around the window.

    Days are compared with the median of the same weekday, those before `today` only: a day that is not over has not all its rows.
    """
    shape = frozenset[str]().union(*(p.shape for p in pages))
    return [
        *_shape(shape, usual),  # a
        *_rows(window, pages, usual, today or window.end + timedelta(days=1), calendar),  # b
        *_names(window, pages, quotes, refused, known, usual),  # c
        *_units(pages, usual),  # d
        *_moves(quotes, known),  # e
        *_promised(pages),  # f
    ]


def _shape(shape: frozenset[str], usual: Usual) -> Iterator[Finding]:
    if not usual.shape or not shape:
        return
    gone, new = sorted(usual.shape - shape), sorted(shape - usual.shape)
    if gone:
        yield Finding(True, "columns are gone: " + ", ".join(gone), "a", ", ".join(sorted(usual.shape)), ", ".join(sorted(shape)))
    if new:
        yield Finding(False, "new columns: " + ", ".join(new), "a", ", ".join(sorted(usual.shape)), ", ".join(sorted(shape)))


def _rows(window: Window, pages: Sequence[Page], usual: Usual, today: date, calendar: Calendar) -> Iterator[Finding]:
    rows = sum(len(p.rows) for p in pages)
    expected = calendar.expected_days(window.start, window.end)
    closed = in_closure(window, calendar) or not expected
    if rows == 0:
        if not closed and not any(p.closed or p.indices for p in pages):
            # Where none of the days is over, a market may just not have quoted yet.
            yield Finding(any(d < today for d in expected), "the answer has no rows", "b", "≥ 1", "0")
        return
    if closed:
        return
    days = Counter(raw.day for p in pages for raw in p.rows)
    rested = {day for p in pages for _, day in p.closed}
    over = [d for d in expected if d < today and d.weekday() in usual.weekday_rows and d not in rested]
    if over:
        promised, came = sum(usual.weekday_rows[d.weekday()] for d in over), float(sum(days[d] for d in over))
        silent = [d for d in over if not days[d]]
        if silent and len(silent) < len(over):
            told = ", ".join(map(str, silent[:5]))
            yield Finding(False, f"no rows of {told}{' and others' if len(silent) > 5 else ''}", "b", "", told)
    elif usual.rows_per_day:
        promised, came = usual.rows_per_day * len(expected), float(rows)
    else:
        return
    share = came / promised
    if share < LEAST_SHARE_OF_USUAL_ROWS:
        yield Finding(True, f"only {share:.0%} of the usual rows", "b", f"{promised:.0f}", f"{came:.0f}")
    elif share < WARNED_SHARE_OF_USUAL_ROWS:
        yield Finding(False, f"only {share:.0%} of the usual rows", "b", f"{promised:.0f}", f"{came:.0f}")


def _names(
    window: Window, pages: Sequence[Page], quotes: Sequence[Quote], refused: Sequence[Refusal], known: Mapping[tuple[str, ...], object],
    usual: Usual,
) -> Iterator[Finding]:  # fmt: skip
    rows = sum(len(p.rows) for p in pages)
    unknown = unknown_share(quotes)
    if usual.unknown_share is not None and unknown > usual.unknown_share + MOST_NEW_UNKNOWN:
        text = f"{unknown:.0%} of the names are not known, {usual.unknown_share:.0%} before"
        yield Finding(True, text, "c", f"{1 - usual.unknown_share:.0%}", f"{1 - unknown:.0%}")
    # Where most names mean nothing to us anyway, it is the names themselves that tell another language.
    names = {key[2] for key in known}
    if window.days <= SHORT_DAYS and names and len(quotes) >= FEWEST_ROWS_FOR_UNITS:
        strange = sum(q.series.name not in names for q in quotes) / len(quotes)
        if strange > MOST_NEW_NAMES:
            new = ", ".join(sorted({q.series.name for q in quotes} - names)[:5])
            yield Finding(True, f"{strange:.0%} of the names were never used here", "c", ", ".join(sorted(names)[:5]), new)
    markets = {key[1] for key in known}
    if markets and quotes:
        strange = sum(q.series.market not in markets for q in quotes) / len(quotes)
        if strange > MOST_NEW_MARKETS:
            new = ", ".join(sorted({q.series.market for q in quotes} - markets)[:5])
            text = f"{strange:.0%} of the rows are of markets that never quoted here: {new}"
            yield Finding(True, text, "c", ", ".join(sorted(markets)[:5]), new)
    if rows and len(refused) > MOST_REFUSED * rows:
        text = f"{len(refused)} of {rows} rows cannot be taken: {refused[0].text}"
        yield Finding(True, text, "c", f"≤ {MOST_REFUSED:.0%}", f"{len(refused) / rows:.0%}")


def _units(pages: Sequence[Page], usual: Usual) -> Iterator[Finding]:
    now = Counter(raw.unit for p in pages for raw in p.rows)
    if now.total() < FEWEST_ROWS_FOR_UNITS or sum(usual.units.values()) < FEWEST_ROWS_FOR_UNITS:
        return
    before, after = _shares(usual.units), _shares(now)
    moved = sum(abs(after.get(u, 0.0) - before.get(u, 0.0)) for u in before.keys() | after.keys()) / 2
    if moved > MOST_UNITS_MOVED:
        yield Finding(True, f"{moved:.0%} of the rows changed their unit", "d", _told(before), _told(after))


def _moves(quotes: Sequence[Quote], known: Mapping[tuple[str, ...], Mapping[date, int]]) -> Iterator[Finding]:
    # A switch of units shows in all prices of a market at once.
    for market, move in sorted(median_moves(quotes, known).items()):
        if abs(move) > LARGEST_MEDIAN_MOVE:
            factor = math.exp(move)
            text = f"prices of {market} moved by a factor of {factor:.2f} at once: the unit was switched"
            yield Finding(True, text, "e", f"1/{MOST_MEDIAN_FACTOR} … {MOST_MEDIAN_FACTOR}", f"{factor:.2f}")


def _promised(pages: Sequence[Page]) -> Iterator[Finding]:
    promised = max((p.total for p in pages if p.total is not None), default=None)
    counted = sum(p.counted for p in pages)
    if promised is not None and counted < promised:
        yield Finding(True, f"{counted} rows received of {promised} promised", "f", str(promised), str(counted))


def _shares(units: Mapping[str, int]) -> dict[str, float]:
    total = sum(units.values())
    return {unit: n / total for unit, n in units.items()}


def _told(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{unit[:20] or '?'} {share:.0%}" for unit, share in sorted(shares.items(), key=lambda item: -item[1])[:4])


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


def in_closure(window: Window, calendar: Calendar = DAILY) -> bool:
    """Tell whether a short window touches days on which the markets are closed, so that missing rows mean nothing."""
    return any(start <= window.end and window.start <= end for start, end in calendar.closures) and window.days <= 14
