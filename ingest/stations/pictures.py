"""Pictures that stations sent: the bytes lie with the blobs, this table says whose they are and of when."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from foundation.blobs import BlobFolder
from foundation.errors import BadInput
from ingest.catalog import Catalog
from ingest.formats import sl651
from ingest.formats.decoded import Context
from registry.feeds import Feed

_FUNCTION_AT = 10


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture; `t_ms` is the station's own time of it, 0 where it told none."""

    gateway: str
    station: str
    t_ms: int
    received_ms: int
    sha256: str
    size: int


def keep_picture(catalog: Catalog, blobs: Path, feed: Feed, body: bytes, received_ms: int) -> None:
    """Keep the picture in a station's message, durably, where there is one; the same picture again changes nothing."""
    if feed.format != sl651.NAME or len(body) < _FUNCTION_AT + 1 or body[_FUNCTION_AT] != sl651.PICTURE:
        return
    try:
        told = sl651.decode("", body, Context(received_ms, feed.zone_ms)).facts.get("picture")
    except BadInput:
        # Whoever takes the message says so.
        return
    if told is None:
        return
    picture = sl651.picture_in(body)
    digest = BlobFolder(blobs).put(picture)
    row = (feed.gateway, feed.station, told["t_ms"] or 0, received_ms, digest, len(picture))
    with catalog.transaction() as db:
        db.execute("INSERT OR IGNORE INTO station_picture (gateway, station, t, received, sha256, size) VALUES (?,?,?,?,?,?)", row)


def pictures(catalog: Catalog, gateway: str, limit: int = 100) -> list[Picture]:
    """Return a gateway's pictures, the newest first."""
    query = (
        "SELECT gateway, station, t, received, sha256, size FROM station_picture WHERE gateway = ? ORDER BY t DESC, received DESC LIMIT ?"
    )
    return [Picture(*row) for row in catalog.rows(query, (gateway, limit))]  # type: ignore[arg-type]
