"""The Merkle tree of RFC 6962 (and 9162), section 2: roots, inclusion proofs, consistency proofs.

Pure functions on bytes. The algorithms and names are the RFC's: MTH, PATH, SUBPROOF. A tree is known here only through
`node(level, number)`, the hash of the complete subtree over leaves [number << level, (number + 1) << level).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32
Node = Callable[[int, int], bytes]


class InvalidProof(Exception):
    """A proof that does not show what it should."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of a leaf; the 0x00 keeps a leaf from ever passing for an inner node."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def range_hash(node: Node, start: int, end: int) -> bytes:
    """Return MTH of leaves [start, end), for the ranges the RFC's recursion meets (start a multiple of the width's power of two)."""
    if start == end:
        return EMPTY_ROOT
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return node(level, start >> level)
    middle = start + _split(width)
    return node_hash(range_hash(node, start, middle), range_hash(node, middle, end))


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return MTH of a list of leaf hashes, level by level: a node without a neighbour goes up as it is."""
    if not leaves:
        return EMPTY_ROOT
    sha256, level = hashlib.sha256, list(leaves)
    while len(level) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0]


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]): the hashes that lead from a leaf to the root."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [range_hash(node, a, b) for a, b in reversed(ranges)]


def consistency_proof(node: Node, size1: int, size2: int) -> list[bytes]:
    """Return PROOF(size1, D[size2]): the hashes that show the first tree is a prefix of the second."""
    if not 0 < size1 <= size2:
        raise ValueError(f"no consistency proof from {size1} to {size2}")
    ranges: list[tuple[int, int]] = []
    start, end, whole = 0, size2, True
    while size1 != end:
        middle = start + _split(end - start)
        if size1 <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, end))
    return [range_hash(node, a, b) for a, b in reversed(ranges)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise InvalidProof unless `proof` shows that the leaf hash `leaf` stands at `index` in the tree of `size` under `root`."""
    if not 0 <= index < size:
        raise InvalidProof(f"leaf {index} cannot be in a tree of {size}")
    if not leaf or not root:
        # In a tree of one leaf nothing would be compared but these two; nothing is no hash.
        raise InvalidProof("there is no leaf or no root to compare")
    at, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if at & 1 or at == last:
            found = node_hash(step, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise InvalidProof("the proof is too short")
    if found != root:
        raise InvalidProof(f"the proof leads to {found.hex()}, not to {root.hex()}")


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Raise InvalidProof unless `proof` shows that the tree (size1, root1) is a prefix of the tree (size2, root2).

    An empty first tree is a prefix of anything, but no proof can tie its root to the second: it is accepted only with the
    empty tree's root and an empty proof. Published vectors fail verifiers that leave this case open.
    """
    if not 0 <= size1 <= size2:
        raise InvalidProof(f"a tree of {size1} is no prefix of one of {size2}")
    if size1 == 0:
        if proof or root1 != EMPTY_ROOT:
            raise InvalidProof("an empty tree has the empty root and needs no proof")
        return
    if size1 == size2:
        if proof or root1 != root2:
            raise InvalidProof("two trees of one size must have one root and need no proof")
        return
    if not proof:
        raise InvalidProof("the proof is empty")
    # RFC 9162, section 2.1.4.2.
    path = [root1, *proof] if size1 & (size1 - 1) == 0 else list(proof)
    at, last = size1 - 1, size2 - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            raise InvalidProof("the proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    if last != 0:
        raise InvalidProof("the proof is too short")
    if first != root1:
        raise InvalidProof(f"the proof gives the first tree {first.hex()}, not {root1.hex()}")
    if second != root2:
        raise InvalidProof(f"the proof gives the second tree {second.hex()}, not {root2.hex()}")


class Frontier:
    """The right edge of a growing tree: appends leaf hashes and gives the root at every size, in log2(size) hashes of memory."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._complete: list[bytes] = []  # roots of complete subtrees, widest first
        for leaf in leaves:
            self.append(leaf)

    @classmethod
    def of(cls, size: int, edge: Iterable[bytes]) -> Frontier:
        """Return the tree of `size` leaves whose right edge was `edge`."""
        found = cls()
        found.size, found._complete = size, list(edge)
        return found

    @property
    def edge(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, the widest first: all that is needed to go on."""
        return tuple(self._complete)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash at the right."""
        found, size = leaf, self.size
        while size & 1:
            found = node_hash(self._complete.pop(), found)
            size >>= 1
        self._complete.append(found)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        if not self._complete:
            return EMPTY_ROOT
        found = self._complete[-1]
        for left in reversed(self._complete[:-1]):
            found = node_hash(left, found)
        return found


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width`."""
    return 1 << ((width - 1).bit_length() - 1)
