"""The tree's stored nodes as tiles (C2SP tlog-tiles): 256 hashes of every eighth level, so that nothing stored is ever rewritten.

Only the last tile of a level is partial. A full tile's own root is one hash of the tile above. Any node of the tree comes from
at most one tile, any proof from a handful; appending N leaves touches N / 256 tiles and the right edge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from traceability.merkle import HASH_BYTES, node_hash, range_hash

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
        # The levels inside a tile as far as they were asked for, and the hashes at the right edge, by level and size.
        self._rows: dict[tuple[int, int], list[list[bytes]]] = {}
        self._edges: dict[tuple[int, int], bytes] = {}

    def append(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes at the right."""
        self._extend(0, self.size, leaves)
        self.size += len(leaves)

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves (all by default)."""
        return range_hash(self.node, 0, self.size if size is None else size)

    def proof(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof of a leaf in the tree of the first `size` leaves: PATH of RFC 6962, a sibling a level."""
        if not 0 <= index < size:
            raise ValueError(f"leaf {index} is not in a tree of {size}")
        found, at, last, level = [], index, size - 1, 0
        while last:
            if at & 1:
                found.append(self.node(level, at - 1))
            elif at < last:
                # The right neighbour is complete but where it is the last of its level and the tree ends inside it.
                whole = at + 1 < last or (size >> level << level) == size
                found.append(self.node(level, at + 1) if whole else self._ragged(level, at + 1, size))
            at, last, level = at >> 1, last >> 1, level + 1
        return found

    def node(self, level: int, number: int) -> bytes:
        """Return the hash of a complete subtree."""
        tile_level, inside = divmod(level, TILE_HEIGHT)
        first = number << inside
        rows = self._rows.get((tile_level, first >> TILE_HEIGHT))
        if rows is None:
            rows = self._rows[tile_level, first >> TILE_HEIGHT] = [_split(self.tile(tile_level, first >> TILE_HEIGHT))]
        while len(rows) <= inside:
            below = rows[-1]
            rows.append([node_hash(below[k], below[k + 1]) for k in range(0, len(below) - 1, 2)])
        within = (first & (TILE_WIDTH - 1)) >> inside
        if within >= len(rows[inside]):
            raise LookupError(f"the stored tree has no node {number} at level {level}")
        return rows[inside][within]

    def _ragged(self, level: int, number: int, size: int) -> bytes:
        """Return the hash over the leaves from a subtree's first to the tree's end, which lies inside it; the same for many proofs."""
        key = (level, size)
        if key not in self._edges:
            self._edges[key] = range_hash(self.node, number << level, size)
        return self._edges[key]

    def tile(self, level: int, number: int) -> bytes:
        """Return a tile's hashes, one after the other; the last tile of a level may be partial."""
        key = (level, number)
        if key not in self._seen:
            self._seen[key] = self._load(level, number)
        return self._seen[key]

    def _extend(self, level: int, position: int, hashes: Sequence[bytes]) -> None:
        """Put hashes from `position` on into a level's tiles, and the roots of those that became full into the level above."""
        full, at = [], 0
        while at < len(hashes):
            number, within = divmod(position + at, TILE_WIDTH)
            part = hashes[at : at + TILE_WIDTH - within]
            before = self.tile(level, number)[: within * HASH_BYTES] if within else b""
            tile = before + b"".join(part)
            self._seen[level, number] = self.changed[level, number] = tile
            self._rows.pop((level, number), None)
            if len(tile) == _TILE_BYTES:
                full.append(_fold(tile))
            at += len(part)
        if full:
            # The first tile to become full is the one that was begun, and none between is left out.
            self._extend(level + 1, position // TILE_WIDTH, full)


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[k : k + HASH_BYTES] for k in range(0, len(hashes) - HASH_BYTES + 1, HASH_BYTES)]


def _fold(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes."""
    row = _split(hashes)
    while len(row) > 1:
        row = [node_hash(row[k], row[k + 1]) for k in range(0, len(row), 2)]
    return row[0]
