"""The map of subjects: what it proves, what it refuses, and that the order of changes does not matter."""

from __future__ import annotations

import hashlib
import random

import pytest

from tests.traceability.kit import KEYS, Kit, small_season
from traceability.lot_map import EMPTY, MapEntry, MapProof, path_of, verify_absence, verify_presence
from traceability.map_tree import MapTree, proof_of
from traceability.merkle import InvalidProof


def entries(n: int) -> dict[str, MapEntry]:
    names = [f"urn:suhe:lot:371522:L{k}" if k % 5 else f"urn:suhe:key:{k:016x}" for k in range(n)]
    return {name: MapEntry(name, 1 + k % 7, hashlib.sha256(name.encode()).digest()) for k, name in enumerate(names)}


def test_an_empty_map_and_a_map_of_one() -> None:
    """An empty map's root is zeros and shows absence without a sibling; one subject's leaf is the root."""
    tree = MapTree()
    assert tree.root() == EMPTY
    verify_absence("urn:suhe:lot:371522:X", MapProof(()), EMPTY)
    one = MapEntry("urn:suhe:lot:371522:X", 3, b"\x01" * 32)
    assert tree.put([one]) == one.leaf()
    verify_presence(one, [], one.leaf())
    with pytest.raises(InvalidProof):
        verify_absence("urn:suhe:lot:371522:X", MapProof((), one), one.leaf())
    verify_absence("urn:suhe:lot:371522:Y", MapProof((), one), one.leaf())


def test_the_root_does_not_depend_on_how_the_map_grew() -> None:
    """In one go, one by one or in shuffled batches, with subjects changed on the way: the same content has the same root."""
    wanted = entries(400)
    once = MapTree().put(wanted.values())
    shuffled = list(wanted.values())
    random.Random(1).shuffle(shuffled)
    tree = MapTree()
    tree.put([MapEntry(e.subject, e.count + 1, EMPTY) for e in shuffled[:100]])
    for k in range(0, 400, 23):
        tree.put(shuffled[k : k + 23])
    assert tree.root() == once


def test_every_subject_is_proved_and_nothing_else() -> None:
    """Count, head, place and every sibling matter; a subject that is not there is proved absent."""
    wanted = entries(300)
    tree = MapTree()
    root = tree.put(wanted.values())
    for name in list(wanted)[::7]:
        entry, proof = proof_of(tree, name, wanted.__getitem__)
        assert entry == wanted[name]
        verify_presence(entry, proof.siblings, root)
        for false in (
            MapEntry(name, entry.count + 1, entry.head),
            MapEntry(name, entry.count, EMPTY),
            MapEntry(name + "x", entry.count, entry.head),
        ):
            with pytest.raises(InvalidProof):
                verify_presence(false, proof.siblings, root)
        for siblings in (
            proof.siblings[1:],
            (*proof.siblings, EMPTY),
            (EMPTY, *proof.siblings),
            proof.siblings[::-1],
            (),
            (b"x", *proof.siblings[1:]),
        ):
            with pytest.raises(InvalidProof):
                verify_presence(entry, siblings, root)
    absent = [f"urn:suhe:lot:371522:N{k}" for k in range(60)]
    others = set()
    for name in absent:
        entry, proof = proof_of(tree, name, wanted.__getitem__)
        assert entry is None
        verify_absence(name, proof, root)
        others.add(proof.other is None)
        present = next(iter(wanted))
        with pytest.raises(InvalidProof):
            verify_absence(present, proof, root)
    assert others == {True, False}, "both an empty place and another's leaf were met"


def test_keys_have_their_own_half_and_short_paths() -> None:
    """A key's path begins with 0 and is as long as the number of keys asks for, however many lots there are."""
    wanted = entries(2000)
    tree = MapTree()
    tree.put(wanted.values())
    assert path_of("urn:suhe:key:0000000000000000") >> 256 == 0 and path_of("urn:suhe:lot:1") >> 256 == 1
    keys = [n for n in wanted if n.startswith("urn:suhe:key:")]
    assert max(len(tree.siblings(k)[0]) for k in keys) <= 24


def test_paths_that_share_a_long_beginning() -> None:
    """Two subjects whose paths agree for many bits both have proofs, through empty siblings."""
    found = {}
    for k in range(100_000):
        name = f"urn:suhe:lot:371522:C{k}"
        twin = found.setdefault(path_of(name) >> (257 - 24), name)
        if twin != name:
            break
    pair = {n: MapEntry(n, 1, EMPTY) for n in (twin, name)}
    tree = MapTree()
    root = tree.put(pair.values())
    entry, proof = proof_of(tree, name, pair.__getitem__)
    assert entry is not None and len(proof.siblings) >= 24 and EMPTY in proof.siblings
    verify_presence(entry, proof.siblings, root)


def test_proofs_hold_under_every_kept_checkpoint(kit: Kit) -> None:
    """Each checkpoint's own map says how long a chain was then, and that a lot was not there yet."""
    small_season(kit)
    kit.trace.make_checkpoint()
    notes = sorted(kit.trace.checkpoints(), key=lambda c: c.size)
    counts = []
    for c in notes:
        assert c.map_root is not None
        entry, proof = kit.trace.map_proof(kit.lot("L1a"), c.size)
        if entry is None:
            verify_absence(kit.lot("L1a"), proof, c.map_root)
        else:
            verify_presence(entry, proof.siblings, c.map_root)
        counts.append(entry.count if entry else 0)
        key, shown = kit.trace.map_proof("urn:suhe:key:" + kit.key_id("coop"), c.size)
        assert key is not None and key.count == 1
        verify_presence(key, shown.siblings, c.map_root)
    assert counts == [0, 1, 2, 2] and notes[-1].size == KEYS + 17
