"""Our own `POST /api/v2/write`, written to with the real influxdb-client in every form it has, over a real socket."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
import urllib.error
import urllib.request
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from influxdb_client import InfluxDBClient, Point, WriteOptions, WritePrecision  # type: ignore[attr-defined]
from influxdb_client.client.write_api import ASYNCHRONOUS, SYNCHRONOUS
from influxdb_client.rest import ApiException

from dashboards.app import create_app
from foundation.clock import FixedClock
from foundation.database import open_engine
from foundation.settings import Settings
from registry.service import Registry
from suhe.bootstrap import Services, build_services
from suhe.migrate import migrate
from tests.registry.examples import BAOYING, BASE, COOP, LEVEL, POND
from tests.waiting import wait_until

NOW = datetime(2026, 7, 1, 4, 0, tzinfo=UTC)
T = int(NOW.timestamp() * 1000) - 600_000
DEVICE = LEVEL.id


@dataclass
class House:
    """A running web process with one gateway and one device."""

    services: Services
    url: str
    token: str

    def client(self, **more: Any) -> Any:
        """Return an InfluxDB client of the gateway."""
        return InfluxDBClient(**{"url": self.url, "token": self.token, "org": "any", **more})

    def stored(self, channel: str = "water_level") -> dict[int, float]:
        """Return what our history answers."""
        return {p.t_ms: p.value for p in self.services.readings.range(DEVICE, channel, 0, T + 10**9)}


@pytest.fixture(scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("influx")
    settings = Settings(data=data)
    engine = open_engine(settings.records_url)
    migrate(engine)
    registry = Registry(engine, FixedClock(NOW))
    registry.add_all([BAOYING])
    registry.add_all([COOP])
    registry.add_all([BASE])
    registry.add_all([POND])
    gateway, password = registry.register_gateway("by-01-gw", "321023", "by-01", "网关", "Gateway")
    registry.add_all([LEVEL])
    services = build_services(settings, clock=FixedClock(NOW))
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(services), port=port, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20)
    yield House(services, f"http://127.0.0.1:{port}", f"{gateway.id}:{password}")
    server.should_exit = True
    thread.join(10)
    services.readings.close()


@pytest.fixture
def house(_served: House) -> House:
    """Return the house; every test has a channel or times of its own."""
    return _served


def line(n: int, value: float, channel: str = "water_level") -> str:
    """Return a line of the n-th second after T, in ns."""
    return f"{channel},device={DEVICE} value={value} {(T + n * 1000) * 1_000_000}"


@dataclass
class Level:
    """A reading as a user's own class."""

    device: str
    value: float
    time: int


Row = namedtuple("Row", ["device", "value", "time"])


def forms(start: int) -> list[tuple[str, Any, dict[str, Any]]]:
    """Return every form influxdb-client can write, each of one reading: name, record, options."""
    import pandas as pd

    named = {
        "record_measurement_name": "water_level",
        "record_tag_keys": ["device"],
        "record_field_keys": ["value"],
        "record_time_key": "time",
    }
    moments = [datetime.fromtimestamp(T / 1000 + start + n, UTC) for n in range(20)]
    point = lambda n: Point("water_level").tag("device", DEVICE).field("value", float(n)).time(moments[n])  # noqa: E731
    frame = pd.DataFrame({"device": [DEVICE], "value": [9.0]}, index=pd.DatetimeIndex([moments[9]]))
    fields = {"measurement": "water_level", "tags": {"device": DEVICE}}
    return [
        ("bytes", line(start, 0.0).encode(), {}),
        ("str", line(start + 1, 1.0), {}),
        ("list of str", [line(start + 2, 2.0)], {}),
        ("Point", point(3), {}),
        ("list of Point", [point(4)], {}),
        ("dict", {**fields, "fields": {"value": 5.0}, "time": moments[5]}, {}),
        ("list of dict", [{**fields, "fields": {"value": 6.0}, "time": moments[6].isoformat()}], {}),
        ("dataclass", Level(DEVICE, 7.0, (T + (start + 7) * 1000) * 1_000_000), named),
        ("NamedTuple", Row(DEVICE, 8.0, (T + (start + 8) * 1000) * 1_000_000), named),
        ("DataFrame", frame, {"data_frame_measurement_name": "water_level", "data_frame_tag_columns": ["device"]}),
        ("integer field", Point("water_level").tag("device", DEVICE).field("value", 10).time(moments[10]), {}),
    ]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("mode", ["synchronous", "asynchronous", "batching"])
