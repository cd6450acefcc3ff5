"""Statements: what the log's own key says in the log, beside the authors' events. Keys and their rights, sealed plot-days, the verifier.

A statement is canonical JSON like an event and stands in the chain of its subject, so that the map under a checkpoint shows
that none of a subject's statements is left out: a key cannot be shown without its revocation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundation.clock import from_ms, to_ms
from foundation.errors import BadInput
from foundation.ids import ID_PATTERN
from traceability.canonical import canonical, read_strictly
from traceability.vocabulary import PARTY_URN, PLOT_URN

CONTEXT = "urn:suhe:statement:1"
KEY_URN = "urn:suhe:key:"
VERIFIER_URN = "urn:suhe:verifier"
# Stands where a record's author would: no party may have this id, so no event can be the log's own.
LOG_PARTY = "suhe-log"

KEY_REGISTERED, KEY_REVOKED, PLOT_DAY, VERIFIER = "key_registered", "key_revoked", "plot_day", "verifier"

_PREFIX = b'{"@context":"urn:suhe:statement:1"'
_ID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
_HEX64 = re.compile(r"[0-9a-f]{64}\Z")
_KEY = re.compile(re.escape(KEY_URN) + r"[0-9a-f]{16}\Z")
_ALWAYS = frozenset({"@context", "type", "id", "time", "subject"})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as it was logged. `told` is the whole of it."""

    id: str
    type: str
    time_ms: int
    subject: str
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Type:
    """One type of statement: the pattern of its subject, the fields it needs and may have, and a check of their values."""

    subject: re.Pattern[str]
    needs: frozenset[str]
    may: frozenset[str]


_TYPES = {
    KEY_REGISTERED: _Type(_KEY, frozenset({"publicKey", "party", "roles", "plots", "validFrom"}), frozenset({"validTo"})),
    KEY_REVOKED: _Type(_KEY, frozenset({"revoked", "reason"}), frozenset()),
    VERIFIER: _Type(re.compile(re.escape(VERIFIER_URN) + r"\Z"), frozenset({"sha256", "file", "version"}), frozenset()),
    # What a sealed day must say is checked where it is made and proved (`seals.py`); here only whose day it is.
    PLOT_DAY: _Type(re.compile(re.escape(PLOT_URN) + r"[A-Za-z0-9_.-]{1,64}\Z"), frozenset({"day"}), frozenset({"*"})),
}


def is_statement(body: bytes) -> bool:
    """Tell whether a logged body is a statement; the canonical spelling puts its context first."""
    return body.startswith(_PREFIX)


def write_statement(kind: str, subject: str, fields: Mapping[str, Any], *, statement_id: str, now_ms: int) -> bytes:
    """Return the canonical bytes of a new statement, refusing what `read_statement` would."""
    told = {"@context": CONTEXT, "type": kind, "id": statement_id, "time": time_text(now_ms), "subject": subject, **fields}
    body = canonical(told)
    read_statement(body)
    return body


def read_statement(body: bytes) -> Statement:
    """Return the statement that `body` spells.

    Raises:
        BadInput: the bytes are not canonical JSON, or no statement of ours.

    """
    told = read_strictly(body)
    kind = _TYPES.get(told.get("type", "")) if isinstance(told.get("type"), str) else None
    if told.get("@context") != CONTEXT or kind is None:
        raise BadInput("this is no statement of ours", expected=", ".join(_TYPES), got=repr(told.get("type"))[:40])
    missing, foreign = (_ALWAYS | kind.needs) - told.keys(), told.keys() - _ALWAYS - kind.needs - kind.may
    if missing or (foreign and "*" not in kind.may):
        raise BadInput(
            f"a statement of type {told['type']} has other fields",
            expected=", ".join(sorted(kind.needs)),
            got=f"without {', '.join(sorted(missing)) or 'nothing'}, with {', '.join(sorted(foreign)) or 'nothing'}"[:200],
        )
    if not isinstance(told["subject"], str) or not kind.subject.match(told["subject"]):
        raise BadInput(f"a statement of type {told['type']} is about something else", got=repr(told["subject"])[:120])
    if not isinstance(told["id"], str) or not _ID.match(told["id"]):
        raise BadInput("a statement's id is urn:uuid: and a version 7 UUID", got=repr(told["id"])[:80])
    for name, check in _FIELDS.items():
        if name in told and not check(told[name]):
            raise BadInput(f"{name} of a statement cannot be this", got=repr(told[name])[:120])
    return Statement(told["id"], told["type"], _time_ms(told["time"]), told["subject"], told)


def time_text(time_ms: int) -> str:
    """Return a time as statements write it: UTC to the millisecond."""
    return f"{from_ms(time_ms):%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def _time_ms(text: Any) -> int:
    try:
        found = to_ms(datetime.fromisoformat(text))
        if time_text(found) != text:
            raise ValueError(text)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadInput("this is no time of a statement", expected="such as 2025-11-20T04:00:00.000Z", got=repr(text)[:60]) from error
    return found


def _ms(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def _text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()


def _ids(value: Any) -> bool:
    """Ids in order, each once: one list has one spelling."""
    return isinstance(value, list) and all(isinstance(v, str) and ID_PATTERN.match(v) for v in value) and value == sorted(set(value))


_FIELDS = {
    "publicKey": lambda v: isinstance(v, str) and bool(_HEX64.match(v)),
    "party": lambda v: isinstance(v, str) and v.startswith(PARTY_URN) and bool(ID_PATTERN.match(v.removeprefix(PARTY_URN))),
    "roles": _ids,
    "plots": _ids,
    "validFrom": _ms,
    "validTo": _ms,
    "revoked": _ms,
    "reason": _text,
    "sha256": lambda v: isinstance(v, str) and bool(_HEX64.match(v)),
    "file": _text,
    "version": _text,
}
