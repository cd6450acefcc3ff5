"""What the loss ledger answers: per stream, per gap, and what the broker says it threw away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ingest.catalog import Catalog
from ingest.ledger import GRACE_MS


@dataclass(frozen=True)
class LedgerRow:
    """One stream of numbered messages; `expected` = `received` + `refused` + `missing` + `lost`, from `begins` to `last`.

    `stream` is the gateway's id, or `gateway/stream` for a foreign counter, whose numbers are straightened. `seen` gaps are those
    that outlived the grace: `filled` of them closed because everything came, `given_up` because some of it never will, `open` are the
    rest; `fresh` gaps are younger than the grace. `missing` messages may still come (those of fresh gaps among them), `lost` ones are
    lost for certain.
    """

    stream: str
    gateway: str
    county: str
    begins: int
    last: int
    expected: int
    received: int
    refused: int
    duplicates: int
    restarts: int
    resends: bool
    seen: int
    filled: int
    given_up: int
    open: int
    fresh: int
    missing: int
    lost: int
    oldest_open_ms: int | None
    longest_fill_ms: int | None
    last_received_ms: int


@dataclass(frozen=True)
class SeenGap:
    """A gap as it was first seen, [first, last], and what became of it; `closed_ms` is None while something may still come."""

    stream: str
    first: int
    last: int
    seen_ms: int
    closed_ms: int | None
    missing: int
    lost: int
    fresh: bool

    @property
    def state(self) -> str:
        """In a word: fresh, open, filled, or lost where some of it never comes."""
        if self.closed_ms is None:
            return "fresh" if self.fresh else "open"
        return "lost" if self.lost else "filled"


@dataclass(frozen=True)
class BrokerDrops:
    """A broker's own count of messages it threw away; `told` is False where it publishes none.

    `value` is the counter as last told, `total` what it grew while we knew it, over its restarts; `last_increase_ms` is None where it
    never grew.
    """

    broker: str
    told: bool
    value: int
    total: int
    restarts: int
    last_increase_ms: int | None
    told_ms: int | None
    version: str
    started_ms: int | None


def ledger_rows(catalog: Catalog, now_ms: int, county: str | None = None) -> list[LedgerRow]:
    """Return the ledger of every stream, or of a county's, by name."""
    found = _typed(catalog.rows(_ROWS, {"now": now_ms, "grace": GRACE_MS, "county": county}))
    return [replace(LedgerRow(*row), resends=bool(row[10])) for row in found]


def seen_gaps(catalog: Catalog, gateway: str, now_ms: int, *, only_open: bool = False, limit: int = 200) -> list[SeenGap]:
    """Return the gaps of a gateway and its streams, the one seen last first."""
    query = (
        "SELECT g.stream, g.first, g.last, g.seen_ms, g.filled_ms, g.missing, g.lost, coalesce(s.resends, 1) "
        "FROM gap g LEFT JOIN stream s ON s.stream = g.stream WHERE (g.stream = ? OR g.stream GLOB ? || '/*') "
        + ("AND g.missing > 0 " if only_open else "")
        + "ORDER BY g.seen_ms DESC, g.stream, g.first DESC LIMIT ?"
    )
    found = []
    for stream, first, last, seen, closed, missing, lost, resends in _typed(catalog.rows(query, (gateway, gateway, limit))):
        fresh = closed is None and now_ms - seen < GRACE_MS
        if missing and not resends and not fresh:
            # Its sender keeps nothing: what did not come at once never will.
            missing, lost, closed = 0, lost + missing, seen + GRACE_MS
        found.append(SeenGap(stream, first, last, seen, closed, missing, lost, fresh))
    return [g for g in found if g.closed_ms is None] if only_open else found


def broker_drops(catalog: Catalog) -> list[BrokerDrops]:
    """Return what each broker ingest was connected to says of messages it threw away, the one heard of last first."""
    facts: dict[str, dict[str, tuple[str, int]]] = {}
    for broker, name, value, at in _typed(catalog.rows("SELECT broker, name, value, at FROM broker_fact")):
        facts.setdefault(broker, {})[name] = (value, at)
    grown = {
        b: (total, restarts, last)
        for b, total, restarts, last in _typed(
            catalog.rows("SELECT broker, sum(more), sum(restarted), max(CASE WHEN more > 0 THEN at END) FROM broker_drop GROUP BY broker")
        )
    }
    found = []
    for broker, known in facts.items():
        total, restarts, last = grown.get(broker, (0, 0, None))
        dropped, started = known.get("dropped"), known.get("started")
        found.append(
            BrokerDrops(
                broker,
                dropped is not None,
                int(dropped[0]) if dropped else 0,
                total,
                restarts,
                last,
                dropped[1] if dropped else None,
                known.get("version", ("", 0))[0],
                int(started[0]) if started else None,
            )
        )
    return sorted(found, key=lambda d: -max(at for _, at in facts[d.broker].values()))