def test_every_form_in_every_mode(house: House, mode: str, *, zipped: bool) -> None:
    """Bytes, text, points, dicts, classes and frames; at once, in a thread, in batches; zipped or not: all arrive, once, at their times."""
    start = 100 * (1 + ["synchronous", "asynchronous", "batching"].index(mode) + 3 * zipped)
    options = {"synchronous": SYNCHRONOUS, "asynchronous": ASYNCHRONOUS, "batching": WriteOptions(batch_size=4, flush_interval=100)}[mode]
    failed: list[object] = []
    with (
        house.client(enable_gzip=zipped) as client,
        client.write_api(write_options=options, error_callback=lambda *told: failed.append(told)) as api,
    ):
        results = [api.write(bucket="any", record=record, **more) for _, record, more in forms(start)]
        if mode == "asynchronous":
            assert all(result.get() is None for result in results)
    assert failed == []
    found = house.stored()
    assert {n: found.get(T + (start + n) * 1000) for n in range(11)} == {n: float(n) for n in range(11)}


@pytest.mark.parametrize("precision", [WritePrecision.NS, WritePrecision.US, WritePrecision.MS, WritePrecision.S])
def test_every_precision(house: House, precision: Any) -> None:
    """The time is the one written, whatever unit it came in; without one it is the server's."""
    channel = f"precision_{precision}"
    per_s = {"ns": 10**9, "us": 10**6, "ms": 1000, "s": 1}[str(precision)]
    with house.client() as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket="b", record=f"{channel},device={DEVICE} value=1 {T // 1000 * per_s}", write_precision=precision)
        api.write(
            bucket="b",
            record=Point(channel).tag("device", DEVICE).field("value", 2).time(T + 1000, WritePrecision.MS),
            write_precision=precision,
        )
        api.write(bucket="b", record=f"{channel},device={DEVICE} value=3", write_precision=precision)
    found = house.stored(channel)
    assert found[T] == 1.0 and found[int(NOW.timestamp() * 1000)] == 3.0 and len(found) == 3


def test_fields_that_name_channels(house: House) -> None:
    """One line may hold several channels of a device; a unit is checked; other tags are not kept."""
    with house.client() as client:
        api = client.write_api(write_options=SYNCHRONOUS)
        api.write(bucket="b", record=f"pond,device={DEVICE},host=box water_temperature=18.5,ph=7i {T * 10**6}")
    assert house.stored("water_temperature")[T] == 18.5 and house.stored("ph")[T] == 7.0


def test_a_partial_write_stores_the_good_and_tells_the_bad(house: House) -> None:
    """400 as InfluxDB words it: what is dropped, why, how many; the good lines are on disk before the answer."""
    bad = [
        "no line",
        f"water_level,device={DEVICE} value=true",
        "water_level,device=another value=1",
        f"water_level,device={DEVICE},unit=m value=1",
    ]
    with house.client() as client, pytest.raises(ApiException) as told:
        client.write_api(write_options=SYNCHRONOUS).write(bucket="b", record=[line(1001, 1.5), *bad, line(1002, 2.5)])
    assert told.value.status == 400
    body = json.loads(told.value.body)
    assert body["code"] == "invalid" and body["message"].startswith("partial write: ") and body["message"].endswith(" dropped=4")
    assert "unable to parse 'no line'" in body["message"] and "type boolean" in body["message"]
    assert (house.stored()[T + 1_001_000], house.stored()[T + 1_002_000]) == (1.5, 2.5)
    letter = house.services.readings.dead_letters(1)[0]
    assert (letter.gateway, letter.topic) == ("by-01-gw", "api/v2/write") and letter.size == len("\n".join(bad))


def test_a_batching_writer_is_told_too(house: House) -> None:
    """The error callback of the batching writer sees our words, and does not try a 400 again."""
    failed: list[Any] = []
    options = WriteOptions(batch_size=10, flush_interval=50, retry_interval=10, max_retries=2)
    with (
        house.client() as client,
        client.write_api(write_options=options, error_callback=lambda _where, _data, error: failed.append(error)) as api,
    ):
        api.write(bucket="b", record=[line(1101, 1.5), "water_level,device=another value=1"])
    assert len(failed) == 1 and "dropped=1" in str(failed[0]) and "is not registered for this gateway" in str(failed[0])
    assert house.stored()[T + 1_101_000] == 1.5


@pytest.mark.parametrize("token", ["by-01-gw:wrong", "nobody:pass", "suhe_0123", "by-01-gw:", ":", "\N{LATIN SMALL LETTER E WITH ACUTE}:x"])
def test_a_wrong_token(house: House, token: str) -> None:
    """401 with InfluxDB's code; nothing is stored."""
    before = house.services.readings.counts().readings
    with house.client(token=token) as client, pytest.raises(ApiException) as told:
        client.write_api(write_options=SYNCHRONOUS).write(bucket="b", record=line(1200, 1.0))
    assert told.value.status == 401 and json.loads(told.value.body)["code"] == "unauthorized"
    assert house.services.readings.counts().readings == before


def test_the_other_ways_to_sign_in(house: House) -> None:
    """Bearer and HTTP Basic with the same credentials, as other clients send them."""
    import base64

    for n, header in enumerate((f"Bearer {house.token}", "Basic " + base64.b64encode(house.token.encode()).decode())):
        assert post(house, line(1300 + n, 1.0).encode(), authorization=header)[0] == 204
    assert post(house, line(1302, 1.0).encode(), authorization="")[0] == 401


