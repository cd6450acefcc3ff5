"""The tree's stored nodes as tiles (C2SP tlog-tiles): 256 hashes of every eighth level, so that nothing stored is ever rewritten.

Only the last tile of a level is partial. A full tile's own root is one hash of the tile above. Any node of the tree comes from
at most one tile, any proof from a handful; appending N leaves touches N / 256 tiles and the right edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traceability.merkle import HASH_BYTES, inclusion_proof, node_hash, range_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_TILE_BYTES = TILE_WIDTH * HASH_BYTES

Load = Callable[[int, int], bytes]


class Tiles:
    """A tree of `size` leaves whose tiles are fetched by `load(level, number)`; appended hashes wait in `changed`."""

    def __init__(self, size: int, load: Load) -> None:
        self.size = size
        self.changed: dict[tuple[int, int], bytes] = {}
        self._load = load
        self._seen: dict[tuple[int, int], bytes] = {}

    def append(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes at the right."""
        for leaf in leaves:
            self._append_at(0, self.size, leaf)
            self.size += 1

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves (all by default)."""
        return range_hash(self.node, 0, self.size if size is None else size)

    def proof(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof of a leaf in the tree of the first `size` leaves."""
        return inclusion_proof(self.node, index, size)

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a complete subtree."""
        tile_level, inside = divmod(level, TILE_HEIGHT)
        first = number << inside
        tile = self.tile(tile_level, first // TILE_WIDTH)
        start = first % TILE_WIDTH * HASH_BYTES
        hashes = tile[start : start + (HASH_BYTES << inside)]
        if len(hashes) != HASH_BYTES << inside:
            raise LookupError(f"the stored tree has no node {number} at level {level}")
        return _fold(hashes)

    def tile(self, level: int, number: int) -> bytes:
        """Return a tile's hashes, one after the other; the last tile of a level may be partial."""
        key = (level, number)
        if key not in self._seen:
            self._seen[key] = self._load(level, number)
        return self._seen[key]

    def _append_at(self, level: int, position: int, hashed: bytes) -> None:
        number, within = divmod(position, TILE_WIDTH)
        before = self.tile(level, number)[: within * HASH_BYTES] if within else b""
        tile = before + hashed
        self._seen[level, number] = self.changed[level, number] = tile
        if len(tile) == _TILE_BYTES:
            self._append_at(level + 1, number, _fold(tile))


def _fold(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes."""
    row = [hashes[k : k + HASH_BYTES] for k in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(row[k], row[k + 1]) for k in range(0, len(row), 2)]
    return row[0]
