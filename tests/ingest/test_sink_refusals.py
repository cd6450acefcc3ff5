"""A server store that refuses: which lines are kept aside, what is told of it, and that nothing else is passed over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from foundation.errors import BadInput, Unavailable
from ingest.feed import Feed
from ingest.line_protocol import read_lines
from ingest.service import Readings
from ingest.sinks import MOST_QUESTIONS, Misconfigured, Server, Target
from tests.ingest import influx_stub
from tests.ingest.examples import level, message
from tests.ingest.influx_stub import Answer, Influx, drain, ours
from tests.waiting import wait_until

influx, make, now, readings = influx_stub.influx, influx_stub.make, influx_stub.now, influx_stub.readings


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


def test_an_address_that_is_none_is_refused() -> None:
    """Only http and https with a host; the address, which may hold a password, is not shown."""
    for url in ("influx:8086", "ftp://h/secret", "http://", "unix:/secret"):
        with pytest.raises(BadInput) as told:
            Target("x", url)
        assert "secret" not in told.value.explain()
