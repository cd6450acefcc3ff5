"""Fetch what a source's plan asks for, politely: an honest name, few tries, and never taking a page for data."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from foundation.clock import Clock, to_ms
from foundation.errors import SuheError
from pricing.quotes import Window
from pricing.source import Blocked, Page, Request, Source, SourceChanged

if TYPE_CHECKING:
    import httpx

TRIES = 5
LONGEST_WAIT_SECONDS = 60.0
MOST_REQUESTS = 400
# Next to no backoff on loopback: there is nobody to be polite to, only a spell to sit out.
LOOPBACK_BACKOFF_SECONDS = 0.05
RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchFailed(SuheError):
    """A site that could not be asked, or did not answer properly after several tries."""

    code = "source-failed"
    status = 502


@dataclass(frozen=True, slots=True)
class Payload:
    """One answer as it came."""

    url: str
    body: bytes
    sha256: str
    fetched_ms: int


Pause = Callable[[float], object]


def open_client(contact: str = "") -> httpx.Client:
    """Return an HTTP client that says who it is. Redirects are not followed: a moved source is a changed source."""
    import httpx

    try:
        ours = version("suhe")
    except PackageNotFoundError:
        ours = "0"
    about = f"; +{contact}" if contact else "; no contact set"
    headers = {"user-agent": f"suhe-price-collector/{ours} (county price board{about})", "accept-language": "zh-CN"}
    limits = httpx.Limits(max_connections=2, max_keepalive_connections=2)
    return httpx.Client(headers=headers, timeout=httpx.Timeout(20.0, connect=5.0), limits=limits, trust_env=False)


def fetch(
    source: Source,
    base_url: str,
    window: Window,
    client: httpx.Client,
    clock: Clock,
    keep: Callable[[Payload], None],
    pause: Pause | None = None,
) -> Iterator[Page]:
    """Yield the pages of a closed window of days. `keep` gets every payload before it is parsed.

    Raises:
        FetchFailed: no proper answer after several tries.
        Blocked: an answer that is no data, where waiting did not help.
        SourceChanged: an answer of another shape.

    """
    pause = pause or threading.Event().wait
    near = is_loopback(base_url)
    waiting = deque(source.plan(window))
    for asked in range(MOST_REQUESTS):
        if not waiting:
            return
        if asked and not near:
            pause(source.pause_seconds)
        request = waiting.popleft()
        page = _ask(source, base_url, request, client, clock, keep, pause, LOOPBACK_BACKOFF_SECONDS if near else source.backoff_seconds)
        yield page
        waiting.extendleft(reversed(source.follow(request, page)))
    raise FetchFailed("this source has no end", expected=f"at most {MOST_REQUESTS} requests a window", todo="shorten the window")


def is_loopback(url: str) -> bool:
    """Tell whether an address is this machine's own."""
    return urlsplit(url).hostname in ("127.0.0.1", "::1", "localhost")


def _ask(
    source: Source, base_url: str, request: Request, client: httpx.Client, clock: Clock, keep: Callable[[Payload], None], pause: Pause,
    backoff: float,
) -> Page:  # fmt: skip
    """Ask once and again: transport errors, overload and throttling by an empty body pass; a page for people does not."""
    import httpx

    trouble, wait = "", backoff
    for attempt in range(TRIES):
        if attempt:
            pause(min(wait, LONGEST_WAIT_SECONDS))
        wait = backoff * 2**attempt
        try:
            url = base_url.rstrip("/") + request.path
            answer = client.request(request.method, url, params=request.params, data=request.form, json=request.json)
        except httpx.TransportError as error:
            trouble = f"{type(error).__name__} at {urlsplit(base_url).hostname}"
            continue
        if answer.status_code in RETRIED_STATUS:
            trouble = f"status {answer.status_code}"
            wait = max(wait, _retry_after(answer.headers.get("retry-after", ""), clock))
            continue
        if answer.status_code != 200:
            raise FetchFailed("the site refused", expected="status 200", got=f"status {answer.status_code}")
        body = answer.content
        keep(Payload(str(answer.url), body, hashlib.sha256(body).hexdigest(), to_ms(clock.now())))
        if not body.strip():
            trouble = "status 200 with an empty body"
            continue
        return _read(source, body, request)
    if trouble.endswith("empty body"):
        raise Blocked("the site answers with nothing", expected="data", got=f"{trouble}, {TRIES} times")
    raise FetchFailed("the site does not answer", got=f"{trouble}, {TRIES} times", todo="look at the site; the next round tries again")


def _read(source: Source, body: bytes, request: Request) -> Page:
    """Return what an answer holds. A source file names the changes it foresees; one nobody foresaw is a change all the same."""
    try:
        return source.parse(body, request)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise SourceChanged(f"{source.name_en} changed its shape", expected="the documented one", got=repr(error)[:160]) from error


def _retry_after(text: str, clock: Clock) -> float:
    """Return the seconds a Retry-After header asks for, in either of its forms; 0 where there is none."""
    if not text:
        return 0.0
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0
