"""The form of a proof bundle: one strict JSON file that holds a lot's whole history with everything needed to check it.

Read here into nouns that refuse nonsense; nothing is judged yet. `bundle_check.py` judges. The same form is read by
`dashboards/web/src/_bundle_form.js`, and `tests/vectors/bundle` holds both to it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

from traceability.canonical import too_deep

FORM = "bundle/1"
# A season is some 30 records; a merged lot with forty ancestors some thousands.
MOST_BYTES, MOST_RECORDS, MOST_CHAINS, MOST_DEPTH = 8_000_000, 20_000, 2_000, 32
MOST_EXACT = (1 << 53) - 1
_SUBJECT = re.compile(r"urn:suhe:[\x21-\x7e]{1,150}\Z")
_HEX = re.compile(r"[0-9a-f]+\Z")


class Broken(Exception):
    """Something in a bundle that does not hold: which step of the plan found it, and in which record."""

    def __init__(self, step: int, what: str, record: int | None = None) -> None:
        super().__init__(what)
        self.step, self.what, self.record = step, what, record


class Unknown(Exception):
    """Something this program is too old to judge; it says so instead of guessing."""


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """A record's place in one subject's chain. `prev` is None where it follows from the record before in this file."""

    subject: str
    seq: int
    prev: bytes | None


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """A record of the log as it travels: the author's bytes and what the log added. `key` is empty where nobody signed."""

    index: int
    body: str
    key: str
    signature: bytes
    time_ms: int
    entries: tuple[BundleEntry, ...]

    def entry(self, subject: str) -> BundleEntry | None:
        """Return the record's place in a subject's chain."""
        return next((e for e in self.entries if e.subject == subject), None)


