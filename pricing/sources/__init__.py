"""Every market source, one file each. `SOURCES` is the table the collector reads."""

from __future__ import annotations

from foundation.errors import NotFound
from pricing.source import Source
from pricing.sources import baoying_lotus, ncpscxx, shenxian_origin, xinfadi

SOURCES: dict[str, Source] = {s.id: s for s in (shenxian_origin.SOURCE, baoying_lotus.SOURCE, xinfadi.SOURCE, ncpscxx.SOURCE)}


def source(source_id: str) -> Source:
    """Return a source by id; raise NotFound with the ids there are."""
    found = SOURCES.get(source_id)
    if found is None:
        raise NotFound("there is no such price source", expected=", ".join(SOURCES), got=source_id[:64])
    return found
