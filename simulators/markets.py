"""Simulated market sites: an HTTP server on loopback that speaks the documented formats of real sites, habits included.

It throttles now and then with 200 and an empty body, has spells of 502, publishes rows while somebody pages, turns away programs that
do not say who they are, and answers rubbish where the control folder says so.
Nothing it serves is anybody's real price; every page of the demo says that it is simulated.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from foundation.clock import Clock, SystemClock
from foundation.errors import BadInput
from foundation.files import write_durably
from simulators import markets_wire as wire
from simulators.control import break_market as _break
from simulators.control import broken_markets, heal_markets
from simulators.markets_prices import PriceWorld
from simulators.markets_sites import MODES, SITES, SLIP, Site, odd

SEED = 20260301
__all__ = ["MODES", "SITES", "MarketSites", "addresses", "break_market", "heal", "run_markets"]
# One request in so many is throttled by an empty body; one in so many begins a short spell of 502.
THROTTLED_EVERY = 41
SPELL_EVERY, SPELL_LENGTH = 67, 2
# So many of today's rows at Xinfadi come out one by one with its first requests, so that the list moves while it is paged.
LATE_ROWS = 3
# Where and of what the point slips.
SLIPS_AT, SLIPPING = "xinfadi", "番茄"
_WALL = "<!DOCTYPE html><html><head><title>访问被拒绝</title></head><body>您的请求已被防火墙拦截。</body></html>".encode()
_WRONG = json.dumps({"code": 500, "message": "系统异常", "content": None}, ensure_ascii=False).encode()
_PAGE = "<!DOCTYPE html><html><head><title>请验证</title></head><body>访问过于频繁，请完成验证后继续。</body></html>".encode()


def run_markets(
    port: int, data_folder: Path, stop_event: threading.Event, seed: int = SEED, *, clock: Clock | None = None, quirks: bool = True,
    every: bool = False,
) -> None:  # fmt: skip
    """Serve the sites until told to stop, and write where they are to `simulator/markets.json`. Port 0 keeps the port used before.

    The file names the sites a demo polls; all are served, and `every` names them all.
    """
    folder = data_folder / "simulator"
    folder.mkdir(parents=True, exist_ok=True)
    sites = MarketSites(folder, PriceWorld(seed), clock or SystemClock(), quirks=quirks)
    server = _listen(port or _port_before(folder), sites)
    write_durably(folder / "markets.json", json.dumps(addresses(server.server_port, every=every)).encode())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="markets", daemon=True)
    thread.start()
    try:
        stop_event.wait()
    finally:
        server.shutdown()
        server.server_close()


def addresses(port: int, *, every: bool = False) -> dict[str, str]:
    """Return source id -> base address of the simulated sites a demo polls, or of every one."""
    return {source: f"http://127.0.0.1:{port}/{source}" for source, site in SITES.items() if site.polled or every}


def break_market(folder: Path, source: str, mode: str = "html") -> None:
    """Have a site answer rubbish of a kind until it is healed; `folder` is the simulators' own, SUHE_DATA/simulator."""
    if source not in SITES:
        raise BadInput("there is no such market site", expected=", ".join(SITES), got=source[:64])
    if mode not in (*MODES, SLIP) or (mode == SLIP and source != SLIPS_AT):
        raise BadInput("a market site cannot be broken like that", expected=", ".join(MODES), got=mode[:64])
    _break(folder, source, mode)


def heal(folder: Path) -> list[str]:
    """Have every site answer properly again and return their names."""
    return heal_markets(folder)


