"""The use cases around witnesses: which ones this log knows, taking their cosignatures, and who vouched for a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, Conflict, NotAllowed, NotFound, SuheError
from foundation.log import get_logger
from traceability import store, witness_store
from traceability.cosignatures import Cosignature, Cosigner, of_signature, read_cosignature, read_cosigner
from traceability.fork_proof import read_fork
from traceability.heads import read_note
from traceability.notes import NoteVerifier
from traceability.witness_store import CosignatureRow, Witness

# A witness's clock may run ahead of ours by this; more is a clock that was never set, and its times would be worth nothing.
MOST_AHEAD_S = 300


@dataclass(frozen=True, slots=True)
class Cosigned:
    """A checkpoint that a known witness vouched for, and when it did by its own clock."""

    witness: Witness
    size: int
    time_s: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """Who vouched for a record: per known witness the smallest checkpoint with it in it that the witness cosigned."""

    log_index: int
    by: tuple[Cosigned, ...]

    def __bool__(self) -> bool:
        return bool(self.by)

    @property
    def independent(self) -> int:
        """How many of them the operator does not run himself."""
        return sum(not c.witness.ours for c in self.by)

    @property
    def since_s(self) -> int | None:
        """When the first of them vouched; None where none did."""
        return min((c.time_s for c in self.by), default=None)


@dataclass(frozen=True, slots=True)
class WitnessStand:
    """A known witness and the largest checkpoint it cosigned; None where it has not yet."""

    witness: Witness
    last: Cosigned | None


class Witnessing:
    """Witnesses of one log. Without `log_key` they can be known, and nothing be taken."""

    def __init__(self, engine: Engine, clock: Clock, log_key: Callable[[], NoteVerifier] | None = None) -> None:
        self._engine, self._clock, self._log_key = engine, clock, log_key

    def add(self, vkey: str, *, whole: bool = False, ours: bool = False) -> Witness:
        """Know a witness by its public key from now on; the same key again changes nothing but what is said of it.

        Raises:
            BadInput: this is no witness's key.
            Conflict: another key has this name.

        """
        made = Witness(read_cosigner(vkey), to_ms(self._clock.now()), whole, ours)
        with self._engine.begin() as connection:
            known = next((w for w in witness_store.witnesses(connection) if w.name == made.name), None)
            if known is not None and known.cosigner != made.cosigner:
                raise Conflict("another key has this name", got=made.name, todo="remove that witness first, or choose another name")
            if known is not None:
                witness_store.remove(connection, made.name)
                made = Witness(made.cosigner, known.added_ms, whole, ours)
            witness_store.add(connection, made)
        return made

    def remove(self, name: str) -> None:
        """Forget a witness; its cosignatures no longer count. NotFound where there is none of this name."""
        with self._engine.begin() as connection:
            if not witness_store.remove(connection, name):
                raise NotFound("there is no such witness", got=name[:140], todo="suhe trace witness list")

    def known(self) -> list[Witness]:
        """Return the known witnesses, the oldest first."""
        with store.snapshot(self._engine) as connection:
            return witness_store.witnesses(connection)

    def stands(self) -> list[WitnessStand]:
        """Return each known witness with the largest checkpoint it cosigned."""
        with store.snapshot(self._engine) as connection:
            return [WitnessStand(w, _cosigned(connection, w, _latest)) for w in witness_store.witnesses(connection)]

    def take(self, note: str) -> list[Cosigned]:
        """Keep the cosignatures of known witnesses on a checkpoint of ours; return those that fit, new or not.

        Raises:
            BadInput: this is no checkpoint with cosignatures, or a witness's clock runs ahead.
            NotFound: we made no checkpoint of this size.
            Conflict: at this size we made another checkpoint; if this log's key signed this one too, that is told in the log.
            NotAllowed: no known witness's signature fits.

        """
        told = read_note(note)
        head = told.head
        now_ms = to_ms(self._clock.now())
        with self._engine.begin() as connection:
            own = _note_at(connection, head.size)
            if own is None or read_note(own).text != told.text:
                self._not_ours(own, note, told.signed_by(self._key()), head.size)
            known = {(w.name, w.cosigner.key_hash): w for w in witness_store.witnesses(connection)}
            fitting = [(known[c.name, c.key_hash], c) for c in _cosignatures(told.signatures) if (c.name, c.key_hash) in known]
            fitting = [(w, c) for w, c in fitting if w.cosigner.fits(told.text, c)]
            if not fitting:
                raise NotAllowed("no known witness signed this checkpoint", todo="the log's operator adds one: suhe trace witness add VKEY")
            for w, c in fitting:
                if c.time_s > now_ms // 1000 + MOST_AHEAD_S:
                    raise BadInput("this cosignature is from the future", got=f"{w.name}, time {c.time_s}", todo="set the witness's clock")
                witness_store.keep(connection, CosignatureRow(head.size, w.name, c.key_hash.hex(), c.time_s, c.line(), now_ms))
        return [Cosigned(w, head.size, c.time_s) for w, c in fitting]

    def take_alarm(self, proof: str) -> bool:
        """Keep a proof that this log's key signed two checkpoints that cannot both be true; tell whether it was new.

        Raises BadInput where it proves no such thing: what is kept here speaks against ourselves, and anyone may bring it.
        """
        fork = read_fork(proof)
        if fork.log != self._key():
            raise BadInput("this proof is about another log", expected=self._key().vkey(), got=fork.log.vkey())
        kind = fork.check()
        digest = hashlib.sha256("\0".join(sorted((fork.first, fork.second))).encode()).hexdigest()
        with self._engine.begin() as connection:
            new = witness_store.keep_alarm(connection, digest, kind, json.dumps(fork.as_json()), to_ms(self._clock.now()))
        if new:
            get_logger(__name__).error("a proof against this log was brought: its key signed two histories", kind=kind)
        return new

    def alarms(self) -> list[tuple[int, str, str]]:
        """Return (received, kind, proof) of every proof that was brought against this log, the latest first."""
        with store.snapshot(self._engine) as connection:
            return witness_store.alarms(connection)

    def lines(self, connection: Connection, note: str) -> str:
        """Return a stored checkpoint's note with the lines of all known witnesses that cosigned it."""
        text = read_note(note).text
        fitting = _fitting(connection, text, read_note(note).head.size)
        return note + "".join(row.line + "\n" for _, row in fitting)

    def of_sizes(self, sizes: Iterable[int]) -> dict[int, list[Cosigned]]:
        """Return who cosigned each of these checkpoints."""
        found: dict[int, list[Cosigned]] = {}
        with store.snapshot(self._engine) as connection:
            for size in sizes:
                note = _note_at(connection, size)
                if note is not None:
                    found[size] = [Cosigned(w, size, row.time_s) for w, row in _fitting(connection, read_note(note).text, size)]
        return found

    def witnessed(self, log_index: int) -> Witnessed:
        """Return who vouched for a record. Only signatures that fit the checkpoints we hold count, whatever the tables say."""
        with store.snapshot(self._engine) as connection:
            found = [
                _cosigned(connection, w, lambda c, n, k: witness_store.first_covering(c, log_index + 1, n, k))
                for w in witness_store.witnesses(connection)
            ]
        return Witnessed(log_index, tuple(c for c in found if c is not None))

    def _key(self) -> NoteVerifier:
        if self._log_key is None:
            raise Conflict("here the log's key is not known")
        return self._log_key()

    def _not_ours(self, own: str | None, note: str, signed: bool, size: int) -> None:
        if signed:
            # Our own key signed what we do not hold: this database was rolled back or rewritten, or the key is used elsewhere.
            get_logger(__name__).error("a checkpoint signed by this log's key is not in this log", size=size, note=note, held=own or "")
        if own is None:
            raise NotFound("this log made no checkpoint of this size", got=str(size))
        raise Conflict("this log made another checkpoint of this size", got=str(size), todo="compare both notes: suhe witness prove-fork")