def test_the_same_write_again_changes_no_answer_and_a_later_word_counts(house: House) -> None:
    """A client that was not answered writes again: one reading. Another value for the same time replaces it, a third too."""
    for value in (4.0, 4.0, 5.0, 4.0):
        assert post(house, line(1400, value).encode())[0] == 204
        assert house.stored()[T + 1_400_000] == value
    house.services.readings.compact()
    assert house.stored()[T + 1_400_000] == 4.0


def test_lines_take_no_number_of_the_gateways_own_messages(house: House) -> None:
    """A gateway may write lines and send numbered messages: neither hides the other, and no gap opens."""
    from ingest.payloads import ReadingIn, encode_up

    for seq in (1, 2):
        post(house, line(1500 + seq, 1.0).encode())
        ack = house.services.readings.accept(
            "by-01-gw", encode_up(seq, [ReadingIn(d=DEVICE, c="water_level", t=T + 1_510_000 + seq, x=2.0)])
        )
        assert ack.acked == [(seq, seq)]
    (state,) = house.services.readings.gateways()
    assert (state.last_seq, state.open_gaps) == (2, ()) and state.messages >= 4 and state.duplicates == 0
    assert house.stored()[T + 1_501_000] == 1.0 and house.stored()[T + 1_510_001] == 2.0


def test_what_is_no_write(house: House) -> None:
    """Each with its status and InfluxDB's code, never an error of ours."""
    for body, headers, query, status, code in (
        (b"", {}, "", 400, "invalid"),
        (line(1, 1.0).encode(), {}, "precision=h", 400, "invalid"),
        (b"\xff\xfe", {}, "", 400, "invalid"),
        (b"no gzip", {"content-encoding": "gzip"}, "", 400, "invalid"),
        (line(1, 1.0).encode(), {"content-encoding": "br"}, "", 400, "invalid"),
        (gzip.compress(b"0" * 17_000_000), {"content-encoding": "gzip"}, "", 413, "request too large"),
    ):
        got, told = post(house, body, query=query, **headers)
        assert (got, json.loads(told)["code"]) == (status, code), (body[:20], headers, query)
        assert json.loads(told)["message"]
    # Refused by its announced length, before any of it is read.
    connection = http.client.HTTPConnection(house.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/api/v2/write")
    connection.putheader("content-length", "5000000")
    connection.endheaders()
    refusal = connection.getresponse()
    assert refusal.status == 413 and json.loads(refusal.read())["code"] == "request too large"
    connection.close()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(house.url + "/api/v2/buckets", timeout=10)
    assert refused.value.code == 404 and json.loads(refused.value.read())["code"] == "not found"


def test_we_are_there(house: House) -> None:
    """ping() is true, the version is told and is not InfluxDB's, health passes and says that Flux is not spoken."""
    with house.client() as client:
        assert client.ping() is True
        assert client.version().startswith("suhe-")
        with pytest.warns(DeprecationWarning, match="ping"):
            health = client.health()
        assert health.status == "pass" and "no Flux" in health.message


def test_an_answer_means_on_disk(house: House) -> None:
    """At the moment of the 204 another reader finds the reading in a file the manifest names."""
    import polars as pl

    from ingest.catalog import Catalog

    assert post(house, line(1600, 7.25).encode())[0] == 204
    folder = house.services.settings.readings_folder
    catalog = Catalog(folder)
    files = [folder / "segments" / f.name for f in catalog.files("kind = 'segment'")]
    catalog.close()
    assert any(((pl.read_parquet(f)["t"] == T + 1_600_000) & (pl.read_parquet(f)["x"] == 7.25)).any() for f in files)


def test_metrics_tell_how_far_a_server_store_is(house: House) -> None:
    """Lag, waiting and refused, for each sink: what an alert is set on."""
    from ingest.catalog import Catalog
    from ingest.cursors import Cursor

    post(house, line(1700, 1.0).encode())
    catalog = Catalog(house.services.settings.readings_folder)
    Cursor(catalog, "vm", 1).refuse(3, "why", [], 1)
    catalog.close()
    with urllib.request.urlopen(house.url + "/metrics", timeout=10) as answer:
        told = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if line.startswith("suhe_sink_"))
    assert float(told['suhe_sink_waiting{sink="vm"}']) >= 1 and float(told['suhe_sink_lag_seconds{sink="vm"}']) >= 0
    assert float(told['suhe_sink_refused_total{sink="vm"}']) == 3


def post(house: House, body: bytes, *, query: str = "", authorization: str | None = None, **headers: str) -> tuple[int, str]:
    """Post a body without the client and return status and text."""
    headers["authorization"] = f"Token {house.token}" if authorization is None else authorization
    request = urllib.request.Request(f"{house.url}/api/v2/write?org=o&bucket=b&{query}", data=body, headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
