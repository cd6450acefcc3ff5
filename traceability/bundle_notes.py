"""The signed note inside a bundle, read without anything of this installation: the log's signature, the cosignatures of witnesses.

C2SP signed-note, tlog-checkpoint and tlog-cosignature, with our `time` and `map` lines. `dashboards/web/src/_notes.js` reads the same.
"""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from dataclasses import dataclass

from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from traceability.bundle_form import MOST_EXACT, Broken, unbase64

LOG_KEY, WITNESS_KEY = 1, 4
_WHOLE = re.compile(r"(0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key as C2SP tools write it: NAME+key hash+base 64 of the type and the key."""

    name: str
    kind: int
    public_key: bytes

    @property
    def key_hash(self) -> bytes:
        """The four bytes by which a note names this key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key).digest()[:4]


@dataclass(frozen=True, slots=True)
class Opened:
    """A checkpoint whose signature by the log was found to fit, with what its witnesses signed."""

    text: str
    size: int
    root: bytes
    time_ms: int
    map_root: bytes | None
    lines: tuple[tuple[str, bytes], ...]


def read_vkey(vkey: str, kind: int, step: int) -> NoteKey:
    """Return the key that a vkey of this type spells; Broken at `step` where it spells none."""
    name, _, rest = vkey.partition("+")
    told_hash, _, encoded = rest.partition("+")
    try:
        key = unbase64(encoded)
    except Broken as error:
        raise Broken(step, f"this is no public key of a note: {vkey[:60]}") from error
    found = NoteKey(name, kind, key[1:])
    if not name or " " in name or len(key) != 33 or key[0] != kind or found.key_hash.hex() != told_hash:
        raise Broken(step, f"this is no public key of a note: {vkey[:60]}")
    return found


def open_note(note: str, log: NoteKey) -> Opened:
    """Return the checkpoint in a note that the log signed; Broken at step 2 where it did not."""
    text, gap, below = note.rpartition("\n\n")
    if not gap or not below.endswith("\n"):
        raise Broken(2, "the checkpoint is no signed note")
    text += "\n"
    lines = tuple(_line(one) for one in below[:-1].split("\n"))
    if not any(name == log.name and told[:4] == log.key_hash and fits(log.public_key, text.encode(), told[4:]) for name, told in lines):
        raise Broken(2, "the checkpoint is not signed by the log's key")
    told = text[:-1].split("\n")
    if len(told) not in (4, 5) or told[0] != log.name or not _WHOLE.match(told[1]) or not _WHOLE.match(told[3].removeprefix("time ")):
        raise Broken(2, "the checkpoint cannot be read")
    size, time_ms = int(told[1]), int(told[3].removeprefix("time "))
    mapped = told[4].removeprefix("map ") if len(told) == 5 else None
    root, map_root = _hash(told[2]), None if mapped is None else _hash(mapped)
    spelled = [told[0], str(size), told[2], f"time {time_ms}", *([] if mapped is None else [f"map {mapped}"])]
    if told != spelled or max(size, time_ms) > MOST_EXACT:
        raise Broken(2, "the checkpoint is not written as checkpoints are")
    return Opened(text, size, root, time_ms, map_root, lines)


def cosigned(opened: Opened, witness: NoteKey) -> int | None:
    """Return when (Unix seconds) a witness cosigned, None where it did not; Broken at step 3 where a line in its name is false."""
    for name, told in opened.lines:
        if name != witness.name or told[:4] != witness.key_hash:
            continue
        seconds = struct.unpack(">Q", told[4:12])[0] if len(told) == 76 else MOST_EXACT + 1
        message = f"cosignature/v1\ntime {seconds}\n{opened.text}".encode()
        if seconds > MOST_EXACT or not fits(witness.public_key, message, told[12:]):
            raise Broken(3, f"a cosignature in the name of {name} is false"[:200])
        return int(seconds)
    return None


def fits(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature over `message` was made by this key."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


def _line(line: str) -> tuple[str, bytes]:
    dash, name, encoded = ([*line.split(" "), "", ""])[:3]
    if dash != "—" or not name or line != f"— {name} {encoded}":
        raise Broken(2, "a signature under the checkpoint is written in another way")
    try:
        told = unbase64(encoded)
    except Broken as error:
        raise Broken(2, "a signature under the checkpoint is no base 64") from error
    if len(told) < 5:
        raise Broken(2, "a signature under the checkpoint is too short")
    return name, told


def _hash(text: str) -> bytes:
    try:
        found = unbase64(text)
    except Broken as error:
        raise Broken(2, "the checkpoint cannot be read") from error
    if len(found) != 32 or base64.b64encode(found).decode() != text:
        raise Broken(2, "the checkpoint cannot be read")
    return found
