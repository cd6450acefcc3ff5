"""A market site on loopback that answers what it is told and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Method, path and headers of a request -> status, headers and body of the answer.
Answer = Callable[[str, str, dict[str, str]], tuple[int, dict[str, str], bytes]]


@dataclass
class Host:
    """A host that is being served; `asked` are the paths in order, with the headers of each request."""

    port: int
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, without the queries."""
        return [path.split("?")[0] for path, _ in self.asked]


@contextmanager
def served(answer: Answer) -> Iterator[Host]:
    """Yield a host that answers by a function."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("GET")

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            self._reply("POST")

        def _reply(self, method: str) -> None:
            headers = {k.lower(): v for k, v in self.headers.items()}
            host.asked.append((self.path, headers))
            status, told, body = answer(method, self.path, headers)
            self.send_response(status)
            for name, value in told.items():
                self.send_header(name, value)
            if status != 304 and "content-length" not in told:
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = Host(server.server_port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
