"""The nouns of alerts: a rule somebody set, a fact, the alarm it became."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from foundation.errors import BadInput
from foundation.ids import check_county
from foundation.notify import LANGUAGES, SEVERITIES
from pricing.alerts.conditions import Condition

MINUTES_A_DAY = 1440
MOST_PERSIST = 14
MOST_CHANNELS = 8

RAISED, CLEARED, REMINDER = "raised", "cleared", "reminder"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a county's. Quiet hours and the digest are minutes of Shanghai's day.

    `persist`: on how many observations in a row (market days, weeks, looks at a source) the condition must be met before it is an alarm,
    and must be over before it is cleared. `quiet`: from and until; what falls in between is told together afterwards. `digest`: tell
    everything together once a day at that minute instead of at once.
    """

    id: str
    county: str
    owner: str
    condition: Condition
    channels: tuple[str, ...] = ()
    lang: str = "zh-Hans"
    severity: str = "warning"
    persist: int = 1
    quiet: tuple[int, int] | None = None
    digest: int | None = None
    made_ms: int = 0

    def __post_init__(self) -> None:
        check_county(self.county)
        if self.lang not in LANGUAGES or self.severity not in SEVERITIES:
            raise BadInput(
                "there is no such language or severity", expected=f"{LANGUAGES}, {SEVERITIES}", got=f"{self.lang}, {self.severity}"
            )
        if not 1 <= self.persist <= MOST_PERSIST:
            raise BadInput("this persistence cannot be used", expected=f"1 to {MOST_PERSIST} in a row", got=str(self.persist))
        if len(self.channels) > MOST_CHANNELS or len(set(self.channels)) != len(self.channels):
            raise BadInput("these channels cannot be used", expected=f"at most {MOST_CHANNELS}, each once", got=str(len(self.channels)))
        for minute in (*(self.quiet or ()), *(() if self.digest is None else (self.digest,))):
            if not 0 <= minute < MINUTES_A_DAY:
                raise BadInput("this is no time of day", expected="00:00 to 23:59", got=str(minute))
        if self.quiet is not None and self.quiet[0] == self.quiet[1]:
            raise BadInput("quiet hours must end at another time than they begin", got=str(self.quiet[0]))


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known for a rule: one number, what it is a number of, and how far it can be trusted.

    `stamp` orders observations: a market day's or a week's ordinal, or milliseconds for a look at a source; two facts with the same stamp
    are the same observation, the later one a revision of it. `low` and `high` bound the number (the day's range, an 80 % interval). `limit`
    is given where the rule has none of its own, and `holds` where somebody else judged. `more` keeps what its kind tells besides.
    """

    value: float
    stamp: int
    source: str
    day: date | None
    observed_ms: int
    low: float | None = None
    high: float | None = None
    n: int = 0
    method: str = ""
    currency: str = "CNY"
    limit: float | None = None
    holds: bool | None = None
    more: Mapping[str, str | float | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoFact:
    """Nothing can be said, and why: not-quoted, too-old, not-enough-history, not-watched or a reason of the analysis's own.

    `have` of `need` observations where it is a matter of history.
    """

    why: str
    have: int = 0
    need: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """What a rule became: from when, until when, and who has seen it."""

    id: str
    rule: Rule
    raised_ms: int
    raised: Fact
    cleared_ms: int | None = None
    cleared: Fact | None = None
    acked_ms: int | None = None
    acked_by: str = ""
    now: Fact | None = None


@dataclass(frozen=True, slots=True)
class RuleNow:
    """A rule and what was last known for it."""

    rule: Rule
    fact: Fact | None
    why: str
    looked_ms: int | None
    open_alarm: str
