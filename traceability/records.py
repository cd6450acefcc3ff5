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
        leaf = added + struct.pack(">I", len(self.body)) + self.body
        return hashlib.sha256(added).digest(), leaf_hash(leaf)


def hash_body(body: bytes) -> bytes:
    """Return the body hash."""
    return hashlib.sha256(body).digest()


def _fixed(digest: bytes) -> bytes:
    if len(digest) != 32:
        raise ValueError(f"a hash of 32 bytes is needed, got {len(digest)}")
    return digest
