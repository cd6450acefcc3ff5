"""Quality notes: what a reader should know about one price before believing it. A code and numbers; the words are the pages'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from foundation.errors import BadInput

# Code -> the figures it must carry. Prices are thousandths of the currency per kilogram, days are market days.
NOTES: dict[str, frozenset[str]] = {
    "set-aside": frozenset({"day", "mid", "usual", "count"}),
    "revised": frozenset({"day", "before", "after", "observed_ms"}),
    "withdrawn": frozenset({"day", "before", "observed_ms"}),
    "single-price": frozenset({"day"}),
    "midpoint-as-average": frozenset({"day"}),
    "unchanged": frozenset({"quotes", "since"}),
    "fewer-series": frozenset({"quoted", "usual"}),
    "source-troubled": frozenset({"source", "state", "why"}),
    "by-telephone": frozenset({"day", "teller"}),
}
# 69 in 100 daily quotes repeat the day before (Xinfadi 2013–2015): a few equal days say nothing, ten are worth a word.
UNCHANGED_FROM = 10
USUAL_OVER_DAYS = 14
# One grade more or less is a market day; a quarter of them missing changes what the middle price is a price of.
FEWER_BELOW = 0.75


@dataclass(frozen=True, slots=True)
class QualityNote:
    """One thing to know about the price of a product in a market on a day: `code` is a key of NOTES, `numbers` its figures."""

    code: str
    product: str
    market: str
    numbers: Mapping[str, int | str | date]

    def __post_init__(self) -> None:
        if self.code not in NOTES:
            raise BadInput("there is no such quality note", expected=", ".join(NOTES), got=self.code)
        if set(self.numbers) != NOTES[self.code]:
            raise BadInput(
                f"the note {self.code} carries other figures", expected=", ".join(sorted(NOTES[self.code])), got=", ".join(self.numbers)
            )


@dataclass(frozen=True, slots=True)
class DayQuote:
    """One quote that stands, as far as notes need it."""

    series_id: int
    day: date
    mid: int
    mid_kind: str
    raw_price: str


def notes_of_quotes(product: str, market: str, quotes: Sequence[DayQuote], day: date) -> list[QualityNote]:
    """Return what the quotes of the last weeks themselves say about the newest day up to `day`; pure."""
    by_day: dict[date, list[DayQuote]] = {}
    for q in quotes:
        if q.day <= day:
            by_day.setdefault(q.day, []).append(q)
    if not by_day:
        return []
    last = max(by_day)
    newest = by_day[last]
    found = []
    if all(q.mid_kind == "single" for q in newest):
        found.append(QualityNote("single-price", product, market, {"day": last}))
    elif all(_posing(q) for q in newest):
        found.append(QualityNote("midpoint-as-average", product, market, {"day": last}))
    same, since = _unchanged(by_day)
    if same >= UNCHANGED_FROM:
        found.append(QualityNote("unchanged", product, market, {"quotes": same, "since": since}))
    before = [len({q.series_id for q in of}) for d, of in by_day.items() if 0 < (last - d).days <= USUAL_OVER_DAYS]
    if len(before) >= 3:
        usual, quoted = round(median(before)), len({q.series_id for q in newest})
        if quoted < FEWER_BELOW * usual:
            found.append(QualityNote("fewer-series", product, market, {"quoted": quoted, "usual": usual}))
    return found


def _posing(quote: DayQuote) -> bool:
    """Tell whether the source wrote an average that is only half-way between low and high."""
    parts = quote.raw_price.split("|")
    return quote.mid_kind == "midpoint" and len(parts) == 3 and bool(parts[1].strip())


def _unchanged(by_day: Mapping[date, Sequence[DayQuote]]) -> tuple[int, date]:
    """Return over how many of the newest quoted days nothing changed, and since which day."""
    days = sorted(by_day, reverse=True)
    values = sorted((q.series_id, q.mid) for q in by_day[days[0]])
    same, since = 0, days[0]
    for d in days:
        if sorted((q.series_id, q.mid) for q in by_day[d]) != values:
            break
        same, since = same + 1, d
    return same, since
