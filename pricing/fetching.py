"""Fetch what a source's plan asks for, politely: an honest name, few tries, and never taking a page for data."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from foundation.clock import Clock, to_ms
from foundation.errors import NotFound
from pricing.addresses import AddressRefused, Resolve, system_resolve
from pricing.hosts import HostBook, Told
from pricing.politeness import ROBOTS_AT_MOST_MS, ROBOTS_MS, FetchFailed, Manners, NotAsked, Pause, Policy, Stopped, is_loopback, policy_of
from pricing.quotes import Window
from pricing.source import Blocked, Page, Request, Source, SourceChanged

if TYPE_CHECKING:
    import httpx

__all__ = [
    "FetchFailed",
    "Manners",
    "NotAsked",
    "Pause",
    "Payload",
    "Policy",
    "Stopped",
    "fetch",
    "is_loopback",
    "open_client",
    "policy_of",
]

TRIES = 5
LONGEST_WAIT_SECONDS = 60.0
# All tries of one request together; a site that needs longer is down.
DEADLINE_SECONDS = 240.0
MOST_REQUESTS = 400
LARGEST_ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Payload:
    """One answer as it came. `unchanged` where the host said that it is what it answered before, and we took our copy."""

    url: str
    body: bytes
    sha256: str
    fetched_ms: int
    request: Request
    unchanged: bool = False


# Keeps a payload and returns the name of the blob that holds it, None where nothing is kept.
Keep = Callable[[Payload], str | None]


def open_client(contact: str = "", *, allow: Iterable[str] = (), resolve: Resolve = system_resolve) -> httpx.Client:
    """Return an HTTP client that says who it is and connects to public machines only, and to the hosts in `allow` wherever they lead.

    Redirects are not followed: a moved source is a changed source. Certificates are checked. Each host has its own few connections.
    """
    import httpx

    from pricing.pinned import PinnedTransport

    try:
        ours = version("suhe")
    except PackageNotFoundError:
        ours = "0"
    about = f"; +{contact}" if contact else "; no contact set"
    headers = {"user-agent": f"suhe-price-collector/{ours} (county price board{about})", "accept-language": "zh-CN"}
    transport = PinnedTransport(httpx.create_ssl_context(), frozenset(h.lower() for h in allow), resolve)
    return httpx.Client(headers=headers, timeout=httpx.Timeout(20.0, connect=5.0), transport=transport, trust_env=False)


def fetch(
    source: Source,
    base_url: str,
    window: Window,
    client: httpx.Client,
    clock: Clock,
    keep: Keep,
    manners: Manners,
    read_blob: Callable[[str], bytes] | None = None,
) -> Iterator[Page]:
    """Yield the pages of a closed window of days. `keep` gets every payload before it is parsed.

    Raises:
        FetchFailed: no proper answer after several tries, or a host that must not be asked now.
        AddressRefused: an address that leads into a network of our own.
        Blocked: an answer that is no data, where waiting did not help.
        SourceChanged: an answer of another shape.

    """
    check_base(base_url)
    asking = _Asking(source, base_url.rstrip("/"), client, clock, keep, manners, read_blob)
    waiting = deque(source.plan(window))
    for _ in range(MOST_REQUESTS):
        if not waiting:
            return
        request = waiting.popleft()
        page = asking.ask(request)
        yield page
        waiting.extendleft(reversed(source.follow(request, page)))
    raise FetchFailed("this source has no end", expected=f"at most {MOST_REQUESTS} requests a window", todo="shorten the window")


def manners_for(policy: Policy, book: HostBook, clock: Clock, pause: Pause | None = None, rng: random.Random | None = None) -> Manners:
    """Return a policy at work, on the system's randomness and patience where none are given."""
    return Manners(policy, book, clock, pause or threading.Event().wait, rng or random.Random())


