"""By what repeats of foreign messages are known: the newest identities of each feed. This module owns the table `feed_identity`.

They are committed with the readings of their messages, so that a process that starts anew knows what is on disk.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable

from ingest.catalog import Catalog

# Of one feed. A repeat of one of these is known; of an older one it changes no answer.
MOST_IDENTITIES = 4_096


def identity_of(told: str) -> bytes:
    """Return what is kept of an identity: sixteen bytes, however long it is."""
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def put_identities(db: sqlite3.Connection, found: Iterable[tuple[str, bytes]]) -> None:
    """Keep identities, (feed, identity) each in the order they came, and forget the oldest of a feed that has too many."""
    rows = list(found)
    db.executemany("INSERT OR IGNORE INTO feed_identity (feed, identity) VALUES (?, ?)", rows)
    for feed in {feed for feed, _ in rows}:
        db.execute(
            "DELETE FROM feed_identity WHERE feed = ?1 AND id <= "
            "(SELECT id FROM feed_identity WHERE feed = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            (feed, MOST_IDENTITIES),
        )


def identities(catalog: Catalog, feed: str) -> list[bytes]:
    """Return the identities kept of a feed, oldest first."""
    found = catalog.rows("SELECT identity FROM feed_identity WHERE feed = ? ORDER BY id", (feed,))
    return [identity for (identity,) in found if isinstance(identity, bytes)]
