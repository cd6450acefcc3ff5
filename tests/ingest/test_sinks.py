"""The feed against a stub that answers as InfluxDB does: what wins, what is refused, what is kept, who is fed."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from foundation.clock import FixedClock, SystemClock, to_ms
from foundation.errors import BadInput, Conflict, Unavailable
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.compaction import GRACE_MS
from ingest.cursors import HOLD_MS
from ingest.feed import Feed, feed
from ingest.line_protocol import read_lines
from ingest.lines import health_lines
from ingest.reading import Counts
from ingest.segments import frame_of, read_rows, write_frame
from ingest.service import Readings
from ingest.sinks import MOST_QUESTIONS, Misconfigured, Server, Target
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest.examples import NOW_MS, TwoGateways, clock, level, message
from tests.waiting import wait_until

Answer = tuple[int, dict[str, str]] | None


class Influx:
    """Stands for an InfluxDB: the last write of a point wins, and a test says what else it answers."""

    def __init__(self) -> None:
        self.points: dict[tuple[str, str, int], float] = {}
        self.asked: list[dict[str, Any]] = []
        self.starts: list[int] = []
        self.looked_at = 0
        self.answer: Callable[[list[str]], Answer] = lambda _lines: None
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                stub.asked.append({"path": self.path, "token": self.headers["authorization"], "lines": body.split("\n")})
                told = stub.answer(body.split("\n"))
                if told is None:
                    for line in read_lines(body)[0]:
                        stub.points[line.measurement, line.tags.get("device", ""), line.time or 0] = float(line.fields.get("value", 0))
                self.send_response(204 if told is None else told[0])
                content = b"" if told is None else json.dumps(told[1]).encode()
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                stub.looked_at += 1
                if not stub.starts:
                    self.send_error(404)
                    return
                stub.starts.append(stub.starts.pop(0))  # the next process behind this address
                content = f"a 1\nprocess_start_time_seconds {stub.starts[0]}\n".encode()
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def influx() -> Iterator[Influx]:
    """Yield a stub."""
    made = Influx()
    yield made
    made.close()


@pytest.fixture
def now() -> FixedClock:
    """Return a clock that can be moved."""
    return clock()


@pytest.fixture
def readings(tmp_path: Path, now: FixedClock) -> Iterator[Readings]:
    """Yield an empty store."""
    made = Readings(tmp_path / "readings", now, TwoGateways())
    yield made
    made.close()


@pytest.fixture
def make(tmp_path: Path, influx: Influx, now: FixedClock) -> Iterator[Callable[..., Feed]]:
    """Yield a maker of feeds of this store to the stub."""
    made: list[Feed] = []

    def one(name: str = "influx", lag_s: float = 0.0) -> Feed:
        target = Target(name, influx.url, "secret", "county", "fields")
        made.append(Feed(tmp_path / "readings", Server(target), now, lag_s=lag_s, sleep=lambda _: None))
        return made[-1]

    yield one
    for feed_ in made:
        feed_.close()


def drain(feed_: Feed) -> None:
    """Send everything and keep the place."""
    while feed_.step():
        pass
    feed_.commit()


def ours(readings: Readings) -> dict[tuple[str, str, int], float]:
    """Return what our own history answers."""
    return {
        (one.channel, one.device, p.t_ms): p.value
        for one in readings.latest()
        for p in readings.range(one.device, one.channel, 0, NOW_MS + 10**9, limit=10**6)
    }


def test_it_is_asked_as_influxdb_is(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """Path, token, organisation, bucket, unit of time; at most 5,000 lines at once; health lines beside the readings."""
    for seq in range(1, 7):
        readings.accept("by-01-gw", message(seq, *(level(seq * 3000 + n, 1.0) for n in range(1000))))
    feed_ = make()
    drain(feed_)
    assert [len(asked["lines"]) for asked in influx.asked] == [5000, 1000]
    assert {(a["path"], a["token"]) for a in influx.asked} == {("/api/v2/write?org=county&bucket=fields&precision=ms", "Token secret")}
    feed_.send_health(readings)
    names = [line.split(" ")[0] for line in influx.asked[-1]["lines"]]
    assert names == ["ingest_gateway,county=321023,gateway=by-01-gw", "ingest_store"]
    assert "sink_waiting_readings=0.0" in influx.asked[-1]["lines"][1]


def test_the_newest_received_wins_whatever_is_written_last(
    readings: Readings, tmp_path: Path, influx: Influx, make: Callable[..., Feed], now: FixedClock
) -> None:
    """A writer that was held up commits an older word after a newer one: the server ends with the newer, as our history does."""
    slow, batch = Writer(tmp_path / "readings", "0", TwoGateways()), Batch()
    slow.intake.take(up_topic("by-01-gw"), message(1, level(5, 1.0)), to_ms(now.now()), batch)
    now.advance(timedelta(seconds=5))
    readings.accept("by-01-gw", message(2, level(5, 2.0)))
    feed_ = make()
    drain(feed_)
    slow.flush(batch)
    slow.close()
    drain(feed_)
    assert list(influx.points.values()) == [2.0] and influx.points == ours(readings)
    readings.compact()
    readings.accept("by-01-gw", message(3, level(5, 1.5)))
    drain(feed_)
    assert influx.points == ours(readings) and list(influx.points.values()) == [1.5]


def test_a_late_sink_is_fed_everything(readings: Readings, influx: Influx, make: Callable[..., Feed], now: FixedClock) -> None:
    """A server added to an installation with history gets it from the daily files, then what is not merged yet, each once."""
    for seq in range(1, 6):
        readings.accept("by-01-gw", message(seq, *(level(seq * 1000 + n, float(n)) for n in range(50))))
        readings.compact()
        now.advance(timedelta(milliseconds=GRACE_MS + 1))
    readings.compact()
    readings.accept("by-01-gw", message(6, level(1, 6.0)))
    feed_ = make()
    assert readings.sinks()[0].waiting == 251
    drain(feed_)
    assert influx.points == ours(readings) and len(influx.points) == 251
    assert sum(len(a["lines"]) for a in influx.asked) == 251 and readings.sinks()[0].waiting == 0


def test_merged_segments_wait_for_a_living_sink_and_no_longer(
    readings: Readings, influx: Influx, make: Callable[..., Feed], now: FixedClock, tmp_path: Path
) -> None:
    """What a sink has not confirmed stays on disk although it is merged; a sink not heard of for a day holds nothing."""
    feed_, segments = make(), tmp_path / "readings" / "segments"
    readings.accept("by-01-gw", message(1))
    readings.compact()
    now.advance(timedelta(milliseconds=GRACE_MS + 1))
    readings.compact()
    assert len(list(segments.glob("*.parquet"))) == 1
    drain(feed_)
    readings.compact()
    assert not list(segments.glob("*.parquet")) and influx.points == ours(readings)
    readings.accept("by-01-gw", message(2))
    readings.compact()
    now.advance(timedelta(milliseconds=HOLD_MS + GRACE_MS + 1))
    readings.compact()
    assert not list(segments.glob("*.parquet"))
    drain(feed_)
    assert influx.points == ours(readings)


def test_a_segment_adopted_after_a_crash_is_fed_too(readings: Readings, tmp_path: Path, influx: Influx, make: Callable[..., Feed]) -> None:
    """A file that a crash left unnamed gets its number when it is adopted, long after later ones were sent."""
    writer, batch = Writer(tmp_path / "readings", "0", TwoGateways()), Batch()
    writer.intake.take(up_topic("by-01-gw"), message(1), NOW_MS, batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.writer.cat.put_file", lambda *_: (_ for _ in ()).throw(SystemExit("power cut")))
        with pytest.raises(SystemExit):
            writer.flush(batch)
    writer.close()
    readings.accept("by-01-gw", message(2))
    feed_ = make()
    drain(feed_)
    assert len(influx.points) == 1
    Writer(tmp_path / "readings", "0", TwoGateways()).close()
    drain(feed_)
    assert len(influx.points) == 2 and influx.points == ours(readings)


def test_a_file_half_removed_stops_nothing(readings: Readings, tmp_path: Path, influx: Influx, make: Callable[..., Feed]) -> None:
    """A segment gone from the disk but still in the list, as a crash in a removal leaves it, is made up for by its daily file."""
    readings.accept("by-01-gw", message(1))
    readings.compact()
    for path in (tmp_path / "readings" / "segments").glob("*.parquet"):
        path.unlink()
    drain(make())
    assert influx.points == ours(readings) and len(influx.points) == 1


def test_bad_lines_are_found_counted_and_passed_over(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """A server that takes nothing of a batch with a bad line gets the others; the bad one is kept with its reason and never sent again."""
    readings.accept("by-01-gw", message(1, *(level(n, 42.0 if n == 37 else 1.0) for n in range(100))))
    influx.answer = lambda lines: (
        (400, {"code": "invalid", "message": "unable to parse: no 42"}) if any("=42.0" in x for x in lines) else None
    )
    feed_ = make()
    drain(feed_)
    assert len(influx.points) == 99
    state = readings.sinks()[0]
    assert (state.refused, state.refused_why, state.waiting) == (1, "unable to parse: no 42", 0)
    ((line,),) = readings._catalog.rows("SELECT line FROM sink_refused")
    assert "value=42.0" in str(line)
    asked = len(influx.asked)
    drain(feed_)
    assert len(influx.asked) == asked


def test_a_partial_write_is_counted_as_the_server_tells_it(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """`partial write … dropped=N` is the server's last word on N lines: it is counted, and asked once."""
    readings.accept("by-01-gw", message(1, *(level(n, 1.0) for n in range(10))))
    influx.answer = lambda _lines: (400, {"code": "invalid", "message": "partial write: beyond retention dropped=3"})
    drain(make())
    assert readings.sinks()[0].refused == 3 and len(influx.asked) == 1