def check_base(url: str) -> None:
    """Refuse a base address that is no plain web address."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise AddressRefused("this is no address of a market site", expected="http(s)://host[:port][/path]", got=url[:120])


class _Again(Exception):
    """A try that failed in a way that passes; `rest_seconds` is how long the site asks us to wait."""

    def __init__(self, trouble: str, rest_seconds: float = 0.0, *, empty: bool = False) -> None:
        super().__init__(trouble)
        self.rest_seconds = rest_seconds
        self.empty = empty


@dataclass(slots=True)
class _Asking:
    """The requests of one run to one host."""

    source: Source
    base: str
    client: httpx.Client
    clock: Clock
    keep: Keep
    manners: Manners
    read_blob: Callable[[str], bytes] | None
    _tries: int = field(default=0, init=False)
    _waited: float = field(default=0.0, init=False)

    def ask(self, request: Request) -> Page:
        """Ask once and again: transport errors, overload and throttling by an empty body pass; a page for people does not."""
        import stamina

        self._tries, self._waited = 0, 0.0
        host = urlsplit(self.base).netloc.lower()
        self.manners.may_ask(host)
        delay = self._obey_robots(host, request)
        try:
            # The waits are ours, so that a word to stop ends them: left to the library is when to try again and when to give up.
            for attempt in stamina.retry_context(self._another_try, attempts=TRIES, timeout=DEADLINE_SECONDS, wait_jitter=0):
                with attempt:
                    payload = self._once(host, request, delay)
        except _Again as error:
            self.manners.failed(host, error.rest_seconds)
            told = f"{error}, {self._tries} times"
            if error.empty:
                raise Blocked("the site answers with nothing", expected="data", got=told) from error
            raise FetchFailed("the site does not answer", got=told, todo="look at the site; the next round tries again") from error
        except FetchFailed as error:
            if not isinstance(error, Stopped):
                self.manners.failed(host)
            raise
        return read_answer(self.source, payload.body, request)

    def _another_try(self, error: Exception) -> bool | float:
        """Wait, and return that there is no more to wait for; False where another try is of no use."""
        if not isinstance(error, _Again) or self._tries >= TRIES:
            return False
        wait = max(self.manners.policy.backoff_seconds * 2 ** (self._tries - 1), error.rest_seconds)
        # A site that asks for a longer rest gets it: the run ends here and the host is left alone so long.
        if error.rest_seconds > LONGEST_WAIT_SECONDS or self._waited + wait > DEADLINE_SECONDS:
            return False
        wait = min(wait, LONGEST_WAIT_SECONDS)
        self._waited += wait
        self.manners.wait(wait)
        return 0.0

    def _once(self, host: str, request: Request, delay: float) -> Payload:
        """Return the answer to one try, kept; raise _Again where another try may help."""
        self._tries += 1
        url = self.base + request.path
        key = _key(url, request)
        told = self.manners.book.told(key) if self.manners.policy.validators and request.method == "GET" else None
        before = self._copy(told)
        asks: dict[str, str] = {}
        if told is not None and before is not None:
            asks = {name: value for name, value in (("if-none-match", told.etag), ("if-modified-since", told.modified)) if value}
        self.manners.wait_for_turn(host, delay)
        answer, body, size = self._send(request, url, asks)
        status = answer.status_code
        same = status == 304 and before is not None
        self.manners.answered(host, size, well=same or (status == 200 and bool(body.strip())))
        if status == 429 or status >= 500:
            raise _Again(f"status {status}", _retry_after(answer.headers.get("retry-after", ""), self.clock))
        if 300 <= status < 400 and not same:
            raise FetchFailed("the site moved", expected="status 200", got=f"status {status} to {answer.headers.get('location', '')[:120]}")
        if status != 200 and not same:
            raise FetchFailed("the site refused", expected="status 200", got=f"status {status}")
        if same and before is not None:
            body = before
        payload = Payload(str(answer.url), body, hashlib.sha256(body).hexdigest(), to_ms(self.clock.now()), request, same)
        blob = self.keep(payload)
        if not body.strip():
            raise _Again("status 200 with an empty body", empty=True)
        if blob and not same and self.manners.policy.validators and request.method == "GET":
            said = Told(answer.headers.get("etag", "")[:200], answer.headers.get("last-modified", "")[:60], blob)
            if said.etag or said.modified:
                self.manners.book.tell(key, self.source.id, said)
        return payload

    def _send(self, request: Request, url: str, headers: dict[str, str]) -> tuple[httpx.Response, bytes, int]:
        """Return an answer, its body and how many bytes came over the line; a body without end is cut off."""
        import httpx

        try:
            with self.client.stream(
                request.method, url, params=request.params, data=request.form, json=request.json, headers=headers
            ) as answer:
                parts, total = [], 0
                for part in answer.iter_bytes():
                    total += len(part)
                    if total > LARGEST_ANSWER_BYTES:
                        raise FetchFailed("this answer has no end", expected=f"at most {LARGEST_ANSWER_BYTES} bytes")
                    parts.append(part)
        except httpx.TransportError as error:
            raise _Again(f"{type(error).__name__} at {urlsplit(self.base).hostname}") from error
        except (httpx.DecodingError, httpx.InvalidURL) as error:
            raise FetchFailed("this answer cannot be read", got=str(error)[:120]) from error
        return answer, b"".join(parts), answer.num_bytes_downloaded or total

    def _obey_robots(self, host: str, request: Request) -> float:
        """Return the pause that the host's robots.txt asks for; raise NotAsked where it forbids the address."""
        if not self.manners.policy.robots:
            return 0.0
        from pricing.robots import Robots

        book = self.manners.book
        state = book.state(host)
        now = to_ms(self.clock.now())
        text = state.robots
        if text is None or now - state.robots_ms >= ROBOTS_MS:
            try:
                text = self._robots_text(host)
                book.keep_robots(host, text)
            except _Again as error:
                if text is None or now - state.robots_ms > ROBOTS_AT_MOST_MS:
                    self.manners.failed(host, error.rest_seconds)
                    # RFC 9309, 2.3.1.4: what cannot be read for trouble on the other side forbids everything.
                    raise NotAsked("the site's robots.txt cannot be read, so nothing is asked", got=str(error)) from error
        rules = Robots(text)
        line = rules.forbids(self.base + request.path)
        if line != state.refusal:
            book.note_refusal(host, line)
        if line:
            raise NotAsked(
                "the site's robots.txt forbids this", expected=f"{request.path[:120]} allowed", got=line, todo="ask the site for leave"
            )
        return rules.delay_seconds

    def _robots_text(self, host: str) -> str:
        """Return a host's robots.txt; a host that has none, or hides it, forbids nothing (RFC 9309, 2.3.1.3)."""
        from pricing.robots import LONGEST_BYTES

        parts = urlsplit(self.base)
        self.manners.wait_for_turn(host)
        answer, body, size = self._send(Request("/robots.txt"), f"{parts.scheme}://{parts.netloc}/robots.txt", {})
        self.manners.answered(host, size, well=False)
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _Again(f"status {answer.status_code}", _retry_after(answer.headers.get("retry-after", ""), self.clock))
        return body[:LONGEST_BYTES].decode("utf-8", "replace").replace("\0", "") if answer.status_code == 200 else ""

    def _copy(self, told: Told | None) -> bytes | None:
        """Return our copy of the answer a host remembers with us, None where there is none."""
        if told is None or self.read_blob is None:
            return None
        try:
            return self.read_blob(told.blob)
        except (NotFound, OSError, EOFError):
            return None


def _key(url: str, request: Request) -> str:
    """Return a name for what is asked."""
    asked = json.dumps([request.method, url, request.params, request.form, request.json], sort_keys=True, ensure_ascii=False, default=dict)
    return hashlib.sha256(asked.encode()).hexdigest()


def read_answer(source: Source, body: bytes, request: Request) -> Page:
    """Return what an answer holds. A source file names the changes it foresees; one nobody foresaw is a change all the same."""
    try:
        return source.parse(body, request)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, AssertionError, RecursionError) as error:
        raise SourceChanged(f"{source.name_en} changed its shape", expected="the documented one", got=repr(error)[:160]) from error


def _retry_after(text: str, clock: Clock) -> float:
    """Return the seconds a Retry-After header asks for, in either of its forms; 0 where there is none."""
    if not text:
        return 0.0
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return 0.0
