"""The publishable proof that a log showed two histories: two checkpoints its key signed that cannot both be true.

Anybody checks it offline, and it needs no trust in who brings it. What two notes alone show: two roots, or two maps, at one size; a
larger log at an earlier time. Where the sizes differ they may still be of two histories; then the larger tree's own hashes show which
root it has at the smaller size (`root` and `proof`: a consistency proof from there), and it is not the one that was signed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput
from traceability.heads import LogHead, decode_once, read_log_vkey, read_note
from traceability.merkle import HASH_BYTES, InvalidProof, verify_consistency
from traceability.notes import NoteVerifier

FORMAT = "suhe/fork/1"
TWO_ROOTS, TWO_MAPS, TIME_BACK, TWO_HISTORIES = "two_roots", "two_maps", "time_back", "two_histories"
# What each kind shows, for a terminal and a file; pages have their own words.
KINDS: Mapping[str, str] = {
    TWO_ROOTS: "the log's key signed two roots for one size",
    TWO_MAPS: "the log's key signed two maps for one size",
    TIME_BACK: "the log's key signed a larger log for an earlier time, or a smaller one for a later",
    TWO_HISTORIES: "the larger log does not begin with the smaller: records were changed, dropped or put in between",
}


@dataclass(frozen=True, slots=True)
class Fork:
    """Two signed notes of one log, and, for two sizes, what the larger tree has at the smaller one."""

    log: NoteVerifier
    first: str
    second: str
    root: bytes | None = None
    proof: tuple[bytes, ...] = ()

    def check(self) -> str:
        """Return which of KINDS this proves.

        Raises:
            BadInput: a note is not signed by the log's key, or the two may well be of one honest history.

        """
        small, large = sorted((self._head(self.first), self._head(self.second)), key=lambda h: h.size)
        if small.size == large.size:
            if small.root != large.root:
                return TWO_ROOTS
            if small.map_root != large.map_root:
                return TWO_MAPS
        elif _earlier(large, small):
            return TIME_BACK
        elif self._other_root(small, large):
            return TWO_HISTORIES
        raise BadInput(
            "these two checkpoints may be of one history",
            got=f"sizes {small.size} and {large.size}",
            todo="for two sizes the proof needs the larger tree's root at the smaller size; an ALARM file holds it",
        )

    def as_json(self) -> dict[str, Any]:
        """Return the proof as it is published."""
        told: dict[str, Any] = {"suhe": FORMAT, "log": self.log.vkey(), "first": self.first, "second": self.second}
        if self.root is not None:
            told |= {"root": base64.b64encode(self.root).decode(), "proof": [base64.b64encode(p).decode() for p in self.proof]}
        return told

    def _head(self, note: str) -> LogHead:
        read = read_note(note)
        head = read.head
        if not read.signed_by(self.log) or head.origin != self.log.name:
            raise BadInput("this note is not signed by the log's key", expected=self.log.vkey(), got=repr(note[:80]))
        return head

    def _other_root(self, small: LogHead, large: LogHead) -> bool:
        if self.root is None or len(self.root) != HASH_BYTES or self.root == small.root or small.size == 0:
            return False
        try:
            verify_consistency(small.size, large.size, self.root, large.root, self.proof)
        except InvalidProof:
            return False
        return True


def read_fork(text: str) -> Fork:
    """Return the proof a file or a request holds; BadInput where it is none. Further fields are left alone."""
    try:
        told = json.loads(text)
        if told["suhe"] != FORMAT or not all(isinstance(told[name], str) for name in ("log", "first", "second")):
            raise ValueError
        root = decode_once(told["root"]) if told.get("root") else None
        proof = tuple(decode_once(p) for p in told.get("proof") or [])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput("this is no proof of a fork", expected=f"JSON with suhe {FORMAT}, log, first, second") from error
    if len(proof) > 64:
        raise BadInput("this proof is too long", expected="at most 64 hashes", got=str(len(proof)))
    return Fork(read_log_vkey(told["log"]), told["first"], told["second"], root, proof)


def _earlier(large: LogHead, small: LogHead) -> bool:
    return large.time_ms is not None and small.time_ms is not None and large.time_ms < small.time_ms