def _partly(influx: Influx, lines: list[str], told: Callable[[list[str]], Answer]) -> Answer:
    """Keep what is no 42 and refuse the rest, as a server does whose field has another type."""
    bad = [line for line in lines if "=42.0" in line]
    for line in read_lines("\n".join(x for x in lines if x not in bad))[0]:
        influx.points[line.measurement, line.tags.get("device", ""), line.time or 0] = float(line.fields["value"])
    return told(bad) if bad else None


def _influx_2(bad: list[str]) -> Answer:
    words = 'input field "value" on measurement "water_level" is type float, already exists as type integer'
    said = f"failure writing points to database: partial write: field type conflict: {words} dropped={len(bad)}"
    return 422, {"code": "unprocessable entity", "message": said}


def _influx_2_in_400(bad: list[str]) -> Answer:
    return 400, {"code": "invalid", "message": f"partial write: field type conflict dropped={len(bad)}"}


def _influx_3(bad: list[str]) -> Answer:
    named: Any = [{"error_message": "invalid column type for column 'value'", "line_number": 1, "original_line": x} for x in bad]
    return 400, {"error": "partial write of line protocol occurred", "data": named}


@pytest.mark.parametrize("server", [_influx_2, _influx_2_in_400, _influx_3])
def test_a_type_conflict_is_kept_aside_and_the_rest_goes_on(
    server: Callable[[list[str]], Answer], readings: Readings, influx: Influx, make: Callable[..., Feed]
) -> None:
    """As the public contracts of InfluxDB 2 and 3 tell it: the others are stored, these are counted, not repeated, and hold nothing up."""
    readings.accept("by-01-gw", message(1, *(level(n, 42.0 if n % 50 == 37 else 1.0) for n in range(100))))
    influx.answer = lambda lines: _partly(influx, lines, server)
    feed_ = make()
    drain(feed_)
    readings.accept("by-01-gw", message(2, level(200, 2.0)))
    drain(feed_)
    assert len(influx.points) == 99 and len(influx.asked) == 2
    state = readings.sinks()[0]
    assert (state.refused, state.waiting, state.problem) == (2, 0, "") and "partial write" in state.refused_why
    kept = [str(line) for (line,) in readings._catalog.rows("SELECT line FROM sink_refused")]
    assert len(kept) == (2 if server is _influx_3 else 0) and all("value=42.0" in line for line in kept)


