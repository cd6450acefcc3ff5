"""The nouns of a call: what one telephone call to one market told, what became of it, and an entry of the book of calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from foundation.errors import BadInput
from foundation.ids import check_id
from pricing.desk.soft_gate import Oddity
from pricing.desk.tellers import TELLERS
from pricing.quotes import Quote

MOST_LINES = 60
LONGEST_NOTE = 200
LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class CallLine:
    """One product of a call, as it was typed: prices are text, in yuan per 斤. A lone price goes into `mid`."""

    product: str
    low: str = ""
    mid: str = ""
    high: str = ""
    grade: str = ""
    spec: str = ""
    origin: str = ""

    @property
    def empty(self) -> bool:
        """Nothing was typed beside this product."""
        return not (self.low.strip() or self.mid.strip() or self.high.strip())


@dataclass(frozen=True, slots=True)
class Call:
    """What one call told. `token` belongs to the form: sent twice, it is one call."""

    token: str
    market: str
    day: date
    teller: str
    lines: tuple[CallLine, ...]
    note: str = ""

    def __post_init__(self) -> None:
        check_id(self.token, "token of the form")
        if self.teller not in TELLERS:
            raise BadInput("nobody of that kind tells prices", expected=", ".join(TELLERS), got=self.teller[:40])
        if len(self.note) > LONGEST_NOTE:
            raise BadInput("this note is too long", expected=f"at most {LONGEST_NOTE} letters", got=f"{len(self.note):,}")
        if len(self.lines) > MOST_LINES:
            raise BadInput("too many products for one call", expected=f"at most {MOST_LINES}", got=str(len(self.lines)))
        if any(len(word) > LONGEST_WORD for x in self.lines for word in (x.grade, x.spec, x.origin, x.low, x.mid, x.high)):
            raise BadInput("a word of this form is too long", expected=f"at most {LONGEST_WORD} letters")


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """What became of one line. `state` is kept, same (it stood already), empty, ask (far off, not confirmed) or refused."""

    state: str
    quote: Quote | None = None
    refusal: str = ""
    oddity: Oddity | None = None


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """What became of a call: with any line to ask about or refused, nothing of it was stored."""

    lines: tuple[LineOutcome, ...]
    stored: bool
    again: bool = False  # this very form was stored before

    @property
    def kept(self) -> int:
        """How many prices changed."""
        return sum(x.state == "kept" for x in self.lines)


@dataclass(frozen=True, slots=True)
class Spoken:
    """One entry of the book of calls; `standing` where its price is the one that stands."""

    id: int
    act: str
    market: str
    product: str | None
    name: str
    grade: str
    spec: str
    origin: str
    day: date
    low: int
    mid: int
    high: int
    mid_kind: str
    teller: str
    note: str
    writer: str
    spoken_ms: int
    confirmed: bool
    standing: bool


@dataclass(frozen=True, slots=True)
class UsualLine:
    """What a market is usually called about, and its last price before the day of the call."""

    product: str
    grade: str
    spec: str
    origin: str
    day: date
    low: int
    mid: int
    high: int
    source: str
