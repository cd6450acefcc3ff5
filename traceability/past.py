"""What was recorded before an event, as far as the trade's rules ask for it: cited events, inputs used, inputs bought."""

from __future__ import annotations

from sqlalchemy import Connection, select

from foundation.errors import SuheError
from traceability import store
from traceability.events import TraceEvent, read_event

_KEPT = ("input_used", "input_bought", "sample", "test", "judge")


class Past:
    """Recorded events by id and by lot. Without a connection it knows what it was told by `note`, else it asks the tables as well.

    `whole` says that every event was told in order, as a replay does; then lots are not asked for in the tables.
    """

    def __init__(self, connection: Connection | None = None, *, whole: bool = False) -> None:
        self._connection, self._whole = connection, whole
        self._by_id: dict[str, TraceEvent] = {}
        self._uses: dict[str, list[TraceEvent]] = {}
        self._bought: dict[str, TraceEvent] = {}

    def note(self, event: TraceEvent) -> None:
        """Take in an event that was accepted."""
        name = event.kind.name
        if not self._whole or name in _KEPT:
            self._by_id[event.event_id] = event
        if name == "input_used" and event.body.get("suhe:intervalDays"):
            for item in event.with_role("for"):
                self._uses.setdefault(item.lot, []).append(event)
        elif name == "input_bought":
            self._bought.update((item.lot, event) for item in event.with_role("made"))

    def cited(self, event_id: str) -> TraceEvent | None:
        """Return a recorded event by its id."""
        found = self._by_id.get(event_id)
        if found is None and self._connection is not None:
            body = self._connection.execute(select(store.event.c.body).where(store.event.c.event_id == event_id)).scalar()
            found = _read(body)
        return found

    def uses(self, lot: str) -> list[TraceEvent]:
        """Return the uses, on a lot, of inputs that ask for an interval."""
        return [*self._stored(lot, "input_used"), *self._uses.get(lot, [])]

    def bought(self, input_lot: str) -> TraceEvent | None:
        """Return the purchase of an input, None where it is not at hand."""
        known = self._bought.get(input_lot)
        return known or next(iter(self._stored(input_lot, "input_bought")), None)

    def _stored(self, lot: str, kind: str) -> list[TraceEvent]:
        if self._connection is None or self._whole:
            return []
        e, entry = store.event, store.event_lot.c
        query = select(e.c.body).join(store.event_lot, entry.log_index == e.c.log_index)
        rows = self._connection.execute(query.where(entry.lot == lot, e.c.event_type == kind).order_by(entry.lot_seq)).scalars()
        return [event for event in map(_read, rows) if event is not None]


def _read(body: bytes | None) -> TraceEvent | None:
    if body is None:
        return None
    try:
        return read_event(body)
    except SuheError:
        return None  # altered; the verifier names it
