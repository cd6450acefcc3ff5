"""Check a proof bundle: no database, no network, no word of ours taken but the keys that are pinned.

The plan, numbered as in `bundle_outcome.PLAN` and in `dashboards/web/src/_verify_bundle.js`:

1. the file is strict JSON of our form; 2. the checkpoint is signed by the log's key; 3. k of n pinned witnesses cosigned it; 4. every body
is canonical and gives its record's hash; 5. the author's signature fits the body; 6. the key was registered in the log, counted at that
time and is entitled; 7. each chain runs from 1, each record names the one before, concerns just the subjects it stands under, and no
parent is left out; 8. the map under the checkpoint holds exactly these chains: none lacks its end; 9. the lot's last record is
in the log; 10. the log continues what was anchored; 11. disclosed values fit their commitments.

What was never logged, and whether what was written is true, no check can show.
"""

from __future__ import annotations

import hashlib
import hmac

from traceability import bundle_outcome as out
from traceability.bundle_form import Broken, Bundle, BundleRecord, Unknown, read_bundle
from traceability.bundle_notes import LOG_KEY, WITNESS_KEY, NoteKey, Opened, cosigned, fits, open_note, read_vkey
from traceability.bundle_outcome import PLAN, BundleStep, Outcome, Pins, RecordMark, Secret
from traceability.bundle_rules import KEY_URN, SECRET_FIELDS, Said, key_id, read_body, standing
from traceability.lot_map import MapEntry, verify_presence
from traceability.merkle import InvalidProof, verify_consistency, verify_inclusion
from traceability.records import FIRST_PREV, Entry, Record, hash_body


def check_bundle(data: bytes, pins: Pins | None = None) -> Outcome:
    """Return the outcome of checking a bundle's file under these pins. Never raises for what the file says."""
    check = _Check(data, pins or Pins())
    try:
        check.run()
    except Broken as broken:
        check.outcome.verdict = out.BROKEN
        check.outcome.step, check.outcome.what, check.outcome.record = broken.step, broken.what, broken.record
        check.close(broken.step)
    except Unknown as unknown:
        check.outcome.verdict, check.outcome.what = out.CANNOT, str(unknown)
        check.close(None)
    return check.outcome


