"""What a scan costs: the trace page from kept bytes against nginx with the same bytes as a file. `python -m bench.scan [--quick]`.

The figure is requests per second of processor time of the serving process: a busy machine shifts both alike. Load: `wrk`, a process of
its own, 64 connections kept alive, the headers of a phone's browser. Sides take turns; medians.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.report import Row, print_report
from foundation.files import find_program
from tests.servers import Server, _serve, free_port

CLIENTS = 64
PHONE = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 12; SP300) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0 Mobile Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "Accept-Language": "zh-CN,zh;q=0.9,en-US;q=0.8",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True)
class Side:
    """A server and the address of the page on it."""

    name: str
    server: Server
    address: str


def rows(*, quick: bool) -> list[Row]:
    """Measure both sides in turns."""
    if not find_program("wrk"):
        print("wrk is not installed: nothing was measured")
        return []
    seconds, rounds = (2, 2) if quick else (5, 5)
    with tempfile.TemporaryDirectory(prefix="suhe-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        ours = _ours(folder)
        sides = [ours]
        try:
            body, etag = _page(ours.address)
            peer = _nginx(folder, body)
            if peer is None:
                print("nginx is not installed: no ratio")
            else:
                sides.append(peer)
                assert _page(peer.address)[0] == body, "nginx must serve the same bytes"
            found: dict[str, list[float]] = {}
            for _ in range(rounds):
                for side in sides:
                    found.setdefault(side.name, []).append(_per_cpu_second(side, seconds, {}))
                # A page is kept four seconds and then another one, so what is not modified is asked for by `*`.
                found.setdefault("304", []).append(_per_cpu_second(ours, seconds, {"If-None-Match": "*"}))
        finally:
            for side in sides:
                side.server.stop()
    middle = {k: statistics.median(v) for k, v in found.items()}
    scale = f"{len(body):,} bytes gzip, {CLIENTS} clients, {rounds} rounds of {seconds} s"
    against = {"peer": "nginx static", "peer_value": middle["nginx"], "at_least": 1 / 3} if "nginx" in middle else {}
    assert etag
    return [
        Row("scan", middle["ours"], "req/CPU-s", scale, **against),  # type: ignore[arg-type]
        Row("scan, not modified", middle["304"], "req/CPU-s", scale),
    ]


def _ours(folder: Path) -> Side:
    port = free_port()
    command = [sys.executable, "-m", "bench.scan_server", str(folder / "house"), str(port)]
    server = _serve("scan", command, port, folder)
    address = (folder / "house" / "code").read_text()
    return Side("ours", server, f"http://127.0.0.1:{port}/t/{address}")


def _nginx(folder: Path, body: bytes) -> Side | None:
    binary = find_program("nginx")
    if not binary:
        return None
    port = free_port()
    root = folder / "www"
    root.mkdir(mode=0o755)
    (root / "page").write_bytes(body)
    config = folder / "nginx.conf"
    # As one would set it for files that seldom change: sendfile, open files kept, no log.
    config.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;\n"
        "events { worker_connections 512; }\n"
        "http { access_log off; sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 100000000; open_file_cache max=100;\n"
        f"server {{ listen 127.0.0.1:{port}; root {root};\n"
        "location / { default_type text/html; add_header Content-Encoding gzip; etag on; } } }\n"
    )
    server = _serve("nginx", [binary, "-c", str(config)], port, folder)
    return Side("nginx", server, f"http://127.0.0.1:{port}/page")


def _page(address: str) -> tuple[bytes, str]:
    with urllib.request.urlopen(urllib.request.Request(address, headers=PHONE), timeout=30) as answer:
        return answer.read(), answer.headers["etag"]


def _per_cpu_second(side: Side, seconds: int, more: dict[str, str]) -> float:
    _page(side.address)
    headers = [x for k, v in {**PHONE, **more}.items() for x in ("-H", f"{k}: {v}")]
    processes = [psutil.Process(side.server.pid), *psutil.Process(side.server.pid).children(recursive=True)]
    before = sum(sum(p.cpu_times()[:2]) for p in processes)
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{seconds}s", *headers, side.address]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in told or more, told
    spent = sum(sum(p.cpu_times()[:2]) for p in processes) - before
    done = int(next(line.split()[0] for line in told.splitlines() if "requests in" in line))
    return done / spent


def main() -> None:
    """Measure and print."""
    print_report("scan", rows(quick="--quick" in sys.argv))


if __name__ == "__main__":
    main()
