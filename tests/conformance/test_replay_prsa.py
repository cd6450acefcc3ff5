"""A real file, whole, through gateway, broker, ingest and store: what is stored equals what the file says."""

from __future__ import annotations

import csv
import gzip
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from foundation.clock import SystemClock, to_ms
from ingest.service import Readings
from ingest.worker import run_worker
from simulators.mapping import load_mapping
from simulators.replay import ReplayReport, replay_file
from tests import servers
from tests.waiting import wait_until

FILE = "field/prsa_weather_Shunyi.csv.gz"
ROWS = 35_064
# Written out again here on purpose: the test must not read the table it checks.
POINTS = ["N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW"]
COLUMNS = {
    "TEMP": "air_temperature", "PRES": "air_pressure", "DEWP": "dew_point", "RAIN": "rain", "WSPM": "wind_speed", "wd": "wind_direction",
}  # fmt: skip


class Directory:
    """Knows one gateway and one device."""

    def gateway_county(self, gateway_id: str) -> str | None:
        """Return the county of the gateway."""
        return "110113" if gateway_id == "replay-prsa-gw" else None

    def device_allowed(self, gateway_id: str, device_id: str) -> bool:
        """Tell whether the device speaks through the gateway."""
        return gateway_id == "replay-prsa-gw" and device_id == "prsa-Shunyi"


@pytest.fixture
def ingest(mosquitto: servers.Server, tmp_path: Path) -> Iterator[Path]:
    """Yield the folder an ingest worker stores into."""
    folder, stop = tmp_path / "readings", threading.Event()
    worker = threading.Thread(
        target=run_worker,
        kwargs={
            "host": "127.0.0.1", "port": mosquitto.port, "username": "ingest", "password": "ingest", "worker_id": "0",
            "shards": "0123456789abcdef", "folder": folder, "directory": Directory(), "protocol": 5, "stop": stop,
        },
    )  # fmt: skip
    worker.start()
    yield folder
    stop.set()
    worker.join(20)


def expected(path: Path) -> tuple[dict[str, dict[int, float]], Counter[str], int]:
    """Read the file again in the plainest way: channel -> time -> value, NA per channel, rows."""
    values: dict[str, dict[int, float]] = defaultdict(dict)
    missing: Counter[str] = Counter()
    rows = 0
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            rows += 1
            local = datetime(*(int(row[k]) for k in ("year", "month", "day", "hour")), tzinfo=ZoneInfo("Asia/Shanghai"))
            for column, channel in COLUMNS.items():
                if row[column] == "NA":
                    missing[channel] += 1
                else:
                    values[channel][to_ms(local)] = POINTS.index(row[column]) * 22.5 if column == "wd" else float(row[column])
    return values, missing, rows


def send(path: Path, port: int, spool: Path) -> ReplayReport:
    """Replay the file through a real gateway."""
    return replay_file(path, load_mapping("prsa_weather"), password="any", host="127.0.0.1", port=port, spool=spool, timeout=20)


def test_what_is_stored_equals_the_file(conformance_data: Path, mosquitto: servers.Server, ingest: Path, tmp_path: Path) -> None:
    """All 35,064 rows arrive: every value at its time, every NA counted and no reading, nothing more, nothing refused."""
    path = conformance_data / FILE
    report = send(path, mosquitto.port, tmp_path / "spool.db")
    values, missing, rows = expected(path)
    assert rows == ROWS == report.rows
    assert report.acknowledged and report.refused_count == 0 and report.refused_messages == []
    assert report.missing == missing and sum(missing.values()) == 51 + 51 + 54 + 51 + 483 + 44
    assert {c: len(v) for c, v in values.items()} == dict(report.readings)
    readings = Readings(ingest, SystemClock(), Directory())
    wait_until(lambda: readings.counts().readings >= report.total, 10, what="all readings in the store")
    start, end = report.first_ms or 0, (report.last_ms or 0) + 1
    for channel, truth in values.items():
        stored = readings.range("prsa-Shunyi", channel, start, end, limit=ROWS + 1)
        assert len(stored) == len(truth)
        assert {p.t_ms: p.value for p in stored} == truth, channel
    assert readings.counts().dead_letters == 0


def test_replaying_again_changes_nothing(conformance_data: Path, mosquitto: servers.Server, ingest: Path, tmp_path: Path) -> None:
    """The same file sent twice is stored once: same values, no revision shown."""
    path = tmp_path / "head.csv"
    with gzip.open(conformance_data / FILE, "rt", newline="") as lines:
        path.write_text("".join(line for _, line in zip(range(1_001), lines, strict=False)))
    first = send(path, mosquitto.port, tmp_path / "spool.db")
    readings = Readings(ingest, SystemClock(), Directory())
    window = (first.first_ms or 0, (first.last_ms or 0) + 1)
    before = readings.range("prsa-Shunyi", "air_temperature", *window, limit=2_000)
    again = send(path, mosquitto.port, tmp_path / "spool.db")
    assert again.readings == first.readings
    after = readings.range("prsa-Shunyi", "air_temperature", *window, limit=2_000)
    assert [(p.t_ms, p.value) for p in after] == [(p.t_ms, p.value) for p in before] and len(before) == first.readings["air_temperature"]


def test_what_ingest_refuses_is_in_the_report(mosquitto: servers.Server, ingest: Path, tmp_path: Path) -> None:
    """A file of a device that is not this gateway's is refused by ingest, and the report says so instead of looking well."""
    path = tmp_path / "foreign.csv"
    head = "year,month,day,hour,TEMP,PRES,DEWP,RAIN,wd,WSPM,station\n"
    path.write_text(head + "2013,3,1,0,1,1025.8,-20.5,0,NW,9.3,Elsewhere\n")
    report = send(path, mosquitto.port, tmp_path / "spool.db")
    assert report.messages == 1 and len(report.refused_messages) == 1
    assert "prsa-Elsewhere" in report.refused_messages[0]