@dataclass(frozen=True, slots=True)
class BundleChain:
    """A subject's records under the checkpoint, by their places in the log, and the proof from the map that they are all."""

    subject: str
    records: tuple[int, ...]
    siblings: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that a record stands at its place of a tree."""

    index: int
    proof: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class BundleAnchor:
    """The receipt of an anchor: what a contract is said to hold, and why the checkpoint's tree continues it."""

    size: int
    root: bytes
    consistency: tuple[bytes, ...]
    covers: Inclusion | None
    development: bool
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as its file says."""

    lot: str
    code: str | None
    made_ms: int
    log: str
    witnesses: tuple[str, ...]
    note: str | None
    records: tuple[BundleRecord, ...]
    pending: tuple[BundleRecord, ...]
    chains: tuple[BundleChain, ...]
    inclusion: Inclusion | None
    anchor: BundleAnchor | None
    disclosed: Mapping[str, tuple[bytes, str]]
    cut: bool


def read_bundle(data: bytes) -> Bundle:
    """Return the bundle that a file holds.

    Raises:
        Broken: at step 1, the file is no bundle: no JSON, a key twice, a number that is none, a field missing or of another kind.
        Unknown: it is a bundle of a later form.

    """
    told = _strict(data)
    form = told.get("suhe")
    if isinstance(form, str) and form.startswith("bundle/") and form != FORM:
        raise Unknown(f"this is {form}; this program reads {FORM}")
    fields = _Fields(told, "the bundle")
    fields.has(
        {
            "suhe",
            "lot",
            "code",
            "made",
            "log",
            "witnesses",
            "checkpoint",
            "records",
            "chains",
            "inclusion",
            "anchor",
            "disclosed",
            "pending",
        },
        {"cut"},
    )
    if form != FORM:
        raise Broken(1, "this file is no proof bundle")
    records = tuple(_record(one) for one in fields.array("records", MOST_RECORDS))
    pending = tuple(_record(one) for one in fields.array("pending", MOST_RECORDS))
    places = [r.index for r in (*records, *pending)]
    if any(a >= b for a, b in pairwise(places)):
        raise Broken(1, "the records are not in the order of the log")
    chains = tuple(_chain(one, {r.index for r in records}) for one in fields.array("chains", MOST_CHAINS))
    lot = fields.subject("lot")
    if not chains or chains[0].subject != lot or len({c.subject for c in chains}) != len(chains):
        raise Broken(1, "the chains must be the lot's first and each once")
    note = None if told["checkpoint"] is None else fields.text("checkpoint", 20_000)
    return Bundle(
        lot=lot,
        code=None if told["code"] is None else fields.text("code", 40),
        made_ms=fields.whole("made"),
        log=fields.text("log", 400),
        witnesses=tuple(_text(one, "witnesses", 400) for one in fields.array("witnesses", 100)),
        note=note,
        records=records,
        pending=pending,
        chains=chains,
        inclusion=None if told["inclusion"] is None else _inclusion(told["inclusion"]),
        anchor=None if told["anchor"] is None else _anchor(told["anchor"]),
        disclosed=_disclosed(told["disclosed"]),
        cut=fields.flag("cut") if "cut" in told else False,
    )


class _Fields:
    """The fields of one JSON object, taken out by kind."""

    def __init__(self, told: Any, where: str) -> None:
        if not isinstance(told, dict):
            raise Broken(1, f"{where} is no object")
        self._told, self._where = told, where

    def has(self, needs: set[str], may: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        missing, foreign = needs - self._told.keys(), self._told.keys() - needs - may
        if missing or foreign:
            raise Broken(1, f"{self._where} has other fields: {', '.join(sorted(missing | foreign))}"[:200])

    def text(self, name: str, most: int) -> str:
        return _text(self._told[name], name, most)

    def whole(self, name: str) -> int:
        return _whole(self._told[name], name)

    def flag(self, name: str) -> bool:
        value = self._told[name]
        if not isinstance(value, bool):
            raise Broken(1, f"{name} is neither true nor false")
        return value

    def array(self, name: str, most: int) -> Sequence[Any]:
        return _array(self._told[name], name, most)

    def subject(self, name: str) -> str:
        return _subject(self._told[name])

    def hashes(self, name: str, most: int, *, gaps: bool = False) -> tuple[bytes, ...]:
        """Return hashes of 32 bytes; with `gaps` an empty text stands for 32 zero bytes."""
        found = []
        for one in self.array(name, most):
            value = bytes(32) if gaps and one == "" else unbase64(one)
            if len(value) != 32:
                raise Broken(1, f"{name} holds what is no hash")
            found.append(value)
        return tuple(found)


def unbase64(text: Any) -> bytes:
    """Return the bytes that base 64 text spells; only its one spelling is read."""
    try:
        found = base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error) as error:
        raise Broken(1, "this is no base 64") from error
    if base64.b64encode(found).decode() != text:
        raise Broken(1, "this base 64 has another spelling")
    return found


def parse_strictly(text: str, *, floats: bool) -> Any:
    """Return the value of a JSON text in which each key stands once and every number is one; BadJson says why not."""
    if too_deep(text):
        raise ValueError("nested too deeply")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_each_key_once,
            parse_constant=_no_number,
            parse_int=_exact,
            parse_float=float if floats else _no_number,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _check_depth(value, 0)
    return value


def _strict(data: bytes) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise Broken(1, "the file is too long for a bundle")
    try:
        value = parse_strictly(data.decode(), floats=False)
    except ValueError as error:  # no UTF-8, no JSON, or ours
        raise Broken(1, f"the file is no strict JSON: {error}"[:200]) from error
    if not isinstance(value, dict):
        raise Broken(1, "the file is no JSON object")
    return value


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is no number here")


def _exact(text: str) -> int:
    # A double spells no integer beyond 2^53 - 1 exactly, and a browser has nothing else.
    found = int(text) if len(text) < 20 else MOST_EXACT + 1
    if abs(found) > MOST_EXACT:
        raise ValueError("an integer beyond 2^53 - 1")
    return found


def _check_depth(value: Any, depth: int) -> None:
    if depth > MOST_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, dict):
        for name, one in value.items():
            _check_text(name)
            _check_depth(one, depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check_depth(one, depth + 1)
    elif isinstance(value, str):
        _check_text(value)


def _check_text(text: str) -> None:
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("half of a character")


def _text(value: Any, name: str, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise Broken(1, f"{name} is no text of 1 to {most} characters")
    return value


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Broken(1, f"{name} is no whole number")
    return value


def _array(value: Any, name: str, most: int) -> Sequence[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise Broken(1, f"{name} is no list of at most {most}")
    return value


def _subject(value: Any) -> str:
    if not isinstance(value, str) or not _SUBJECT.match(value):
        raise Broken(1, "this names no subject of a chain")
    return value


def _record(told: Any) -> BundleRecord:
    fields = _Fields(told, "a record")
    fields.has({"index", "body", "key", "sig", "time", "entries"})
    entries = []
    for one in fields.array("entries", 1000):
        subject, seq, prev = _array(one, "an entry", 3) if isinstance(one, list) and len(one) == 3 else (None, None, None)
        before = None if prev == "" else unbase64(prev)
        if before is not None and len(before) != 32:
            raise Broken(1, "an entry names no hash before it")
        entries.append(BundleEntry(_subject(subject), _whole(seq, "the number of an entry"), before))
    names = [e.subject for e in entries]
    if not names or any(a >= b for a, b in pairwise(names)):
        raise Broken(1, "a record's entries are not in order")
    key, signature = told["key"], unbase64(told["sig"])
    if not isinstance(key, str) or ((key, signature) != ("", b"") and (len(key) != 16 or not _HEX.match(key) or len(signature) != 64)):
        raise Broken(1, "a record's key or signature is none")
    body = told["body"]
    if not isinstance(body, str):
        raise Broken(1, "a record's body is no text")
    return BundleRecord(fields.whole("index"), body, key, signature, fields.whole("time"), tuple(entries))


def _chain(told: Any, places: set[int]) -> BundleChain:
    fields = _Fields(told, "a chain")
    fields.has({"subject", "records", "map"})
    records = tuple(_whole(one, "a record's place") for one in fields.array("records", MOST_RECORDS))
    if any(a >= b for a, b in pairwise(records)) or not places.issuperset(records):
        raise Broken(1, "a chain names records that are not in the file, or not in order")
    return BundleChain(fields.subject("subject"), records, fields.hashes("map", 257, gaps=True))


def _inclusion(told: Any) -> Inclusion:
    fields = _Fields(told, "the inclusion")
    fields.has({"index", "proof"})
    return Inclusion(fields.whole("index"), fields.hashes("proof", 64))


def _anchor(told: Any) -> BundleAnchor:
    fields = _Fields(told, "the anchor")
    fields.has({"chain", "contract", "tx", "block", "time", "size", "root", "consistency", "development"}, {"covers"})
    root = unbase64(told["root"])
    if len(root) != 32:
        raise Broken(1, "the anchored root is no hash")
    covers = _inclusion(told["covers"]) if told.get("covers") is not None else None
    receipt = {name: fields.whole(name) for name in ("chain", "block", "time")} | {
        name: fields.text(name, 80) for name in ("contract", "tx")
    }
    return BundleAnchor(fields.whole("size"), root, fields.hashes("consistency", 64), covers, fields.flag("development"), receipt)


def _disclosed(told: Any) -> dict[str, tuple[bytes, str]]:
    if not isinstance(told, dict) or len(told) > 1000:
        raise Broken(1, "what is disclosed is no object")
    found = {}
    for commitment, one in told.items():
        if len(commitment) != 64 or not _HEX.match(commitment):
            raise Broken(1, "a disclosed value has no commitment")
        fields = _Fields(one, "a disclosed value")
        fields.has({"salt", "value"})
        found[commitment] = (unbase64(one["salt"]), fields.text("value", 1000))
    return found
