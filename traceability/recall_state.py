"""Recalls as the log holds them: which are open, which lots they reach. Derived from the events at every question, projected nowhere.

A recall names its roots; everything that has anything of a root is affected, also what comes to be later. Lifting it for a root ends
that for the root, and a recall none of whose roots is under it any more is over. A drill is found the same way and stops nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select, text

from foundation.errors import SuheError
from traceability import recall, store
from traceability.events import read_event


@dataclass(frozen=True, slots=True)
class RecallCase:
    """One recall. `open_roots` are the roots it was not lifted for yet; `lifted_ms` is when the last of them was, None before."""

    id: str
    log_index: int
    roots: tuple[str, ...]
    open_roots: tuple[str, ...]
    party: str
    authority: str
    level: int
    reason_zh: str
    reason_en: str
    drill: bool
    time_ms: int
    record_ms: int
    lifted_ms: int | None
    note: str

    @property
    def is_open(self) -> bool:
        """Whether any root is still under it."""
        return bool(self.open_roots)


def cases(connection: Connection) -> list[RecallCase]:
    """Return every recall, the newest first. One that was altered in the database is none any more; the verifier names it."""
    found: dict[str, RecallCase] = {}
    for stored in store.stored_events(connection, recall.recall_places(connection)):
        try:
            event = read_event(stored.body)
        except SuheError:
            continue
        if event.kind.name == "recall":
            told = event.body["suhe:recall"]
            found[event.event_id] = RecallCase(
                event.event_id, stored.log_index, event.lots, event.lots, event.party, told["authority"], told["level"], told["reasonZh"],
                told.get("reasonEn", ""), event.body["suhe:drill"], event.event_time_ms, stored.record_time_ms, None,
                str(event.body.get("suhe:note", "")),
            )  # fmt: skip
        elif event.body["suhe:recallOf"] in found:
            case = found[event.body["suhe:recallOf"]]
            left = tuple(r for r in case.open_roots if r not in event.lots)
            lifted = None if left else event.event_time_ms
            values = {name: getattr(case, name) for name in RecallCase.__slots__}
            found[case.id] = RecallCase(**{**values, "open_roots": left, "lifted_ms": lifted})
    return sorted(found.values(), key=lambda c: c.log_index, reverse=True)


def open_cases(connection: Connection) -> list[RecallCase]:
    """Return the recalls that some lot is under now, the newest first; where there are none, this costs one look into an index."""
    if connection.execute(select(store.lot.c.id).where(text("recalls <> ''")).limit(1)).first() is None:
        return []
    return [c for c in cases(connection) if c.is_open]


def affected(connection: Connection, lots: Iterable[str]) -> dict[str, list[RecallCase]]:
    """Return, of the named lots, those that an open recall or drill reaches, each with what reaches it."""
    wanted, found = set(lots), dict[str, list[RecallCase]]()
    for case in open_cases(connection):
        for lot in wanted.intersection(recall.forward(connection, case.open_roots)):
            found.setdefault(lot, []).append(case)
    return found
