"""The spool: bounded, coarser where it is oldest when full, and nothing leaves it in silence."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from foundation.errors import BadInput
from ingest.messages import Encoder, Reading
from ingest.payloads import decode_up
from ingest.spool import MOST_GONE, Spool

Ranges = Sequence[tuple[int, int]]


def sized(size: int) -> object:
    """Return what makes messages of a size."""
    return lambda seq, _gone: b"%d" % seq + bytes(size - len(str(seq)))


def real(seq: int, gone: Ranges) -> bytes:
    """Make a message as the SDK does."""
    return Encoder().encode(seq, [Reading("box", "air_temperature", 1_764_741_600_000 + seq, 21.5)], gone)


def numbers(spool: Spool) -> list[int]:
    """Return the numbers that wait."""
    return [seq for seq, _ in spool.after(0, 10_000, 10**9)]


def test_a_full_spool_gets_coarser_where_it_is_oldest(tmp_path: Path) -> None:
    """It never grows above its bound; the newest half is whole, and of the rest every second went, the older the oftener."""
    spool = Spool(tmp_path / "spool.db", 10_000)
    for _ in range(400):
        spool.put([sized(100)])  # type: ignore[list-item]
    kept = numbers(spool)
    assert len(kept) <= 100 and spool.count() == len(kept) and kept[-1] == 400
    assert kept[-40:] == list(range(361, 401))
    gaps = [b - a for a, b in itertools.pairwise(kept)]
    assert max(gaps[: len(gaps) // 4]) > max(gaps[-len(gaps) // 4 :]) and kept[0] < 300
    assert spool.given_up() == 400 - len(kept)
    other = Spool(tmp_path / "spool.db", 10_000)
    assert other.count() == len(kept) and other.given_up() == 0
    with pytest.raises(BadInput):
        spool.put([sized(10_001)])  # type: ignore[list-item]
    assert numbers(spool) == kept and spool.put([sized(100)]) == [401]  # type: ignore[list-item]


def test_what_was_given_up_is_reported_until_it_was_heard(tmp_path: Path) -> None:
    """Messages carry the numbers that are gone; once those are acknowledged nothing more is said, and every number has its end."""
    spool = Spool(tmp_path / "spool.db", 6_000)
    heard: set[int] = set()
    for _ in range(300):
        spool.put([real])
    for _ in range(100):
        waiting = spool.after(0, 20, 10**6)
        if not waiting:
            break
        for seq, body in waiting:
            up = decode_up(body)
            assert up.seq == seq and len(up.gone) <= MOST_GONE and all(last < seq for _, last in up.gone)
            heard |= {seq} | {n for first, last in up.gone for n in range(first, last + 1)}
        spool.delete([(waiting[0][0], waiting[-1][0])])
        spool.put([real])
    assert heard >= set(range(1, 301))
    spool.delete([(1, 10_000)])
    (again,) = spool.put([real])
    assert decode_up(dict(spool.after(0, 5, 10**6))[again]).gone == []


def test_a_report_of_gaps_that_was_refused_or_dropped_is_made_again(tmp_path: Path) -> None:
    """What carried it was not heard: the next message carries it."""
    spool = Spool(tmp_path / "spool.db", 1_000)
    while not spool.given_up():
        spool.put([real])
    first = spool.put([real])[0]
    gone = decode_up(dict(spool.after(0, 50, 10**6))[first]).gone
    assert gone
    spool.delete([(first, first)], refused=True)
    second = spool.put([real])[0]
    assert decode_up(dict(spool.after(0, 50, 10**6))[second]).gone == gone
    spool.close()
    third = Spool(tmp_path / "spool.db", 10_000)
    assert decode_up(dict(third.after(0, 50, 10**6))[second]).gone == gone and third.put([real])
    assert decode_up(third.after(second, 5, 10**6)[0][1]).gone == []


def test_a_spool_of_before_is_taken_over(tmp_path: Path) -> None:
    """A file without ages and gaps goes on with its messages and its numbers."""
    with sqlite3.connect(tmp_path / "spool.db") as old:
        old.execute("CREATE TABLE message (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        old.execute("CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
        old.execute("INSERT INTO message VALUES (7, 'seven')")
        old.execute("INSERT INTO state VALUES ('last_seq', 9)")
    old.close()
    spool = Spool(tmp_path / "spool.db", now_ms=lambda: 1234)
    assert numbers(spool) == [7] and spool.oldest_ms() == 0
    assert spool.put([real]) == [10] and spool.delete([(7, 7)]) == 1 and spool.oldest_ms() == 1234


def test_marks_are_stored_with_messages(tmp_path: Path) -> None:
    """How far a source was read is there exactly where its messages are, also after a failure between."""
    spool = Spool(tmp_path / "spool.db")
    spool.put([real], {"file": 10})

    def broken(_seq: int, _gone: Ranges) -> bytes:
        raise BadInput("no")

    with pytest.raises(BadInput):
        spool.put([real, broken], {"file": 20})
    assert spool.mark("file") == 10 and spool.count() == 1 and spool.mark("other") == 0
    assert spool.put([], {"file": 30}) == [] and Spool(tmp_path / "spool.db").mark("file") == 30
