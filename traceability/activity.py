"""What was done in a county lately: how often each kind of event since a time, and the last events themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from traceability import store
from traceability.views import EventView, view_of
from traceability.vocabulary import LOT_URN

# The log is read from its end in steps of so many records.
_STEP = 500


@dataclass(frozen=True, slots=True)
class Activity:
    """Events of a county by kind since `since_ms`, the last few whatever their day, and when the newest was recorded."""

    since_ms: int
    counts: Mapping[str, int]
    last: tuple[EventView, ...]
    newest_record_ms: int | None


def activity(connection: Connection, county: str, since_ms: int, most: int) -> Activity:
    """Return a county's activity. An event is recorded after it happened, so the log is read back only to the first record before then."""
    counts: Counter[str] = Counter()
    seen: list[tuple[int, int, str]] = []
    newest: int | None = None
    before = store.log_end(connection)[0]
    e, entry = store.event.c, store.event_lot.c
    while before > 0:
        columns = (e.log_index, e.event_type, e.event_time_ms, e.record_time_ms)
        rows = connection.execute(select(*columns).where(e.log_index < before).order_by(e.log_index.desc()).limit(_STEP)).all()
        if not rows:
            break
        ours: dict[int, str] = {}
        found = select(entry.log_index, func.min(entry.lot)).where(
            entry.log_index >= rows[-1].log_index, entry.log_index < before, entry.lot.like(f"{LOT_URN}{county}:%")
        )
        ours.update((int(r[0]), str(r[1])) for r in connection.execute(found.group_by(entry.log_index)))
        for row in rows:
            if row.log_index in ours:
                newest = newest or row.record_time_ms
                counts[row.event_type] += row.event_time_ms >= since_ms
                seen.append((row.event_time_ms, row.log_index, ours[row.log_index]))
        before = rows[-1].log_index
        if rows[-1].record_time_ms < since_ms and len(seen) >= most:
            break
    chosen = sorted(seen, reverse=True)[:most]
    stored = {s.log_index: s for s in store.stored_events(connection, [index for _, index, _ in chosen])}
    last = tuple(view_of(stored[index], lot) for _, index, lot in chosen if index in stored)
    return Activity(since_ms, {kind: n for kind, n in counts.items() if n}, last, newest)


def inspections(connection: Connection, county: str, since_ms: int) -> dict[str, int]:
    """Return how many lots picked since a time have which result as their last; "" stands for those not tested."""
    lot = store.lot.c
    query = select(lot.inspection, func.count()).where(lot.kind == "produce", lot.county == county, lot.harvested_ms >= since_ms)
    return {str(r[0]): int(r[1]) for r in connection.execute(query.group_by(lot.inspection))}


def failed_lots(connection: Connection, county: str, since_ms: int) -> list[tuple[str, str, int]]:
    """Return (lot, result, time of its last event) of lots picked since a time whose last inspection was not passed, the oldest first."""
    lot = store.lot.c
    query = select(lot.id, lot.inspection, lot.last_event_ms).where(
        lot.kind == "produce", lot.county == county, lot.harvested_ms >= since_ms, lot.inspection.in_(("fail", "screening_positive"))
    )
    return [(str(r[0]), str(r[1]), int(r[2])) for r in connection.execute(query.order_by(lot.last_event_ms, lot.id))]
