"""The map under every checkpoint: subject (a lot, a key, a plot) -> how many records its chain has and its head.

An inclusion proof shows that a record is in the log, never that none was left out. The map's root is part of the signed checkpoint,
so a proof of (count, head) shows a subject's history whole, and a proof of absence shows that there is none.

A binary trie over the bits of a path. A subtree with one subject is that subject's leaf, so a path is as long as it must be to
be unique; an empty subtree is 32 zero bytes. Keys have their own half: their paths stay short however many lots there are.
Pure functions on bytes; `map_tree.py` keeps the nodes.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from traceability.merkle import HASH_BYTES, InvalidProof
from traceability.statements import KEY_URN

EMPTY = bytes(HASH_BYTES)
PATH_BITS = 257
_TAG = b"suhe/map/v1\n"


@dataclass(frozen=True, slots=True)
class MapEntry:
    """What the map says of one subject."""

    subject: str
    count: int
    head: bytes

    def __post_init__(self) -> None:
        if not self.subject or not 0 < self.count < 1 << 63 or len(self.head) != HASH_BYTES:
            raise InvalidProof(f"the map cannot say this of {self.subject!r}: count {self.count}")

    def leaf(self) -> bytes:
        """Return the hash of this entry's leaf."""
        subject = self.subject.encode()
        told = b"\x02" + _TAG + struct.pack(">H", len(subject)) + subject + struct.pack(">Q", self.count) + self.head
        return hashlib.sha256(told).digest()


@dataclass(frozen=True, slots=True)
class MapProof:
    """The siblings on the way from a place up to the root, and, where absence is shown, the entry of another that stands there."""

    siblings: tuple[bytes, ...]
    other: MapEntry | None = None


def path_of(subject: str) -> int:
    """Return a subject's path: a bit for its half of the map, then SHA-256 of its name, as a number of 257 bits."""
    half = 0 if subject.startswith(KEY_URN) else 1
    return half << 256 | int.from_bytes(hashlib.sha256(subject.encode()).digest(), "big")


def bit_of(path: int, depth: int) -> int:
    """Return the bit that decides below a node at `depth`: 0 left, 1 right."""
    return path >> (PATH_BITS - 1 - depth) & 1


def inner(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two children."""
    return hashlib.sha256(b"\x03" + left + right).digest()


def verify_presence(entry: MapEntry, siblings: Sequence[bytes], root: bytes) -> None:
    """Raise InvalidProof unless the map under `root` holds exactly this entry for its subject."""
    if _climb(path_of(entry.subject), entry.leaf(), siblings) != root:
        raise InvalidProof(f"the map does not hold {entry.count} records with this head for {entry.subject}")


def verify_absence(subject: str, proof: MapProof, root: bytes) -> None:
    """Raise InvalidProof unless the map under `root` holds nothing for `subject`."""
    path, place = path_of(subject), EMPTY
    if proof.other is not None:
        theirs, depth = path_of(proof.other.subject), len(proof.siblings)
        if theirs == path or theirs >> (PATH_BITS - depth) != path >> (PATH_BITS - depth):
            raise InvalidProof("the entry shown stands at another place of the map")
        place = proof.other.leaf()
    if _climb(path, place, proof.siblings) != root:
        raise InvalidProof(f"the proof does not show that the map holds nothing for {subject}")


def _climb(path: int, place: bytes, siblings: Sequence[bytes]) -> bytes:
    if len(siblings) > PATH_BITS:
        raise InvalidProof(f"a path has at most {PATH_BITS} steps, got {len(siblings)}")
    found = place
    for depth, sibling in zip(range(len(siblings) - 1, -1, -1), siblings, strict=True):
        if len(sibling) != HASH_BYTES:
            raise InvalidProof("a hash of 32 bytes is needed")
        found = inner(sibling, found) if bit_of(path, depth) else inner(found, sibling)
    return found
