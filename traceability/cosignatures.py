"""What a witness puts under a checkpoint: C2SP tlog-cosignature, version 1 (Ed25519).

A cosignature says: at this time, this was the largest checkpoint of this log that I had seen, and it is consistent with all I saw
before. A witness that recomputes maps says more, by agreement with those who trust its key; the format is the same.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from foundation.errors import BadInput, Conflict
from foundation.files import make_once
from traceability.heads import read_signature_line, split_vkey

_KIND = b"\x04"
_PRIVATE = "PRIVATE+KEY+"
MOST_NAME = 120


@dataclass(frozen=True, slots=True)
class Cosignature:
    """One witness's line under a checkpoint."""

    name: str
    key_hash: bytes
    time_s: int
    signature: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.time_s < 1 << 63 or len(self.signature) != 64 or len(self.key_hash) != 4:
            raise BadInput("this is no cosignature", got=f"{self.name[:60]!r}, time {self.time_s}")

    def line(self) -> str:
        """Return the note line, without its newline."""
        told = base64.b64encode(self.key_hash + struct.pack(">Q", self.time_s) + self.signature).decode()
        return f"— {self.name} {told}"


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness as others know it: its name and public key."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or len(self.name) > MOST_NAME or "+" in self.name or any(c.isspace() for c in self.name):
            raise BadInput("a witness needs a name", expected=f"1 to {MOST_NAME} characters without spaces or +", got=repr(self.name[:140]))
        if len(self.public_key) != 32:
            raise BadInput("a witness needs an Ed25519 key", expected="32 bytes", got=f"{len(self.public_key)} bytes")

    @property
    def key_hash(self) -> bytes:
        """The four bytes by which a note names this key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _KIND + self.public_key).digest()[:4]

    def vkey(self) -> str:
        """Return the key as C2SP tools take it on their command lines."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_KIND + self.public_key).decode()}"

    def fits(self, text: str, cosignature: Cosignature) -> bool:
        """Tell whether this witness cosigned exactly this checkpoint text."""
        if (cosignature.name, cosignature.key_hash) != (self.name, self.key_hash):
            return False
        try:
            VerifyKey(self.public_key).verify(_message(text, cosignature.time_s), cosignature.signature)
        except (BadSignatureError, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class CosignerKey:
    """A witness's private key with its name."""

    name: str
    seed: bytes

    @property
    def public(self) -> Cosigner:
        """The public half."""
        return Cosigner(self.name, bytes(SigningKey(self.seed).verify_key))

    def cosign(self, text: str, time_s: int) -> Cosignature:
        """Return the cosignature over a checkpoint's text."""
        return Cosignature(self.name, self.public.key_hash, time_s, SigningKey(self.seed).sign(_message(text, time_s)).signature)


def read_cosigner(vkey: str) -> Cosigner:
    """Return a witness's public key from its C2SP spelling. Raises BadInput where it is none."""
    name, key_hash, kind, public_key = split_vkey(vkey)
    if kind != _KIND:
        raise BadInput("this is no key of a witness", expected="type 4, a cosigner's Ed25519 key", got=vkey[:80])
    found = Cosigner(name, public_key)
    if found.key_hash != key_hash:
        raise BadInput("this key does not fit its own hash", got=vkey[:80], todo="copy it again, whole")
    return found


def read_cosignature(line: str) -> Cosignature:
    """Return the cosignature a note line holds. Raises BadInput where it holds none."""
    return of_signature(*read_signature_line(line))


def of_signature(name: str, key_hash: bytes, signature: bytes) -> Cosignature:
    """Return the cosignature in a note's signature; BadInput where it is one of another kind."""
    if len(signature) != 72:
        raise BadInput("this is no cosignature", expected="8 bytes of time and 64 of signature", got=f"{len(signature)} bytes")
    return Cosignature(name, key_hash, int.from_bytes(signature[:8], "big"), signature[8:])


def read_cosigner_key(path: Path, name: str = "") -> CosignerKey:
    """Return the witness's key from `path`, made there (for its owner alone) if there is none yet."""
    if not path.exists():
        seed = secrets.token_bytes(32)
        made = CosignerKey(name or "suhe-witness/" + hashlib.sha256(bytes(SigningKey(seed).verify_key)).hexdigest()[:12], seed)
        told = base64.b64encode(_KIND + seed).decode()
        make_once(path, f"{_PRIVATE}{made.name}+{made.public.key_hash.hex()}+{told}\n".encode())
    try:
        told = path.read_text().strip()
        found, key_hash, kind, seed = split_vkey(told.removeprefix(_PRIVATE)) if told.startswith(_PRIVATE) else ("", b"", b"", b"")
    except (BadInput, UnicodeDecodeError) as error:
        raise Conflict("the witness's key cannot be read", got=str(path), todo="restore it from a backup") from error
    if kind != _KIND or (key := CosignerKey(found, seed)).public.key_hash != key_hash:
        raise Conflict("the witness's key is damaged", got=str(path), todo="restore it from a backup")
    if name and name != key.name:
        raise Conflict("this key has another name", expected=name, got=key.name, todo="leave --name out, or make another key")
    return key


def _message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
