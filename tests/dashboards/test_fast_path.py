"""Kept pages in front of the application: the same answer as the application's, sooner; whatever is not plain is the application's."""

from __future__ import annotations

import gzip
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn

from dashboards.app import create_site
from dashboards.fast_path import FastPath, language_in
from dashboards.fast_protocol import protocol_with
from dashboards.headers import HEADERS
from dashboards.trace_pages import TracePages, matches
from foundation.clock import FixedClock
from foundation.errors import NotFound
from tests.dashboards.fakes_house import NOW, House, build_house
from tests.servers import free_port
from tests.waiting import wait_until


class Served:
    """A house behind the real server and the short cut."""

    def __init__(self, folder: Path) -> None:
        self.house: House = build_house(folder, readings_every_minutes=360)
        self.noted: list[str] = []
        self.site: FastPath = create_site(self.house.services)
        self.site.note = lambda code, _client, _headers: self.noted.append(code)
        self.port = free_port()
        config = uvicorn.Config(self.site, http=protocol_with(self.site), port=self.port, log_level="warning", server_header=False)
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, daemon=True)
        self._thread.start()
        wait_until(lambda: self.server.started, what="the site answers")
        self.code = self.house.code("P1")

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of one request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def stop(self) -> None:
        """End the server."""
        self.server.should_exit = True
        self._thread.join(10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a house whose clock stands still."""
    made = Served(tmp_path_factory.mktemp("served"))
    yield made
    made.stop()


def test_first_rendered_then_kept_and_the_same(served: Served) -> None:
    """The first answer comes by the ASGI path, the second by the short cut; both are the same and both counted."""
    before = len(served.noted)
    first = served.ask(f"/t/{served.code}", accept_encoding="gzip")
    second = served.ask(f"/t/{served.code}", accept_encoding="gzip")
    for _, headers, _ in (first, second):
        headers.pop("date")
    assert first == second
    assert served.noted[before:] == [served.code] * 2


def test_security_headers_are_the_applications(served: Served) -> None:
    """Every security header of the application stands on a kept page; the policy lets in the one sheet that is inside, by its hash."""
    _, headers, _ = served.ask(f"/t/{served.code}")
    for name, value in HEADERS.items():
        if name != "content-security-policy":
            assert headers[name] == value
    assert "style-src 'self' 'sha256-" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]


def test_each_encoding_has_its_own_strong_tag(served: Served) -> None:
    """Gzip and plain are the same page under different tags, Vary names what chose between them, and a 304 follows only its own tag."""
    _, plain, body = served.ask(f"/t/{served.code}")
    _, zipped, small = served.ask(f"/t/{served.code}", accept_encoding="gzip")
    assert gzip.decompress(small) == body and len(small) * 2 < len(body)
    assert plain["etag"] != zipped["etag"] and not zipped["etag"].startswith("W/")
    assert "Accept-Encoding" in zipped["vary"] and "Cookie" in zipped["vary"] and "Accept-Language" in zipped["vary"]
    status, headers, nothing = served.ask(f"/t/{served.code}", accept_encoding="gzip", if_none_match=zipped["etag"])
    assert (status, nothing, headers["etag"]) == (304, b"", zipped["etag"])
    assert served.ask(f"/t/{served.code}", accept_encoding="gzip", if_none_match=plain["etag"])[0] == 200


@pytest.mark.parametrize(
    ("wanted", "fits"), [(b'"a"', True), (b'W/"a"', True), (b'"b", "a"', True), (b"*", True), (b'"b"', False), (b"", False)]
)
def test_if_none_match_is_read_as_the_standard_says(wanted: bytes, fits: bool) -> None:
    """Lists, weak tags and the star match; another tag does not."""
    assert matches(wanted, b'"a"') is fits


def test_head_has_the_headers_and_no_body(served: Served) -> None:
    """HEAD tells the length of what GET would send."""
    status, headers, body = served.ask(f"/t/{served.code}", "HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) == len(served.ask(f"/t/{served.code}")[2])


def test_the_language_is_chosen_as_everywhere(served: Served) -> None:
    """`?lang` wins and is kept in a cookie, then the cookie, then Accept-Language, then Chinese."""
    path = f"/t/{served.code}"
    chosen = served.ask(path + "?lang=en", accept_language="zh")
    assert chosen[1]["content-language"] == "en" and chosen[1]["set-cookie"].startswith("lang=en; HttpOnly")
    assert served.ask(path, cookie="a=b; lang=en", accept_language="zh")[1]["content-language"] == "en"
    assert served.ask(path, accept_language="en-GB")[1]["content-language"] == "en"
    assert served.ask(path, accept_language="fr")[1]["content-language"] == "zh-Hans"
    assert language_in("", b"xlang=en", b"zh") == "zh-Hans"


def test_unprinted_mistyped_and_unknown_codes_are_the_applications(served: Served) -> None:
    """Another spelling redirects for good, a mistyped and an unknown code are told in words."""
    status, headers, _ = served.ask("/t/" + served.code.lower())
    assert (status, headers["location"]) == (308, f"/t/{served.code}")
    assert served.ask("/t/ABCD")[0] == served.ask("/t/0000-0000-0000-0000-0")[0] == 404


def raw(port: int, *pieces: bytes) -> bytes:
    """Send pieces and return what came until the server had nothing more to say."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        for piece in pieces:
            s.sendall(piece)
        found = b""
        while chunk := s.recv(65536):
            found += chunk
        return found


def test_what_is_not_plain_goes_the_long_way(served: Served) -> None:
    """Two requests at once, one with a body, one cut in two and `Connection: close` are left to the server's own parser."""
    served.ask(f"/t/{served.code}")  # kept
    line = f"GET /t/{served.code} HTTP/1.1\r\nHost: x\r\n".encode()
    close = b"Connection: close\r\n\r\n"
    assert raw(served.port, line + close).count(b"HTTP/1.1 200 OK") == 1
    assert raw(served.port, line + b"\r\n" + line + close).count(b"HTTP/1.1 200 OK") == 2
    assert raw(served.port, line + b"Content-Length: 3\r\n\r\n", b"abc", line + close).count(b"HTTP/1.1 200 OK") == 2
    assert raw(served.port, line[:9], line[9:] + close).count(b"HTTP/1.1 200 OK") == 1


def test_a_page_loaded_again_is_one_scan(served: Served) -> None:
    """The same request from the same address a moment later is answered and not taken down again; another phone's is."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)

    def asked(agent: str) -> int:
        connection.request("GET", f"/t/{served.code}", headers={"user-agent": agent})
        answer = connection.getresponse()
        answer.read()
        return answer.status

    asked("warm-up")  # rendered now at the latest: the next ones are kept bytes
    before = len(served.noted)
    assert [asked("one") for _ in range(3)] == [200] * 3
    assert len(served.noted) == before + 1
    asked("two")
    assert len(served.noted) == before + 2
    connection.close()


def test_a_thousand_phones_wait_for_one_rendering() -> None:
    """While a page is being made nobody makes it again, and an error reaches everyone who waits."""
    gate, made = threading.Event(), list[str]()

    def render(code: str, lang: str) -> tuple[bytes, str]:
        made.append(code)
        gate.wait(10)
        if code == "none":
            raise NotFound("no")
        return code.encode(), ""

    pages = TracePages(render, FixedClock(NOW))
    with ThreadPoolExecutor(20) as phones:
        waiting = [phones.submit(pages.page, "a", "en") for _ in range(20)]
        wait_until(lambda: bool(made), what="one begins")
        gate.set()
        assert {w.result().plain.body for w in waiting} == {b"a"}
    assert made == ["a"]
    with pytest.raises(NotFound):
        pages.page("none", "en")


def test_an_alteration_shows_once_the_page_is_five_seconds_old(tmp_path: Path) -> None:
    """A body changed in the database is red on the page that the short cut serves next."""
    own = Served(tmp_path)
    try:
        assert b'class="verdict"' in own.ask(f"/t/{own.code}")[2]
        own.house.tamper("harvest")
        own.house.services.clock.advance(timedelta(seconds=5))
        assert b'class="verdict bad"' in own.ask(f"/t/{own.code}")[2]
        assert b'class="verdict bad"' in own.ask(f"/t/{own.code}")[2]
    finally:
        own.stop()
