"""What is told twice: exact repeats change nothing, another value is a revision, a number used again is seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from ingest.payloads import encode_up
from ingest.service import Readings
from ingest.signatures import signer_of
from tests.ingest.examples import MINUTE_MS, NOW_MS, TwoGateways, clock, level
from tests.ingest.test_signatures import SEED, Keys

GATEWAY, DEVICE = "by-01-gw", "by-01-p1-level"


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[Readings]:
    """Yield the readings of an empty store."""
    made = Readings(tmp_path, clock(), TwoGateways())
    yield made
    made.close()


def test_another_value_for_the_same_time_is_kept_and_marked(readings: Readings) -> None:
    """The value received last counts and says that it is revised; both are listed, and counted per series, after compaction too."""
    readings.accept(GATEWAY, encode_up(1, [level(5, 10.0), level(4, 11.0)]))
    readings.accept(GATEWAY, encode_up(2, [level(5, 12.0), level(4, 11.0)]))
    for _ in range(2):
        points = readings.range(DEVICE, "water_level", 0, NOW_MS)
        assert [(p.value, p.revised) for p in points] == [(12.0, True), (11.0, False)]
        (revision,) = readings.revisions(DEVICE, "water_level", 0, NOW_MS)
        assert revision.t_ms == NOW_MS - 5 * MINUTE_MS
        assert [(t.value, t.seq, t.counts) for t in revision.told] == [(10.0, 1, False), (12.0, 2, True)]
        assert readings.revised([DEVICE], 0, NOW_MS) == {(DEVICE, "water_level"): 1}
        readings.compact()


def test_another_writers_value_is_a_revision_as_well(readings: Readings, tmp_path: Path) -> None:
    """Two processes that took one device's readings, each under its own name, answer the same."""
    other = Readings(tmp_path, clock(), TwoGateways())
    readings.accept(GATEWAY, encode_up(1, [level(5, 10.0)]))
    other.accept(GATEWAY, encode_up(2, [level(5, 12.0)]))
    for either in (readings, other):
        assert [p.revised for p in either.range(DEVICE, "water_level", 0, NOW_MS)] == [True]
    other.close()


def test_a_repeat_changes_nothing(readings: Readings) -> None:
    """The same message again is acknowledged, counted as a repeat, and is no number used again."""
    for _ in range(3):
        assert readings.accept(GATEWAY, encode_up(7, [level(5, 10.0)])).acked == [(7, 7)]
    assert readings.counts().readings == 1 and readings.reused() == {} and readings.gateways()[0].duplicates == 2
    assert not readings.range(DEVICE, "water_level", 0, NOW_MS)[0].revised


def test_a_number_used_again_for_newer_readings_loses_nothing(readings: Readings) -> None:
    """A gateway that counts from 1 again is acknowledged, its readings are stored, and it is told once."""
    for seq in range(1, 6):
        readings.accept(GATEWAY, encode_up(seq, [level(100 - seq, float(seq))]))
    for seq in range(1, 4):
        assert readings.accept(GATEWAY, encode_up(seq, [level(50 - seq, float(seq))])).acked == [(seq, seq)]
    assert readings.counts().readings == 8 and readings.reused() == {GATEWAY: 3}
    (letter,) = readings.dead_letters()
    assert "used before" in letter.reason
    assert [p.value for p in readings.range(DEVICE, "water_level", 0, NOW_MS)] == [1.0, 2.0, 3.0, 4.0, 5.0, 1.0, 2.0, 3.0]


def test_a_number_used_again_is_seen_by_a_process_that_just_started(readings: Readings, tmp_path: Path) -> None:
    """The disk was changed while nobody listened: the first messages of the new one are stored, a device of its own among them."""
    for seq in range(1, 4):
        readings.accept(GATEWAY, encode_up(seq, [level(100 - seq, float(seq))]))
    readings.close()
    again = Readings(tmp_path, clock(), TwoGateways())
    again.accept(GATEWAY, encode_up(1, [level(9, 7.0), level(9, 8.0, device="by-01-p9")]))
    again.accept(GATEWAY, encode_up(2, [level(98, 2.0)]))
    assert again.counts().readings == 5 and again.reused() == {GATEWAY: 1}
    assert [p.value for p in again.range("by-01-p9", "water_level", 0, NOW_MS)] == [8.0]
    again.close()


def test_a_repeat_from_the_future_is_a_repeat(readings: Readings) -> None:
    """A clock far ahead makes no newest value, and its messages are no numbers used again."""
    for _ in range(2):
        readings.accept(GATEWAY, encode_up(1, [level(-120, 10.0)]))
    assert readings.reused() == {} and readings.counts().readings == 1


@pytest.mark.parametrize(("compacted", "signs"), [(False, False), (True, False), (False, True)])
def test_a_repeat_of_a_reading_that_was_ahead_is_a_repeat_when_its_time_has_come(tmp_path: Path, compacted: bool, signs: bool) -> None:
    """A clock an hour ahead, an acknowledgement lost, and the message again 58 minutes later: stored once, counted as a repeat."""
    now, signer = clock(), signer_of(SEED) if signs else None
    made = Readings(tmp_path, now, TwoGateways(), Keys(must_sign=True) if signs else None)
    ahead = encode_up(1, [level(-60, 10.0), level(-59, 11.0, device="by-01-p2-level")], signer)
    made.accept(GATEWAY, ahead)
    if compacted:
        made.compact()
    now.advance(timedelta(minutes=58))
    again = made.accept(GATEWAY, ahead)
    assert again.acked == [(1, 1)] and again.refused == []
    assert made.counts().readings == 2 and made.reused() == {} and made.dead_letters() == []
    other = made.accept(GATEWAY, encode_up(1, [level(-60, 10.5)], signer))
    assert bool(other.refused) is signs and made.reused() == {GATEWAY: 1}, "another value is no repeat"
    assert made.counts().readings == (2 if signs else 3)
    made.close()