@dataclass
class MarketSites:
    """What the sites answer, apart from HTTP."""

    folder: Path
    world: PriceWorld
    clock: Clock
    quirks: bool = True
    _asked: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, body: bytes, agent: str = "suhe") -> tuple[int, bytes, str]:
        """Return status, body and content type."""
        url = urlsplit(target)
        source, _, path = url.path.lstrip("/").partition("/")
        site = SITES.get(source)
        how = site.routes.get("/" + path) if site is not None else None
        if site is None or how is None:
            return 404, b"not found", "text/plain"
        if site.guarded and odd(agent):
            return 403, _WALL, wire.HTML
        if method != site.method:
            return 405, b"method not allowed", "text/plain"
        mode = broken_markets(self.folder).get(source, "")
        trouble = _broken(mode) or self._quirk(source)
        if trouble is not None:
            return trouble
        try:
            asked = _asked(site, url.query, body) | {"_late": str(self._late(source))}
            with self._lock:
                content, kind = how(self.world, asked, self.clock.now().astimezone(UTC), 2.0 if mode == "units" else 1.0)
        except (KeyError, ValueError):
            # A wrong name is an error inside a 200 where everything else is JSON too.
            return (200, _WRONG, wire.JSON) if site.json else (400, b"bad request", "text/plain")
        if mode == "columns":
            content = wire.shape_changed(content)
        elif mode == "short":
            content = _rows_kept_back(content)
        elif mode == SLIP:
            content = _one_point_slipped(content)
        return 200, content, kind

    def _late(self, source: str) -> int:
        """Return how many of the newest rows are not out yet."""
        return max(0, LATE_ROWS + 1 - self._asked[source]) if self.quirks and source == "xinfadi" else 0

    def _quirk(self, source: str) -> tuple[int, bytes, str] | None:
        """Return the throttling or the spell a request meets; counted, not drawn, so that a test meets the same ones."""
        if not self.quirks:
            return None
        with self._lock:
            self._asked[source] = n = self._asked.get(source, 0) + 1
        if source == "xinfadi" and n % THROTTLED_EVERY == 0:
            return 200, b"", wire.HTML
        if source == "ncpscxx" and n % SPELL_EVERY < SPELL_LENGTH and n >= SPELL_EVERY:
            return 502, b"<html><head><title>502 Bad Gateway</title></head></html>", wire.HTML
        return None


def _asked(site: Site, query: str, body: bytes) -> dict[str, str]:
    """Return what was asked for, in the query, a form or JSON; raise ValueError where a body that must be JSON is none."""
    asked = dict(parse_qsl(query, keep_blank_values=True))
    if site.json:
        told = json.loads(body)
        if not isinstance(told, dict):
            raise ValueError("no object")
        return asked | {k: str(v) for k, v in told.items()}
    return asked | dict(parse_qsl(body.decode(), keep_blank_values=True))


def _broken(mode: str) -> tuple[int, bytes, str] | None:
    if mode == "html":
        return 200, _PAGE, wire.HTML
    if mode == "empty":
        return 200, b"", wire.HTML
    if mode == "down":
        return 502, b"<html><head><title>502 Bad Gateway</title></head></html>", wire.HTML
    return None


def _rows_kept_back(content: bytes) -> bytes:
    """Return an answer of a JSON site without most of its rows, its own count unchanged."""
    try:
        told: dict[str, Any] = json.loads(content)
    except ValueError:
        return content
    inside = (told.get("data") or {}, told.get("content") or {})
    for holder, key in ((told, "list"), (told, "rows"), (inside[0], "rows"), (inside[0], "list"), (inside[1], "list")):
        if isinstance(holder, dict) and isinstance(holder.get(key), list):
            holder[key] = holder[key][: len(holder[key]) // 3]
    return json.dumps(told, ensure_ascii=False).encode()


def _one_point_slipped(content: bytes) -> bytes:
    """Return an answer of Xinfadi in which the tomato of its newest day costs ten times as much."""
    told: dict[str, Any] = json.loads(content)
    # The list is newest first.
    row = next((r for r in told["list"] if r["prodName"] == SLIPPING), None)
    if row is not None:
        row.update({k: f"{10 * float(row[k]):.2f}" for k in ("lowPrice", "avgPrice", "highPrice")})
    return json.dumps(told, ensure_ascii=False).encode()


def _listen(port: int, sites: MarketSites) -> ThreadingHTTPServer:
    handler = type("Handler", (_Handler,), {"sites": sites})
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError:
        # The port used before is taken by somebody else now.
        return ThreadingHTTPServer(("127.0.0.1", 0), handler)


def _port_before(folder: Path) -> int:
    try:
        told: dict[str, str] = json.loads((folder / "markets.json").read_text())
        return urlsplit(next(iter(told.values()))).port or 0
    except (OSError, ValueError, StopIteration):
        return 0


class _Handler(BaseHTTPRequestHandler):
    sites: MarketSites
    protocol_version = "HTTP/1.1"
    # Without this, two small writes on a kept connection wait 40 ms for each other.
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self) -> None:
        self._reply("GET", b"")

    def do_POST(self) -> None:
        length = min(int(self.headers.get("content-length") or 0), 65536)
        self._reply("POST", self.rfile.read(length))

    def _reply(self, method: str, body: bytes) -> None:
        status, content, kind = self.sites.answer(method, self.path, body, self.headers.get("user-agent", ""))
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
        """Say nothing: a request a second is not news."""
