"""The quarantine's bounds: what is kept of a sender, what is dropped, and that it is counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import quarantine
from ingest.catalog import Catalog
from ingest.quarantine import Held, counted, discard, entries, messages_of, put_held, release
from tests.ingest.examples import NOW_MS


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    """Yield an empty catalogue."""
    made = Catalog(tmp_path)
    yield made
    made.close()


def held(number: int, name: str = "box", body: bytes = b"", feed: str = "lora") -> Held:
    """Return a message of a name nobody knows."""
    return Held("device", feed, "by-01-gw", name, "lora/up", body or b"%d" % number, NOW_MS + number, {"temp": (float(number), "C")})


def test_the_oldest_go_first_and_are_counted(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many messages or bytes of a sender the oldest are dropped, and their entries say how many; others are not touched."""
    monkeypatch.setattr(quarantine, "MOST_MESSAGES", 5)
    monkeypatch.setattr(quarantine, "MOST_BYTES", 100)
    with catalog.transaction() as db:
        put_held(db, [held(0, feed="other")])
        put_held(db, [held(n) for n in range(8)])
    entry, other = sorted(entries(catalog), key=lambda e: e.feed)
    assert (entry.count, entry.kept, entry.dropped, other.kept) == (8, 5, 3, 1)
    assert [m.body for m in messages_of(catalog, entry.id)] == [b"3", b"4", b"5", b"6", b"7"]
    assert entry.channels == {"temp": (7.0, "C")} and (entry.first_ms, entry.last_ms) == (NOW_MS, NOW_MS + 7)
    with catalog.transaction() as db:
        put_held(db, [held(9, body=b"x" * 99)])
    assert [len(m.body) for m in messages_of(catalog, entry.id)] == [1, 99]
    with catalog.transaction() as db:
        put_held(db, [held(10, body=b"x" * 500)])
    assert [len(m.body) for m in messages_of(catalog, entry.id)] == [500], "one is kept, however long"


def test_names_made_up_do_not_fill_the_list(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender has so many names in quarantine and no more; what is beyond is counted, and kept among the dead letters, once a message."""
    monkeypatch.setattr(quarantine, "MOST_ENTRIES", 3)
    with catalog.transaction() as db:
        put_held(db, [held(n, f"box {n}") for n in range(8)])
        put_held(db, [held(8, f"box {n}", b"both") for n in (8, 9)])
    assert len(entries(catalog)) == 3
    assert counted(catalog) == (7, 0)
    letters = catalog.rows("SELECT gateway, topic, body FROM dead_letter ORDER BY id")
    assert letters == [("by-01-gw", "lora/up", body) for body in (b"3", b"4", b"5", b"6", b"7", b"both")]
    assert catalog.rows("SELECT reason FROM dead_letter WHERE body = ?", (b"both",)) == [
        ("no room in quarantine, 3 names of this sender wait there: box 8, box 9",)
    ]
    assert catalog.rows("SELECT value FROM counter WHERE name = 'dead letters'") == [(6,)]


def test_a_message_of_several_names_is_kept_once_until_the_last_is_claimed(catalog: Catalog) -> None:
    """Released for one name it waits on for the other; an entry without messages goes."""
    with catalog.transaction() as db:
        put_held(db, [held(1, "one", b"both"), held(1, "two", b"both"), held(1, "two", b"both")])
    one, two = sorted(entries(catalog), key=lambda e: e.name)
    (message,) = messages_of(catalog, one.id)
    assert two.count == 1 and catalog.rows("SELECT count(*) FROM quarantine_message") == [(1,)]
    with catalog.transaction() as db:
        release(db, [(one.id, message.id)])
    assert [e.name for e in entries(catalog)] == ["two"] and len(messages_of(catalog, two.id)) == 1
    with catalog.transaction() as db:
        assert discard(db, two.id) == 1
    assert entries(catalog) == [] and catalog.rows("SELECT count(*) FROM quarantine_message") == [(0,)]
