"""Receivers of messages on loopback, written from the public contracts: both robots, a webhook, and a mail server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from foundation.clock import Clock, to_ms


@dataclass
class Heard:
    """What a receiver was sent and what it took; `answers` are given first, as (status, body, headers)."""

    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    taken: list[Any] = field(default_factory=list)
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    address: str = ""


class Judge:
    """Decides what a receiver answers; one method, (path, headers, body) to (status, body, headers)."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Return what is answered."""
        raise NotImplementedError


class WeCom(Judge):
    """WeCom's robot: the key must be known, markdown at most 4,096 bytes, 20 messages a minute."""

    def __init__(self, heard: Heard, key: str) -> None:
        super().__init__(heard)
        self.key = key

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Answer as the documentation says."""
        told, query = json.loads(body), parse_qs(urlsplit(path).query)
        if urlsplit(path).path != "/cgi-bin/webhook/send" or query.get("key") != [self.key]:
            return _code(93000, "invalid webhook url")
        if len(self.heard.taken) >= 20:
            return _code(45009, "api freq out of limit")
        content = told[told["msgtype"]]["content"]
        if len(content.encode()) > {"markdown": 4096, "text": 2048}[told["msgtype"]]:
            return _code(40058, "content exceed max length")
        self.heard.taken.append(content)
        return _code(0, "ok")


class DingTalk(Judge):
    """DingTalk's robot with a signing secret: token, signature and a timestamp within an hour, 20 messages a minute."""

    def __init__(self, heard: Heard, token: str, secret: str, clock: Clock) -> None:
        super().__init__(heard)
        self.token, self.secret, self.clock = token, secret, clock

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, dict[str, str]]:
        """Answer as the documentation says; the signature is computed here by itself."""
        query = {k: v[0] for k, v in parse_qs(urlsplit(path).query, strict_parsing=True).items()}
        if query.get("access_token") != self.token:
            return _code(300005, "token is not exist")
        timestamp = query.get("timestamp", "")
        mac = hmac.new(self.secret.encode(), digestmod=hashlib.sha256)
        mac.update(timestamp.encode())
        mac.update(b"\n")
        mac.update(self.secret.encode())
        if base64.b64decode(query.get("sign", "")) != mac.digest():
            return _code(310000, "sign not match")
        if abs(int(timestamp) - to_ms(self.clock.now())) > 3_600_000:
            return _code(310000, "timestamp is invalid")
        told = json.loads(body)
        assert headers["content-type"] == "application/json"
        assert told["msgtype"] == "markdown" and told["markdown"]["title"]
        self.heard.taken.append(told["markdown"]["text"])
        return _code(0, "ok")


def _code(code: int, text: str) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps({"errcode": code, "errmsg": text}).encode(), {}


@contextmanager
def served(judge: Judge) -> Iterator[Heard]:
    """Serve a receiver on a free port of loopback."""
    heard = judge.heard

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {k.lower(): v for k, v in self.headers.items()}
            heard.requests.append((self.path, headers, body))
            status, told, more = heard.answers.pop(0) if heard.answers else judge.answer(self.path, headers, body)
            self.send_response(status)
            for name, value in {"content-length": str(len(told)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    heard.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class PostOffice:
    """A mail server: what it took, and how it behaves. `replies` maps a command to another reply than the usual."""

    certificate: Path | None = None
    implicit: bool = False
    users: dict[str, str] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    letters: list[tuple[list[str], bytes]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    port: int = 0

    def context(self) -> ssl.SSLContext:
        """Return the server's side of TLS."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(str(self.certificate))
        return made


@contextmanager
def post_office(office: PostOffice) -> Iterator[PostOffice]:
    """Serve SMTP (RFC 5321) with STARTTLS or implicit TLS and AUTH PLAIN on a free port of loopback."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                _talk(office, self.request)
            except (OSError, ValueError):
                pass  # the other side went away

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    office.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _talk(office: PostOffice, plain: Any) -> None:
    tls = office.implicit
    wire = office.context().wrap_socket(plain, server_side=True) if tls else plain
    lines, receivers, known = wire.makefile("rb"), list[str](), not office.users

    def say(text: str) -> None:
        wire.sendall(text.encode() + b"\r\n")

    say("220 post.example ESMTP")
    while line := lines.readline():
        verb, _, rest = line.decode().strip().partition(" ")
        verb = verb.upper()
        if verb in office.replies:
            say(office.replies[verb])
        elif verb in ("EHLO", "HELO"):
            offers = ["post.example", *(["STARTTLS"] if office.certificate and not tls else []), *(["AUTH PLAIN"] if office.users else [])]
            say("\r\n".join(f"250{'-' if k < len(offers) - 1 else ' '}{o}" for k, o in enumerate(offers)))
        elif verb == "STARTTLS":
            say("220 go on")
            wire = office.context().wrap_socket(wire, server_side=True)
            lines, tls = wire.makefile("rb"), True
        elif verb == "AUTH":
            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
            known = tls and office.users.get(user) == password
            say("235 welcome" if known else "535 5.7.8 authentication failed")
        elif verb == "MAIL":
            receivers = []
            say("250 ok" if known else "530 5.7.0 authentication required")
        elif verb == "RCPT":
            receivers.append(rest.partition("<")[2].partition(">")[0])
            say("250 ok")
        elif verb == "DATA":
            say("354 go on")
            body = b""
            while (part := lines.readline()) != b".\r\n":
                body += part
            office.letters.append((receivers, body))
            office.secured.append(tls)
            say("250 taken")
        elif verb == "QUIT":
            say("221 bye")
            return
        else:
            say("250 ok")
