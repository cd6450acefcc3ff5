"""In front of the application: a consumer's page is answered from kept bytes, before any route, any validation and any middleware.

Only `GET` and `HEAD` of `/t/CODE` with the code as it is printed are answered here. Everything else, also a code nobody knows or one typed
otherwise, goes on to the application, which knows what to say.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from dashboards.i18n import COOKIE, LANGUAGES, language_wished
from dashboards.trace_codes import is_printed
from dashboards.trace_pages import TracePages, matches, takes_gzip
from foundation.errors import SuheError
from traceability.scanning import SAME_SCAN_MS

PREFIX = "/t/"
_YEAR_S = 365 * 24 * 3600
_LANG = re.compile(rb"(?:^|[;\s])" + COOKIE.encode() + rb"=([\w-]{2,10})")
# Called at every page that goes out: code, address of the client, its headers. It must not wait for anything.
# What a scan is does not change by this: the writer of scans takes the same device within this time for one scan as well.
SAME_SCAN_S = SAME_SCAN_MS / 1000
_MOST_SEEN = 20_000

Note = Callable[[str, str, list[tuple[bytes, bytes]]], None]


class FastPath:
    """An ASGI application in front of another one."""

    def __init__(self, app: ASGIApp, pages: TracePages, note: Note | None = None) -> None:
        self._app, self.pages, self.note = app, pages, note
        self._seen: dict[int, float] = {}

    def again(self, request: bytes, address: str) -> bool:
        """Tell whether the very same request came from the same address a moment ago: a page loaded again, the same scan."""
        key, now = hash((request, address)), time.monotonic()
        if now - self._seen.get(key, -SAME_SCAN_S) < SAME_SCAN_S:
            return True
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[key] = now
        return False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page of ours, or pass the request on."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX) or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        code = scope["path"][len(PREFIX) :]
        if not is_printed(code):
            await self._app(scope, receive, send)
            return
        if b"s=" in scope["query_string"]:
            await self._app(scope, receive, send)  # a pack's own line stands on its page
            return
        said = {k: v for k, v in scope["headers"] if k in _READ}
        asked = asked_language(scope["query_string"]) if scope["query_string"] else ""
        lang = language_in(asked, said.get(b"cookie", b""), said.get(b"accept-language", b""))
        page = self.pages.fresh(code, lang)
        if page is None:
            try:
                page = await asyncio.wrap_future(self.pages.made(code, lang))
            except SuheError:
                await self._app(scope, receive, send)  # no such code: the application tells it in words
                return
        form = page.zipped if takes_gzip(said.get(b"accept-encoding", b"")) else page.plain
        unchanged = matches(said.get(b"if-none-match", b""), form.etag)
        headers = form.unchanged if unchanged else form.headers
        if asked in LANGUAGES:
            headers = (*headers, (b"set-cookie", language_cookie(asked)))
        await send({"type": "http.response.start", "status": 304 if unchanged else 200, "headers": headers})
        body = b"" if unchanged or scope["method"] == "HEAD" else form.body
        await send({"type": "http.response.body", "body": body})
        if self.note is not None and scope["method"] == "GET":
            self.note(code, (scope.get("client") or ("", 0))[0], scope["headers"])


@lru_cache(maxsize=4096)
def language_in(asked: str, cookie: bytes, accepted: bytes) -> str:
    """Return the language of a request from the bytes of its headers."""
    kept = _LANG.search(cookie)
    return language_wished(asked, kept[1].decode() if kept else None, accepted.decode("latin-1"))


def asked_language(query: bytes) -> str:
    """Return what `?lang` asks for, "" where it does not."""
    return parse_qs(query.decode("latin-1")).get("lang", [""])[0]


def language_cookie(lang: str) -> bytes:
    """Return the header that keeps a chosen language for a year."""
    return f"{COOKIE}={lang}; HttpOnly; Max-Age={_YEAR_S}; Path=/; SameSite=lax".encode()


_READ = frozenset({b"cookie", b"accept-language", b"accept-encoding", b"if-none-match"})