def missing_now(catalog: Catalog) -> int:
    """Return how many messages of all streams may still come."""
    return int(str(catalog.rows("SELECT coalesce(sum(missing), 0) FROM gap WHERE missing + lost > 0")[0][0]))


# `gap` rows of a sender that keeps nothing count as lost once they are older than the grace.
_ROWS = """
WITH stored AS (SELECT gateway AS stream, min(first) AS low, max(last) AS high, sum(last - first + 1) AS n FROM sequence GROUP BY gateway),
never AS (
    SELECT r.gateway AS stream, min(r.seq) AS low, max(r.seq) AS high, count(*) AS n FROM refused r
    WHERE NOT EXISTS (SELECT 1 FROM sequence s WHERE s.gateway = r.gateway AND s.first <= r.seq AND s.last >= r.seq) GROUP BY r.gateway),
holes AS (
    SELECT g.stream, min(g.first) AS low,
        sum(NOT fresh) AS seen, sum(missing = 0 AND lost = 0) AS filled,
        sum(NOT fresh AND ((missing = 0 AND lost > 0) OR (missing > 0 AND NOT resends))) AS given_up,
        sum(NOT fresh AND missing > 0 AND resends) AS open, sum(fresh) AS fresh,
        sum(CASE WHEN resends OR fresh THEN missing ELSE 0 END) AS missing,
        sum(lost + CASE WHEN resends OR fresh THEN 0 ELSE missing END) AS lost,
        min(CASE WHEN missing > 0 AND resends THEN seen_ms END) AS oldest,
        max(CASE WHEN missing = 0 AND lost = 0 THEN filled_ms - seen_ms END) AS longest
    FROM (SELECT gap.*, coalesce(s.resends, 1) AS resends, (missing > 0 AND :now - seen_ms < :grace) AS fresh
          FROM gap LEFT JOIN stream s ON s.stream = gap.stream) g GROUP BY g.stream),
streams AS (
    SELECT gateway AS stream, gateway, county, duplicates, 0 AS restarts, 1 AS resends, last_received FROM gateway
    UNION ALL SELECT s.stream, s.gateway, coalesce(g.county, ''), s.duplicates, s.restarts, s.resends, s.last_received
    FROM stream s LEFT JOIN gateway g ON g.gateway = s.gateway)
SELECT g.stream, g.gateway, g.county,
    min(coalesce(st.low, n.low, h.low), coalesce(n.low, st.low, h.low), coalesce(h.low, st.low, n.low)),
    max(coalesce(st.high, n.high), coalesce(n.high, st.high)),
    coalesce(st.n, 0) + coalesce(n.n, 0) + coalesce(h.missing, 0) + coalesce(h.lost, 0) + coalesce(p.lost, 0),
    coalesce(st.n, 0), coalesce(n.n, 0), g.duplicates, g.restarts, g.resends,
    coalesce(h.seen, 0) + coalesce(p.gaps, 0), coalesce(h.filled, 0) + coalesce(p.filled, 0),
    coalesce(h.given_up, 0) + coalesce(p.gaps - p.filled, 0), coalesce(h.open, 0), coalesce(h.fresh, 0),
    coalesce(h.missing, 0), coalesce(h.lost, 0) + coalesce(p.lost, 0), h.oldest, h.longest, g.last_received
FROM streams g LEFT JOIN stored st ON st.stream = g.stream LEFT JOIN never n ON n.stream = g.stream
    LEFT JOIN holes h ON h.stream = g.stream LEFT JOIN gap_past p ON p.stream = g.stream
WHERE (:county IS NULL OR g.county = :county) AND (st.n IS NOT NULL OR n.n IS NOT NULL) ORDER BY g.stream
"""


def _typed(rows: list[tuple[object, ...]]) -> list[tuple[Any, ...]]:
    return rows
