"""How gateways say they are: their retained states and last wills. This module owns the table `gateway_link`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.catalog import Catalog
from ingest.states import State

_PUT = """
INSERT INTO gateway_link (gateway, online, since, heard, told, spool, oldest_s, offset_ms, given_up) VALUES (?,?,?,?,?,?,?,?,?)
ON CONFLICT (gateway) DO UPDATE SET
    since = CASE WHEN online = excluded.online THEN since ELSE excluded.since END, online = excluded.online, heard = excluded.heard,
    told = excluded.told, spool = excluded.spool, oldest_s = excluded.oldest_s, offset_ms = coalesce(excluded.offset_ms, offset_ms),
    given_up = excluded.given_up
WHERE told <> excluded.told OR online <> excluded.online
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A gateway's link: connected or not, and since when by our clock; the rest is its own word of `told_ms`, by its own clock.

    `spool` messages wait there, the oldest for `oldest_s` seconds; `offset_ms` is our clock less its own as it sees it.
    """

    gateway: str
    online: bool
    since_ms: int
    heard_ms: int
    told_ms: int
    spool: int
    oldest_s: int
    offset_ms: int | None
    given_up: int


def put_links(db: sqlite3.Connection, states: Mapping[str, tuple[int, State]]) -> None:
    """Keep the newest state of each gateway, (received, state). The broker's repeat of one that is kept changes nothing."""
    for gateway, (received_ms, s) in states.items():
        db.execute(_PUT, (gateway, s.online, received_ms, received_ms, s.t_ms, s.spool, s.oldest_s, s.offset_ms, s.given_up))


def links(catalog: Catalog) -> dict[str, Link]:
    """Return the link of every gateway that ever told of one."""
    query = "SELECT gateway, online, since, heard, told, spool, oldest_s, offset_ms, given_up FROM gateway_link ORDER BY gateway"
    return {str(gateway): Link(gateway, bool(online), *rest) for gateway, online, *rest in catalog.rows(query)}  # type: ignore[arg-type]
