"""Which Sparkplug edge nodes and devices are there, as their births and deaths told. This module owns the table `edge_state`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from ingest.catalog import Catalog

# Of one gateway: names made up must not fill the disk.
MOST_STATES = 5_000


@dataclass(frozen=True, slots=True)
class EdgeState:
    """A node, or NODE/DEVICE, of a gateway's feed: whether it is there, since when, and how often it was born."""

    gateway: str
    name: str
    online: bool
    at_ms: int
    births: int


def put_lives(db: sqlite3.Connection, lives: Iterable[tuple[str, str, bool, int]]) -> None:
    """Note births and deaths, (gateway, name, online, when), in the order they came."""
    for gateway, name, online, at_ms in lives:
        changed = db.execute(
            "UPDATE edge_state SET births = births + ?3, at = CASE WHEN online = ?3 THEN at ELSE ?4 END, online = ?3 "
            "WHERE gateway = ?1 AND name = ?2",
            (gateway, name, int(online), at_ms),
        )
        if not changed.rowcount:
            db.execute(
                "INSERT INTO edge_state SELECT ?1, ?2, ?3, ?4, ?3 WHERE (SELECT count(*) FROM edge_state WHERE gateway = ?1) < ?5",
                (gateway, name, int(online), at_ms, MOST_STATES),
            )


def edge_states(catalog: Catalog, gateway: str | None = None) -> list[EdgeState]:
    """Return the nodes and devices of one gateway, or of all."""
    where, values = ("WHERE gateway = ?", (gateway,)) if gateway is not None else ("", ())
    rows = catalog.rows(f"SELECT gateway, name, online, at, births FROM edge_state {where} ORDER BY gateway, name", values)
    return [EdgeState(str(g), str(n), bool(o), int(at), int(b)) for g, n, o, at, b in rows]  # type: ignore[call-overload]