class _Check:
    """One check on its way through the plan."""

    def __init__(self, data: bytes, pins: Pins) -> None:
        self._data, self._pins = data, pins
        self.outcome = Outcome(out.HOLDS)
        self._done: dict[int, tuple[str, str]] = {}
        self._said: dict[int, Said] = {}
        self._hashes: dict[int, tuple[bytes, bytes]] = {}
        self._prev: dict[tuple[int, str], bytes] = {}
        self._before: dict[int, list[int]] = {}

    def run(self) -> None:
        bundle = self._form()  # 1
        opened = self._checkpoint(bundle)  # 2
        witnessed = self._cosignatures(bundle, opened)  # 3
        everything = [*bundle.records, *bundle.pending]
        self._records(everything)  # 4
        self._signatures(bundle, everything)  # 5
        self._register(bundle, everything)  # 6
        self._chains(bundle, everything)  # 7
        self._map(bundle, opened)  # 8
        self._inclusion(bundle, opened)  # 9
        anchored = self._anchor(bundle, opened)  # 10
        self._secrets(bundle, everything)  # 11
        self._grade(bundle, everything, witnessed=witnessed, anchored=anchored)
        self.close(None)

    def close(self, bad: int | None) -> None:
        """Write the steps down: those done, the one that broke, those not reached."""
        steps = []
        for number, name in PLAN.items():
            state, detail = self._done.get(number, (out.NONE, "not reached"))
            if number == bad:
                state, detail = out.BAD, self.outcome.what
            steps.append(BundleStep(number, name, state, detail))
        self.outcome.steps = steps

    def _form(self) -> Bundle:
        bundle = read_bundle(self._data)
        o = self.outcome
        o.lot, o.code, o.pending, o.cut = bundle.lot, bundle.code, len(bundle.pending), bundle.cut
        o.log, o.log_from = (self._pins.log, "pinned") if self._pins.log else (bundle.log, "file")
        o.needed = self._pins.needed
        self._done[1] = (out.OK, f"{len(bundle.records)} records, {len(bundle.chains)} chains")
        return bundle

    def _checkpoint(self, bundle: Bundle) -> Opened | None:
        self._log = read_vkey(self.outcome.log, LOG_KEY, 2)
        if bundle.note is None:
            if bundle.records or bundle.inclusion or bundle.anchor or any(c.records for c in bundle.chains):
                raise Broken(2, "there is no checkpoint for what the file calls proved")
            self._done[2] = (out.NONE, "no checkpoint yet")
            return None
        opened = open_note(bundle.note, self._log)
        if any(r.index >= opened.size for r in bundle.records) or any(r.index < opened.size for r in bundle.pending):
            raise Broken(2, "the checkpoint's size does not part what is proved from what waits")
        if any(r.time_ms > opened.time_ms for r in bundle.records):
            raise Broken(2, "a record is newer than the checkpoint that covers it")
        self.outcome.size, self.outcome.time_ms = opened.size, opened.time_ms
        self._done[2] = (out.OK, f"{opened.size} records, by {self._log.name}")
        return opened

    def _cosignatures(self, bundle: Bundle, opened: Opened | None) -> bool:
        o, pinned = self.outcome, self._pins.witnesses
        o.witnesses_from = "pinned" if pinned else "file"
        known = [read_vkey(v, WITNESS_KEY, 3) for v in (pinned or bundle.witnesses)]
        o.witnesses_known = len({k.public_key for k in known})
        if opened is not None:
            who: dict[bytes, NoteKey] = {k.public_key: k for k in known if cosigned(opened, k) is not None}
            o.witnesses = sorted(k.name for k in who.values())
        met = bool(pinned) and len(o.witnesses) >= o.needed
        told = f"{len(o.witnesses)} of {o.witnesses_known} witnesses cosigned"
        more = f", {o.needed} are needed" if pinned else "; none of them is pinned, so this proves nothing more"
        self._done[3] = (out.OK if met else out.NONE, told + ("" if met else more))
        return met

    def _records(self, everything: list[BundleRecord]) -> None:
        last: dict[str, int] = {}
        for r in everything:
            self._said[r.index] = read_body(r.body, r.index)
            entries = []
            self._before[r.index] = []
            for e in r.entries:
                before = last.get(e.subject)
                told = self._hashes[before][0] if before is not None else FIRST_PREV
                prev = told if e.prev is None else e.prev
                self._prev[r.index, e.subject] = prev
                entries.append(Entry(e.subject, e.seq, prev))
                if before is not None and prev == told:
                    self._before[r.index].append(before)
                last[e.subject] = r.index
            body = r.body.encode()
            self._hashes[r.index] = Record(body, tuple(entries), hash_body(body), r.key, r.signature, r.time_ms).hashes()
        self._done[4] = (out.OK, f"{len(everything)} records")

    def _signatures(self, bundle: Bundle, everything: list[BundleRecord]) -> None:
        self._keys: dict[str, list[tuple[int, Said]]] = {}
        for r in everything:
            said = self._said[r.index]
            if said.statement and said.subjects[0].startswith(KEY_URN):
                self._keys.setdefault(said.subjects[0].removeprefix(KEY_URN), []).append((r.index, said))
        own, signed = key_id(self._log.public_key), 0
        for r in everything:
            if not r.key:
                continue
            if r.key == own:
                public_key: bytes | None = self._log.public_key
            else:
                found = standing(r.key, self._keys.get(r.key, []), bundle_end(bundle))
                public_key = found.public_key if found else None
            # Whose key is not registered is told at step 6.
            if public_key is not None and not fits(public_key, r.body.encode(), r.signature):
                raise Broken(5, "the signature does not fit the body", r.index)
            signed += 1
        self._done[5] = (out.OK, f"{signed} of {len(everything)} records are signed")

    def _register(self, bundle: Bundle, everything: list[BundleRecord]) -> None:
        own, chains = key_id(self._log.public_key), {c.subject for c in bundle.chains}
        for r in everything:
            said = self._said[r.index]
            if said.statement != (r.key == own):
                raise Broken(6, "the log's own key signs statements and nothing else", r.index)
            if said.statement or not r.key:
                continue
            found = standing(r.key, self._keys.get(r.key, []), r.index)
            if found is None or KEY_URN + r.key not in chains:
                raise Broken(6, "the key was not registered in the log before it signed", r.index)
            fault = found.fault(said, r.time_ms)
            if fault:
                raise Broken(6, fault, r.index)
        self._done[6] = (out.OK, f"{len(self._keys)} keys")

    def _chains(self, bundle: Bundle, everything: list[BundleRecord]) -> None:
        subjects = {c.subject for c in bundle.chains}
        latest = 0
        for r in everything:
            if tuple(e.subject for e in r.entries) != self._said[r.index].subjects:
                raise Broken(7, "the record does not concern the subjects it stands under", r.index)
            if not subjects & {e.subject for e in r.entries}:
                raise Broken(7, "the record belongs to none of the chains", r.index)
            if r.time_ms < latest:
                raise Broken(7, "it was recorded before the record that comes before it", r.index)
            latest = r.time_ms
        proved = {r.index for r in bundle.records}
        for chain in bundle.chains:
            before, expected = FIRST_PREV, 1
            for r in everything:
                entry = r.entry(chain.subject)
                if entry is None:
                    continue
                if (r.index in proved) != (r.index in chain.records):
                    raise Broken(7, "the chain leaves out a record that is in the file", r.index)
                if entry.seq != expected:
                    raise Broken(7, f"record {expected} of {chain.subject} is missing or out of order", r.index)
                if self._prev[r.index, chain.subject] != before:
                    raise Broken(7, "the record does not name the one before it", r.index)
                said = self._said[r.index]
                if not bundle.cut and chain.subject in said.outputs and not subjects.issuperset(said.inputs):
                    raise Broken(7, "a parent's chain is left out", r.index)
                before, expected = self._hashes[r.index][0], expected + 1
            if expected - 1 < max(len(chain.records), 1):
                raise Broken(7, f"the chain of {chain.subject} names records that do not concern it"[:200])
        self._done[7] = (out.OK, f"{len(bundle.chains)} chains")

    def _map(self, bundle: Bundle, opened: Opened | None) -> None:
        if opened is None:
            self._done[8] = (out.NONE, "no checkpoint yet: nothing shows that no record is missing")
            return
        if opened.map_root is None:
            raise Broken(8, "the checkpoint is older than the map: nothing shows that no record is missing")
        for chain in bundle.chains:
            if not chain.records:
                continue
            entry = MapEntry(chain.subject, len(chain.records), self._hashes[chain.records[-1]][0])
            try:
                verify_presence(entry, chain.siblings, opened.map_root)
            except InvalidProof as error:
                raise Broken(8, f"the chain of {chain.subject} is not whole: {error}"[:200], chain.records[-1]) from error
        self._done[8] = (out.OK, "no record is missing at the end of any chain")

    def _inclusion(self, bundle: Bundle, opened: Opened | None) -> None:
        own = bundle.chains[0].records
        if opened is None or not own:
            if bundle.inclusion is not None:
                raise Broken(9, "the proof is of no record of this lot")
            self._done[9] = (out.NONE, "no record of the lot is under a checkpoint yet")
            return
        if bundle.inclusion is None or bundle.inclusion.index != own[-1]:
            raise Broken(9, "the proof is of another record than the lot's last", own[-1])
        try:
            verify_inclusion(self._hashes[own[-1]][1], own[-1], opened.size, bundle.inclusion.proof, opened.root)
        except InvalidProof as error:
            raise Broken(9, f"the lot's last record is not in the log: {error}"[:200], own[-1]) from error
        self._done[9] = (out.OK, f"record {own[-1]} is in the log of {opened.size}")

    def _anchor(self, bundle: Bundle, opened: Opened | None) -> set[int]:
        """Return the records that the anchored tree is shown to cover."""
        a = bundle.anchor
        if a is None or opened is None:
            self._done[10] = (out.NONE, "no anchor in the file")
            return set()
        try:
            verify_consistency(a.size, opened.size, a.root, opened.root, a.consistency)
        except InvalidProof as error:
            raise Broken(10, f"the log does not continue what was anchored: {error}"[:200]) from error
        own, last = bundle.chains[0].records, -1
        if own and own[-1] < a.size:
            last = own[-1]
        elif a.covers is not None:
            last = a.covers.index
            if last not in own:
                raise Broken(10, "the anchor's proof is of no record of this lot", last)
            try:
                verify_inclusion(self._hashes[last][1], last, a.size, a.covers.proof, a.root)
            except InvalidProof as error:
                raise Broken(10, f"the record is not in what was anchored: {error}"[:200], last) from error
        self.outcome.anchor = {**a.told, "size": a.size, "development": a.development}
        told = f"size {a.size}, transaction {a.told['tx']}; the chain itself was not asked"
        if a.development:
            self._done[10] = (out.NONE, f"{told}; it is a development chain, which is no independent anchor")
            return set()
        self._done[10] = (out.OK, told)
        # What a covered record names by its hash, and so on down, is fixed with it, wherever in the log it stands.
        covered, waiting = set(), [last] if last >= 0 else []
        while waiting:
            index = waiting.pop()
            if index not in covered:
                covered.add(index)
                waiting += self._before[index]
        return covered

    def _secrets(self, bundle: Bundle, everything: list[BundleRecord]) -> None:
        fitting: set[str] = set()
        for r in everything:
            for name, value in self._said[r.index].told.items():
                if not isinstance(value, str) or (value not in bundle.disclosed and name not in SECRET_FIELDS):
                    continue
                shown = bundle.disclosed.get(value)
                if shown is not None:
                    salt, text = shown
                    message = f"suhe/secret/v1\n{name}\n{text}".encode()
                    if len(salt) != 32 or not hmac.compare_digest(hmac.new(salt, message, hashlib.sha256).hexdigest(), value):
                        raise Broken(11, "a disclosed value does not fit what was committed to", r.index)
                    fitting.add(value)
                self.outcome.secrets.append(Secret(r.index, name, shown[1] if shown else None))
        if bundle.disclosed.keys() - fitting:
            raise Broken(11, "a value is disclosed that no record commits to")
        erased = sum(1 for s in self.outcome.secrets if s.value is None)
        self._done[11] = (out.OK if fitting else out.NONE, f"{len(fitting)} shown, {erased} erased or not shown")

    def _grade(self, bundle: Bundle, everything: list[BundleRecord], *, witnessed: bool, anchored: set[int]) -> None:
        proved, marks = {r.index for r in bundle.records}, []
        for r in everything:
            said = self._said[r.index]
            if not r.key:
                grade = out.UNSIGNED
            elif r.index not in proved:
                grade = out.SIGNED
            elif r.index in anchored:
                grade = out.ANCHORED
            else:
                grade = out.WITNESSED if witnessed else out.LOGGED
            body_hash = hash_body(r.body.encode()).hex()
            own = r.entry(bundle.lot) is not None
            marks.append(RecordMark(r.index, said.id, said.kind, grade, own, r.index in proved, body_hash))
        self.outcome.records = marks
        # Records newer than the checkpoint are told apart; they do not lower what is proved of the others.
        counted = [m.grade for m in marks if m.own and (m.proved or not bundle.chains[0].records)]
        self.outcome.grade = out.lowest(counted)


def bundle_end(bundle: Bundle) -> int:
    """Return a place behind every record of the bundle."""
    return max((r.index for r in (*bundle.records, *bundle.pending)), default=0) + 1
