"""The loss ledger: for every stream of numbered messages, what is missing, since when, and when it came after all.

A stream is a gateway (our own format, numbers from its spool) or `gateway/stream` (another sender's counter, straightened by `runs`).
The numbers that are settled stand in `sequence` (stored) and `refused` (refused for good); what a sender says it no longer has in `gone`.
A row of `gap` is a hole between settled numbers as it was first seen; `missing` counts what of it may still come, `lost` what will not.

All of it changes in the transaction that stores the messages, from ranges and not per message: a stream that only advances costs nothing.
Writers of several processes fill each other's gaps, because each looks at the tables and not at what it remembers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from ingest.catalog import Catalog, put_refused, put_sequences
from ingest.runs import Noted, Run, step
from ingest.sequences import Sequences

# A gap that closes sooner was reordering (a batch, two workers, two transports) and leaves no trace. Less than a gateway's first resend.
GRACE_MS = 2_000
# Closed gaps kept one by one; older ones are only counted.
MOST_CLOSED = 20_000
# A sender that makes names up must not fill the disk.
MOST_STREAMS = 10_000

Ranges = Sequence[tuple[int, int]]


def record(
    db: sqlite3.Connection,
    stored: Mapping[str, Ranges],
    *,
    refused: Iterable[tuple[str, int]] = (),
    gone: Mapping[str, Ranges] | None = None,
    noted: Sequence[Noted] = (),
    at_ms: int,
) -> None:
    """Take what a batch settled: ascending ranges stored per gateway, numbers refused for good, ranges given up, foreign counters."""
    unsure = _unsure(db)
    stored = {**stored, **straighten(db, noted)} if noted else stored
    touched: dict[str, tuple[int, int]] = {}
    for stream, found in stored.items():
        low, high = found[0][0], found[-1][1]
        if not put_sequences(db, stream, found) or low <= unsure.get(stream, -1):
            touched[stream] = (low, high)
    refused = list(refused)
    put_refused(db, refused)
    for stream, number in refused:
        _widen(touched, stream, number, number)
    for stream, found in (gone or {}).items():
        for first, last in found:
            db.execute(
                "INSERT INTO gone VALUES (?,?,?) ON CONFLICT (stream, first) DO UPDATE SET last = max(last, excluded.last)",
                (stream, first, last),
            )
            _widen(touched, stream, first, last)
    for stream, (low, high) in touched.items():
        settle(db, stream, low, high, at_ms)


def straighten(db: sqlite3.Connection, noted: Sequence[Noted]) -> dict[str, Ranges]:
    """Return stream -> ranges of foreign messages, in the order they were taken, and keep where each stream is."""
    fresh: dict[str, Sequences] = {}
    runs: dict[str, tuple[Run, int, Noted]] = {}
    for one in noted:
        name = one.stream
        before = runs[name][0] if name in runs else _run(db, name)
        if before is None and _full(db):
            continue
        run, number = step(before, one.numbered, restart=one.restart)
        met = fresh.setdefault(name, Sequences())
        repeat = before is not None and (number in met or _stored(db, name, number))
        met.add(number)
        runs[name] = (run, repeat + (runs[name][1] if name in runs else 0), one)
    for name, (run, repeats, one) in runs.items():
        db.execute(
            "INSERT INTO stream VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (stream) DO UPDATE SET raw = excluded.raw, "
            "number = excluded.number, began = excluded.began, restarts = excluded.restarts, "
            "duplicates = duplicates + excluded.duplicates, resends = excluded.resends, "
            "last_received = max(last_received, excluded.last_received)",
            (name, one.gateway, run.raw, run.number, run.began, run.restarts, repeats, one.resends, one.received_ms),
        )
    return {name: [(a, b) for a, b in numbers.ranges] for name, numbers in fresh.items()}


def settle(db: sqlite3.Connection, stream: str, low: int, high: int, at_ms: int) -> None:
    """Bring the gaps of a stream up to date after numbers between `low` and `high` were settled; nothing elsewhere can have changed.

    A stream begins at the first number that was ever settled or given up: what a sender counted before it knew us is no gap.
    """
    left, right = _neighbours(db, stream, low, high)
    settled = _settled(db, stream, left, right)
    known = db.execute(
        "SELECT first, last, seen_ms, missing, lost FROM gap WHERE stream = ?1 AND first <= ?2 AND last >= ?3 AND first >= "
        "coalesce((SELECT max(first) FROM gap WHERE stream = ?1 AND first <= ?3), ?3)",
        (stream, right, left),
    ).fetchall()
    covered = Sequences(settled)
    for first, last, *_ in known:
        covered.add_range(first, last)
    edges = Sequences(covered.ranges)  # type: ignore[arg-type]
    edges.add_range(left - 1, left - 1)
    edges.add_range(right + 1, right + 1)
    for first, last in edges.gaps():
        missing, lost = _count(db, stream, first, last)
        if missing or lost:
            db.execute("INSERT INTO gap VALUES (?,?,?,?,?,?,?)", (stream, first, last, at_ms, None if missing else at_ms, missing, lost))
    for first, last, seen, missing, lost in known:
        if missing or lost:
            _recount(db, stream, first, last, seen, missing, at_ms)


def begin(catalog: Catalog) -> None:
    """Take a store of an earlier release into the ledger, once: its gaps count as seen when their gateway was last heard."""
    with catalog.transaction() as db:
        prune(db)
    if catalog.rows("SELECT 1 FROM counter WHERE name = 'ledger begun'"):
        return
    with catalog.transaction() as db:
        heard = dict(db.execute("SELECT gateway, last_received FROM gateway").fetchall())
        for stream, low, high in db.execute("SELECT gateway, min(first), max(last) FROM sequence GROUP BY gateway").fetchall():
            settle(db, stream, low, high, heard.get(stream, 0))
        db.execute("INSERT OR IGNORE INTO counter VALUES ('ledger begun', 1)")


def prune(db: sqlite3.Connection, most: int = MOST_CLOSED) -> int:
    """Forget closed gaps beyond the newest `most`, keeping their number and what they lost; return how many went."""
    old = db.execute(
        "SELECT stream, first, lost FROM gap WHERE missing = 0 ORDER BY filled_ms DESC, stream, first LIMIT -1 OFFSET ?", (most,)
    ).fetchall()
    for stream, first, lost in old:
        db.execute("DELETE FROM gap WHERE stream = ? AND first = ?", (stream, first))
        db.execute(
            "INSERT INTO gap_past VALUES (?,1,?,?) ON CONFLICT (stream) DO UPDATE SET gaps = gaps + 1, filled = filled + excluded.filled, "
            "lost = lost + excluded.lost",
            (stream, lost == 0, lost),
        )
    return len(old)


def _recount(db: sqlite3.Connection, stream: str, first: int, last: int, seen: int, before: int, at_ms: int) -> None:
    missing, lost = _count(db, stream, first, last)
    key = (stream, first)
    if before and not missing and not lost and at_ms - seen < GRACE_MS:
        db.execute("DELETE FROM gap WHERE stream = ? AND first = ?", key)
    elif before and not missing:
        db.execute("UPDATE gap SET missing = 0, lost = ?, filled_ms = ? WHERE stream = ? AND first = ?", (lost, max(at_ms, seen), *key))
    else:
        db.execute("UPDATE gap SET missing = ?, lost = ? WHERE stream = ? AND first = ?", (missing, lost, *key))


def _count(db: sqlite3.Connection, stream: str, first: int, last: int) -> tuple[int, int]:
    """Return how many numbers of [first, last] may still come, and how many were given up."""
    settled = _settled(db, stream, first, last)
    given_up = Sequences()
    for a, b in db.execute("SELECT first, last FROM gone WHERE stream = ? AND first <= ? AND last >= ?", (stream, last, first)):
        given_up.add_range(max(a, first), min(b, last))
    lost = sum(b - a + 1 - _overlap(settled, a, b) for a, b in given_up.ranges)
    return last - first + 1 - _overlap(settled, first, last) - lost, lost


def _settled(db: sqlite3.Connection, stream: str, first: int, last: int) -> list[tuple[int, int]]:
    found = Sequences()
    ranges = db.execute(
        "SELECT first, last FROM sequence WHERE gateway = ?1 AND first <= ?2 AND last >= ?3 AND first >= "
        "coalesce((SELECT max(first) FROM sequence WHERE gateway = ?1 AND first <= ?3), ?3)",
        (stream, last, first),
    )
    for a, b in ranges:
        found.add_range(max(a, first), min(b, last))
    for (number,) in db.execute("SELECT seq FROM refused WHERE gateway = ? AND seq BETWEEN ? AND ?", (stream, first, last)):
        found.add(number)
    return [(a, b) for a, b in found.ranges]


def _overlap(ranges: Iterable[tuple[int, int]], first: int, last: int) -> int:
    return sum(max(min(b, last) - max(a, first) + 1, 0) for a, b in ranges)


def _neighbours(db: sqlite3.Connection, stream: str, low: int, high: int) -> tuple[int, int]:
    """Return the nearest numbers known on either side, or `low` and `high` where there are none."""
    below = db.execute(
        "SELECT max(n) FROM (SELECT min(last, ?2) AS n FROM (SELECT last FROM sequence WHERE gateway = ?1 AND first < ?2 "
        "ORDER BY first DESC LIMIT 1) UNION ALL SELECT max(seq) FROM refused WHERE gateway = ?1 AND seq < ?2 "
        "UNION ALL SELECT min(last, ?2) FROM (SELECT last FROM gap WHERE stream = ?1 AND first < ?2 ORDER BY first DESC LIMIT 1))",
        (stream, low),
    ).fetchone()[0]
    above = db.execute(
        "SELECT min(n) FROM (SELECT min(first) AS n FROM sequence WHERE gateway = ?1 AND first > ?2 "
        "UNION ALL SELECT min(seq) FROM refused WHERE gateway = ?1 AND seq > ?2 "
        "UNION ALL SELECT min(first) FROM gap WHERE stream = ?1 AND first > ?2)",
        (stream, high),
    ).fetchone()[0]
    return low if below is None else below, high if above is None else above


def _unsure(db: sqlite3.Connection) -> dict[str, int]:
    """Return stream -> the highest number of its gaps that are not closed; one step of the index for each stream, however many it has."""
    return dict(
        db.execute(
            "WITH RECURSIVE o(s) AS (SELECT min(stream) FROM gap WHERE missing + lost > 0 UNION ALL "
            "SELECT (SELECT min(stream) FROM gap WHERE missing + lost > 0 AND stream > o.s) FROM o WHERE o.s IS NOT NULL) "
            "SELECT s, (SELECT max(last) FROM gap WHERE missing + lost > 0 AND stream = o.s) FROM o WHERE s IS NOT NULL"
        ).fetchall()
    )


def _widen(touched: dict[str, tuple[int, int]], stream: str, low: int, high: int) -> None:
    a, b = touched.get(stream, (low, high))
    touched[stream] = (min(a, low), max(b, high))


def _run(db: sqlite3.Connection, name: str) -> Run | None:
    row = db.execute("SELECT raw, number, began, restarts FROM stream WHERE stream = ?", (name,)).fetchone()
    return Run(*row) if row else None


def _full(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT count(*) >= ? FROM stream", (MOST_STREAMS,)).fetchone()[0])


def _stored(db: sqlite3.Connection, name: str, number: int) -> bool:
    return (
        db.execute("SELECT 1 FROM sequence WHERE gateway = ? AND first <= ? AND last >= ?", (name, number, number)).fetchone() is not None
    )