def test_a_final_flag_is_sent_again(readings: Readings, tmp_path: Path, influx: Influx, make: Callable[..., Feed]) -> None:
    """A flag that changed after its reading was sent goes out once more, with the same value and time."""
    readings.accept("by-01-gw", message(1, level(5, 1.0)))
    feed_ = make()
    drain(feed_)
    readings.accept("by-01-gw", message(2, level(4, 1.0)))
    (raw,) = readings.raw(["by-01-p1-level"], 0, NOW_MS)
    (segment,) = (p for p in (tmp_path / "readings" / "segments").glob("*1.parquet"))
    frame = read_rows(segment)
    final = {
        "sid": [raw.sid], "t": [raw.times[0]], "x": [1.0], "flag": [4], "received": [raw.received[0]], "seq": [raw.seqs[0]], "tests": [4],
        "version": [1],
    }  # fmt: skip
    write_frame(segment.parent, segment.name, frame.vstack(frame_of(final)))
    drain(feed_)
    lines = {line for asked in influx.asked for line in asked["lines"] if str(NOW_MS - 5 * 60_000) in line}
    assert {line.split(" ")[1] for line in lines} == {"value=1.0,flag=1i", "value=1.0,flag=4i"}
    assert "flag=4i" in next(x for x in influx.asked[-1]["lines"] if str(NOW_MS - 5 * 60_000) in x)


