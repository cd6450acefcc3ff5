"""What a check needs to read in a record's body: whose word it is, which chains it concerns, which lots are its parents.

Deliberately less than the vocabulary of capture: whoever checks years later must not trip over a field that was new then. It is read
from the canonical bytes alone. `dashboards/web/src/_rules.js` does the same; its table of kinds is made from ours.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foundation.errors import BadInput
from traceability.bundle_form import Broken, Unknown, parse_strictly
from traceability.canonical import MAX_BODY_BYTES, canonical
from traceability.vocabulary import KINDS, LOT_URN, PARTY_URN, PLOT_URN

STATEMENT = "urn:suhe:statement:1"
KEY_URN = "urn:suhe:key:"
REGISTERED, REVOKED = "key_registered", "key_revoked"
# Where something grows, only who runs the plot says so.
PLACED_KINDS = ("plant", "harvest")
# Fields of a body that hold a commitment to a person's name instead of the name.
SECRET_FIELDS = ("suhe:by",)


@dataclass(frozen=True, slots=True)
class Said:
    """What a body says, as far as a check is concerned. `kind` is the kind of event, or the type of statement."""

    statement: bool
    kind: str
    id: str
    time: str
    party: str
    plot: str
    subjects: tuple[str, ...]
    outputs: tuple[str, ...]
    inputs: tuple[str, ...]
    told: Mapping[str, Any]


def read_body(text: str, record: int) -> Said:
    """Return what a body says; Broken at step 4 where it is not canonical or makes no sense, Unknown where its kind is not known here."""
    told = _canonical(text, record)
    if told.get("@context") == STATEMENT:
        subject = told.get("subject")
        words = [told.get(name) for name in ("type", "id", "time")]
        if not isinstance(subject, str) or not all(isinstance(w, str) for w in words):
            raise Broken(4, "the statement says nothing of anything", record)
        return Said(True, str(words[0]), str(words[1]), str(words[2]), "", "", (subject,), (), (), told)
    step, epcis_type = told.get("bizStep"), told.get("type")
    kind = next((k for k in KINDS.values() if (k.epcis_type, k.biz_step) == (epcis_type, step)), None)
    if kind is None:
        raise Unknown(f"record {record} is of a kind this program does not know: {epcis_type}, {step}"[:200])
    words = [told.get(name) for name in ("eventID", "eventTime", "suhe:party")]
    if not all(isinstance(w, str) for w in words) or not str(words[2]).startswith(PARTY_URN):
        raise Broken(4, "the event says neither which, when nor whose it is", record)
    place = told.get("bizLocation")
    place_id = place.get("id", "") if isinstance(place, dict) else ""
    plot = place_id.removeprefix(PLOT_URN) if isinstance(place_id, str) and place_id.startswith(PLOT_URN) else ""
    inputs, outputs = _lots(told, "inputQuantityList", record), _lots(told, "outputQuantityList", record)
    others = told.get("suhe:lots", [])
    if not isinstance(others, list) or not all(isinstance(x, str) for x in others):
        raise Broken(4, "the event concerns what is no lot", record)
    concerned = [*_lots(told, "quantityList", record), *inputs, *outputs, *others]
    party = str(words[2]).removeprefix(PARTY_URN)
    return Said(False, kind.name, str(words[0]), str(words[1]), party, plot, tuple(sorted(concerned)), outputs, inputs, told)


@dataclass(frozen=True, slots=True)
class Standing:
    """A key as the log told it by a certain record."""

    public_key: bytes
    party: str
    roles: tuple[str, ...]
    plots: tuple[str, ...]
    valid_from_ms: int
    valid_to_ms: int | None
    revoked_ms: int | None

    def fault(self, said: Said, time_ms: int) -> str | None:
        """Return why this key may not have said this at that time of the log, None where it may."""
        ends = [t for t in (self.valid_to_ms, self.revoked_ms) if t is not None]
        if time_ms < self.valid_from_ms or any(time_ms >= t for t in ends):
            return "the key did not count when this was recorded"
        if self.party != said.party:
            return "the key belongs to another party than the event names"
        if not set(self.roles) & set(KINDS[said.kind].signers):
            return f"the party may not say this ({said.kind})"
        if said.kind in PLACED_KINDS and said.plot not in self.plots:
            return "the party does not run this plot"
        return None


def standing(key: str, chain: Sequence[tuple[int, Said]], before: int) -> Standing | None:
    """Return a key as its statements told it before the record at `before`; what revokes it counts whenever it was said.

    Raises Broken at step 6 where the statements contradict each other.
    """
    found: Standing | None = None
    first: Standing | None = None
    revoked: int | None = None
    for index, said in chain:
        if said.kind == REVOKED and first is not None:
            at = _ms(said.told.get("revoked"), index)
            revoked = at if revoked is None else min(revoked, at)
            continue
        if said.kind != REGISTERED or revoked is not None:
            raise Broken(6, "a key's statements contradict each other", index)
        new = _registered(key, said.told, index)
        if first is not None and (
            (new.public_key, new.party) != (first.public_key, first.party) or new.valid_from_ms < first.valid_from_ms
        ):
            raise Broken(6, "a registered key, its party or its start was changed", index)
        first = first or new
        if index < before:
            found = new
    if found is None:
        return None
    return Standing(found.public_key, found.party, found.roles, found.plots, found.valid_from_ms, found.valid_to_ms, revoked)


def key_id(public_key: bytes) -> str:
    """Return the id of a public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def _registered(key: str, told: Mapping[str, Any], index: int) -> Standing:
    try:
        public_key = bytes.fromhex(told["publicKey"])
        party = told["party"]
        roles, plots = told["roles"], told["plots"]
        fine = (
            len(public_key) == 32
            and public_key.hex() == told["publicKey"]
            and party.startswith(PARTY_URN)
            and all(isinstance(x, str) for x in (*roles, *plots))
            and isinstance(roles, list)
            and isinstance(plots, list)
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        fine = False
    if not fine:
        raise Broken(6, "a statement does not say whose key it registers", index)
    if key_id(public_key) != key:
        raise Broken(6, "the key registered under this id is another key", index)
    ends = _ms(told["validTo"], index) if "validTo" in told else None
    return Standing(public_key, party.removeprefix(PARTY_URN), tuple(roles), tuple(plots), _ms(told.get("validFrom"), index), ends, None)


def _ms(value: Any, index: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Broken(6, "a key's statement has no time", index)
    return value


def _canonical(text: str, record: int) -> dict[str, Any]:
    """Return the object a body spells, if this is its one canonical spelling."""
    body = text.encode()
    if len(body) > MAX_BODY_BYTES:
        raise Broken(4, "the body is too long", record)
    try:
        value = parse_strictly(text, floats=True)
        spelled = canonical(value)
    except (ValueError, BadInput) as error:
        raise Broken(4, f"the body is no strict JSON: {error}"[:200], record) from error
    if not isinstance(value, dict):
        raise Broken(4, "the body is no object", record)
    if not unicodedata.is_normalized("NFC", text):
        raise Broken(4, "the body's text is not in Unicode normal form C", record)
    if spelled != body:
        raise Broken(4, "the body is not in canonical form", record)
    return value


def _lots(told: Mapping[str, Any], name: str, record: int) -> tuple[str, ...]:
    listed = told.get(name, [])
    if not isinstance(listed, list):
        raise Broken(4, f"{name} is no list", record)
    found = [one.get("epcClass") if isinstance(one, dict) else None for one in listed]
    if not all(isinstance(x, str) and x.startswith(LOT_URN) for x in found):
        raise Broken(4, f"{name} names what is no lot", record)
    return tuple(str(x) for x in found)
