"""The soft gate: does a quote fit its own past, and if not, did the other markets move alike? Pure; nothing is refused here.

A quote is odd when its middle price is far from the median of the last seven quotes of its series (Hampel's identifier on log price:
more than SCALES robust standard deviations and more than a factor of 1.5), and farther than that from both of the last two quotes, and
the other markets of the same product did not make the move. Low and high are held against theirs with a wider limit: a typing error in
one of the three. Calibrated on Xinfadi's vegetables 2013–2015 (decision 0022): a plain 30 % rule sets 80 of 1,000 quotes aside, this
one about 15; a second day at the same level releases nearly two of three of them, and six wait for a person.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

WINDOW = 7
# With fewer quotes than this there is no usual level to be far from.
FEWEST = 5
SCALES = 2.5
# The median absolute deviation of a normal sample times this is its standard deviation (Hampel 1974).
_TO_SD = 1.4826
# 69 in 100 quotes repeat the day before, so the scale is often zero: no quote within this factor of the usual is ever odd.
FACTOR = 1.5
# Low and high wander more than the middle; a slip of the decimal point in one of them still shows.
ENDS_FACTOR = 3.0
# Two other markets can outvote one; with fewer there is nobody to ask, and the past alone decides.
FEWEST_OTHERS = 2
# A later quote within this factor says the same level again.
SAME_LEVEL, SAME_ENDS = 1.25, 1.6
# Some series are quoted once a week or two: what comes within a month is the same season still.
SECOND_WITHIN_DAYS = 30
# A level from before this is another season's, not this one's usual.
PAST_DAYS = 45
# No market day moves a price this far for good: a person looks, however often it is repeated.
NEVER_BY_RULE = 4.0
# 斤 for 公斤 doubles or halves: when the others stayed, a price this near to twice or half is a unit until a person says otherwise.
_UNIT_NEAR = 0.08
# Exactly the limit is still within it, whatever the logarithm's last bit says.
_ROUNDING = 1e-9

Triple = tuple[int, int, int]  # low, mid, high in thousandths per kilogram
PARTS = ("low", "mid", "high")


@dataclass(frozen=True, slots=True)
class Oddity:
    """Why a quote is odd: which of its prices, against what, by how much.

    `reason` is `against` where the other markets did not make the move, `alone` where too few of them quoted to ask.
    """

    reason: str
    part: str
    usual: int  # the median of the last quotes, thousandths per kilogram
    quotes: int  # how many quotes that is over
    factor: float  # the price divided by the usual
    scales: float | None  # in robust standard deviations; None where the last quotes were all the same
    last: int
    own_move: float  # log of the middle price over the last one
    others: Mapping[str, float]  # market -> log move that day

    @property
    def others_move(self) -> float | None:
        """The median log move of the other markets, None where too few of them quoted."""
        return median(self.others.values()) if len(self.others) >= FEWEST_OTHERS else None

    def as_dict(self) -> dict[str, object]:
        """Return the figures as they are kept."""
        return {
            "part": self.part, "usual": self.usual, "quotes": self.quotes, "factor": round(self.factor, 4),
            "scales": None if self.scales is None else round(self.scales, 2), "last": self.last, "own_move": round(self.own_move, 4),
            "others": {m: round(v, 4) for m, v in sorted(self.others.items())},
        }  # fmt: skip


def recent_of(quotes: Sequence[tuple[date, Triple]], day: date) -> list[Triple]:
    """Return the last quotes before a day that can tell what is usual; `quotes` are in order of time."""
    at = bisect_left(quotes, (day,))
    return [prices for d, prices in quotes[max(0, at - WINDOW) : at] if (day - d).days <= PAST_DAYS]


def looks_usual(recent: Sequence[Triple], prices: Triple) -> bool:
    """Return quickly, in integers, whether the three prices are near one of the last two quotes: then they are not odd."""
    for low, mid, high in recent[-2:]:
        if (
            2 * prices[1] <= 3 * mid and 2 * mid <= 3 * prices[1]
            and prices[0] <= 3 * low and low <= 3 * prices[0]
            and prices[2] <= 3 * high and high <= 3 * prices[2]
        ):  # fmt: skip
            return True
    return False


def judge(recent: Sequence[Triple], prices: Triple, others: Mapping[str, float]) -> Oddity | None:
    """Return why a quote is odd, or None. `recent` are the quotes of the same series before that day, oldest first.

    `others` are the other markets' log moves of the same product that day. A move they made too is the market's, not an error.
    """
    past = recent[-WINDOW:]
    if len(past) < FEWEST:
        return None
    worst: tuple[float, str, float, float, float] | None = None
    for k, part in enumerate(PARTS):
        limit = math.log(FACTOR if part == "mid" else ENDS_FACTOR)
        logs = [math.log(p[k]) for p in past]
        value, usual = math.log(prices[k]), median(logs)
        scale = _TO_SD * median(abs(x - usual) for x in logs)
        away = abs(value - usual)
        over = min(away / max(SCALES * scale, limit), min(abs(value - x) for x in logs[-2:]) / limit)
        if over > 1 + _ROUNDING and (worst is None or over > worst[0]):
            worst = (over, part, usual, value - usual, scale)
    if worst is None:
        return None
    _, part, usual, by, scale = worst
    own = math.log(prices[1] / past[-1][1])
    found = Oddity(
        "against" if len(others) >= FEWEST_OTHERS else "alone", part, round(math.exp(usual)), len(past), math.exp(by),
        abs(by) / scale if scale else None, past[-1][1], own, dict(others),
    )  # fmt: skip
    together = found.others_move
    if part == "mid" and together is not None and abs(own - together) <= math.log(FACTOR):
        return None
    return found


def confirms(day: date, prices: Triple, later_day: date, later: Triple) -> bool:
    """Tell whether a quote of a later day says the same level as one that was set aside."""
    limits = (SAME_ENDS, SAME_LEVEL, SAME_ENDS)
    return 0 < (later_day - day).days <= SECOND_WITHIN_DAYS and all(
        max(a, b) <= limit * min(a, b) for a, b, limit in zip(prices, later, limits, strict=True)
    )


def released_by_a_second_day(oddity: Oddity) -> bool:
    """Tell whether a second day at the same level is enough, or only a person may release the quote."""
    far = abs(math.log(oddity.factor))
    if far > math.log(NEVER_BY_RULE):
        return False
    return not (oddity.reason == "against" and abs(far - math.log(2)) < _UNIT_NEAR)
