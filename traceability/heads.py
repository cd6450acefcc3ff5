"""Reading signed notes of any transparency log: C2SP signed-note and tlog-checkpoint, as a witness and a checker need them.

`notes.py` writes our own checkpoints; here a note is only read, from whichever log, and nothing is believed of it but its form.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from foundation.errors import BadInput
from traceability.merkle import HASH_BYTES
from traceability.notes import NoteVerifier

# What a note may be at most; C2SP leaves it to the reader. Ours with thirty witnesses is 5 kB.
MOST_NOTE_BYTES = 65_536
_LOG_KEY = b"\x01"


@dataclass(frozen=True, slots=True)
class LogHead:
    """A checkpoint's content: whose log, how large, its root, and the lines the log added."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...]

    @property
    def time_ms(self) -> int | None:
        """The time our logs add; None where there is none."""
        told = self._extension("time ")
        return int(told) if told is not None and told.isascii() and told.isdigit() else None

    @property
    def map_root(self) -> bytes | None:
        """The root of the map of subjects our logs add; None where there is none."""
        told = self._extension("map ")
        return None if told is None else decode_once(told)

    def _extension(self, start: str) -> str | None:
        return next((line.removeprefix(start) for line in self.extensions if line.startswith(start)), None)


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note's text, which is what was signed, and its signature lines as (name, key hash, signature)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @property
    def head(self) -> LogHead:
        """The checkpoint the text spells."""
        return read_head(self.text)

    def signed_by(self, key: NoteVerifier) -> bool:
        """Tell whether the log's key signed this text."""
        named = [s for name, key_hash, s in self.signatures if (name, key_hash) == (key.name, key.key_hash)]
        return any(key.fits(self.text.encode(), s) for s in named)


def read_note(note: str) -> SignedNote:
    """Return a note taken apart. Raises BadInput where it is no signed note."""
    if len(note.encode("utf-8", "surrogatepass")) > MOST_NOTE_BYTES:
        raise BadInput("this note is too long", expected=f"at most {MOST_NOTE_BYTES} bytes")
    text, gap, signatures = note.rpartition("\n\n")
    if not gap or not text or not signatures.endswith("\n"):
        raise BadInput("this is no signed note", expected="a text, an empty line, signatures", got=repr(note[:60]))
    return SignedNote(text + "\n", tuple(read_signature_line(line) for line in signatures[:-1].split("\n")))


def read_signature_line(line: str) -> tuple[str, bytes, bytes]:
    """Return (name, key hash, signature) of a note's signature line."""
    start, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    found = decode_once(encoded) if start == "—" and name and "+" not in name else b""
    if len(found) < 5:
        raise BadInput("this is no signature line of a note", expected="— NAME BASE64", got=repr(line[:80]))
    return name, found[:4], found[4:]


def read_head(text: str) -> LogHead:
    """Return the checkpoint a note's text spells. Raises BadInput where it is none."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(lines[:-1]):
        raise BadInput("this note holds no checkpoint", expected="origin, size, root and further lines", got=repr(text[:120]))
    origin, size, root = lines[:3]
    if not (size.isascii() and size.isdigit()) or str(int(size)) != size or int(size) >= 1 << 63:
        raise BadInput("this checkpoint has no size", got=repr(size[:40]))
    found = decode_once(root)
    if len(found) != HASH_BYTES:
        raise BadInput("this checkpoint has no root", expected="base 64 of 32 bytes", got=repr(root[:60]))
    return LogHead(origin, int(size), found, tuple(lines[3:-1]))


def read_log_vkey(vkey: str) -> NoteVerifier:
    """Return a log's public key from its C2SP spelling: name, key hash, and base 64 of type 1 and the key."""
    name, key_hash, kind, public_key = split_vkey(vkey)
    if kind != _LOG_KEY:
        raise BadInput("this is no Ed25519 key of a log", expected="type 1", got=vkey[:80])
    found = NoteVerifier(name, public_key)
    if found.key_hash != key_hash:
        raise BadInput("this key does not fit its own hash", got=vkey[:80], todo="copy it again, whole")
    return found


def split_vkey(vkey: str) -> tuple[str, bytes, bytes, bytes]:
    """Return (name, key hash, type, public key) of a C2SP verifier key of 32 bytes."""
    name, _, rest = vkey.strip().partition("+")
    told, _, encoded = rest.partition("+")
    found = decode_once(encoded)
    try:
        key_hash = bytes.fromhex(told)
    except ValueError:
        key_hash = b""
    if not name or any(c.isspace() for c in name) or len(key_hash) != 4 or len(found) != 33:
        raise BadInput("this is no public key of a note's signer", expected="NAME+HASH+BASE64", got=repr(vkey[:80]))
    return name, key_hash, found[:1], found[1:]


def decode_once(text: str) -> bytes:
    """Return what base 64 spells, nothing where it is not the one spelling: it may otherwise end in bits nobody reads."""
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if base64.b64encode(found).decode() == text else b""
