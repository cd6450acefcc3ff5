r"""The record of an event in the log: the body unchanged, and what the server adds to it, in one unambiguous encoding.

Every field has a fixed length or its length before it, all integers are big-endian:

    "suhe/record/v1\n"
    number of lots                        4 bytes
    per lot, in the order of the URNs:    length 2, URN; lot_seq 8; prev 32
    body_hash 32; length 2, key id; length 2, signature; record_time (ms UTC) 8

The record hash is the SHA-256 of exactly this. The log's leaf is this, then the length of the body (4) and the body.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from traceability.merkle import leaf_hash

TAG = b"suhe/record/v1\n"
FIRST_PREV = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event's place in the chain of one lot: its number from 1, and the record hash of the one before (zeros for the first)."""

    lot: str
    lot_seq: int
    prev: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What is logged of one event. `entries` are in the order of their lots' URNs."""

    body: bytes
    entries: tuple[Entry, ...]
    body_hash: bytes
    key_id: str
    signature: bytes
    record_time_ms: int

    def added(self) -> bytes:
        """Return the encoding of everything the server added."""
        parts = [TAG, struct.pack(">I", len(self.entries))]
        for entry in self.entries:
            lot = entry.lot.encode()
            parts += [struct.pack(">H", len(lot)), lot, struct.pack(">Q", entry.lot_seq), _fixed(entry.prev)]
        key = self.key_id.encode()
        parts += [_fixed(self.body_hash), struct.pack(">H", len(key)), key, struct.pack(">H", len(self.signature)), self.signature]
        parts.append(struct.pack(">Q", self.record_time_ms))
        return b"".join(parts)

    def hashes(self) -> tuple[bytes, bytes]:
        """Return the record hash and the log's leaf hash."""
        added = self.added()
        return hashlib.sha256(added).digest(), leaf_hash(_leaf(added, self.body))

    def leaf(self) -> bytes:
        """Return the log's leaf: everything that is logged of this record."""
        return _leaf(self.added(), self.body)


def read_leaf(leaf: bytes) -> Record:
    """Return the record a leaf holds; ValueError unless the leaf is exactly what that record encodes to."""
    try:
        at = len(TAG)
        (count,) = struct.unpack_from(">I", leaf, at)
        at += 4
        entries = []
        # A count that promises more than the leaf is long ends at the leaf's end with an error, not in memory.
        for _ in range(count):
            lot, at = _short(leaf, at)
            lot_seq, prev = struct.unpack_from(">Q32s", leaf, at)
            entries.append(Entry(lot.decode(), lot_seq, prev))
            at += 40
        body_hash, at = leaf[at : at + 32], at + 32
        key, at = _short(leaf, at)
        signature, at = _short(leaf, at)
        record_time_ms, length = struct.unpack_from(">QI", leaf, at)
        body = leaf[at + 12 :]
        found = Record(body, tuple(entries), body_hash, key.decode(), signature, record_time_ms)
        whole = len(body) == length and found.leaf() == leaf
    except struct.error as error:
        raise ValueError("this leaf holds no record") from error
    if not whole:
        raise ValueError("this leaf holds no record")
    return found


def hash_body(body: bytes) -> bytes:
    """Return the body hash."""
    return hashlib.sha256(body).digest()


def _leaf(added: bytes, body: bytes) -> bytes:
    return added + struct.pack(">I", len(body)) + body


def _short(leaf: bytes, at: int) -> tuple[bytes, int]:
    (length,) = struct.unpack_from(">H", leaf, at)
    at += 2
    if at + length > len(leaf):
        raise ValueError("this leaf ends too early")
    return leaf[at : at + length], at + length


def _fixed(digest: bytes) -> bytes:
    if len(digest) != 32:
        raise ValueError(f"a hash of 32 bytes is needed, got {len(digest)}")
    return digest
