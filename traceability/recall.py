"""Where a lot went and what it came from: the closure over parents and children, on both databases.

Every lot is reached once, however many ways lead to it: the recursion is a UNION, never a UNION ALL, so that a lattice of splits and
merges costs its edges and not its paths, and a lot that names itself ends the walk. An input is no parent of produce; it reaches the
lots it was used on, which the chains of the events themselves tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, text
from sqlalchemy.sql.selectable import CTE

from traceability import store

# The kinds of events that say where a lot went, in the order a lot goes through them.
WAYS = ("ship", "receive", "sell")
# Spelled out, not bound: a database uses a partial index only for a condition it can see.
RECALL_KINDS = "event_type IN ('recall', 'recall_lifted')"


def forward(connection: Connection, roots: Iterable[str]) -> list[str]:
    """Return the named lots and every lot that has anything of them, each once; an input leads to the lots it was used on."""
    named = list(dict.fromkeys(roots))
    return _closure(connection, [*named, *used_on(connection, named)], "parent", "child")


def backward(connection: Connection, lots: Iterable[str]) -> list[str]:
    """Return the named lots, every lot they came from, and the inputs used on any of these, each once."""
    found = _closure(connection, lots, "child", "parent")
    return list(dict.fromkeys([*found, *inputs_of(connection, found)]))


def used_on(connection: Connection, inputs: Iterable[str]) -> list[str]:
    """Return the lots of produce that any of the named inputs was used on."""
    return _through_use(connection, inputs, "input", "produce")


def inputs_of(connection: Connection, lots: Iterable[str]) -> list[str]:
    """Return the inputs that were used on any of the named lots."""
    return _through_use(connection, lots, "produce", "input")


def mixed(connection: Connection, reached: Iterable[str], roots: Iterable[str]) -> set[str]:
    """Return the reached lots that also hold produce from outside the reach, so that their affected part is not known.

    A lot is mixed where one of its parents was not reached, or is mixed itself. A root counts as wholly affected.
    """
    inside, whole = set(reached), set(roots)
    whole.update(used_on(connection, whole))
    parents: dict[str, list[str]] = {}
    children: dict[str, list[str]] = {}
    edge = store.lot_edge.c
    for some in store.chunks(inside - whole):
        for row in connection.execute(select(edge.parent, edge.child).where(edge.child.in_(some))):
            parents.setdefault(row.child, []).append(row.parent)
            children.setdefault(row.parent, []).append(row.child)
    waiting = [lot for lot, of in parents.items() if set(of) - inside]
    found: set[str] = set()
    while waiting:
        lot = waiting.pop()
        if lot not in found:
            found.add(lot)
            waiting += children.get(lot, ())
    return found


def _closure(connection: Connection, start: Iterable[str], source: str, target: str) -> list[str]:
    found: dict[str, None] = {}
    # A start list longer than one IN clause is walked in parts; what two parts share is kept once.
    for some in store.chunks(dict.fromkeys(start)):
        found.update(dict.fromkeys(connection.execute(_walk(source, target), {"start": some}).scalars()))
    return list(found)


@cache
def _walk(source: str, target: str) -> Select[Any]:
    edge = store.lot_edge
    reach: CTE = (
        select(store.lot.c.id.label("lot")).where(store.lot.c.id.in_(bindparam("start", expanding=True))).cte("reach", recursive=True)
    )
    return select(reach.union(select(edge.c[target]).where(edge.c[source] == reach.c.lot)).c.lot)


def _through_use(connection: Connection, start: Iterable[str], kind: str, other: str) -> list[str]:
    own, far = store.event_lot.alias("own"), store.event_lot.alias("far")
    near, beyond = store.lot.alias("near"), store.lot.alias("beyond")
    query = (
        select(far.c.lot)
        .distinct()
        .select_from(own)
        .join(near, near.c.id == own.c.lot)
        .join(store.event, store.event.c.log_index == own.c.log_index)
        .join(far, far.c.log_index == own.c.log_index)
        .join(beyond, beyond.c.id == far.c.lot)
        .where(near.c.kind == kind, store.event.c.event_type == "input_used", beyond.c.kind == other)
    )
    found: dict[str, None] = {}
    for some in store.chunks(dict.fromkeys(start)):
        found.update(dict.fromkeys(connection.execute(query.where(own.c.lot.in_(some)).order_by(far.c.lot)).scalars()))
    return list(found)


def recall_places(connection: Connection) -> list[int]:
    """Return the places in the log of every recall and every lifting of one, in order."""
    query = select(store.event.c.log_index).where(text(RECALL_KINDS)).order_by(store.event.c.log_index)
    return list(connection.execute(query).scalars())


def way_places(connection: Connection, lots: Iterable[str]) -> list[int]:
    """Return the places in the log of every shipment, receipt and sale of the named lots, in order."""
    entry, event = store.event_lot, store.event
    found: set[int] = set()
    for some in store.chunks(lots):
        query = select(entry.c.log_index).join(event, event.c.log_index == entry.c.log_index)
        found.update(connection.execute(query.where(entry.c.lot.in_(some), event.c.event_type.in_(WAYS))).scalars())
    return sorted(found)
