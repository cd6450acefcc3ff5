"""Public signing keys of parties: from when to when a signature made with one counts. Private keys are never kept here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from nacl.bindings import crypto_core_ed25519_is_valid_point

from foundation.errors import BadInput
from foundation.ids import check_id
from registry.checks import check_span

_KEY_ID = re.compile(r"[0-9a-f]{16}\Z")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 public key of a party. A signature counts if it was made in [valid_from, valid_to) and before any revocation."""

    id: str
    party: str
    public_key: bytes
    valid_from_ms: int
    valid_to_ms: int | None = None
    revoked_ms: int | None = None

    def __post_init__(self) -> None:
        check_id(self.party, "party id")
        check_public_key(self.public_key)
        check_span(self.valid_from_ms, self.valid_to_ms)
        if self.id != key_id(self.public_key):
            raise BadInput("this key id is not the key's", expected=key_id(self.public_key), got=repr(self.id[:40]))

    def valid_at(self, at_ms: int) -> bool:
        """Tell whether a signature made at `at_ms` counts."""
        ends = [t for t in (self.valid_to_ms, self.revoked_ms) if t is not None]
        return self.valid_from_ms <= at_ms and all(at_ms < t for t in ends)


def key_id(public_key: bytes) -> str:
    """Return the id of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def check_key_id(value: str) -> str:
    """Return `value` if it has the shape of a key id."""
    if not _KEY_ID.match(value):
        raise BadInput("this is no key id", expected="16 hex digits", got=repr(value[:40]))
    return value


def check_public_key(public_key: bytes) -> None:
    """Refuse bytes that are no Ed25519 public key; points of small order verify forged signatures and are refused too."""
    if len(public_key) != 32:
        raise BadInput("this is no Ed25519 public key", expected="32 bytes", got=f"{len(public_key)} bytes")
    if not crypto_core_ed25519_is_valid_point(public_key):
        raise BadInput("this is no Ed25519 public key", expected="a point of the main subgroup", got=public_key.hex())
