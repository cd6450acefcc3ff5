"""What a market source is: who it is, on what terms it is read, how to ask it, and how to read what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from foundation.errors import SuheError
from pricing.quotes import RawQuote, Window

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


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; `path` is appended to the site's base address. `market` is ours, for answers that do not repeat it."""

    path: str
    form: Mapping[str, str] | None = None
    params: Mapping[str, str] | None = None
    market: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What one answer holds: its rows, how many rows the site says the whole query has, and the shape of a row."""

    rows: Sequence[RawQuote]
    total: int | None
    shape: frozenset[str]
    number: int = 1
    # Rows as the site counts them, which differs from len(rows) where one of its rows holds several quotes or gaps.
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A market source. `parse` is pure: an answer's bytes and what was asked in, rows out, loud where the shape is wrong.

    `permission` says what the operator of an installation has: `none` asked for, `written`, or `own` site. Politeness is data of the
    source: at least `pause_seconds` between requests and `backoff_seconds` before a second try; neither holds for loopback.
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
    follow: Callable[[Request, Page], Request | None] = field(default=lambda _request, _page: None)
    pause_seconds: float = 2.0
    backoff_seconds: float = 5.0
    longest_window_days: int = 92


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


def _title(body: bytes) -> str:
    text = body[:4000].decode("utf-8", "replace")
    start, end = text.find("<title>"), text.find("</title>")
    return f"a page titled {text[start + 7 : end].strip()[:40]!r}" if 0 <= start < end else "HTML"
