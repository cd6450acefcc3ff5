"""A witness at work: look at the log, check that it only ever grew, remember, cosign; raise the alarm where it did not.

1. read the note and check the log's signature, 2. compare it with everything seen before, 3. check that the last checkpoint's tree is a
prefix of this one's, 4. recompute everything from the records, where this witness does that, 5. remember, on disk, 6. cosign.
Nothing is signed while an alarm stands. Trouble on the way (no answer, a page where a note should be)
is no alarm: it is told, and tried again.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from foundation.clock import Clock, to_ms
from foundation.errors import BadInput, SuheError, Unavailable
from traceability.cosignatures import Cosignature, CosignerKey
from traceability.fork_proof import KINDS, TIME_BACK, TWO_HISTORIES, TWO_MAPS, TWO_ROOTS, Fork
from traceability.heads import SignedNote, read_log_vkey, read_note
from traceability.merkle import InvalidProof, consistency_proof, verify_consistency
from traceability.witness_log import LogSource
from traceability.witness_state import Alarm, Recomputed, WitnessState
from traceability.witness_whole import NotTheRecords, Whole

UNSIGNED, OTHER_LOG, ROLLBACK, MAP_GONE, WRONG_RECORDS = "unsigned", "other_log", "rollback", "map_gone", "wrong_records"
WHAT = {
    **KINDS,
    UNSIGNED: "the checkpoint is not signed by the log's key",
    OTHER_LOG: "another log's checkpoint stands where this log's should",
    ROLLBACK: "the log is smaller than it was: it was cut back, or an old backup runs",
    MAP_GONE: "the checkpoint no longer says which map it has",
    WRONG_RECORDS: "the records do not make what the checkpoint says",
}
# A log where nothing happens has one checkpoint for days: vouching for it again says that it is still the latest.
AGAIN_S = 600
# The standard library's: a witness has the base install alone.
_LOG = logging.getLogger(__name__)


class Alarmed(SuheError):
    """The witness refuses, because of what it found now or earlier."""

    code = "alarm"
    status = 503


@dataclass(frozen=True, slots=True)
class Look:
    """What became of one look: the cosigned note where it was cosigned, the alarm kind where there is one, else nothing new."""

    note: str = ""
    alarm: str = ""


@dataclass(frozen=True, slots=True)
class _Before:
    note: str
    read: SignedNote


class WitnessProgram:
    """One witness of one log. `whole`: recompute everything from the records."""

    def __init__(self, state: WitnessState, key: CosignerKey, log: LogSource, clock: Clock, *, whole: bool = False) -> None:
        self.state, self.key, self.log, self.whole = state, key, log, whole
        self._clock = clock
        self._lock = threading.Lock()
        self._recomputed: Whole | None = None
        self.looked_ms = self.reached_ms = 0
        self.trouble = ""
        # At the start too: it may have been killed between signing and handing in.
        self._waiting = True

    def pin(self, vkey: str = "") -> tuple[str, bool]:
        """Pin the log's key, the one given or, at first contact, the one the log tells; return it and whether it is new."""
        known = self.state.pinned()
        wanted = vkey or known or self.log.key()
        read_log_vkey(wanted)
        self.state.pin(wanted.strip())
        return wanted.strip(), known is None

    def look(self) -> Look:
        """Fetch the latest checkpoint and deal with it; the cosignature is handed in. Trouble is noted and not raised."""
        self.looked_ms = self.now_ms()
        try:
            least = self._size()
            note = self.log.checkpoint()
            self.reached_ms = self.now_ms()
            found = self.consider(note, least=least)
            if found is None and self._waiting:
                found = self.cosigned()
            if found is not None:
                self._waiting = True
                self.log.post("cosignatures", found)
                self._waiting = False
        except Alarmed as alarm:
            self.trouble = alarm.explain()
            return Look(alarm=alarm.got)
        except SuheError as error:
            if self.trouble != error.explain():
                _LOG.warning("nothing cosigned: %s", error.explain())
            self.trouble = error.explain()
            return Look()
        self.trouble = ""
        return Look(found or "")

    def consider(self, note: str, *, least: int = 0, proof: tuple[int, list[bytes]] | None = None) -> str | None:
        """Check a checkpoint and return it cosigned; None where it is the last one and was cosigned lately.

        `least` is the size this witness knew before it asked: an answer that was overtaken meanwhile is no rollback. `proof` is the
        consistency proof that came with the checkpoint; without it the log's tiles are asked.

        Raises:
            Alarmed: the log did what it may not, or had done so before.
            Unavailable: the log did not give what is needed to check.
            BadInput: this is no checkpoint; a proof that came with it does not hold.

        """
        read = read_note(note)  # 1
        head = read.head
        with self._lock:
            self._check_signed(note, read)
            self.state.see(note, self.now_ms())
            last = self._last()
            for other in self.state.seen_at(head.size):  # 2
                self._same_size(other, note)
            self._refuse_under_alarm()
            if last is not None:
                if head.size < last.read.head.size:
                    if head.size < least:
                        self._alarm(ROLLBACK, last.note, note)
                    raise Unavailable("this checkpoint was overtaken", got=str(head.size))
                self._in_time(last, note, read)
                if last.read.text == read.text and self.now_ms() // 1000 < self.state.cosigned_s() + AGAIN_S and proof is None:
                    return None
                self._consistent(last, note, read, proof)  # 3
            stepped = self._recompute(last, note, read) if self.whole else None  # 4
            time_s = max(self.now_ms() // 1000, self.state.cosigned_s())
            try:
                self.state.advance(last.note if last else None, note, time_s, stepped)  # 5
            except SuheError:
                self._recomputed = None  # ahead of what is stored
                raise
            return note + self.key.cosign(read.text, time_s).line() + "\n"  # 6

    def cosigned(self) -> str:
        """Return the last checkpoint with this witness's line; "" where there is none."""
        last = self.state.last()
        # The same key, text and time give the same signature, so it need not be kept.
        return last + self._line(last).line() + "\n" if last else ""

    def _line(self, note: str) -> Cosignature:
        return self.key.cosign(read_note(note).text, self.state.cosigned_s())

    def _check_signed(self, note: str, read: SignedNote) -> None:
        key = read_log_vkey(self.state.pinned() or self.pin()[0])
        last = self.state.last() or ""
        if read.head.origin != key.name:
            self._alarm(OTHER_LOG, last, note)
        if not read.signed_by(key):
            self._alarm(UNSIGNED, last, note)

    def _same_size(self, other: str, note: str) -> None:
        a, b = read_note(other).head, read_note(note).head
        if a.root != b.root:
            self._alarm(TWO_ROOTS, other, note)
        if a.map_root != b.map_root:
            self._alarm(TWO_MAPS, other, note)

    def _in_time(self, last: _Before, note: str, read: SignedNote) -> None:
        before, now = last.read.head, read.head
        if before.time_ms is not None and (now.time_ms is None or now.time_ms < before.time_ms):
            self._alarm(TIME_BACK, last.note, note)
        if before.map_root is not None and now.map_root is None:
            self._alarm(MAP_GONE, last.note, note)

    def _consistent(self, last: _Before, note: str, read: SignedNote, proof: tuple[int, list[bytes]] | None) -> None:
        small, large = last.read.head, read.head
        if small.size in (0, large.size):
            return
        if proof is not None:
            try:
                verify_consistency(small.size, large.size, small.root, large.root, proof[1])
            except InvalidProof as error:
                # Anybody may send a wrong proof: it says nothing about the log.
                raise BadInput("this proof does not hold", got=str(error)) from error
            return
        tiles = self.log.tiles(large.size)
        try:
            steps = consistency_proof(tiles.node, small.size, large.size)
            verify_consistency(small.size, large.size, small.root, large.root, steps)
        except LookupError as error:
            raise Unavailable("the log does not give its tree", got=str(error)) from error
        except InvalidProof:
            self._alarm(TWO_HISTORIES, last.note, note, (tiles.root(small.size), tuple(steps)))

    def _recompute(self, last: _Before | None, note: str, read: SignedNote) -> Recomputed:
        if self._recomputed is None:
            self._recomputed = Whole(self.state.recomputed())
        whole, self._recomputed = self._recomputed, None
        try:
            found = whole.step(self.log.leaves(whole.size, read.head.size), read.head)
        except NotTheRecords as error:
            self._alarm(WRONG_RECORDS, last.note if last else "", note, why=str(error))
            raise
        self._recomputed = whole
        return found

    def _alarm(self, kind: str, first: str, second: str, shown: tuple[bytes, tuple[bytes, ...]] | None = None, why: str = "") -> None:
        key = read_log_vkey(self.state.pinned() or "")
        fork = Fork(key, first, second, *shown) if shown else Fork(key, first, second)
        what = WHAT[kind] + (f": {why}" if why else "")
        path = self.state.raise_alarm(Alarm(kind, what, first, second, self.now_ms()), fork)
        if path is not None:
            _LOG.error("ALARM, nothing more is cosigned: %s: %s; both notes are in %s", kind, what, path)
            try:
                fork.check()
                self.log.post("alarms", path.read_text())
            except SuheError:
                pass  # not provable by two notes alone, or the log does not want to hear it: the file is here
        self._recomputed = None
        raise Alarmed(what, got=kind, todo="compare with other witnesses, tell the operator, then: suhe witness --acknowledge")

    def _refuse_under_alarm(self) -> None:
        standing = self.state.standing()
        if standing:
            raise Alarmed(standing[0].what, got=standing[0].kind, todo="suhe witness --acknowledge, once it is clear what happened")

    def _last(self) -> _Before | None:
        note = self.state.last()
        return None if note is None else _Before(note, read_note(note))

    def _size(self) -> int:
        last = self._last()
        return last.read.head.size if last else 0

    def now_ms(self) -> int:
        """Return the time now."""
        return to_ms(self._clock.now())
