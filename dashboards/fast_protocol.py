"""uvicorn's HTTP/1.1 with a short cut: a whole, plain request for a kept page is answered as it arrives, without a task or a scope.

What is answered here is decided narrowly: the bytes are one complete `GET /t/CODE HTTP/1.1` without a query, without a body, without an
upgrade and not through a proxy that names another client, the connection is idle, and the page is fresh. Whatever else arrives is
uvicorn's, byte for byte, and mostly then the ASGI fast path's; a request cut in two is uvicorn's too.
"""

from __future__ import annotations

import re
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from dashboards.fast_path import FastPath, language_in
from dashboards.trace_pages import matches, takes_gzip

_START = b"GET /t/"
_LINE = re.compile(rb"GET /t/([0-9A-Z*~$=-]{21}) HTTP/1\.1\r\n")
# With any of these a request is more than a plain wish for a page; lines that others might cut elsewhere are no plain wish either.
_MORE = re.compile(
    rb"\r\n(?:content-length|transfer-encoding|upgrade|expect|connection:[ \t]*(?!keep-alive\r)|x-forwarded-|range|[ \t])"
    rb"|(?<!\r)\n|\r(?!\n)",
    re.IGNORECASE,
)
_SAID = re.compile(rb"\r\n(cookie|accept-language|accept-encoding|if-none-match):[ \t]*([^\r\n]*)", re.IGNORECASE)
_END = b"\r\n\r\n"
_LONGEST = 8192


def protocol_with(front: FastPath) -> type[HttpToolsProtocol]:
    """Return uvicorn's protocol with the short cut to the pages this fast path keeps."""

    class _Protocol(_ShortCut):
        front_of = front

    return _Protocol


class _ShortCut(HttpToolsProtocol):
    front_of: FastPath
    _within = False  # a request has begun that is uvicorn's and has not ended

    def data_received(self, data: bytes) -> None:
        if not (data.startswith(_START) and self._idle() and self._answered(data)):
            super().data_received(data)

    def on_message_begin(self) -> None:
        self._within = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._within = False
        super().on_message_complete()

    def _idle(self) -> bool:
        quiet = self.cycle is None or self.cycle.response_complete
        return quiet and not self._within and not self.pipeline and not self.flow.write_paused

    def _answered(self, data: bytes) -> bool:
        line = _LINE.match(data)
        if line is None or len(data) > _LONGEST or data.find(_END) != len(data) - 4 or _MORE.search(data):
            return False
        said = {k.lower(): v for k, v in _SAID.findall(data)}
        code = line[1].decode()
        page = self.front_of.pages.fresh(code, language_in("", said.get(b"cookie", b""), said.get(b"accept-language", b"")))
        if page is None:
            return False
        form = page.zipped if takes_gzip(said.get(b"accept-encoding", b"")) else page.plain
        dated = b"".join([k + b": " + v + b"\r\n" for k, v in self.server_state.default_headers])
        if b"if-none-match" in said and matches(said[b"if-none-match"], form.etag):
            self.transport.write(form.wire_unchanged + dated + b"\r\n")
        else:
            self.transport.write(b"".join((form.wire, dated, b"\r\n", form.body)))
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
        self.server_state.total_requests += 1
        address = self.client[0] if self.client else ""
        if self.front_of.note is not None and not self.front_of.again(data, address):
            self.front_of.note(code, address, _headers(data))
        return True


def _headers(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request that was found to be plain."""
    lines: list[Any] = [line.partition(b":") for line in data[:-4].split(b"\r\n")[1:]]
    return [(k.lower(), v.strip()) for k, _, v in lines]
