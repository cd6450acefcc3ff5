"""Kill -9 of the station server while reports flow: what was confirmed is in the store."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from foundation.clock import SystemClock, to_ms
from foundation.database import open_engine
from foundation.settings import Settings
from ingest.formats.bcd import time_to_bcd, to_bcd
from ingest.formats.decoded import SHANGHAI_MS
from ingest.formats.sl651_frames import ETX, STX, Frame, build_frame, parse_frame
from ingest.service import Readings
from registry.directory import RegistryDirectory
from registry.feeds import DeviceName, Feed
from registry.service import Registry
from suhe.broker import Broker
from suhe.installation import open_installation
from suhe.migrate import migrate
from suhe.stack import children
from tests.ingest.station_parts import Line
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, LOTUS, POND
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
STATION = "0032102301"
REPORTS, KILLS = 240, 4


def report(n: int, begin_ms: int) -> bytes:
    """Return the n-th report; no two are of one minute, and value and time belong together."""
    text = (n + 1).to_bytes(2, "big") + time_to_bcd(begin_ms + n * 60_000, SHANGHAI_MS) + b"\xf1\xf1" + bytes.fromhex(STATION) + b"H"
    text += b"\xf0\xf0" + time_to_bcd(begin_ms + n * 60_000, SHANGHAI_MS, 5) + b"\x39\x23" + to_bcd(n, 4)
    return build_frame(Frame(1, STATION, "2026", 0x32, False, STX, text, ETX))


def test_a_confirmed_report_survives_the_server(tmp_path: Path) -> None:
    """The server, a process of its own by its command, is killed again and again; a station sends until each report is confirmed."""
    settings = Settings(data=tmp_path / "data", sl651_port=free_port())
    settings.data.mkdir()
    engine = open_engine(settings.records_url)
    migrate(engine)
    registry = Registry(engine, SystemClock())
    registry.add_all([POND, BASE, COOP, BAOYING, LOTUS])
    registry.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")
    registry.add_device(LEVEL)
    registry.add_feed(Feed("river", "by-01-gw", "sl651", station=STATION))
    env = {**os.environ, "SUHE_DATA": str(settings.data), "SUHE_SL651_PORT": str(settings.sl651_port), "SUHE_LOG_LEVEL": "WARNING"}
    for told, code in (("20", 1), ("2026", 0)):
        own = [sys.executable, "-m", "suhe.cli", "feed", "secret", "river", "--read"]
        assert subprocess.run(own, cwd=ROOT, env=env, input=told, text=True, capture_output=True, check=False).returncode == code
    registry.name_device(DeviceName("river", "", LEVEL.id))
    command = [sys.executable, "-m", "suhe.cli", "ingest", "stations"]
    begin_ms = to_ms(SystemClock().now()) // 60_000 * 60_000 - REPORTS * 60_000
    confirmed: set[int] = set()
    done = threading.Event()

    def station() -> None:
        while not done.is_set() and len(confirmed) < REPORTS:
            try:
                line = Line(settings.sl651_port)
            except OSError:
                time.sleep(0.05)
                continue
            try:
                while len(confirmed) < REPORTS:
                    for n in [n for n in range(REPORTS) if n not in confirmed][:5]:
                        line.send(report(n, begin_ms))
                    for _ in range(min(5, REPORTS - len(confirmed))):
                        confirmed.add(int.from_bytes(parse_frame(line.frame(5)).text[:2], "big") - 1)
            except OSError:
                line.close()

    thread = threading.Thread(target=station)
    server = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        thread.start()
        rng = random.Random(651)
        for kill in range(KILLS):
            target = (kill + 1) * REPORTS // (KILLS + 2)
            deadline = time.monotonic() + 30
            while len(confirmed) < target:
                assert time.monotonic() < deadline, f"{len(confirmed)} confirmed"
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.12))
            server.kill()
            server.wait(10)
            if kill == 0:
                early = set(confirmed)
                assert early <= stored(settings, registry, begin_ms)
            server = subprocess.Popen(command, cwd=ROOT, env=env)
        thread.join(60)
        assert len(confirmed) == REPORTS
        server.terminate()
        assert server.wait(15) == 0
        assert stored(settings, registry, begin_ms) == set(range(REPORTS))
    finally:
        done.set()
        if server.poll() is None:
            server.kill()
            server.wait(10)
        thread.join(10)
        engine.dispose()


def stored(settings: Settings, registry: Registry, begin_ms: int) -> set[int]:
    """Return the numbers of the reports that can be read, each with its own value at its own time."""
    readings = Readings(settings.readings_folder, SystemClock(), RegistryDirectory(registry))
    points = readings.range(LEVEL.id, "water_level", begin_ms, begin_ms + REPORTS * 60_000, limit=10_000)
    readings.close()
    found = {(p.t_ms - begin_ms) // 60_000: p.value for p in points}
    assert len(found) == len(points) and all(value == n / 10 for n, value in found.items())
    return set(found)


def test_the_server_is_a_child_where_a_port_is_set(tmp_path: Path) -> None:
    """`suhe up` has a child for stations with either port, none without; the command alone says which settings it needs."""
    broker = Broker("outside", "127.0.0.1", 1, 5, "ingest", "any")
    for ports, wanted in (({}, False), ({"sl651_port": 1}, True), ({"hj212_port": 1}, True)):
        settings = Settings(data=tmp_path / "data", **ports)
        family = children(settings, open_installation(settings.data, demo=False), broker, lan=False)
        assert ("stations" in [child.name for child in family]) is wanted
    told = subprocess.run(
        [sys.executable, "-m", "suhe.cli", "ingest", "stations"], cwd=ROOT, env={**os.environ, "SUHE_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert told.returncode == 1 and "SUHE_SL651_PORT" in told.stderr