def _cosignatures(signatures: Iterable[tuple[str, bytes, bytes]]) -> list[Cosignature]:
    # The log's own signature has another length; a line of a kind we do not know is nothing to us.
    return [of_signature(*s) for s in signatures if len(s[2]) == 72 and s[2][0] < 0x80]


_Find = Callable[[Connection, str, str], CosignatureRow | None]


def _latest(connection: Connection, name: str, key_hash: str) -> CosignatureRow | None:
    return witness_store.latest_of(connection, name, key_hash)


def _cosigned(connection: Connection, witness: Witness, find: _Find) -> Cosigned | None:
    row = find(connection, witness.name, witness.cosigner.key_hash.hex())
    note = _note_at(connection, row.size) if row is not None else None
    if row is None or note is None or not _fits(witness.cosigner, read_note(note).text, row):
        return None
    return Cosigned(witness, row.size, row.time_s)


def _fitting(connection: Connection, text: str, size: int) -> list[tuple[Witness, CosignatureRow]]:
    known = {w.name: w for w in witness_store.witnesses(connection)}
    rows = [row for row in witness_store.at_sizes(connection, [size]) if row.witness in known]
    return [(known[row.witness], row) for row in rows if _fits(known[row.witness].cosigner, text, row)]


def _fits(cosigner: Cosigner, text: str, row: CosignatureRow) -> bool:
    try:
        found = read_cosignature(row.line)
    except SuheError:
        return False
    return found.time_s == row.time_s and cosigner.fits(text, found)


def _note_at(connection: Connection, size: int) -> str | None:
    found = connection.execute(select(store.checkpoint.c.note).where(store.checkpoint.c.size == size)).scalar()
    return None if found is None else str(found)
