"""The feed against a stub that answers as InfluxDB does: what wins, what is refused, what is kept, who is fed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from foundation.clock import FixedClock, SystemClock, to_ms
from foundation.errors import Conflict
from ingest.batch import Batch
from ingest.catalog import Catalog
from ingest.compaction import GRACE_MS
from ingest.cursors import HOLD_MS
from ingest.feed import Feed, feed
from ingest.lines import health_lines
from ingest.reading import Counts
from ingest.segments import frame_of, read_rows, write_frame
from ingest.service import Readings
from ingest.sinks import Target
from ingest.topics import up_topic
from ingest.writer import Writer
from tests.ingest import influx_stub
from tests.ingest.examples import NOW_MS, TwoGateways, level, message
from tests.ingest.influx_stub import Influx, drain, ours
from tests.waiting import wait_until

influx, make, now, readings = influx_stub.influx, influx_stub.make, influx_stub.now, influx_stub.readings


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


def test_health_of_an_empty_store_is_told() -> None:
    """Before the first reading there is one line, of noughts."""
    assert len(health_lines([], Counts(0, 0, 0, 0, 0, None, None, None), 0.0, 0, 1)) == 1
