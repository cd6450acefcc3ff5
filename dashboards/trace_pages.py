"""The consumer's pages as bytes: made off the event loop, once for each code and language at a time, kept for a few seconds."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

from dashboards.headers import HEADERS, with_style
from foundation.clock import Clock, to_ms

# A stored event that was altered must show within ten seconds, so a page is kept for less than half of that.
KEEP_MS = 4000
MOST_KEPT = 2000
# Rendering is Python all the way: more threads than this only take turns.
RENDERERS = 2

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One encoding of a page: its strong tag, its bytes, what is said with them and with a 304, and both as HTTP/1.1 sends them."""

    etag: bytes
    body: bytes
    headers: Headers
    unchanged: Headers
    wire: bytes
    wire_unchanged: bytes


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page in one language as it goes out, plain and zipped, and when its check began."""

    since_ms: int
    plain: Form
    zipped: Form


def kept_page(html: bytes, lang: str, since_ms: int, style: str) -> KeptPage:
    """Return a page with both its encodings. Each has a tag of its own, for their bytes differ (RFC 9110, 8.8.3)."""
    tag = hashlib.sha256(html).hexdigest()[:20]
    zipped = _form(gzip.compress(html, 9, mtime=0), f'"{tag}-z"', lang, style, ((b"content-encoding", b"gzip"),))
    return KeptPage(since_ms, _form(html, f'"{tag}"', lang, style, ()), zipped)


def matches(wanted: bytes, etag: bytes) -> bool:
    """Return whether an If-None-Match names this tag; the weak comparison, as RFC 9110 wants it here."""
    return wanted.strip() == b"*" or any(w.strip().removeprefix(b"W/") == etag for w in wanted.split(b","))


def takes_gzip(accepted: bytes) -> bool:
    """Return whether an Accept-Encoding allows gzip; where its weight is in doubt, it does not."""
    return b"gzip" in accepted and b"gzip;q=0" not in accepted.replace(b" ", b"")


class TracePages:
    """Pages by code and language. `render` makes one: (code, lang) to HTML and the style sheet inside it; its errors reach every waiter."""

    def __init__(self, render: Callable[[str, str], tuple[bytes, str]], clock: Clock) -> None:
        self._render, self._clock = render, clock
        self._kept: OrderedDict[tuple[str, str], KeptPage] = OrderedDict()
        self._under_way: dict[tuple[str, str], Future[KeptPage]] = {}
        self._lock = Lock()
        self._workers = ThreadPoolExecutor(RENDERERS, thread_name_prefix="trace-page")

    def fresh(self, code: str, lang: str) -> KeptPage | None:
        """Return the page if it was made within the last seconds."""
        page = self._kept.get((code, lang))
        return page if page is not None and 0 <= to_ms(self._clock.now()) - page.since_ms < KEEP_MS else None

    def made(self, code: str, lang: str) -> Future[KeptPage]:
        """Return the page to come: a thousand phones at once wait for one rendering."""
        key = (code, lang)
        with self._lock:
            waiting = self._under_way.get(key)
            if waiting is None:
                waiting = self._under_way[key] = self._workers.submit(self._make, code, lang)
                waiting.add_done_callback(lambda _done: self._under_way.pop(key, None))
            return waiting

    def page(self, code: str, lang: str) -> KeptPage:
        """Return the page, made now if none is fresh; blocks, so not for the event loop."""
        return self.fresh(code, lang) or self.made(code, lang).result()

    def _make(self, code: str, lang: str) -> KeptPage:
        # Counted from before the check: what is altered while it runs shows as soon as what is altered after it.
        since_ms = to_ms(self._clock.now())
        html, style = self._render(code, lang)
        page = kept_page(html, lang, since_ms, style)
        with self._lock:
            self._kept[(code, lang)] = page
            self._kept.move_to_end((code, lang))
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return page


def _form(body: bytes, etag: str, lang: str, style: str, encoding: Headers) -> Form:
    said = {**HEADERS, **with_style(style)}
    common: Headers = (
        (b"etag", etag.encode()),
        (b"vary", b"Accept-Encoding, Accept-Language, Cookie"),
        (b"content-language", lang.encode()),
        (b"cache-control", b"no-cache"),
        *((k.encode(), v.encode()) for k, v in said.items()),
    )
    whole = (*common, *encoding, (b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(body)).encode()))
    return Form(etag.encode(), body, whole, common, _wire(b"200 OK", whole), _wire(b"304 Not Modified", common))


def _wire(status: bytes, headers: Headers) -> bytes:
    """Return status line and headers but for the date and the empty line, which end them."""
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(k + b": " + v + b"\r\n" for k, v in headers)
