"""Which sessions workers hold at which broker, and which filters they subscribed to: table `mqtt_session`.

A persistent session goes on collecting messages when its worker is away. So whoever changes the number of workers must know what sessions
there are: those of workers that will not come back, and those that still collect for shards that are another worker's now.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from ingest.catalog import Catalog
from ingest.topics import SHARDS, up_filter

_CLIENT = re.compile(r"ingest-(\d{1,4})\Z")
_WRITER = re.compile(r"next:(\d{1,4})\Z")


def client_of(worker: int | str) -> str:
    """Return a worker's client id; it never changes, or its session would not be found again."""
    return f"ingest-{worker}"


def shards_of(worker: int, workers: int) -> str:
    """Return the shards of one of so many workers."""
    return SHARDS[worker::workers]


def owner_of(filter_: str, workers: int) -> str | None:
    """Return the client whose shard a filter is, None where it is no shard's."""
    for at, shard in enumerate(SHARDS):
        if filter_ == up_filter(shard):
            return client_of(at % workers)
    return None


def hold(catalog: Catalog, client: str, broker: str, filters: Collection[str], at_ms: int) -> None:
    """Note what a session is subscribed to; with no filters, that it is gone."""
    with catalog.transaction() as db:
        db.execute("INSERT OR REPLACE INTO mqtt_session VALUES (?,?,?,?)", (client, broker, json.dumps(sorted(filters)), at_ms))


def held(catalog: Catalog, broker: str) -> dict[str, set[str]]:
    """Return client -> filters of the sessions known at a broker."""
    rows = catalog.rows("SELECT client, filters FROM mqtt_session WHERE broker = ?", (broker,))
    return {str(client): set(json.loads(str(filters))) for client, filters in rows}


def stranded(catalog: Catalog, broker: str, workers: int) -> list[int]:
    """Return the numbers of former workers that are none of `workers` and may have left a session at this broker.

    Whoever ever wrote a segment or held a session at any broker counts, because the same broker may be called by another name; a
    session that is not there costs one connection, once.
    """
    known = held(catalog, broker)
    names = [str(name) for (name,) in catalog.rows("SELECT client FROM mqtt_session")]
    names += [client_of(m[1]) for m in (_WRITER.match(str(n)) for (n,) in catalog.rows("SELECT name FROM counter")) if m]
    names += [client_of(m[1]) for m in (re.match(r"(\d{1,4})-", str(n)) for (n,) in catalog.rows("SELECT name FROM file")) if m]
    numbers = {int(m[1]) for m in map(_CLIENT.match, names) if m}
    return sorted(n for n in numbers if n >= workers and known.get(client_of(n)) != set())


def covered(catalog: Catalog, broker: str, workers: int, more: Collection[str] = ()) -> bool:
    """Tell whether every shard is subscribed to by the session of the worker whose it is now, and each of `more` by any of them."""
    known = held(catalog, broker)
    theirs = [known.get(client_of(n), set()) for n in range(workers)]
    shards = all(up_filter(shard) in theirs[at % workers] for at, shard in enumerate(SHARDS))
    return shards and all(any(f in filters for filters in theirs) for f in more if owner_of(f, workers) is None)
