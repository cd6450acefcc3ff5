"""How many station reports a second are confirmed after the sync, and how long a station waits.

    python -m bench.stations            five rounds: 200 stations with 40 reports each
    python -m bench.stations --quick    two rounds: 50 stations with 20 reports each

The server is a process of its own on loopback. Every station sends a report of two elements and waits for its confirmation before the
next, as real ones do; each has its own feed and device.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from bench.report import Row, print_report
from ingest.formats.bcd import time_to_bcd, to_bcd
from ingest.formats.decoded import SHANGHAI_MS
from ingest.formats.sl651_frames import ETX, STX, Frame, build_frame
from registry.feed_keeping import secret_hash
from registry.feeds import DeviceName, Feed, FeedBook

COUNTY = "321023"


class Book:
    """Knows so many stations, each behind a gateway of its own."""

    def __init__(self, stations: int) -> None:
        feeds = [Feed(f"s{n}", f"gw{n}", "sl651", station=f"{n:010d}", secret_hash=secret_hash("2026")) for n in range(stations)]
        self._book = FeedBook(tuple(feeds), tuple(DeviceName(f.id, "", f"level{n}") for n, f in enumerate(feeds)))

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of any gateway."""
        return COUNTY if gateway_id else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device is the gateway's."""
        return gateway_id.removeprefix("gw") == device_id.removeprefix("level")

    def feeds(self, *, again: bool = False) -> FeedBook:  # noqa: ARG002
        """Return the book."""
        return self._book


def serve(folder: str, stations: int) -> None:
    """Run the server until standard input ends; print its port."""
    from ingest.stations.server import run_stations

    stop = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=watch, daemon=True).start()
    run_stations(
        Path(folder) / "readings", Book(stations), host="127.0.0.1", ports={"sl651": 0}, stop=stop, blobs=Path(folder) / "blobs",
        on_ready=lambda ports: print(json.dumps(ports), file=sys.stderr, flush=True),
    )  # fmt: skip


def report(station: int, serial: int, now_ms: int) -> bytes:
    """Return a report of a level and a voltage."""
    number = f"{station:010d}"
    text = serial.to_bytes(2, "big") + time_to_bcd(now_ms, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex(number) + b"H"
    text += b"\xf0\xf0" + time_to_bcd(now_ms - serial * 60_000, SHANGHAI_MS, 5) + b"\x39\x23" + to_bcd(serial, 4) + b"\x38\x12\x11\x15"
    return build_frame(Frame(1, number, "2026", 0x32, False, STX, text, ETX))


async def _station(port: int, number: int, reports: int, waits: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    now_ms = time.time_ns() // 1_000_000
    for serial in range(1, reports + 1):
        begin = time.perf_counter()
        writer.write(report(number, serial, now_ms))
        answer = await asyncio.wait_for(reader.readexactly(25), 60)
        if answer[14:16] != serial.to_bytes(2, "big"):
            raise RuntimeError("another report was confirmed")
        waits.append(time.perf_counter() - begin)
    writer.close()


def _round(stations: int, reports: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(prefix="suhe-stations-") as folder:
        program = f"from bench.stations import serve; serve({folder!r}, {stations})"
        server = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            assert server.stderr is not None
            port = json.loads(next(line for line in server.stderr if line.startswith(b'{"sl651')))["sl651"]
            waits: list[float] = []

            async def all_of_them() -> None:
                await asyncio.gather(*(_station(port, n, reports, waits) for n in range(stations)))

            begin = time.perf_counter()
            asyncio.run(all_of_them())
            took = time.perf_counter() - begin
        finally:
            server.communicate(timeout=20)
    return stations * reports / took, sorted(waits)[int(len(waits) * 0.99)] * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds, stations, reports = (2, 50, 20) if quick else (5, 200, 40)
    found = [_round(stations, reports) for _ in range(rounds)]
    rates, waits = [rate for rate, _ in found], [wait for _, wait in found]
    scale = f"{stations} stations, {reports} reports each, {rounds} rounds, {min(rates):,.0f} to {max(rates):,.0f}"
    slow = f"p99, {min(waits):,.0f} to {max(waits):,.0f}"
    print_report("stations", [Row("confirmed", median(rates), "reports/s", scale), Row("confirmation", median(waits), "ms", slow)])


if __name__ == "__main__":
    main()