def test_a_batch_that_is_bad_through_and_through_costs_a_bounded_number_of_questions(influx: Influx) -> None:
    """A server that refuses everything is not asked for every line."""
    influx.answer = lambda _lines: (400, {"code": "invalid", "message": "no"})
    server = Server(Target("x", influx.url))
    refused = server.write([f"m,device=d value=1 {n}" for n in range(5000)])
    assert sum(one.count for one in refused) == 5000 and len(influx.asked) <= MOST_QUESTIONS + 20
    server.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Misconfigured), (403, Misconfigured), (404, Misconfigured), (429, Unavailable), (500, Unavailable), (503, Unavailable)],
)
def test_a_refusal_of_us_is_told_and_nothing_is_passed_over(
    status: int, kind: type[Exception], readings: Readings, influx: Influx, make: Callable[..., Feed]
) -> None:
    """The place stands, the reason can be read by anyone who asks, and when the server takes readings again it gets all."""
    readings.accept("by-01-gw", message(1))
    influx.answer = lambda _lines: (status, {"code": "x", "message": "not today"})
    feed_ = make()
    with pytest.raises(kind, match="not today"):
        feed_.step()
    stop = threading.Event()
    thread = threading.Thread(target=feed_.run, args=(stop,))
    thread.start()
    wait_until(lambda: "not today" in readings.sinks()[0].problem, 10)
    assert readings.sinks()[0].waiting == 1
    influx.answer = lambda _lines: None
    wait_until(lambda: influx.points, 10)
    stop.set()
    thread.join(10)
    assert influx.points == ours(readings)


def test_a_token_that_the_server_echoes_is_masked(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """Nothing that is logged or shown holds the token."""
    readings.accept("by-01-gw", message(1))
    influx.answer = lambda _lines: (401, {"code": "unauthorized", "message": "Token secret is wrong"})
    with pytest.raises(Misconfigured) as told:
        make().step()
    assert "secret" not in told.value.explain() and "is wrong" in told.value.explain()


def test_the_problem_is_gone_when_it_is_gone(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """A server that answers again leaves no complaint behind."""
    feed_ = make()
    feed_._cursor.commit(feed_._cursor.confirmed(), feed_._cursor.confirmed(), 1, "it was away")
    assert readings.sinks()[0].problem == "it was away"
    drain(feed_)
    assert readings.sinks()[0].problem == "" and influx.points == {}


def test_two_servers_are_fed_apart(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """Each has its own place; the slower one does not hold the other."""
    first, second = make("a"), make("b")
    readings.accept("by-01-gw", message(1))
    drain(first)
    assert {s.sink: s.waiting for s in readings.sinks()} == {"a": 0, "b": 1}
    drain(second)
    assert {s.sink: s.waiting for s in readings.sinks()} == {"a": 0, "b": 0}


def test_several_processes_behind_one_address(readings: Readings, influx: Influx, make: Callable[..., Feed]) -> None:
    """A cluster tells several starts by turns: no restart. A start never seen is one: what is not confirmed is sent again."""
    influx.starts = [100, 200]
    feed_ = make(lag_s=60.0)
    for _ in range(3):
        drain(feed_)
    readings.accept("by-01-gw", message(1))
    for _ in range(4):
        drain(feed_)
    assert [len(a["lines"]) for a in influx.asked] == [1]
    influx.starts = [100, 300]
    for _ in range(4):
        drain(feed_)
    assert [len(a["lines"]) for a in influx.asked] == [1, 1]


def test_one_process_feeds_one_server(tmp_path: Path, influx: Influx) -> None:
    """A second feed of the same server is refused while the first lives."""
    target, stop = Target("x", influx.url), threading.Event()
    thread = threading.Thread(target=feed, args=(tmp_path, target, SystemClock()), kwargs={"lag_s": 60, "stop": stop})
    thread.start()
    # Its file is there a moment before its claim: who asks the server holds it.
    wait_until(lambda: influx.looked_at, 10)
    with pytest.raises(Conflict):
        feed(tmp_path, target, SystemClock(), lag_s=60, stop=stop)
    stop.set()
    thread.join(10)


def test_a_catalogue_of_an_earlier_release_gets_what_it_lacks(
    readings: Readings, tmp_path: Path, influx: Influx, make: Callable[..., Feed]
) -> None:
    """Files named before there were sinks are numbered at the first opening, and a sink is fed all of them."""
    readings.accept("by-01-gw", message(1))
    readings.compact()
    readings.accept("by-01-gw", message(2))
    readings.close()
    with sqlite3.connect(tmp_path / "readings" / "catalog.db") as db:
        for table in ("arrival", "sink_cursor", "sink_refused"):
            db.execute(f"DROP TABLE {table}")
        db.execute("DELETE FROM counter WHERE name = 'forgotten'")
    db.close()
    Catalog(tmp_path / "readings").close()
    drain(make())
    assert influx.points == ours(readings) and len(influx.points) == 2


def test_an_address_that_is_none_is_refused() -> None:
    """Only http and https with a host; the address, which may hold a password, is not shown."""
    for url in ("influx:8086", "ftp://h/secret", "http://", "unix:/secret"):
        with pytest.raises(BadInput) as told:
            Target("x", url)
        assert "secret" not in told.value.explain()


def test_health_of_an_empty_store_is_told() -> None:
    """Before the first reading there is one line, of noughts."""
    assert len(health_lines([], Counts(0, 0, 0, 0, 0, None, None, None), 0.0, 0, 1)) == 1
