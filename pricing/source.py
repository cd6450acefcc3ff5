"""What a market source is: who it is, on what terms it is read, how to ask it, and how to read what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from foundation.errors import BadInput, SuheError
from foundation.ids import check_id
from pricing.calendar import DAILY, Calendar
from pricing.indices import IndexPoint
from pricing.quotes import MARKET_KINDS, RawQuote, Window

T = TypeVar("T")
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class SourceChanged(SuheError):
    """The answer does not have the shape it is documented to have: nothing in it may be believed."""

    code = "source-changed"
    status = 502


class Blocked(SuheError):
    """The site answered 200, but not with data: an empty body, a page for people, a request to prove one is human."""

    code = "source-blocked"
    status = 502


PERMISSIONS = ("none", "written", "own")
# What a source's prices are prices of; `mixed` where each row says so itself, `index` where it publishes no prices at all.
KINDS = (*MARKET_KINDS, "mixed", "index")
# `window`: an answer lists every quote of the days asked for, so a quote that is gone was withdrawn. `present`: the site tells what is
# newest (or hands out a whole file) whatever is asked, so there is no past to fetch and absence means nothing.
ANSWERS = ("window", "present")


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` is appended to the site's base address. `market` is ours, for answers that do not repeat it.

    A `form` or a `json` body makes it a POST; `params` is the query of either kind. Some sites take nothing but a POST whose body is
    an empty JSON object: that is `json={}`, not `json=None`.
    """

    path: str
    form: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None
    market: str = ""
    json: Mapping[str, Any] | None = None
    # What the source's own `follow` has to remember from one answer to the next; never sent.
    note: str = ""

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise BadInput("a request names the path only", expected="a path that begins with /", got=self.path[:60])
        if self.form is not None and self.json is not None:
            raise BadInput("a request has one body", expected="a form or JSON", got="both")

    @property
    def method(self) -> str:
        """GET, or POST where there is a body."""
        return "GET" if self.form is None and self.json is None else "POST"


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds: its rows, how many rows the site says the whole query has, and the shape of a row.

    `closed` are the (market, day) of which the site says that the market rested. `capped` means the site silently gave no more than it
    ever gives: the rows were left out, and the source's `follow` asks for less at a time.
    """

    rows: Sequence[RawQuote]
    total: int | None
    shape: frozenset[str]
    number: int = 1
    # Rows as the site counts them, which differs from len(rows) where one of its rows holds several quotes or gaps.
    counted: int = 0
    indices: Sequence[IndexPoint] = ()
    closed: Sequence[tuple[str, date]] = ()
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A market source. `parse` is pure: an answer's bytes and what was asked in, rows out, loud where the shape is wrong.

    `permission` says what reading it takes: `none` where anybody may read what it publishes, `written` where the operator of an
    installation must have been given leave in writing, or `own` where the site is the county's own. A source that needs leave is not
    `enabled` by default. `robots_checked_at` is the day a person read the site's robots.txt and terms, None where nobody has yet: the
    collector asks for robots.txt itself whatever this says.

    Politeness is data of the source: between two requests lie `pause_seconds` and up to `jitter_seconds` more, before a second try
    `backoff_seconds`, and no more than `daily_bytes` are taken in a day. None of these holds for loopback.
    """

    id: str
    name_zh: str
    name_en: str
    address: str
    licence: str
    permission: str
    markets: tuple[str, ...]
    plan: Callable[[Window], Iterable[Request]]
    parse: Callable[[bytes, Request], Page]
    # What to ask next, in order, given an answer: further pages, or the parts of a query that was capped.
    follow: Callable[[Request, Page], Sequence[Request]] = field(default=lambda _request, _page: ())
    pause_seconds: float = 2.0
    jitter_seconds: float = 1.0
    backoff_seconds: float = 5.0
    daily_bytes: int = 50_000_000
    longest_window_days: int = 92
    calendar: Calendar = DAILY
    answers: str = "window"
    enabled: bool = True
    robots_checked_at: date | None = None
    currency: str = "CNY"
    kind: str = "wholesale"
    covers_zh: str = ""
    covers_en: str = ""

    def __post_init__(self) -> None:
        check_id(self.id, "source id")
        if self.permission not in PERMISSIONS:
            raise BadInput("there is no such permission", expected=", ".join(PERMISSIONS), got=self.permission[:40])
        if self.permission == "written" and self.enabled:
            raise BadInput("a source that needs written leave is off until an operator has it", expected="enabled=False")
        if self.kind not in KINDS:
            raise BadInput("there is no such kind of price", expected=", ".join(KINDS), got=self.kind[:40])
        if self.answers not in ANSWERS:
            raise BadInput("a source answers for a window or for the present", expected=", ".join(ANSWERS), got=self.answers[:40])
        if not (self.licence and len(self.currency) == 3 and self.currency.isupper()):
            raise BadInput(
                "a source states its licence and a currency of three letters", got=f"{self.licence[:40]!r}, {self.currency[:8]!r}"
            )
        if not (self.pause_seconds >= 1 and self.jitter_seconds >= 0 and self.daily_bytes > 0 and self.longest_window_days > 0):
            raise BadInput("this source is not polite", expected="a pause of a second or more and a budget", got=f"{self.pause_seconds} s")


def must_be_json(body: bytes, what: str) -> None:
    """Raise Blocked where an answer that should be JSON is empty or a page."""
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if not start:
        raise Blocked(f"{what} answered 200 with an empty body", expected="JSON", got="0 bytes")
    if start == b"<":
        raise Blocked(f"{what} answered a page instead of data", expected="JSON", got=_title(body))


def read_json(decode: Callable[[bytes], T], body: bytes, what: str, expected: str) -> T:
    """Return a decoded answer; raise Blocked where it is no data and SourceChanged where it has another shape."""
    must_be_json(body, what)
    try:
        return decode(body)
    except ValueError as error:  # msgspec's own errors and bad UTF-8 are ValueErrors
        raise SourceChanged(f"{what} changed its shape", expected=expected, got=str(error)[:160]) from error


def first_keys(body: bytes) -> frozenset[str]:
    """Return the keys of the first object in the first list of an answer: the shape of its rows."""
    start = body.find(b"[") + 1
    end = body.find(b"}", start) + 1
    try:
        return frozenset(_keys(body[start:end]))
    except ValueError:
        return frozenset()


def must_be_page(told: int, asked: str, what: str) -> None:
    """Raise SourceChanged where a site answers another page than was asked."""
    if str(told) != asked:
        raise SourceChanged(f"{what} answered another page", expected=asked, got=str(told)[:20])


def must_have(found: Iterable[str], needed: Iterable[str], what: str) -> None:
    """Raise SourceChanged where a key or column that is needed is gone."""
    missing = sorted(set(needed) - set(found))
    if missing:
        raise SourceChanged(f"{what} changed its shape", expected="with " + ", ".join(missing), got=", ".join(sorted(found))[:200])


@lru_cache(maxsize=16384)
def iso_day(text: str, what: str, expected: str = "YYYY-MM-DD") -> date:
    """Return the day an ISO text begins with, a time behind it left out; raise SourceChanged where a site writes days otherwise."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise SourceChanged(f"{what} changed its dates", expected=expected, got=text[:40]) from error


def _title(body: bytes) -> str:
    text = body[:4000].decode("utf-8", "replace")
    start, end = text.find("<title>"), text.find("</title>")
    return f"a page titled {text[start + 7 : end].strip()[:40]!r}" if 0 <= start < end else "HTML"
