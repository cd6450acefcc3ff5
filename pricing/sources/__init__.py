"""Every market source, one file each. `SOURCES` is the table the collector reads."""

from __future__ import annotations

from foundation.errors import NotFound
from pricing.source import Source
from pricing.sources import amis, baoying_lotus, jnmarket, ncpscxx, pfsc, pfsc_quotes, shenxian_origin, wfp_hdx, xinfadi

SOURCES: dict[str, Source] = {
    module.SOURCE.id: module.SOURCE
    for module in (shenxian_origin, baoying_lotus, xinfadi, ncpscxx, jnmarket, pfsc, pfsc_quotes, amis, wfp_hdx)
}


def source(source_id: str) -> Source:
    """Return a source by id; raise NotFound with the ids there are."""
    found = SOURCES.get(source_id)
    if found is None:
        raise NotFound("there is no such price source", expected=", ".join(SOURCES), got=source_id[:64])
    return found
