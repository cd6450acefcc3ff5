"""How far a sink has got, so that whatever dies, every reading reaches its server and compaction takes none away from it.

Every file gets a number when the manifest names it (`arrival`). A sink follows the segments by number. A segment that was merged into a
daily file stays on disk until every living sink has confirmed it; one that is gone all the same, because the sink is new or was away for
longer than `HOLD_MS`, is made up for by the daily files named since.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ingest import catalog as cat
from ingest.catalog import Catalog

# A sink not heard of for this long no longer keeps merged segments on disk: they cost twice what the daily files do.
HOLD_MS = 24 * 3_600_000
KEPT_REFUSALS = 1000
_ALL = 2**62


@dataclass(frozen=True, order=True)
class Place:
    """How far a sink has got.

    Segments up to number `arrived` are done; those removed before they were read, up to `filled`, are done by daily files; of these,
    `daily` is the last.
    """

    arrived: int = 0
    filled: int = 0
    daily: int = 0


@dataclass(frozen=True)
class Arrived:
    """A file in the order of arrival. `made` is the newest receive time in it, or when a daily file was written."""

    number: int
    name: str
    rows: int
    made: int


@dataclass(frozen=True)
class SinkState:
    """How a sink is: what it has not sent, since when, what its server refused for good, and what is wrong now."""

    sink: str
    seen_ms: int
    waiting: int
    oldest_ms: int | None
    refused: int
    refused_why: str
    problem: str

    def lag_seconds(self, now_ms: int) -> float:
        """Return the age of the oldest thing not sent; 0 where nothing waits."""
        return 0.0 if self.oldest_ms is None else max(now_ms - self.oldest_ms, 0) / 1000


class Cursor:
    """One sink's row in the catalogue."""

    def __init__(self, catalog: Catalog, sink: str, now_ms: int) -> None:
        self._catalog, self._sink = catalog, sink
        with catalog.transaction() as db:
            db.execute("INSERT OR IGNORE INTO sink_cursor VALUES (?,0,0,0,0,0,0,?,0,'','')", (sink, now_ms))
            db.execute(
                "UPDATE sink_cursor SET seen = ?, sent_arrived = arrived, sent_filled = filled, sent_daily = daily WHERE sink = ?",
                (now_ms, sink),
            )

    def confirmed(self) -> Place:
        """Return the place a restart replays from."""
        row = self._catalog.rows("SELECT arrived, filled, daily FROM sink_cursor WHERE sink = ?", (self._sink,))[0]
        return Place(*row)  # type: ignore[arg-type]

    def segments(self, place: Place, most_rows: int) -> list[Arrived]:
        """Return the next segments after a place, in order of arrival: at least one where there is one, at most so many rows."""
        found: list[Arrived] = []
        rows = 0
        for one in self._after("segment", place.arrived, 500):
            rows += one.rows
            if found and rows > most_rows:
                break
            found.append(one)
        return found

    def missed(self, place: Place) -> int | None:
        """Return the number up to which segments are gone that this place has not seen; None where it missed nothing.

        To be asked after `segments`: a segment removed before that question is told here, one removed after it is a file not found.
        """
        gone = _counter(self._catalog, "forgotten")
        return gone if gone > max(place.arrived, place.filled) else None

    def next_day(self, place: Place) -> Arrived | None:
        """Return the next daily file that may hold what a place has missed."""
        return next(iter(self._after("daily", max(place.daily, place.arrived), 1)), None)

    def gone(self, name: str, number: int) -> None:
        """Note that a segment's file is not there although the list says so: what a crash in the middle of its removal leaves."""
        with self._catalog.transaction() as db:
            forget(db, [(name, number)])

    def commit(self, confirmed: Place, sent: Place, now_ms: int, problem: str = "") -> None:
        """Keep the place a restart replays from, and for those who ask, how far the sending is."""
        with self._catalog.transaction() as db:
            db.execute(
                "UPDATE sink_cursor SET arrived = ?, filled = ?, daily = ?, sent_arrived = ?, sent_filled = ?, sent_daily = ?, seen = ?, "
                "problem = ? WHERE sink = ?",
                (confirmed.arrived, confirmed.filled, confirmed.daily, sent.arrived, sent.filled, sent.daily, now_ms, problem, self._sink),
            )

    def refuse(self, count: int, why: str, lines: Iterable[str], now_ms: int) -> None:
        """Count lines the server will never take, and keep some of them with the reason."""
        with self._catalog.transaction() as db:
            db.execute("UPDATE sink_cursor SET refused = refused + ?, refused_why = ? WHERE sink = ?", (count, why, self._sink))
            db.executemany(
                "INSERT INTO sink_refused (sink, at, reason, line) VALUES (?,?,?,?)", [(self._sink, now_ms, why, x) for x in lines]
            )
            db.execute("DELETE FROM sink_refused WHERE id <= (SELECT max(id) FROM sink_refused) - ?", (KEPT_REFUSALS,))

    def _after(self, kind: str, number: int, most: int) -> list[Arrived]:
        query = "SELECT number, name, rows, made FROM arrival WHERE kind = ? AND number > ? ORDER BY number LIMIT ?"
        return [Arrived(*row) for row in self._catalog.rows(query, (kind, number, most))]  # type: ignore[arg-type]


def sink_states(catalog: Catalog) -> list[SinkState]:
    """Return how every sink is, the one heard of last first."""
    query = "SELECT sink, seen, sent_arrived, sent_filled, sent_daily, refused, refused_why, problem FROM sink_cursor ORDER BY seen DESC"
    gone = _counter(catalog, "forgotten")
    states = []
    for sink, seen, arrived, filled, daily, refused, why, problem in catalog.rows(query):
        place = Place(arrived, filled, daily)  # type: ignore[arg-type]
        day = max(place.daily, place.arrived) if gone > max(place.arrived, place.filled) else _ALL
        (rows, oldest), *_ = catalog.rows(
            "SELECT coalesce(sum(rows), 0), min(made) FROM arrival "
            "WHERE (kind = 'segment' AND number > ?) OR (kind = 'daily' AND number > ?)",
            (place.arrived, day),
        )
        states.append(SinkState(sink, seen, rows, oldest, refused, why, problem))  # type: ignore[arg-type]
    return states


def first_unconfirmed(catalog: Catalog, now_ms: int) -> int:
    """Return the first number that a sink heard of lately has not confirmed."""
    return 1 + int(str(catalog.rows("SELECT coalesce(min(arrived), ?) FROM sink_cursor WHERE seen > ?", (_ALL, now_ms - HOLD_MS))[0][0]))


def forget(db: sqlite3.Connection, removed: Iterable[tuple[str, int]]) -> None:
    """Note that files (name, number of arrival) are no more."""
    removed = list(removed)
    db.executemany("DELETE FROM dropped WHERE name = ?", [(name,) for name, _ in removed])
    db.executemany("DELETE FROM arrival WHERE name = ?", [(name,) for name, _ in removed])
    cat.raise_to(db, "forgotten", max((number for _, number in removed), default=0))


def _counter(catalog: Catalog, name: str) -> int:
    found = catalog.rows("SELECT value FROM counter WHERE name = ?", (name,))
    return int(str(found[0][0])) if found else 0
