"""What is handed in is stored once, flagged, and told back by whoever asks."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from foundation.errors import NotFound
from ingest.payloads import ReadingIn, encode_up
from ingest.reading import FAIL, GOOD, Gap, Point
from ingest.service import Readings
from tests.ingest.examples import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, TwoGateways, clock, level, message

GATEWAY, DEVICE = "by-01-gw", "by-01-p1-level"


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[Readings]:
    """Yield an empty store."""
    made = Readings(tmp_path / "readings", clock(), TwoGateways())
    yield made
    made.close()


def everything(readings: Readings, channel: str = "water_level") -> list[Point]:
    """Return all readings of the example channel."""
    return readings.range(DEVICE, channel, 0, NOW_MS + 10 * DAY_MS, limit=10_000)


def test_what_is_acknowledged_can_be_read(readings: Readings, tmp_path: Path) -> None:
    """After the acknowledgement the readings are there, also for a service opened anew on the folder."""
    ack = readings.accept(GATEWAY, message(1, level(20, 12.5), level(10, 12.6)))
    assert ack.acked == [(1, 1)] and ack.refused == []
    expected = [Point(NOW_MS - 20 * MINUTE_MS, 12.5, GOOD), Point(NOW_MS - 10 * MINUTE_MS, 12.6, GOOD)]
    assert everything(readings) == expected
    other = Readings(tmp_path / "readings", clock(), TwoGateways())
    assert everything(other) == expected
    other.close()


def test_a_message_sent_again_is_acknowledged_and_not_stored_again(readings: Readings) -> None:
    """The same sequence number is stored once however often it comes."""
    acks = [readings.accept(GATEWAY, message(7)) for _ in range(3)]
    assert all(ack.acked == [(7, 7)] for ack in acks)
    assert len(everything(readings)) == 1 and readings.counts().readings == 1
    (state,) = readings.gateways()
    assert (state.messages, state.readings, state.duplicates) == (1, 1, 2)


def test_latest_is_the_newest_observation_not_the_last_to_arrive(readings: Readings) -> None:
    """Late data does not become the latest value; nor does a clock that runs ahead."""
    readings.accept(GATEWAY, message(1, level(10, 30.0)))
    readings.accept(GATEWAY, message(2, level(600, 10.0)))
    readings.accept(GATEWAY, message(3, level(-3 * 1440, 99.0)))
    (latest,) = readings.latest(county="321023")
    assert (latest.device, latest.channel, latest.value, latest.t_ms) == (DEVICE, "water_level", 30.0, NOW_MS - 10 * MINUTE_MS)
    assert latest.unit == "cm" and latest.flag == GOOD
    assert readings.latest(county="371522") == [] == readings.latest(devices=["other"])
    assert len(readings.latest(devices=[DEVICE])) == 1


def test_a_correction_counts_and_the_first_word_is_kept(readings: Readings, tmp_path: Path) -> None:
    """A different value for the same time replaces the first in every answer; both stay in the files, also when values go to and fro."""
    for seq, value in enumerate((10.0, 11.0, 10.0), start=1):
        readings.accept(GATEWAY, message(seq, level(5, value)))
    readings.accept(GATEWAY, message(4, level(5, 10.0)))
    assert [p.value for p in everything(readings)] == [10.0]
    assert readings.compact() == 4
    assert [p.value for p in everything(readings)] == [10.0]
    import polars as pl

    kept = pl.read_parquet(tmp_path / "readings" / "daily" / "*.parquet")
    assert kept["x"].to_list() == [10.0, 11.0, 10.0]
    assert kept["device"].unique().to_list() == [DEVICE]


def test_a_device_of_another_is_refused_and_its_neighbours_are_stored(readings: Readings) -> None:
    """A gateway speaks for its own devices only: theirs are stored, the rest is refused by name and kept with the reason."""
    ack = readings.accept(GATEWAY, message(1, level(5, 1.0), level(5, 2.0, device="sx-01-g1-air", channel="air_temperature")))
    assert ack.acked == [(1, 1)]
    assert [r.seq for r in ack.refused] == [1] and "sx-01-g1-air" in ack.refused[0].why
    ack = readings.accept(GATEWAY, message(2, level(5, 2.0, device="nobody")))
    assert ack.acked == [] and [r.seq for r in ack.refused] == [2]
    assert readings.counts().readings == 1 and readings.counts().dead_letters == 2
    assert [d.gateway for d in readings.dead_letters(10)] == [GATEWAY] * 2


def test_a_refused_message_is_no_gap(readings: Readings) -> None:
    """A gap is a number that may still come; one refused for good is not."""
    readings.accept(GATEWAY, message(1))
    readings.accept(GATEWAY, message(2, level(5, 2.0, device="nobody")))
    readings.accept(GATEWAY, message(3))
    assert readings.gateways()[0].open_gaps == ()


def test_a_gap_opens_when_a_later_message_was_seen_and_closes_when_it_comes(readings: Readings) -> None:
    """Missing sequence numbers are told per gateway until they arrive."""
    for seq in (1, 2, 6, 9):
        readings.accept(GATEWAY, message(seq))
    (state,) = readings.gateways()
    assert state.open_gaps == ((3, 5), (7, 8)) and state.last_seq == 9
    for seq in (4, 3, 5):
        readings.accept(GATEWAY, message(seq))
    assert readings.gateways()[0].open_gaps == ((7, 8),)


def test_a_wrong_unit_is_refused(readings: Readings) -> None:
    """A unit other than the registered one is never stored as if it were the same; the registered one may be said."""
    assert readings.accept(GATEWAY, message(1, level(5, 0.125, unit="m"))).refused[0].why.count("cm") == 1
    assert readings.accept(GATEWAY, message(2, level(5, 12.5, unit="cm"))).acked == [(2, 2)]
    assert readings.accept(GATEWAY, message(3, level(5, 1.0, channel="new_quantity", unit="kPa"))).acked == [(3, 3)]
    assert readings.accept(GATEWAY, message(4, level(4, 1.0, channel="new_quantity", unit="Pa"))).acked == []
    assert [x.unit for x in readings.latest(devices=[DEVICE]) if x.channel == "new_quantity"] == ["kPa"]


@pytest.mark.parametrize("unit", ["a\0b", "cm\n", "\x1b[2J", "\u202ecm", "\x7f"])
def test_a_unit_that_cannot_be_shown_is_refused(readings: Readings, unit: str) -> None:
    """Control characters in the unit of a channel nobody knows would stand in every export; the reason can be shown."""
    ack = readings.accept(GATEWAY, message(1, level(5, 1.0, channel="new_quantity", unit=unit)))
    assert ack.acked == [] and ack.refused[0].why.isprintable() and "cannot be shown" in ack.refused[0].why
    assert readings.counts().readings == 0 and readings.counts().series == 0


def test_names_that_could_not_be_a_file_or_topic_are_refused(readings: Readings) -> None:
    """A device name outside the alphabet is refused with its reason, not stored."""

    class Everyone(TwoGateways):
        def device_allowed(self, gateway_id: str, device_id: str) -> bool:
            return True

    readings._directory = Everyone()
    ack = readings.accept(GATEWAY, encode_up(1, [ReadingIn(d="a b/../c\n", c="rain", t=NOW_MS, x=1.0)]))
    assert ack.acked == [] and ack.refused[0].seq == 1


def test_an_unknown_gateway_is_refused(readings: Readings) -> None:
    """Without a registration nothing is stored, and the reason is kept."""
    ack = readings.accept("zz-01-gw", message(1))
    assert ack.acked == [] and "not registered" in ack.refused[0].why
    assert readings.counts().readings == 0


def test_a_body_without_a_number_is_answered_with_the_reason(readings: Readings) -> None:
    """What cannot be named is told all the same, and kept as a dead letter."""
    ack = readings.accept(GATEWAY, b"rubbish")
    assert ack.acked == [] and ack.refused[0].why
    assert [d.size for d in readings.dead_letters(1)] == [7]


def test_windows_leave_flagged_readings_out_and_say_how_many(readings: Readings) -> None:
    """Means, minima and maxima are of good readings; flagged ones are counted beside them, and taken in when asked for."""
    start = NOW_MS - 2 * HOUR_MS
    readings.accept(GATEWAY, message(1, level(119, 10.0), level(100, 12.0), level(90, 120.0), level(61, 999.0), level(30, 13.0)))
    first, second = readings.aggregate(DEVICE, "water_level", start, NOW_MS, HOUR_MS)
    assert (first.start_ms, first.n, first.mean, first.min, first.max, first.flagged) == (start, 2, 11.0, 10.0, 12.0, 2)
    assert (second.start_ms, second.n, second.mean, second.flagged) == (start + HOUR_MS, 1, 13.0, 0)
    (all_of_it,) = readings.aggregate(DEVICE, "water_level", start, NOW_MS, 2 * HOUR_MS, good_only=False)
    assert all_of_it.n == 5 and all_of_it.max == 999.0
    assert [p.flag for p in everything(readings)] == [GOOD, GOOD, FAIL, FAIL, GOOD]


def test_many_channels_are_windowed_at_once(readings: Readings) -> None:
    """One question for many channels gives what a question for each gives; a channel never seen has no windows."""
    for seq, device in ((1, "by-01-a"), (2, "by-01-b")):
        readings.accept(GATEWAY, message(seq, *(level(m, m + seq, device=device) for m in range(1, 200, 7))))
    keys = [("by-01-a", "water_level"), ("by-01-b", "water_level"), ("by-01-c", "water_level")]
    found = readings.aggregate_many(keys, NOW_MS - DAY_MS, NOW_MS, HOUR_MS)
    assert found[keys[2]] == []
    for key in keys[:2]:
        assert found[key] == readings.aggregate(*key, NOW_MS - DAY_MS, NOW_MS, HOUR_MS) != []


def test_the_mean_of_directions_is_a_direction(readings: Readings) -> None:
    """The mean of 350 and 10 degrees is north."""
    two = [level(2, 350.0, channel="wind_direction"), level(1, 10.0, channel="wind_direction")]
    readings.accept(GATEWAY, message(1, *two))
    (window,) = readings.aggregate(DEVICE, "wind_direction", NOW_MS - HOUR_MS, NOW_MS, HOUR_MS)
    assert window.mean is not None and min(window.mean, 360 - window.mean) < 1e-6


def test_gaps_are_silences_longer_than_one_and_a_half_intervals(readings: Readings) -> None:
    """A missed reading is a gap, jitter is none, and the ends of the range count."""
    readings.accept(GATEWAY, message(1, *(level(m, 10.0) for m in (60, 50, 38, 10))))
    found = readings.gaps(DEVICE, "water_level", NOW_MS - 90 * MINUTE_MS, NOW_MS, 10 * MINUTE_MS)
    minutes = [((NOW_MS - g.start_ms) // MINUTE_MS, (NOW_MS - g.end_ms) // MINUTE_MS) for g in found]
    assert minutes == [(90, 60), (38, 10)]
    assert readings.gaps(DEVICE, "water_level", NOW_MS - 70 * MINUTE_MS, NOW_MS - 45 * MINUTE_MS, 10 * MINUTE_MS) == []
    empty = readings.gaps(DEVICE, "water_level", NOW_MS - 30 * MINUTE_MS, NOW_MS - 15 * MINUTE_MS, MINUTE_MS)
    assert empty == [Gap(NOW_MS - 30 * MINUTE_MS, NOW_MS - 15 * MINUTE_MS)]


def test_a_range_is_half_open_and_limited(readings: Readings) -> None:
    """The start belongs to a range, the end does not, and the oldest come first."""
    readings.accept(GATEWAY, message(1, *(level(m, float(m)) for m in (30, 20, 10))))
    found = readings.range(DEVICE, "water_level", NOW_MS - 30 * MINUTE_MS, NOW_MS - 10 * MINUTE_MS)
    assert [p.value for p in found] == [30.0, 20.0]
    assert [p.value for p in readings.range(DEVICE, "water_level", 0, NOW_MS, limit=1)] == [30.0]
    with pytest.raises(NotFound):
        readings.range("nobody", "water_level", 0, NOW_MS)


def test_another_process_reads_while_this_one_writes(readings: Readings, tmp_path: Path) -> None:
    """Any process may ask while ingest writes: no lock is in its way."""
    readings.accept(GATEWAY, message(1))
    ask = (
        "from pathlib import Path; from foundation.clock import SystemClock; from ingest.service import Readings; "
        f"r = Readings(Path({str(tmp_path / 'readings')!r}), SystemClock(), None); "
        f"print(len(r.range({DEVICE!r}, 'water_level', 0, 2**52)), r.counts().readings)"
    )
    with readings._catalog.transaction():
        told = subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True, text=True, timeout=30)
    assert told.stdout.split() == ["1", "1"]


def test_the_gateway_sdk_needs_nothing_heavy() -> None:
    """A gateway's machine needs paho and msgspec: the SDK imports nothing of the store."""
    heavy = "polars numpy duckdb pandas sqlalchemy pydantic structlog fastapi mqtt5 amqtt"
    code = f"import ingest.gateway, sys; print([m for m in {heavy!r}.split() if m in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert told.stdout.strip() == "[]"


def test_many_threads_ask_while_one_hands_in(readings: Readings) -> None:
    """A web process answers from many threads at once, during writing and compaction: every answer is whole."""
    readings.accept(GATEWAY, message(1, *(level(m, 1.0) for m in range(1, 101))))
    wrong: list[object] = []

    def ask() -> None:
        try:
            for _ in range(15):
                found = readings.range(DEVICE, "water_level", NOW_MS - 101 * MINUTE_MS, NOW_MS)
                windows = readings.aggregate(DEVICE, "water_level", NOW_MS - 120 * MINUTE_MS, NOW_MS, HOUR_MS)
                if len(found) != 100 or sum(w.n for w in windows) != 100:
                    wrong.append((len(found), windows))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for seq in range(2, 30):
        readings.accept(GATEWAY, message(seq, level(200 + seq, 2.0)))
        if seq % 10 == 0:
            readings.compact()
    for thread in threads:
        thread.join(30)
    assert wrong == []
