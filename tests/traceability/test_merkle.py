"""The Merkle tree against an independent implementation, and proofs as laws."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from traceability.merkle import (
    EMPTY_ROOT,
    Frontier,
    InvalidProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_hash,
    verify_consistency,
    verify_inclusion,
)
from traceability.tiles import TILE_WIDTH, Tiles

MOST = 700
LEAVES = [leaf_hash(f"leaf {k}".encode()) for k in range(MOST)]
sizes = st.integers(1, MOST)


def test_roots_and_proofs_are_an_independent_librarys() -> None:
    """At every size to 300, root and inclusion proofs are pymerkle's."""
    other = InmemoryTree(algorithm="sha256")
    frontier = Frontier()
    for k in range(300):
        other.append_entry(f"leaf {k}".encode())
        frontier.append(LEAVES[k])
        assert frontier.root() == other.get_root(k + 1) == _textbook(LEAVES[: k + 1])
    node = _node(LEAVES)
    for index in (0, 1, 127, 128, 255, 298, 299):
        # pymerkle counts leaves from 1 and starts its paths with the leaf itself.
        path = other.prove_inclusion(index + 1, 300).path
        assert list(path)[1:] == inclusion_proof(node, index, 300)


@given(sizes, st.data())
@settings(deadline=None, max_examples=60)
def test_every_leaf_is_proved_and_no_other(size: int, data: st.DataObject) -> None:
    """The proof of a leaf holds for it alone: not for another leaf, place, size or root, nor cut or padded."""
    index = data.draw(st.integers(0, size - 1))
    tiles = Tiles(0, lambda _level, _number: b"")
    tiles.append(LEAVES[:size])
    root = tiles.root()
    assert root == _textbook(LEAVES[:size]) and tiles.root(index + 1) == _textbook(LEAVES[: index + 1])
    proof = tiles.proof(index, size)
    verify_inclusion(LEAVES[index], index, size, proof, root)
    wrong: list[Callable[[], None]] = [
        lambda: verify_inclusion(leaf_hash(b"x"), index, size, proof, root),
        lambda: verify_inclusion(LEAVES[index], index, size, [*proof, root], root),
        lambda: verify_inclusion(LEAVES[index], index, size, proof, EMPTY_ROOT),
        lambda: verify_inclusion(LEAVES[index], size, size, proof, root),
    ]
    if proof:
        wrong.append(lambda: verify_inclusion(LEAVES[index], index, size, proof[:-1], root))
    for attempt in wrong:
        with pytest.raises(InvalidProof):
            attempt()


@given(sizes, st.data())
@settings(deadline=None, max_examples=60)
def test_every_older_tree_is_a_proved_prefix(size2: int, data: st.DataObject) -> None:
    """A consistency proof holds for the two trees it was made for and for no rewritten one."""
    size1 = data.draw(st.integers(1, size2))
    node = _node(LEAVES[:size2])
    root1, root2 = _textbook(LEAVES[:size1]), _textbook(LEAVES[:size2])
    proof = consistency_proof(node, size1, size2)
    verify_consistency(size1, size2, root1, root2, proof)
    rewritten = _textbook([*LEAVES[: size2 - 1], leaf_hash(b"another end")])
    other_past = _textbook([leaf_hash(b"another beginning"), *LEAVES[1:size1]])
    for attempt in (
        lambda: verify_consistency(size1, size2, root1, rewritten, proof),
        lambda: verify_consistency(size1, size2, other_past, root2, proof),
        lambda: verify_consistency(size1, size2, root1, root2, [*proof, root2]),
    ):
        with pytest.raises(InvalidProof):
            attempt()


def test_a_leaf_never_passes_for_a_node() -> None:
    """The prefixes keep a leaf whose bytes are two hashes from hashing like the node above them."""
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_tiles_grow_and_full_ones_never_change() -> None:
    """Appending in any portions gives the same tiles; a full tile is written once."""
    kept: dict[tuple[int, int], bytes] = {}
    at = 0
    for portion in (1, 200, 54, 1, 256, 188):
        tiles = Tiles(at, lambda level, number: kept.get((level, number), b""))
        tiles.append(LEAVES[at : at + portion])
        at += portion
        for key, hashes in tiles.changed.items():
            before = kept.get(key, b"")
            assert hashes.startswith(before) and len(before) < TILE_WIDTH * 32
            kept[key] = hashes
        assert tiles.root() == _textbook(LEAVES[:at])
    whole = Tiles(0, lambda _level, _number: b"")
    whole.append(LEAVES[:at])
    assert kept == whole.changed


def _textbook(leaves: list[bytes]) -> bytes:
    """MTH exactly as RFC 6962 defines it, slow and plain."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(_textbook(leaves[:k]), _textbook(leaves[k:]))


def _node(leaves: list[bytes]) -> Callable[[int, int], bytes]:
    def node(level: int, number: int) -> bytes:
        return _textbook(leaves[number << level : (number + 1) << level])

    assert range_hash(node, 0, len(leaves)) == _textbook(leaves)
    return node


def test_tiles_are_the_same_however_leaves_come() -> None:
    """One by one, in odd batches or at once, over several levels of tiles: the same tiles, the root of the growing edge."""
    leaves = [leaf_hash(k.to_bytes(4, "big")) for k in range(66_000)]
    once = Tiles(0, lambda _level, _number: b"")
    once.append(leaves)
    rest = Tiles(0, lambda _level, _number: b"")
    at = 0
    for step in [1, 2, 253, 256, 1, 255, 257, 4096, 60_000, 879]:
        rest.append(leaves[at : at + step])
        at += step
    assert at == len(leaves) == rest.size and rest.changed == once.changed and max(level for level, _ in once.changed) == 2
    assert once.root() == Frontier(leaves).root()


def test_proofs_from_tiles_are_the_rfc_s_at_every_size() -> None:
    """The walk over tiles gives the same siblings as the RFC's recursion, in trees of all small sizes and around a tile's width."""
    leaves = [leaf_hash(bytes([k & 255, k >> 8])) for k in range(800)]
    tiles = Tiles(0, lambda _level, _number: b"")
    tiles.append(leaves)
    for size in [*range(1, 40), 255, 256, 257, 258, 511, 512, 513, 640, 700, 800]:
        for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
            proof = tiles.proof(index, size)
            assert proof == inclusion_proof(tiles.node, index, size)
            verify_inclusion(leaves[index], index, size, proof, tiles.root(size))
