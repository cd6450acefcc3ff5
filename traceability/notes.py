"""Signed checkpoints: C2SP tlog-checkpoint in a C2SP signed note, by an Ed25519 key.

The text is origin, size, root in base 64, a `time` line and a `map` line with the root of the map of subjects, one per line; below an
empty line stands one signature per signer: an em dash, the signer's name, and base 64 of its key hash (4 bytes) and signature. Any C2SP
tool reads it. Checkpoints from before the map was kept have no such line.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from foundation.errors import BadInput, Conflict
from foundation.files import make_once
from traceability.merkle import HASH_BYTES

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log says of itself at one moment: its size, its root, the time, and the map's root (None in checkpoints older than it)."""

    origin: str
    size: int
    root: bytes
    time_ms: int
    map_root: bytes | None = None

    def __post_init__(self) -> None:
        hashes = [self.root] if self.map_root is None else [self.root, self.map_root]
        if (
            not self.origin
            or any(c.isspace() for c in self.origin)
            or self.size < 0
            or self.time_ms < 0
            or {*map(len, hashes)} != {HASH_BYTES}
        ):
            raise BadInput("this is no checkpoint", got=f"{self.origin!r}, size {self.size}")

    def text(self) -> str:
        """Return the text that is signed."""
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), f"time {self.time_ms}"]
        if self.map_root is not None:
            lines.append("map " + base64.b64encode(self.map_root).decode())
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A signer's name and public key."""

    name: str
    public_key: bytes

    @property
    def key_hash(self) -> bytes:
        """The four bytes by which a note names this key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:4]

    def vkey(self) -> str:
        """Return the key as C2SP tools take it on their command lines."""
        return f"{self.name}+{self.key_hash.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint in a note this key signed.

        Raises:
            BadInput: the note is malformed, or not signed by this key.

        """
        text, gap, signatures = note.rpartition("\n\n")
        if not gap:
            raise BadInput("this is no signed note", expected="a text, an empty line, signatures")
        text += "\n"
        if not any(self._signed(text, line) for line in signatures.splitlines()):
            raise BadInput("this checkpoint is not signed by the log's key", expected=self.name, todo="compare the log's public key")
        return _parse(text)

    def fits(self, message: bytes, signature: bytes) -> bool:
        """Tell whether `signature` over `message` was made by this key."""
        try:
            VerifyKey(self.public_key).verify(message, signature)
        except (BadSignatureError, ValueError):
            return False
        return True

    def _signed(self, text: str, line: str) -> bool:
        start = f"— {self.name} "
        if not line.startswith(start):
            return False
        try:
            found = base64.b64decode(line[len(start) :], validate=True)
        except binascii.Error:
            return False
        # The one spelling: base 64 may otherwise end in bits nobody reads.
        if base64.b64encode(found).decode() != line[len(start) :] or found[:4] != self.key_hash:
            return False
        return self.fits(text.encode(), found[4:])


@dataclass(frozen=True, slots=True, repr=False)
class NoteSigner:
    """The log's private key with its name."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> NoteVerifier:
        """The public half."""
        return NoteVerifier(self.name, bytes(_key_of(self.seed).verify_key))

    def sign(self, message: bytes) -> bytes:
        """Return the bare signature over `message`."""
        return _key_of(self.seed).sign(message).signature

    def note(self, checkpoint: Checkpoint) -> str:
        """Return the signed note of a checkpoint."""
        text = checkpoint.text()
        signature = base64.b64encode(self.verifier.key_hash + self.sign(text.encode())).decode()
        return f"{text}\n— {self.name} {signature}\n"


@cache
def _key_of(seed: bytes) -> SigningKey:
    """Return the key of a seed; making it costs as much as signing."""
    return SigningKey(seed)


def read_signer(path: Path) -> NoteSigner:
    """Return the log's key from `path`, made there (for its owner alone) if there is none yet.

    The file holds one line in the format of Go's note package, so that the key can move to other tools.
    """
    if not path.exists():
        _make_signer(path)
    try:
        told = path.read_text().strip()
        name, key_hash, encoded = told.removeprefix(_PRIVATE).split("+", 2) if told.startswith(_PRIVATE) else ("", "", "")
        secret = base64.b64decode(encoded, validate=True)
        signer = NoteSigner(name, secret[1:])
        fine = secret[:1] == _ED25519 and len(signer.seed) == 32 and signer.verifier.key_hash.hex() == key_hash
    except (ValueError, binascii.Error) as error:
        raise Conflict(
            "the log's key cannot be read", got=str(path), todo="restore it from a backup; without it no checkpoint counts"
        ) from error
    if not fine:
        raise Conflict("the log's key is damaged", got=str(path), todo="restore it from a backup; without it no checkpoint counts")
    return signer


def _make_signer(path: Path) -> None:
    seed = secrets.token_bytes(32)
    # The name tells one installation's log from another's; it comes from the key, so a copied folder stays the same log.
    name = "suhe-log/" + hashlib.sha256(bytes(SigningKey(seed).verify_key)).hexdigest()[:12]
    signer = NoteSigner(name, seed)
    line = f"{_PRIVATE}{name}+{signer.verifier.key_hash.hex()}+{base64.b64encode(_ED25519 + seed).decode()}\n"
    make_once(path, line.encode())


def _parse(text: str) -> Checkpoint:
    try:
        origin, size, root, time, *more = text.removesuffix("\n").split("\n")
        mapped = [base64.b64decode(line.removeprefix("map "), validate=True) for line in more]
        found = Checkpoint(origin, int(size), base64.b64decode(root, validate=True), int(time.removeprefix("time ")), *mapped)
    except (ValueError, TypeError, binascii.Error) as error:
        raise BadInput("this checkpoint cannot be read", got=repr(text[:120])) from error
    if found.text() != text:
        raise BadInput("this checkpoint is not written as checkpoints are", got=repr(text[:120]))
    return found
