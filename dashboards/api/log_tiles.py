"""HTTP: the log's tree as C2SP tlog-tiles. Hashes are public; whole records are for witnesses, who recompute the tree and the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Response

from dashboards.api.deps import require
from foundation.errors import NotFound
from traceability.merkle import HASH_BYTES
from traceability.tile_paths import read_tile_path, tile_count

if TYPE_CHECKING:
    from dashboards.services import Services

TileLevel = Annotated[int, Path(ge=0, le=63)]
# What is under a checkpoint never changes again: a cache may keep it for ever.
_FOR_EVER = {"cache-control": "public, max-age=31536000, immutable"}


def router(services: Services) -> APIRouter:
    """Return the routes on these services."""
    routes = APIRouter(prefix="/api/v1/log/tile", tags=["trace"])
    trace = services.trace

    @routes.get("/entries/{path:path}", response_class=Response, dependencies=[Depends(require("witness"))])
    def read_entries(path: str) -> Response:
        """Return whole records, each behind its length in two bytes (C2SP entry bundle); for role witness."""
        number, width = read_tile_path(path)
        found = trace.entry_bundle(number, width)
        if not found:
            raise NotFound("there is no such entry bundle", got=path[:60])
        return Response(found, media_type="application/octet-stream", headers={"cache-control": "private, max-age=86400"})

    @routes.get("/{level}/{path:path}", response_class=Response)
    def read_tile(level: TileLevel, path: str) -> Response:
        """Return the hashes of a tile of the log, 32 bytes each, at its C2SP path: `000`, `x001/234`, `000.p/17` for a partial one."""
        number, width = read_tile_path(path)
        hashes = trace.tile(level, number)[: width * HASH_BYTES] if level < 8 else b""
        latest = trace.latest_checkpoint()
        held = tile_count(latest.size, level) - number * 256 if latest else 0
        if len(hashes) != width * HASH_BYTES or held < width:
            raise NotFound("there is no such tile", got=f"{level}/{path[:60]}")
        return Response(hashes, media_type="application/octet-stream", headers=_FOR_EVER)

    return routes
